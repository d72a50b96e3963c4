//! Lists of entries: by status, protocol, stack and text, page by page.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue::{self, S};
use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{AuthenticationType, Item, ProtocolType, Registry, Status, TABLE, write::iso};
use crate::{
    error::{Result, internal, invalid},
    sdk::table_failed,
};

/// Entries that one request reads at most when it has to look for those that match.
pub(super) const MAX_READ: usize = 1000;

/// Entries of one page of DynamoDB when it is searched.
const SEARCHED_PAGE: usize = 250;

/// Longest cursor, in bytes: a stack's name and a server's name are at most 128 characters.
const LONGEST_CURSOR: usize = 8 * 1024;

/// What is listed of an entry: everything but tools, configuration and metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// Which server.
    pub server_id: String,
    /// Which version of it.
    pub version: String,
    /// Name for people.
    pub server_name: String,
    /// What the server is for.
    #[serde(default)]
    pub description: String,
    /// An https URL or the ARN of a Lambda function.
    pub endpoint_url: String,
    /// What is spoken.
    #[serde(default)]
    pub protocol_type: ProtocolType,
    /// How calls prove who they are.
    #[serde(default)]
    pub authentication_type: AuthenticationType,
    /// Header of the API key; told only where the versions of one server are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_header: Option<String>,
    /// Whether calls go to it.
    pub status: Status,
    /// Hash of the approved definition.
    #[serde(default)]
    pub definition_hash: String,
    /// CloudFormation stack that registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_stack: Option<String>,
    /// Region of that stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_region: Option<String>,
    /// Who may change the entry.
    #[serde(default)]
    pub owner: String,
    /// MCP version agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_version: Option<String>,
    /// ISO 8601.
    #[serde(default)]
    pub created_at: String,
    /// ISO 8601.
    #[serde(default)]
    pub updated_at: String,
}

/// Which entries to list; everything that is given has to match.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Filter {
    /// Only of these; none means any.
    pub statuses: Vec<Status>,
    /// Only of this protocol.
    pub protocol: Option<ProtocolType>,
    /// Only of this stack, by its name.
    pub stack: Option<String>,
    /// Only with this in id, name or description, whatever the case. No index holds it: at most 1000 entries are
    /// looked at, and the page may be empty although there is a cursor.
    pub text: Option<String>,
    /// Only what was changed then or later.
    pub updated_since: Option<Timestamp>,
}

/// Some entries. Those of an index by status are newest first, one status after the other in the order of [`Status::ALL`];
/// those of a protocol by name, those of a stack newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What was found.
    pub servers: Vec<Summary>,
    /// Where to read on, if there may be more. It is good for the same filter only.
    pub cursor: Option<String>,
}

/// Where a list goes on: in which partition of the index, and after which entry of it; at its beginning without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    partition: String,
    after: Option<[String; 3]>,
}

/// The index that answers a filter.
struct Index {
    name: &'static str,
    partition_key: &'static str,
    sort_key: &'static str,
    partitions: Vec<String>,
    forward: bool,
}

impl Registry {
    /// The entries that match `filter`, at most `limit`, from `cursor` on. An entry without the keys of an index, such as one
    /// made by hand without `updated_at`, is not in it; one that cannot be understood is left out and logged.
    ///
    /// # Errors
    /// `Invalid`: the cursor is not one of ours for this filter. Else the table.
    pub async fn list(&self, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Page> {
        let index = Index::of(filter);
        let first = Position { partition: index.partitions.first().cloned().unwrap_or_default(), after: None };
        let mut at = cursor.map_or(Ok(first), |cursor| filter.position(&index, cursor))?;
        let (mut servers, mut read) = (Vec::<(Summary, Position)>::new(), 0);
        loop {
            let wanted = if filter.searches(&index) { SEARCHED_PAGE } else { limit + 1 - servers.len() };
            let (items, next) = self.page(&index, filter, &at, wanted).await?;
            read += items.len();
            for item in items {
                let here = index.position_of(&at.partition, &item);
                match serde_dynamo::from_item::<_, Summary>(item) {
                    Ok(found) if filter.matches(&found) => servers.push((found, here)),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(position = ?here, %error, "registry entry skipped: not readable"),
                }
            }
            if servers.len() > limit {
                servers.truncate(limit);
                let last = servers.last().map_or_else(|| at.clone(), |(_, here)| here.clone());
                return page_of(servers, Some(filter.cursor(&last)?));
            }
            match next.or_else(|| index.partition_after(&at.partition)) {
                None => return page_of(servers, None),
                Some(next) => at = next,
            }
            if read >= MAX_READ {
                return page_of(servers, Some(filter.cursor(&at)?));
            }
        }
    }

    /// All versions of a server, the highest first.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn versions(&self, server_id: &str) -> Result<Vec<Summary>> {
        // Tools, configuration and metadata stay where they are; some of the names are DynamoDB's own words.
        const COLUMNS: [&str; 16] = [
            "server_id",
            "version",
            "server_name",
            "description",
            "endpoint_url",
            "protocol_type",
            "authentication_type",
            "api_key_header",
            "status",
            "definition_hash",
            "deployment_stack",
            "deployment_region",
            "owner",
            "mcp_version",
            "created_at",
            "updated_at",
        ];
        let names: HashMap<String, String> =
            COLUMNS.iter().map(|column| (format!("#{column}"), (*column).to_owned())).collect();
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#server_id = :id")
            .projection_expression(COLUMNS.map(|column| format!("#{column}")).join(", "))
            .set_expression_attribute_names(Some(names))
            .expression_attribute_values(":id", S(server_id.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut versions: Vec<(Option<Version>, Summary)> = Vec::new();
        while let Some(item) = items.next().await {
            match serde_dynamo::from_item::<_, Summary>(item.map_err(|e| table_failed(TABLE, "read", e))?) {
                Ok(found) => versions.push((Version::parse(&found.version).ok(), found)),
                Err(error) => tracing::warn!(server_id, %error, "registry entry skipped: not readable"),
            }
        }
        versions.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(versions.into_iter().map(|(_, found)| found).collect())
    }

    /// One page of an index: its items, and where it goes on in the same partition.
    async fn page(
        &self,
        index: &Index,
        filter: &Filter,
        at: &Position,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<Position>)> {
        let mut condition = "#partition = :partition".to_owned();
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index.name)
            .expression_attribute_names("#partition", index.partition_key)
            .expression_attribute_values(":partition", S(at.partition.clone()))
            .scan_index_forward(index.forward)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(index.start(at));
        if let Some(since) = filter.updated_since.filter(|_| index.sort_key == "updated_at") {
            condition.push_str(" AND updated_at >= :since");
            query = query.expression_attribute_values(":since", S(iso(since)));
        }
        let answer = query.key_condition_expression(condition).send().await;
        let answer = answer.map_err(|e| table_failed(TABLE, "read", e))?;
        let next = answer.last_evaluated_key.map(|key| index.position_of(&at.partition, &key));
        Ok((answer.items.unwrap_or_default(), next))
    }
}

impl Index {
    fn of(filter: &Filter) -> Self {
        if let Some(stack) = &filter.stack {
            return Self {
                name: "stack-index",
                partition_key: "deployment_stack",
                sort_key: "created_at",
                partitions: vec![stack.clone()],
                forward: false,
            };
        }
        if let (Some(protocol), []) = (filter.protocol, filter.statuses.as_slice()) {
            return Self {
                name: "protocol-index",
                partition_key: "protocol_type",
                sort_key: "server_name",
                partitions: vec![protocol.as_str().to_owned()],
                forward: true,
            };
        }
        let wanted = |status: &&Status| filter.statuses.is_empty() || filter.statuses.contains(status);
        Self {
            name: "status-index",
            partition_key: "status",
            sort_key: "updated_at",
            partitions: Status::ALL.iter().filter(wanted).map(|status| status.as_str().to_owned()).collect(),
            forward: false,
        }
    }

    fn position_of(&self, partition: &str, item: &Item) -> Position {
        let text = |name: &str| super::transaction::text(item, name);
        let after = [text(self.sort_key), text("server_id"), text("version")];
        Position { partition: partition.to_owned(), after: Some(after) }
    }

    fn partition_after(&self, partition: &str) -> Option<Position> {
        let next = self.partitions.iter().skip_while(|one| *one != partition).nth(1)?;
        Some(Position { partition: next.clone(), after: None })
    }

    fn start(&self, at: &Position) -> Option<HashMap<String, AttributeValue>> {
        let [sort, server_id, version] = at.after.clone()?;
        Some(HashMap::from([
            (self.partition_key.to_owned(), S(at.partition.clone())),
            (self.sort_key.to_owned(), S(sort)),
            ("server_id".to_owned(), S(server_id)),
            ("version".to_owned(), S(version)),
        ]))
    }
}

impl Filter {
    /// Whether entries of the index have to be looked at one by one.
    fn searches(&self, index: &Index) -> bool {
        self.text.is_some()
            || (self.protocol.is_some() && index.partition_key != "protocol_type")
            || (!self.statuses.is_empty() && index.partition_key != "status")
            || (self.updated_since.is_some() && index.sort_key != "updated_at")
    }

    fn matches(&self, found: &Summary) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&found.status))
            && self.protocol.is_none_or(|protocol| protocol == found.protocol_type)
            && self.stack.as_ref().is_none_or(|stack| Some(stack) == found.deployment_stack.as_ref())
            && self.updated_since.is_none_or(|since| found.updated_at >= iso(since))
            && self.text.as_ref().is_none_or(|text| {
                let text = text.to_lowercase();
                [&found.server_id, &found.server_name, &found.description]
                    .iter()
                    .any(|field| field.to_lowercase().contains(&text))
            })
    }

    /// A position as text that clients hand back: it says of itself which filter it belongs to. Whoever forges one gets
    /// nothing by it: all that it can do is to begin elsewhere in what the filter lists.
    fn cursor(&self, at: &Position) -> Result<String> {
        let text =
            serde_json::to_string(at).map_err(|e| internal("A cursor cannot be written as JSON.").with_source(e))?;
        Ok(format!("{}{}", self.mark(&text)?, hex::encode(text)))
    }

    fn position(&self, index: &Index, cursor: &str) -> Result<Position> {
        let wrong =
            || invalid("The cursor is not one of an answer before with the same filters. Leave it out to start anew.");
        let (mark, text) =
            cursor.split_at_checked(MARK).filter(|_| cursor.len() <= LONGEST_CURSOR).ok_or_else(wrong)?;
        let text = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
        if self.mark(&text)? != mark {
            return Err(wrong());
        }
        let at: Position = serde_json::from_str(&text).map_err(|_| wrong())?;
        let keys_are_there = at.after.iter().flatten().all(|part| !part.is_empty());
        if keys_are_there && index.partitions.contains(&at.partition) { Ok(at) } else { Err(wrong()) }
    }

    fn mark(&self, position: &str) -> Result<String> {
        let filter =
            serde_json::to_vec(self).map_err(|e| internal("A filter cannot be written as JSON.").with_source(e))?;
        let mut hash = Sha256::new();
        hash.update((filter.len() as u64).to_be_bytes());
        hash.update(filter);
        hash.update(position);
        Ok(hex::encode(hash.finalize()).chars().take(MARK).collect())
    }
}

/// Digits of a cursor that belong to its filter.
const MARK: usize = 16;

fn page_of(servers: Vec<(Summary, Position)>, cursor: Option<String>) -> Result<Page> {
    Ok(Page { servers: servers.into_iter().map(|(found, _)| found).collect(), cursor })
}
