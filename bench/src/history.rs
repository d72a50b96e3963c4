//! What a question about the deployment history costs when the history is short and when it is long.
//!
//! memory_manager itself asks an embedded DynamoDB; on the way the request is told to return the capacity that it consumed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use dynoxide::{AttributeValue, Database, ImportOptions, Item};
use serde::Serialize;
use serde_json::{Value, json};
use tests::runtime_api::Environment;
use tokio::net::TcpListener;

use crate::{
    Result,
    programs::Programs,
    stage::function,
    statistics::{median, milliseconds},
    tables,
    tap::Endpoints,
};

/// Records that are written in one go.
const CHUNK: usize = 20_000;
/// Questions asked of each kind.
const CALLS: usize = 200;

/// A question at one size of the history.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    /// How many records there are, all of them in the partition that is asked.
    pub records: usize,
    /// The question.
    pub question: &'static str,
    /// How many deployments the answer has.
    pub deployments: usize,
    /// Read capacity units that all its requests consumed.
    pub read_units: f64,
    /// Records that DynamoDB read for it.
    pub read_records: u64,
    /// Median in ms from event to answer.
    pub p50_ms: f64,
}

/// What was consumed since it was last asked.
#[derive(Debug, Default, Clone, Copy)]
struct Consumed {
    units: f64,
    records: u64,
}

#[derive(Clone)]
struct Meter {
    database: Database,
    consumed: Arc<Mutex<Consumed>>,
}

/// Asks at each of these sizes, which must ascend.
///
/// # Errors
/// A question is not answered.
pub async fn measure(programs: &Programs, sizes: &[usize]) -> Result<Vec<Cost>> {
    let meter = Meter { database: tables::fresh()?, consumed: Arc::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/", post(query)).with_state(meter.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut environment = Environment::start(&function(programs, "memory_manager", &Endpoints::all(&address))).await?;
    let (mut costs, mut there) = (Vec::new(), 0);
    for &size in sizes {
        fill(&meter.database, there, size)?;
        there = size;
        for (question, parameters) in questions() {
            costs.push(ask(&meter, &mut environment, size, question, &parameters).await?);
        }
        costs.push(whole_partition(&meter, size)?);
    }
    Ok(costs)
}

fn questions() -> [(&'static str, Value); 5] {
    let parameter = |name: &str, value: &str| json!({ "name": name, "type": "string", "value": value });
    let environment = || parameter("environment", "dev");
    [
        ("the newest ten in an environment", json!([environment()])),
        ("the newest ten of a tenant", json!([parameter("tenant_id", "acme")])),
        ("the newest ten of a tenant in an environment", json!([environment(), parameter("tenant_id", "acme")])),
        ("the newest ten of a frequent type", json!([environment(), parameter("pipeline_type", "compute")])),
        ("of a type that is not there", json!([environment(), parameter("pipeline_type", "network")])),
    ]
}

async fn ask(
    meter: &Meter,
    environment: &mut Environment,
    records: usize,
    question: &'static str,
    parameters: &Value,
) -> Result<Cost> {
    let event = json!({
        "messageVersion": "1.0", "actionGroup": "memory-operations", "function": "query_deployments",
        "parameters": parameters, "sessionId": "session-of-ann", "inputText": "typed by a person",
        "sessionAttributes": {}, "promptSessionAttributes": {},
    });
    let (mut times, mut deployments, mut each) = (Vec::new(), 0, Consumed::default());
    for _ in 0..CALLS {
        *meter.consumed.lock().unwrap_or_else(PoisonError::into_inner) = Consumed::default();
        let start = Instant::now();
        let answer = environment.invoke(event.to_string(), None).await?;
        times.push(answer.at.duration_since(start));
        each = *meter.consumed.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answer.json();
        let body = answer.pointer("/response/functionResponse/responseBody/TEXT/body").and_then(Value::as_str);
        let body: Value = serde_json::from_str(body.unwrap_or_default())?;
        let list = body["deployments"].as_array().ok_or_else(|| format!("`{question}` was answered with {body}"))?;
        deployments = list.len();
    }
    let p50_ms = milliseconds(median(&times));
    Ok(Cost { records, question, deployments, read_units: each.units, read_records: each.records, p50_ms })
}

/// For comparison, what nobody asks: a page without a limit. It shows that the figures grow where the cost does.
fn whole_partition(meter: &Meter, records: usize) -> Result<Cost> {
    let request = json!({
        "TableName": tables::MEMORY, "IndexName": "environment-index", "KeyConditionExpression": "environment = :e",
        "ExpressionAttributeValues": { ":e": { "S": "dev" } }, "ReturnConsumedCapacity": "TOTAL",
    });
    let start = Instant::now();
    let answer = meter.database.query(serde_json::from_value(request)?)?;
    let time: Duration = start.elapsed();
    Ok(Cost {
        records,
        question: "(comparison: a page without a limit)",
        deployments: answer.count,
        read_units: answer.consumed_capacity.map_or(0.0, |capacity| capacity.capacity_units),
        read_records: u64::try_from(answer.scanned_count)?,
        p50_ms: milliseconds(time),
    })
}

/// DynamoDB's Query, with the capacity noted.
async fn query(State(meter): State<Meter>, body: String) -> std::result::Result<Json<Value>, (StatusCode, String)> {
    let answer = || -> Result<Value> {
        let mut request: Value = serde_json::from_str(&body)?;
        request["ReturnConsumedCapacity"] = "TOTAL".into();
        let answer = meter.database.query(serde_json::from_value(request)?)?;
        let mut consumed = meter.consumed.lock().unwrap_or_else(PoisonError::into_inner);
        consumed.units += answer.consumed_capacity.as_ref().map_or(0.0, |capacity| capacity.capacity_units);
        consumed.records += u64::try_from(answer.scanned_count)?;
        Ok(serde_json::to_value(answer)?)
    };
    answer().map(Json).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Records from number `from` to number `to`, as mcp_proxy writes them, all of one size.
fn fill(database: &Database, from: usize, to: usize) -> Result<()> {
    database.enable_bulk_loading()?;
    let mut next = from;
    while next < to {
        let end = to.min(next + CHUNK);
        let items = (next..end).map(record).collect::<Result<_>>()?;
        database.import_items(tables::MEMORY, items, ImportOptions { record_streams: false, set_cached_at: false })?;
        next = end;
    }
    Ok(database.disable_bulk_loading()?)
}

fn record(number: usize) -> Result<Item> {
    let time = jiff::Timestamp::from_millisecond(1_700_000_000_000 + i64::try_from(number)? * 1000)?;
    let time = format!("{time:.3}");
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let map = |pairs: &[(&str, &str)]| {
        AttributeValue::M(pairs.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect())
    };
    let mut details = map(&[("server_id", "pipelines"), ("tool", "execute_compute_pipeline")]);
    if let AttributeValue::M(details) = &mut details {
        let arguments = [("environment", "dev"), ("tenant_id", "acme"), ("instance_type", "t3.large")];
        details.insert("arguments".to_owned(), map(&arguments));
        details.insert("server".to_owned(), map(&[("project", "platform/compute"), ("gitlab_status", "success")]));
        details.insert("message".to_owned(), text("GitLab pipeline 1 (compute, dev, acme) succeeded."));
    }
    let mut item: Item = [
        ("execution_id", format!("019ac000-0000-7000-8000-{number:012}").as_str()),
        ("environment", "dev"),
        ("tenant_id", "acme"),
        ("tenant#environment", "acme#dev"),
        ("pipeline_type", "compute"),
        ("status", "succeeded"),
        ("started_at", &time),
        ("updated_at", &time),
        ("session_id", "019ac000-0000-7000-8000-000000000000"),
        ("requested_by", "arn:aws:iam::000000000000:user/ann"),
        ("agent", "compute"),
        ("source", "executed"),
        ("web_url", "https://gitlab.example.com/platform/compute/-/pipelines/1"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), text(value)))
    .collect();
    item.insert("details".to_owned(), details);
    Ok(item)
}
