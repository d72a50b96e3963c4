//! Never deploy twice: an execution is reserved before a tool is called and settled after.
//!
//! One transaction writes the record (`starting`), a slot (one open execution for each pipeline type, environment and tenant)
//! and a request key (the same wish in the same session), each only if it is not there. Whoever comes second learns of the
//! first. A crash in between leaves a `starting` record that a status check settles. The transaction that writes a final
//! status frees the slot, if the execution still holds it. Slots and keys are compared with records, never trusted to have
//! been expired.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Delete, Put, TransactWriteItem, Update},
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Deployment, Item, Memory, Status, TABLE, iso, item_of, text};
use crate::{
    error::{Result, dependency, internal},
    sdk::table_failed,
};

/// How often a transaction that ran into another one is tried again.
const CONFLICT_ATTEMPTS: u32 = 12;

/// Days after which DynamoDB may remove a request key; it is long out of use by then.
const REQUEST_KEY_DAYS: i64 = 30;

/// What a reservation found.
#[derive(Debug, PartialEq)]
pub enum Reserved {
    /// Nobody else: the tool may be called.
    Fresh,
    /// The same wish was made before in this session; this is what became of it.
    Same(Box<Deployment>),
    /// Another execution is under way in the slot.
    Held(Box<Deployment>),
}

/// What became of an execution.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The new status.
    pub status: Status,
    /// Page of the run, if one was learned.
    pub web_url: Option<String>,
    /// What to add to the record's details.
    pub details: Map<String, Value>,
}

/// Reserves and settles executions in the history and the state table.
#[derive(Debug, Clone)]
pub struct Reservations {
    client: Client,
    memory: Memory,
    state_table: String,
    request_key_age: Duration,
}

/// Identifies a wish: the same tool with the same arguments in the same session.
pub fn request_key(session_id: &str, server_id: &str, tool: &str, arguments: &Map<String, Value>) -> String {
    // serde_json's maps are sorted, so equal arguments have equal text; lengths keep the parts apart.
    let arguments = Value::Object(arguments.clone()).to_string();
    let mut hash = Sha256::new();
    for part in [session_id, server_id, tool, &arguments] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

fn slot_key(deployment: &Deployment) -> Item {
    // `#` separates the parts and `-` alone means no tenant, so neither may come from a value.
    let part = |value: &str| match value {
        "-" => "%2D".to_owned(),
        value => value.replace('%', "%25").replace('#', "%23"),
    };
    let tenant = deployment.tenant_id.as_deref().map_or_else(|| "-".to_owned(), part);
    let key = format!("slot#{}#{}#{tenant}", part(&deployment.pipeline_type), part(&deployment.environment));
    state_key(&key, "slot")
}

fn state_key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

impl Reservations {
    /// Reservations over the history in `memory` and slots and keys in `state_table`; a success answers the same wish for
    /// `request_key_age`.
    pub fn new(client: Client, memory: Memory, state_table: impl Into<String>, request_key_age: Duration) -> Self {
        Self { client, memory, state_table: state_table.into(), request_key_age }
    }

    /// Reserves `deployment`, unless the wish was made before or the slot is held.
    ///
    /// # Errors
    /// The tables cannot be read or written. If the answer to the last transaction was lost, the execution is reserved all the
    /// same: a `starting` record that a status check settles.
    pub async fn reserve(&self, deployment: &Deployment, request_key: Option<&str>) -> Result<Reserved> {
        let mut replaces: Option<String> = None;
        for attempt in 0..CONFLICT_ATTEMPTS {
            let Err(refusal) = self.try_reserve(deployment, request_key, replaces.as_deref()).await? else {
                return Ok(Reserved::Fresh);
            };
            if refusal.request_key
                && let Some(key) = request_key
                && let Some(first) = self.execution_at(&state_key(&format!("request#{key}"), "request")).await?
            {
                match self.memory.get(&first).await? {
                    _ if first == deployment.execution_id => return Ok(Reserved::Fresh),
                    Some(record) if self.answers(&record) => return Ok(Reserved::Same(Box::new(record))),
                    // It failed, or is long over: this wish takes the key over, if nobody else does first.
                    _ => replaces = Some(first),
                }
            }
            if refusal.slot
                && let Some(holder) = self.execution_at(&slot_key(deployment)).await?
            {
                match self.memory.get(&holder).await? {
                    _ if holder == deployment.execution_id => return Ok(Reserved::Fresh),
                    Some(record) if record.status.is_open() => return Ok(Reserved::Held(Box::new(record))),
                    _ => self.free(&slot_key(deployment), &holder).await?,
                }
            }
            pause(attempt).await;
        }
        Err(dependency("Many requests for the same deployment are being made at once. Try again in a few seconds."))
    }

    /// Whether a record still answers the same wish.
    fn answers(&self, record: &Deployment) -> bool {
        match record.status {
            Status::Succeeded => ended(record)
                .is_some_and(|time| time.duration_until(Timestamp::now()).unsigned_abs() < self.request_key_age),
            status => status.is_open(),
        }
    }

    /// One transaction; the inner error says which of the conditions failed.
    async fn try_reserve(
        &self,
        deployment: &Deployment,
        request_key: Option<&str>,
        replaces: Option<&str>,
    ) -> Result<std::result::Result<(), Refusal>> {
        let absent = "attribute_not_exists(pk)";
        let marker = |mut key: Item| {
            key.insert("execution_id".into(), s(&deployment.execution_id));
            key.insert("created_at".into(), s(&deployment.started_at));
            key
        };
        let put = Put::builder()
            .table_name(&self.memory.table)
            .set_item(Some(item_of(deployment)?))
            .condition_expression("attribute_not_exists(execution_id)");
        let mut items = vec![TransactWriteItem::builder().put(built(put.build())?).build()];
        let put = Put::builder()
            .table_name(&self.state_table)
            .set_item(Some(marker(slot_key(deployment))))
            .condition_expression(absent);
        items.push(TransactWriteItem::builder().put(built(put.build())?).build());
        if let Some(key) = request_key {
            let mut item = marker(state_key(&format!("request#{key}"), "request"));
            let expires = Timestamp::now().as_second() + REQUEST_KEY_DAYS * 86_400;
            item.insert("ttl".into(), AttributeValue::N(expires.to_string()));
            let put = Put::builder().table_name(&self.state_table).set_item(Some(item));
            let put = match replaces {
                None => put.condition_expression(absent),
                Some(first) => put
                    .condition_expression("attribute_not_exists(pk) OR execution_id = :first")
                    .expression_attribute_values(":first", s(first)),
            };
            items.push(TransactWriteItem::builder().put(built(put.build())?).build());
        }
        Ok(match self.transact(items).await? {
            None => Ok(()),
            Some(reasons) => {
                let refused = |index: usize| reasons.get(index).is_some_and(|code| code == "ConditionalCheckFailed");
                Err(Refusal { slot: refused(1), request_key: refused(2) })
            }
        })
    }

    /// Writes what became of an execution. A final status is never overwritten; the record as it is now is returned.
    ///
    /// # Errors
    /// The tables cannot be read or written; the record is as it was then, and a status check settles it later.
    pub async fn settle(&self, deployment: &Deployment, outcome: &Outcome) -> Result<Deployment> {
        let mut details = deployment.details.clone();
        details.extend(outcome.details.clone());
        let settled = Deployment {
            status: outcome.status,
            updated_at: iso(Timestamp::now()),
            web_url: outcome.web_url.clone().or_else(|| deployment.web_url.clone()),
            details,
            ..deployment.clone()
        };
        let mut frees_slot = !settled.status.is_open();
        for attempt in 0..CONFLICT_ATTEMPTS {
            let mut items = vec![TransactWriteItem::builder().update(self.update_of(&settled)?).build()];
            if frees_slot {
                items.push(TransactWriteItem::builder().delete(self.delete_of(&settled)?).build());
            }
            let Some(reasons) = self.transact(items).await? else { return Ok(settled) };
            let refused = |index: usize| reasons.get(index).is_some_and(|code| code == "ConditionalCheckFailed");
            if refused(0) {
                return self
                    .memory
                    .get(&settled.execution_id)
                    .await?
                    .ok_or_else(|| internal(format!("The deployment record {} disappeared.", settled.execution_id)));
            }
            // The slot is another's by now: only the record remains to be written.
            frees_slot &= !refused(1);
            pause(attempt).await;
        }
        Err(dependency(format!(
            "The status of execution {} could not be recorded, because others were recording it too. Ask for its status.",
            settled.execution_id
        )))
    }

    fn update_of(&self, settled: &Deployment) -> Result<Update> {
        let item = item_of(settled)?;
        let mut update = Update::builder()
            .table_name(&self.memory.table)
            .key("execution_id", s(&settled.execution_id))
            .update_expression("SET #status = :status, updated_at = :now, details = :details")
            .condition_expression("#status IN (:o0, :o1, :o2, :o3)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", s(settled.status.as_str()))
            .expression_attribute_values(":now", s(&settled.updated_at))
            .expression_attribute_values(
                ":details",
                item.get("details").cloned().unwrap_or(AttributeValue::M(HashMap::new())),
            );
        for (index, status) in Status::OPEN.iter().enumerate() {
            update = update.expression_attribute_values(format!(":o{index}"), s(status.as_str()));
        }
        if let Some(url) = &settled.web_url {
            update = update
                .update_expression("SET #status = :status, updated_at = :now, details = :details, web_url = :url")
                .expression_attribute_values(":url", s(url));
        }
        built(update.build())
    }

    fn delete_of(&self, settled: &Deployment) -> Result<Delete> {
        built(
            Delete::builder()
                .table_name(&self.state_table)
                .set_key(Some(slot_key(settled)))
                .condition_expression("execution_id = :id")
                .expression_attribute_values(":id", s(&settled.execution_id))
                .build(),
        )
    }

    /// Removes a slot whose holder is over.
    async fn free(&self, slot: &Item, holder: &str) -> Result<()> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.state_table)
            .set_key(Some(slot.clone()))
            .condition_expression("execution_id = :id")
            .expression_attribute_values(":id", s(holder))
            .send()
            .await;
        match answer {
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(table_failed(TABLE, "written", error)),
            Ok(_) => Ok(()),
        }
    }

    async fn execution_at(&self, key: &Item) -> Result<Option<String>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.state_table)
            .set_key(Some(key.clone()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| table_failed(TABLE, "read", error))?;
        Ok(answer.item.and_then(|item| text(&item, "execution_id")))
    }

    /// `None` when the transaction was written, else the code of each item's refusal.
    async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Option<Vec<String>>> {
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    let reasons = canceled.cancellation_reasons().iter();
                    Ok(Some(reasons.map(|reason| reason.code().unwrap_or_default().to_owned()).collect()))
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Some(Vec::new())),
                _ => Err(table_failed(TABLE, "written", error)),
            },
        }
    }

    /// The record of an execution.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn get(&self, execution_id: &str) -> Result<Option<Deployment>> {
        self.memory.get(execution_id).await
    }
}

/// When a finished execution ended: the server's word if it gave one (`finished_at` in its details), else when it started,
/// because `updated_at` only says when somebody asked.
fn ended(record: &Deployment) -> Option<Timestamp> {
    let said = record.details.get("finished_at").and_then(Value::as_str).and_then(|time| time.parse().ok());
    said.or_else(|| record.started_at.parse().ok())
}

struct Refusal {
    slot: bool,
    request_key: bool,
}

/// Waits a little before a transaction is tried again; racers wait for different times.
async fn pause(attempt: u32) {
    let random = u64::from(uuid::Uuid::new_v4().as_bytes()[0]);
    tokio::time::sleep(Duration::from_millis((5 << attempt.min(5)) + random / 8)).await;
}

fn built<T>(item: std::result::Result<T, aws_sdk_dynamodb::error::BuildError>) -> Result<T> {
    item.map_err(|error| internal("A request to DynamoDB is incomplete.").with_source(error))
}

#[cfg(test)]
mod tests;
