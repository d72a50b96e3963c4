//! All servers that are called now, with their tools.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use semver::Version;

use super::{Item, Registry, Server, Status, TABLE, parse};
use crate::{
    batch::{self, Source},
    error::Result,
    sdk::table_failed,
};

impl Registry {
    /// Of every server the version that is called: the highest among its active ones, sorted by id. An entry that cannot be
    /// understood is left out and logged. The index by status, from which the versions are read, follows changes with a
    /// delay; the entries themselves are read consistently, so none is returned that is not active any more.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn called(&self) -> Result<Vec<Server>> {
        let mut highest: HashMap<String, Version> = HashMap::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("status-index")
            .key_condition_expression("#status = :active")
            .projection_expression("server_id, version")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", AttributeValue::S(Status::Active.as_str().to_owned()))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| table_failed(TABLE, "read", e))?;
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            let Ok(version) = Version::parse(&text("version")) else { continue };
            let best = highest.entry(text("server_id")).or_insert_with(|| version.clone());
            if version > *best {
                *best = version;
            }
        }
        let keys: Vec<Item> = highest
            .into_iter()
            .map(|(server_id, version)| {
                let pair = [("server_id", server_id), ("version", version.to_string())];
                pair.into_iter().map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).collect()
            })
            .collect();
        let source = Source { table: &self.table, title: TABLE, attributes: &[], consistent: true };
        let mut servers = Vec::new();
        for item in batch::get(&self.client, source, keys).await? {
            match parse(item) {
                Ok(server) if server.status == Status::Active => servers.push(server),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "registry entry left out of the tools"),
            }
        }
        servers.sort_by(|a, b| a.server_id.cmp(&b.server_id));
        Ok(servers)
    }
}
