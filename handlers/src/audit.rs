//! Who changed what in the registry, and what was there before: one record for each change, never deleted.
//!
//! A record is written in the same transaction as the change that it tells of. It holds the attributes that differ; entries
//! hold no secrets, so neither do records. Key in the state table: `audit#{server_id}`, then time and a number of its own.

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue::{self, S},
        Put, TransactWriteItem,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    error::{Result, dependency, internal, invalid},
    registry::{Server, Status},
    sdk::table_failed,
};

/// What people call it.
const TABLE: &str = "audit of the MCP server registry";

/// Attributes that change with everything, or are told of by other records.
const UNTOLD: [&str; 2] = ["updated_at", "superseded"];

/// Pages that one request reads at most.
const MAX_PAGES: usize = 10;

/// Bytes of what changed after which a request reads no further page, which may have 1 MB more: Lambda answers with 6 MB at the
/// most.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// Longest time at the head of a cursor, in bytes.
const LONGEST_TIME: usize = 64;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A new entry, or one in place of a decommissioned one.
    Registered,
    /// The owner registered the entry anew with other content.
    Updated,
    /// Somebody changed what is no part of the definition.
    Patched,
    /// Another status.
    StatusChanged,
    /// A pending entry was made active, or a held definition took the place of the approved one.
    Approved,
    /// A pending entry or a held definition was refused.
    Rejected,
    /// A change of the definition waits for approval.
    Held,
    /// Whoever proposed a held definition took it back.
    Withdrawn,
    /// Out of service for good.
    Decommissioned,
    /// Given back to the resource that it was taken over from.
    Restored,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// When, ISO 8601.
    pub at: String,
    /// Which server.
    pub server_id: String,
    /// Which version of it.
    pub version: String,
    /// ARN of a principal, `token:…`, id of a stack with the logical id of a resource, or name of one of our functions.
    pub who: String,
    /// What was done.
    pub action: Action,
    /// Why, where a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The attributes that changed, as they were. Of the tools only those that changed.
    #[schema(value_type = Object)]
    pub before: Map<String, Value>,
    /// The same as they are now.
    #[schema(value_type = Object)]
    pub after: Map<String, Value>,
}

impl Action {
    /// What a change of the status is called.
    pub fn of_status(from: Status, to: Status) -> Self {
        match (from, to) {
            (Status::Pending, Status::Active) => Self::Approved,
            (_, Status::Rejected) => Self::Rejected,
            (_, Status::Decommissioned) => Self::Decommissioned,
            _ => Self::StatusChanged,
        }
    }
}

impl Record {
    /// A change of an entry; at least one of `before` and `after` should be there.
    pub fn new(who: &str, action: Action, before: Option<&Server>, after: Option<&Server>) -> Self {
        let (server_id, version) =
            after.or(before).map_or_else(Default::default, |server| (server.server_id.clone(), server.version.clone()));
        let (before, after) = differences(before, after);
        Self {
            at: crate::registry::now(),
            server_id,
            version,
            who: who.to_owned(),
            action,
            reason: None,
            before,
            after,
        }
    }

    /// With the reason that a person gave.
    #[must_use]
    pub fn because(mut self, reason: Option<&str>) -> Self {
        self.reason = reason.map(str::to_owned);
        self
    }
}

/// Some records, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Records {
    /// What was found.
    pub records: Vec<Record>,
    /// Where to read on, if there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The records in the state table.
#[derive(Debug, Clone)]
pub struct Audit {
    client: Client,
    table: String,
}

impl Audit {
    /// The records in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The write of a record, to be part of the transaction that makes the change.
    ///
    /// # Errors
    /// The record cannot be turned into an item.
    pub fn write_of(&self, record: &Record) -> Result<TransactWriteItem> {
        let untellable = |e| internal("A record of the audit cannot be written as an item.").with_source(e);
        let mut item: Item = serde_dynamo::to_item(record).map_err(untellable)?;
        // As text: nothing is nested deeper in the record than in the entry, and it can be read in a console.
        for (name, part) in [("before", &record.before), ("after", &record.after)] {
            item.insert(name.to_owned(), S(Value::Object(part.clone()).to_string()));
        }
        item.insert("pk".to_owned(), S(key(&record.server_id)));
        item.insert("sk".to_owned(), S(format!("{}#{}", record.at, uuid::Uuid::now_v7())));
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
        let put = put.map_err(|e| internal("A record of the audit is incomplete.").with_source(e))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The records of a server, or of one version of it, newest first, from `cursor` on. Those of other versions are passed
    /// over, at most [`MAX_PAGES`] pages of them, and large ones fill an answer: then there may be fewer than `limit`, and a cursor.
    ///
    /// # Errors
    /// `Invalid`: the cursor is not one of ours. Else the table.
    pub async fn read(
        &self,
        server_id: &str,
        version: Option<&str>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Records> {
        let mut start = cursor.map(|cursor| start(server_id, cursor)).transpose()?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        for _ in 0..MAX_PAGES {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", S(key(server_id)))
                .scan_index_forward(false)
                .limit(i32::try_from(limit - records.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|e| table_failed(TABLE, "read", e))?;
            for item in answer.items.unwrap_or_default() {
                let size = size_of(&item);
                let record = parse(item)?;
                if version.is_none_or(|version| record.version == version) {
                    records.push(record);
                    bytes += size;
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() || records.len() >= limit || bytes >= MOST_BYTES {
                break;
            }
        }
        let next_cursor = start.as_ref().and_then(|key| key.get("sk")?.as_s().ok()).cloned();
        Ok(Records { records, next_cursor })
    }
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn key(server_id: &str) -> String {
    format!("audit#{server_id}")
}

/// The key to read on from. The partition comes from the path, so that a cursor cannot lead anywhere else.
fn start(server_id: &str, cursor: &str) -> Result<Item> {
    let ours = cursor.split_once('#').is_some_and(|(at, number)| {
        at.len() <= LONGEST_TIME && at.parse::<Timestamp>().is_ok() && uuid::Uuid::try_parse(number).is_ok()
    });
    if !ours {
        return Err(invalid("The cursor is not one of an answer before; leave it out to start anew."));
    }
    Ok(Item::from([("pk".to_owned(), S(key(server_id))), ("sk".to_owned(), S(cursor.to_owned()))]))
}

/// Bytes of what changed.
fn size_of(item: &Item) -> usize {
    ["before", "after"].iter().filter_map(|name| item.get(*name)?.as_s().ok()).map(String::len).sum()
}

fn parse(mut item: Item) -> Result<Record> {
    let unreadable = || dependency("A record of the audit is not readable; somebody changed it by hand.");
    for name in ["before", "after"] {
        let text = item.get(name).and_then(|value| value.as_s().ok()).ok_or_else(unreadable)?;
        let part: Map<String, Value> = serde_json::from_str(text).map_err(|e| unreadable().with_source(e))?;
        let part = serde_dynamo::to_attribute_value(part).map_err(|e| unreadable().with_source(e))?;
        item.insert(name.to_owned(), part);
    }
    serde_dynamo::from_item(item).map_err(|e| unreadable().with_source(e))
}

/// The attributes in which two entries differ, as they are in each.
pub(crate) fn differences(before: Option<&Server>, after: Option<&Server>) -> (Map<String, Value>, Map<String, Value>) {
    let (mut old, mut new) = (attributes(before), attributes(after));
    old.retain(|name, value| {
        let same = new.get(name) == Some(value);
        if same {
            new.remove(name);
        }
        !same
    });
    if let (Some(Value::Array(old)), Some(Value::Array(new))) =
        (old.get_mut("available_tools"), new.get_mut("available_tools"))
    {
        let kept = |tool: &Value, others: &[Value]| others.contains(tool);
        let gone: Vec<Value> = old.iter().filter(|tool| !kept(tool, new)).cloned().collect();
        new.retain(|tool| !kept(tool, old));
        *old = gone;
    }
    (old, new)
}

fn attributes(server: Option<&Server>) -> Map<String, Value> {
    let mut attributes = match server.map(serde_json::to_value) {
        Some(Ok(Value::Object(attributes))) => attributes,
        _ => Map::new(),
    };
    attributes.retain(|name, _| !UNTOLD.contains(&name.as_str()));
    attributes
}
