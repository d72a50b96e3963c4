//! The registry of MCP servers: one DynamoDB item for each version of a server.
//!
//! Reads answer "which version of this server is called now?" and list what there is; writes by owners are conditioned on the
//! owner, so that nobody takes over or removes another's server; changes of people and of the health checks on what they saw.
//! Every write is a transaction with the record of it in the [audit](crate::audit). What an entry holds is in
//! [`model`](self::model), what makes one valid in [`rules`].

mod called;
mod change;
mod changes;
mod health;
mod held;
mod list;
mod model;
pub mod rules;
#[cfg(test)]
mod tests;
mod transaction;
mod write;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
pub use held::{Held, Source};
pub use list::{Filter, Page, Summary};
pub(crate) use model::CONTENT;
pub use model::{
    Annotations, AuthenticationType, ProtocolType, Server, Status, Tool, holder, principal_owner, stack_owner,
    token_owner, valid_server_id,
};
use semver::Version;
pub(crate) use write::now;
pub use write::{Claim, Creation, Holding, Release, Standing};

use crate::{
    audit::Audit,
    error::{Result, dependency},
    sdk::table_failed,
};

/// What people call the table.
const TABLE: &str = "MCP server registry";

/// The registry table, and in the state table what belongs to its entries: the audit, definitions that wait for approval,
/// claims of ids.
#[derive(Debug, Clone)]
pub struct Registry {
    client: Client,
    table: String,
    state_table: String,
    audit: Audit,
}

impl Registry {
    /// The registry in `table`, with its records in `state_table`.
    pub fn new(client: Client, table: impl Into<String>, state_table: impl Into<String>) -> Self {
        let state_table = state_table.into();
        let audit = Audit::new(client.clone(), state_table.as_str());
        Self { client, table: table.into(), state_table, audit }
    }

    /// Who changed what.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The version of a server that is called: the highest semantic version among its active entries.
    ///
    /// # Errors
    /// The table cannot be read, or that entry is not one this program understands.
    pub async fn active(&self, server_id: &str) -> Result<Option<Server>> {
        // One request in the ordinary case: only active versions travel, and there is seldom more than one.
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("server_id = :id")
            .filter_expression("#status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", AttributeValue::S(server_id.to_owned()))
            .expression_attribute_values(":active", AttributeValue::S(Status::Active.as_str().to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut best: Option<(Version, Item)> = None;
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| table_failed(TABLE, "read", e))?;
            let Some(version) = version_of(&item) else {
                tracing::warn!(server_id, version = ?item.get("version"), "registry entry ignored: no semantic version");
                continue;
            };
            if best.as_ref().is_none_or(|(highest, _)| version > *highest) {
                best = Some((version, item));
            }
        }
        best.map(|(_, item)| parse(item)).transpose()
    }

    /// One version of a server, whatever its status.
    ///
    /// # Errors
    /// The table cannot be read, or the entry is not one this program understands.
    pub async fn get(&self, server_id: &str, version: &str) -> Result<Option<Server>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .key("server_id", AttributeValue::S(server_id.to_owned()))
            .key("version", AttributeValue::S(version.to_owned()))
            .send()
            .await
            .map_err(|e| table_failed(TABLE, "read", e))?;
        answer.item.map(parse).transpose()
    }
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn version_of(item: &Item) -> Option<Version> {
    Version::parse(item.get("version")?.as_s().ok()?).ok()
}

fn parse(item: Item) -> Result<Server> {
    let key = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let id = format!("{}@{}", key("server_id"), key("version"));
    serde_dynamo::from_item(item).map_err(|e| {
        dependency(format!("The registry entry {id} cannot be read: {e}. Correct that attribute or register it again."))
            .with_source(e)
    })
}
