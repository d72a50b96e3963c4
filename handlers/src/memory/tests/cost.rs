//! What a question costs does not depend on how long the history is.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut},
    },
    error::BoxError,
    operation::query::{QueryInput, QueryOutput},
    types::ReturnConsumedCapacity,
};
use dynoxide::{Database, ImportOptions};

use super::*;
use crate::test_support::dynamodb_of;

/// Has every query tell what it consumed: read capacity units, and records read.
#[derive(Debug, Default, Clone)]
struct Meter(Arc<Mutex<(f64, i32)>>);

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let query = context.input_mut().downcast_mut::<QueryInput>().unwrap();
        query.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let output = context.output_or_error().unwrap().downcast_ref::<QueryOutput>().unwrap();
        let mut consumed = self.0.lock().unwrap();
        consumed.0 += output.consumed_capacity.as_ref().unwrap().capacity_units.unwrap();
        consumed.1 += output.scanned_count;
        Ok(())
    }
}

struct History {
    database: Database,
    memory: Memory,
    meter: Meter,
    length: u32,
}

impl History {
    async fn new() -> Self {
        let (database, meter) = (Database::memory().unwrap(), Meter::default());
        let config = dynamodb_of(database.clone()).await.config().to_builder().interceptor(meter.clone()).build();
        Self { database, memory: Memory::new(Client::from_conf(config), MEMORY_TABLE), meter, length: 0 }
    }

    /// Adds records of one size, all in the partitions that are asked.
    fn grow(&mut self, length: u32) {
        let record = |number: u32| {
            let mut record = deployment(0, "dev", Some("acme"), "compute");
            record.started_at = iso(Timestamp::from_second(1_700_000_000 + i64::from(number)).unwrap());
            let item = serde_dynamo::to_item::<_, serde_dynamo::Item>(&record).unwrap();
            serde_json::from_value(serde_json::to_value(item).unwrap()).unwrap()
        };
        let records = (self.length..length).map(record).collect();
        let options = ImportOptions { record_streams: false, set_cached_at: false };
        self.database.import_items(MEMORY_TABLE, records, options).unwrap();
        self.length = length;
    }

    /// What a question consumes.
    async fn cost(&self, filter: &Filter, limit: usize) -> (f64, i32) {
        *self.meter.0.lock().unwrap() = (0.0, 0);
        self.memory.query(filter, limit, None).await.unwrap();
        *self.meter.0.lock().unwrap()
    }
}

#[tokio::test]
async fn a_long_history_is_read_at_the_price_of_a_short_one() {
    let questions =
        [filter(Some("dev"), None, None), filter(None, Some("acme"), None), filter(Some("dev"), Some("acme"), None)];
    let mut history = History::new().await;
    history.grow(10);
    let mut short = Vec::new();
    for question in &questions {
        short.push(history.cost(question, 10).await);
    }
    history.grow(10_000);
    for (question, short) in questions.iter().zip(short) {
        let long = history.cost(question, 10).await;
        assert_eq!(long, short, "{question:?}");
        assert_eq!(long.1, 10, "only what is answered is read: {question:?}");
        // The meter is no constant: more costs more.
        assert!(history.cost(question, 50).await.0 > long.0);
    }
}

#[tokio::test]
async fn a_filter_that_nothing_passes_reads_a_bounded_number_of_records() {
    let mut history = History::new().await;
    history.grow(2_000);
    let (_, read) = history.cost(&filter(Some("dev"), None, Some("network")), 10).await;
    assert_eq!(read, FILTERED_PAGE * i32::try_from(MAX_PAGES).unwrap());
}
