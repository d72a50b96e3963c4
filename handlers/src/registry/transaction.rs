//! Transactions over the registry and the state table.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue::{self, S},
        Put, TransactWriteItem,
    },
};

use super::{Item, Registry, TABLE};
use crate::{
    error::{Error, Kind, Result, internal, invalid},
    sdk::table_failed,
};

/// How often a transaction that ran into another one is tried again.
const ATTEMPTS: u32 = 12;

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Written,
    /// Nothing is written: the condition of an item was not met.
    Refused,
}

impl Registry {
    /// Writes all items or none.
    ///
    /// # Errors
    /// The tables cannot be written, others kept writing the same items, or DynamoDB cannot store an item.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Outcome> {
        for attempt in 0..ATTEMPTS {
            let sent = self.client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = sent else { return Ok(Outcome::Written) };
            if error.code() == Some("ValidationException") {
                return Err(unstorable(error.message()).with_source(error));
            }
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    let reasons = canceled.cancellation_reasons();
                    let has = |code: &str| reasons.iter().find(|reason| reason.code() == Some(code));
                    if let Some(reason) = has("ValidationError") {
                        return Err(unstorable(reason.message()));
                    }
                    if has("ConditionalCheckFailed").is_some() {
                        return Ok(Outcome::Refused);
                    }
                    if has("TransactionConflict").is_none() {
                        return Err(table_failed(TABLE, "written", error));
                    }
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {}
                _ => return Err(table_failed(TABLE, "written", error)),
            }
            pause(attempt).await;
        }
        Err(busy())
    }

    /// A put into the state table, to be part of a transaction.
    pub(super) fn put_state(&self, item: Item) -> Result<TransactWriteItem> {
        let put = built(Put::builder().table_name(&self.state_table).set_item(Some(item)).build())?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// Others kept changing the same thing.
pub(super) fn busy() -> Error {
    Error::new(
        Kind::Conflict,
        "Others are changing the same registry entry at this moment. Try again in a few seconds.",
    )
}

/// Waits a little before something is tried again; racers wait for different times.
pub(super) async fn pause(attempt: u32) {
    let random = u64::from(uuid::Uuid::new_v4().as_bytes()[0]);
    tokio::time::sleep(Duration::from_millis((5 << attempt.min(5)) + random / 8)).await;
}

/// Whether a conditioned write happened.
pub(super) fn done<T, E, R>(outcome: Result<T, SdkError<E, R>>, what: &str) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Err(error) = outcome else { return Ok(true) };
    match error.code() {
        // Another transaction on the same item counts as a change of it.
        Some("ConditionalCheckFailedException" | "TransactionConflictException") => Ok(false),
        Some("ValidationException") => Err(unstorable(error.message()).with_source(error)),
        _ => Err(table_failed(TABLE, what, error)),
    }
}

/// A key of the state table.
pub(super) fn state_key(pk: String, sk: &str) -> Item {
    Item::from([("pk".to_owned(), S(pk)), ("sk".to_owned(), S(sk.to_owned()))])
}

pub(super) fn built<T>(item: Result<T, BuildError>) -> Result<T> {
    item.map_err(|error| internal("A request to DynamoDB is incomplete.").with_source(error))
}

/// An item as DynamoDB stores it.
pub(super) fn item_of(value: &impl serde::Serialize) -> Result<Item> {
    serde_dynamo::to_item(value)
        .map_err(|e| internal("A registry entry cannot be turned into a DynamoDB item.").with_source(e))
}

pub(super) fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).cloned().unwrap_or_default()
}

fn unstorable(reason: Option<&str>) -> Error {
    invalid(format!("DynamoDB cannot store the registry entry: {}", reason.unwrap_or("no reason given")))
}
