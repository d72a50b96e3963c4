//! The deployment history: one item for each execution, never deleted.
//!
//! Reading is here; starting and settling an execution without ever starting it twice is in [`reservation`].

pub mod reservation;

use std::{fmt, str::FromStr};

use aws_sdk_dynamodb::{Client, operation::query::builders::QueryFluentBuilder, types::AttributeValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    error::{Result, dependency, internal, invalid},
    sdk::table_failed,
};

/// What people call the table.
const TABLE: &str = "deployment history";

/// State of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Reserved; whether it started is not recorded yet.
    Starting,
    /// Waits for a person.
    AwaitingApproval,
    /// Started and not finished.
    Running,
    /// Finished well.
    Succeeded,
    /// Finished badly, or never started.
    Failed,
    /// Ended by a person.
    Cancelled,
    /// It may have started: the answer was lost.
    Unknown,
}

impl Status {
    /// Every status that can still change.
    pub const OPEN: [Self; 4] = [Self::Starting, Self::AwaitingApproval, Self::Running, Self::Unknown];

    /// Whether it can still change.
    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }

    /// The word in the table and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        const ALL: [Status; 7] = [
            Status::Starting,
            Status::AwaitingApproval,
            Status::Running,
            Status::Succeeded,
            Status::Failed,
            Status::Cancelled,
            Status::Unknown,
        ];
        ALL.into_iter().find(|status| status.as_str() == word).ok_or(())
    }
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Switchyard started it.
    Executed,
    /// Somebody told an agent about it.
    Reported,
}

/// One deployment. Field names are the table's attribute names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// UUID, version 7: its first bits are the time of its making.
    pub execution_id: String,
    /// Environment, in the spelling of the configuration.
    pub environment: String,
    /// Tenant, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Key of the index by tenant and environment; there exactly when a tenant is.
    #[serde(default, rename = "tenant#environment", skip_serializing_if = "Option::is_none")]
    pub tenant_environment: Option<String>,
    /// What kind of deployment: the slot it takes.
    pub pipeline_type: String,
    /// Last known state.
    pub status: Status,
    /// ISO 8601, milliseconds, UTC.
    pub started_at: String,
    /// When the state was last learned; ISO 8601, milliseconds, UTC.
    pub updated_at: String,
    /// The chat session it was wished in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// ARN of the verified caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// The specialist that called the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Executed by us or reported to us.
    pub source: Source,
    /// Server, tool, arguments, and what the server said about the run.
    #[serde(default)]
    pub details: Map<String, Value>,
    /// Page of the run for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
}

impl Deployment {
    /// What it is, in words: `bootstrap in dev`, `compute in dev for acme`.
    pub fn title(&self) -> String {
        match &self.tenant_id {
            Some(tenant) => format!("{} in {} for {tenant}", self.pipeline_type, self.environment),
            None => format!("{} in {}", self.pipeline_type, self.environment),
        }
    }

    /// One line about it for a person.
    pub fn line(&self) -> String {
        let Self { status, started_at, updated_at, execution_id, .. } = self;
        let seen = if status.is_open() { format!(" when last checked at {updated_at}") } else { String::new() };
        let how = if self.source == Source::Reported { " (reported)" } else { "" };
        format!("{}: {status}{seen}{how}, started {started_at}, execution {execution_id}", self.title())
    }
}

/// The one spelling of a tenant: `ACME` and `acme` are the same.
pub fn canonical_tenant(tenant: &str) -> String {
    tenant.trim().to_ascii_lowercase()
}

/// Key of the index by tenant and environment.
pub fn tenant_environment(tenant: &str, environment: &str) -> String {
    format!("{tenant}#{environment}")
}

/// Longest time in a cursor, in bytes: people who mend records by hand may write it longer than [`iso`].
const LONGEST_TIME: usize = 64;

/// A time as the tables hold it: of one width, so that text order is time order.
pub fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Which deployments to list. At least one of environment and tenant.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only in this environment.
    pub environment: Option<String>,
    /// Only of this tenant.
    pub tenant_id: Option<String>,
    /// Only of this type. No index holds it: pages are read until enough match, at most [`MAX_PAGES`].
    pub pipeline_type: Option<String>,
}

/// Pages that one query reads at most when it has to filter.
pub const MAX_PAGES: usize = 5;

/// Items of a page that is filtered.
const FILTERED_PAGE: i32 = 100;

/// Some deployments, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What was found.
    pub deployments: Vec<Deployment>,
    /// How many records were left out because they are not readable; somebody changed them by hand.
    pub unreadable: usize,
    /// Where to read on, if there may be more.
    pub cursor: Option<String>,
}

/// The history table.
#[derive(Debug, Clone)]
pub struct Memory {
    client: Client,
    table: String,
}

impl Memory {
    /// The history in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// One deployment, read consistently.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn get(&self, execution_id: &str) -> Result<Option<Deployment>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("execution_id", AttributeValue::S(execution_id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| table_failed(TABLE, "read", error))?;
        answer.item.map(parse).transpose()
    }

    /// Deployments, newest first. The cost depends on `limit`, not on the size of the history.
    ///
    /// # Errors
    /// `Invalid`: the filter names neither environment nor tenant, or the cursor is not one of ours. Else the table.
    pub async fn query(&self, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Page> {
        let index = Index::of(filter)?;
        let mut start = cursor.map(|cursor| index.start(cursor)).transpose()?;
        let mut deployments: Vec<Deployment> = Vec::new();
        let mut unreadable = 0;
        let filtered = filter.pipeline_type.is_some();
        for _ in 0..if filtered { MAX_PAGES } else { 1 } {
            let page_size = if filtered { FILTERED_PAGE } else { i32::try_from(limit).unwrap_or(i32::MAX) };
            let mut query = index.query(&self.client, &self.table).limit(page_size).set_exclusive_start_key(start);
            if let Some(pipeline_type) = &filter.pipeline_type {
                query = query
                    .filter_expression("pipeline_type = :type")
                    .expression_attribute_values(":type", AttributeValue::S(pipeline_type.clone()));
            }
            let answer = query.send().await.map_err(|error| table_failed(TABLE, "read", error))?;
            for item in answer.items.unwrap_or_default() {
                match parse(item) {
                    Ok(deployment) => deployments.push(deployment),
                    // One record that somebody broke by hand must not hide all others.
                    Err(error) => {
                        tracing::warn!(%error, causes = error.causes(), "record skipped");
                        unreadable += 1;
                    }
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() || deployments.len() >= limit {
                break;
            }
        }
        let more_here = deployments.len() > limit;
        deployments.truncate(limit);
        let last = if more_here {
            deployments.last().map(|last| (last.started_at.clone(), last.execution_id.clone()))
        } else {
            start.and_then(|key| Some((text(&key, "started_at")?, text(&key, "execution_id")?)))
        };
        Ok(Page {
            unreadable,
            deployments,
            cursor: last.map(|(started_at, execution_id)| format!("{started_at}~{execution_id}")),
        })
    }

    /// Adds a deployment that somebody reports. It never replaces a record.
    ///
    /// # Errors
    /// The table cannot be written.
    pub async fn report(&self, deployment: &Deployment) -> Result<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item_of(deployment)?))
            .condition_expression("attribute_not_exists(execution_id)")
            .send()
            .await
            .map_err(|error| table_failed(TABLE, "written", error))?;
        Ok(())
    }
}

/// The index that answers a filter, and the value of its partition key.
struct Index {
    name: &'static str,
    key: &'static str,
    value: String,
}

impl Index {
    fn of(filter: &Filter) -> Result<Self> {
        let (name, key, value) = match (&filter.environment, &filter.tenant_id) {
            (Some(environment), Some(tenant)) => {
                ("tenant-environment-index", "tenant#environment", tenant_environment(tenant, environment))
            }
            (Some(environment), None) => ("environment-index", "environment", environment.clone()),
            (None, Some(tenant)) => ("tenant-index", "tenant_id", tenant.clone()),
            (None, None) => return Err(invalid("Name an environment or a tenant to list deployments of.")),
        };
        Ok(Self { name, key, value })
    }

    fn query(&self, client: &Client, table: &str) -> QueryFluentBuilder {
        client
            .query()
            .table_name(table)
            .index_name(self.name)
            .key_condition_expression("#key = :value")
            .expression_attribute_names("#key", self.key)
            .expression_attribute_values(":value", AttributeValue::S(self.value.clone()))
            .scan_index_forward(false)
    }

    /// The key to read on from. The partition comes from the filter, so that a cursor cannot lead anywhere else.
    fn start(&self, cursor: &str) -> Result<Item> {
        let parts = cursor.split_once('~').filter(|(started_at, execution_id)| {
            // A time may be followed by annotations without end, which would not fit into a key.
            started_at.len() <= LONGEST_TIME
                && started_at.parse::<Timestamp>().is_ok()
                && uuid::Uuid::try_parse(execution_id).is_ok()
        });
        let (started_at, execution_id) =
            parts.ok_or_else(|| invalid("The cursor is not one of an answer before; leave it out to start anew."))?;
        Ok(Item::from([
            (self.key.to_owned(), AttributeValue::S(self.value.clone())),
            ("started_at".to_owned(), AttributeValue::S(started_at.to_owned())),
            ("execution_id".to_owned(), AttributeValue::S(execution_id.to_owned())),
        ]))
    }
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn parse(item: Item) -> Result<Deployment> {
    let id = text(&item, "execution_id").unwrap_or_default();
    serde_dynamo::from_item(item).map_err(|error| {
        dependency(format!("The deployment record {id} is not readable; somebody changed it by hand."))
            .with_source(error)
    })
}

fn item_of(deployment: &Deployment) -> Result<Item> {
    serde_dynamo::to_item(deployment)
        .map_err(|error| internal("A deployment record cannot be written as an item.").with_source(error))
}

#[cfg(test)]
mod tests;
