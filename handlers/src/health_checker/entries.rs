//! What a run reads of the registry: lists by status, and of what is due the attributes that a check needs. Lists of tools
//! can be long, and no check needs them.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::AttributeValue::{self, S},
};

use crate::{
    batch::{self, Item, Source},
    error::Result,
    registry::{Server, Status},
    sdk::table_failed,
};

/// What people call the table.
const TABLE: &str = "MCP server registry";

/// Attributes that a check needs, and those that an entry cannot do without.
const NEEDED: &[&str] = &[
    "server_id",
    "version",
    "server_name",
    "endpoint_url",
    "protocol_type",
    "authentication_type",
    "api_key_header",
    "status",
    "unhealthy_since",
    "health_check_url",
    "health_check_interval",
    "configuration",
    "owner",
    "definition_hash",
    "mcp_version",
    "updated_at",
];

/// An entry as the index by status has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) server_id: String,
    pub(super) version: String,
    pub(super) status: Status,
    pub(super) created_at: String,
    pub(super) updated_at: String,
}

impl Listed {
    /// `server_id@version`.
    pub(super) fn id(&self) -> String {
        format!("{}@{}", self.server_id, self.version)
    }
}

/// The tables, read.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    pub(super) client: Client,
    /// Name of the registry table.
    pub(super) registry: String,
    /// Name of the state table.
    pub(super) state: String,
}

impl Entries {
    /// All entries with a status, those that were changed longest ago first.
    pub(super) async fn listed(&self, status: Status) -> Result<Vec<Listed>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.registry)
            .index_name("status-index")
            .key_condition_expression("#status = :status")
            .projection_expression("server_id, version, created_at, updated_at")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", S(status.as_str().to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut listed = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| table_failed(TABLE, "read", e))?;
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            listed.push(Listed {
                server_id: text("server_id"),
                version: text("version"),
                status,
                created_at: text("created_at"),
                updated_at: text("updated_at"),
            });
        }
        Ok(listed)
    }

    /// These entries, by id, without their tools. Those that cannot be read are left out.
    pub(super) async fn servers(&self, listed: &[&Listed]) -> Result<HashMap<String, Server>> {
        let key = |listed: &&Listed| -> Item {
            let pair = |name: &str, value: &str| -> (String, AttributeValue) { (name.to_owned(), S(value.to_owned())) };
            Item::from([pair("server_id", &listed.server_id), pair("version", &listed.version)])
        };
        let source = Source { table: &self.registry, title: TABLE, attributes: NEEDED, consistent: false };
        let items = batch::get(&self.client, source, listed.iter().map(key).collect()).await?;
        let mut servers = HashMap::with_capacity(items.len());
        for item in items {
            let id = item.get("server_id").cloned();
            match serde_dynamo::from_item::<_, Server>(item) {
                Ok(server) => drop(servers.insert(server.id(), server)),
                Err(error) => tracing::warn!(server_id = ?id, %error, "registry entry ignored: it cannot be read"),
            }
        }
        Ok(servers)
    }

    /// When each definition was proposed that waits for approval for one of these entries (`server_id@version`).
    pub(super) async fn held(&self, ids: &[String]) -> Result<Vec<String>> {
        let key = |id: &String| -> Item {
            Item::from([("pk".to_owned(), S(format!("held#{id}"))), ("sk".to_owned(), S("definition".to_owned()))])
        };
        let source = Source {
            table: &self.state,
            title: "definitions that wait for approval",
            attributes: &["proposed_at"],
            consistent: false,
        };
        let items = batch::get(&self.client, source, ids.iter().map(key).collect()).await?;
        Ok(items.into_iter().filter_map(|item| item.get("proposed_at")?.as_s().ok().cloned()).collect())
    }
}
