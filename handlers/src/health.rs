//! What the health checks found: one item for each version of a server in the state table, `health#{id}@{version}` / `state`.
//!
//! health_checker writes them; whoever shows a server reads them. An entry of the registry is written only when its status
//! changes. Whoever makes a check claims it first, on the condition that nobody else has: of two runs that see the same server
//! due, one gets it. If a run dies after that, the server can be checked again when the claim ends.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata as _,
    types::AttributeValue::{self, N, S},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    batch::{self, Item, Source},
    error::{Result, internal},
    sdk::table_failed,
};

/// What people call the table.
const TABLE: &str = "health of the MCP servers";

/// Days after which DynamoDB may remove the state of a server that is not checked any more.
const KEPT_DAYS: i64 = 30;

/// What the last check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It answered as it should.
    Healthy,
    /// It did so, and took long.
    Slow,
    /// It did not.
    Failing,
    /// It could not be asked, for a reason that is not the server's.
    Unknown,
}

/// The health of one version of a server. Field names are the attribute names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// When it is checked next, ISO 8601. Empty: at once.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub due_at: String,
    /// Until when nobody else checks it, ISO 8601; only there while a check is under way, or after one that was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_until: Option<String>,
    /// What the last check found; none before the first one has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Failed checks in a row, those left out that could not be made.
    #[serde(default)]
    pub failures: u32,
    /// When the last check began, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<String>,
    /// How long the last answer took; none if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_ms: Option<u64>,
    /// Why the last check failed or could not be made: a sentence without words of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Since when the health checks keep the server out of use, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy_since: Option<String>,
    /// `updated_at` of the entry that was checked: a changed entry begins anew.
    #[serde(default)]
    pub entry_updated_at: String,
}

/// The right to check a server, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Now.
    pub(crate) from: Timestamp,
    /// When it ends, if the check does not end before.
    pub(crate) until: Timestamp,
}

/// The states in the state table.
#[derive(Debug, Clone)]
pub struct States {
    client: Client,
    table: String,
}

impl States {
    /// The states in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The states of these servers (`server_id@version`), by id. Those that were never checked have none.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn read(&self, ids: &[String]) -> Result<HashMap<String, State>> {
        let source = Source { table: &self.table, title: TABLE, attributes: &[], consistent: false };
        let items = batch::get(&self.client, source, ids.iter().map(|id| key(id)).collect()).await?;
        let mut states = HashMap::with_capacity(items.len());
        for item in items {
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            let id = text("pk").trim_start_matches(PREFIX).to_owned();
            let due_at = text("due_at");
            let state = serde_dynamo::from_item(item).unwrap_or_else(|error| {
                // Somebody changed it by hand; the next check writes it anew.
                tracing::warn!(id, %error, "health state cannot be read");
                State { due_at, ..State::default() }
            });
            states.insert(id, state);
        }
        Ok(states)
    }

    /// Takes the next check of a server, whose state was `seen`, from now on. False: somebody else has taken or made it.
    pub(crate) async fn claim(&self, id: &str, seen: Option<&State>, claim: Claim) -> Result<bool> {
        let due_at = seen.map(|seen| seen.due_at.as_str()).unwrap_or_default();
        let unchanged = if due_at.is_empty() { "attribute_not_exists(due_at)" } else { "due_at = :due_at" };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .update_expression("SET claimed_until = :until, #ttl = :ttl")
            .condition_expression(format!(
                "(attribute_not_exists(claimed_until) OR claimed_until <= :from) AND {unchanged}"
            ))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":from", S(iso(claim.from)))
            .expression_attribute_values(":until", S(iso(claim.until)))
            .expression_attribute_values(":ttl", ttl(claim.until));
        if !due_at.is_empty() {
            update = update.expression_attribute_values(":due_at", S(due_at.to_owned()));
        }
        happened(update.send().await)
    }

    /// Writes what a check found, if its claim still holds. False: it does not.
    pub(crate) async fn record(&self, id: &str, state: &State, claim: Claim) -> Result<bool> {
        let mut item: Item = serde_dynamo::to_item(state)
            .map_err(|e| internal("The health of a server cannot be turned into a DynamoDB item.").with_source(e))?;
        item.extend(key(id));
        item.insert("ttl".to_owned(), ttl(claim.until));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("claimed_until = :until")
            .expression_attribute_values(":until", S(iso(claim.until)));
        happened(put.send().await)
    }
}

/// What the partition keys begin with.
const PREFIX: &str = "health#";

fn key(id: &str) -> Item {
    Item::from([("pk".to_owned(), S(format!("{PREFIX}{id}"))), ("sk".to_owned(), S("state".to_owned()))])
}

fn ttl(from: Timestamp) -> AttributeValue {
    N((from.as_second() + KEPT_DAYS * 86_400).to_string())
}

/// As the tables store times: ISO 8601 in UTC, to the millisecond.
pub(crate) fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Whether a conditioned write happened.
fn happened<T, E, R>(outcome: Result<T, aws_sdk_dynamodb::error::SdkError<E, R>>) -> Result<bool>
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match outcome {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(table_failed(TABLE, "written", error)),
    }
}
