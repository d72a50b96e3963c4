//! Definitions that wait for a person's approval while the approved one serves on.
//!
//! One for each version of a server, `held#{server_id}@{version}` in the state table; a later proposal takes the place of an
//! earlier one. What is approved are the attributes that the proposal changes: what else was changed in the entry meanwhile
//! stays. A proposal is good for the definition that it was made against, and for no other.

use aws_sdk_dynamodb::types::{AttributeValue::S, Delete, TransactWriteItem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    CONTENT, Item, Registry, Server, Status, TABLE,
    transaction::{Outcome, built, busy, item_of, state_key},
};
use crate::{
    audit::{Action, Record, differences},
    error::{Error, Kind, Result, dependency, internal},
    sdk::table_failed,
};

/// Attributes that a proposal can change beside [`CONTENT`]. Owner, status and times are nobody's to propose.
const PROPOSABLE: [&str; 3] = ["deployment_stack", "deployment_region", "mcp_version"];

/// Where a proposal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Somebody changed the entry through the admin API.
    Patch,
    /// The server itself has other tools now.
    Refresh,
    /// The owner registered the version anew.
    Registration,
}

/// A definition that waits for approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// The entry as it would be.
    pub proposed: Server,
    /// The attributes that would change.
    pub changed: Vec<String>,
    /// Hash of the definition that it was proposed against.
    pub base_hash: String,
    /// Where it comes from.
    pub source: Source,
    /// Who proposed it.
    pub proposed_by: String,
    /// When, ISO 8601.
    pub proposed_at: String,
}

impl Held {
    /// A proposal to make `entry` what `proposed` is. `None` if that changes nothing that can be proposed.
    pub fn new(entry: &Server, proposed: &Server, source: Source, who: &str) -> Option<Self> {
        let (before, after) = differences(Some(entry), Some(proposed));
        let changed: Vec<String> = CONTENT
            .iter()
            .chain(&PROPOSABLE)
            .filter(|name| before.contains_key(**name) || after.contains_key(**name))
            .map(|name| (*name).to_owned())
            .collect();
        if changed.is_empty() {
            return None;
        }
        let proposed = Server { superseded: None, definition_hash: proposed.compute_hash(), ..proposed.clone() };
        Some(Self {
            proposed,
            changed,
            base_hash: entry.compute_hash(),
            source,
            proposed_by: who.to_owned(),
            proposed_at: super::now(),
        })
    }

    /// Whether the entry still has the definition that this was proposed against.
    pub fn is_current(&self, entry: &Server) -> bool {
        self.base_hash == entry.compute_hash()
    }

    /// `entry` as the approval of this makes it.
    pub(crate) fn applied_to(&self, entry: &Server) -> Result<Server> {
        let object = |server: &Server| match serde_json::to_value(server) {
            Ok(Value::Object(attributes)) => Ok(attributes),
            _ => Err(internal("A registry entry cannot be written as JSON.")),
        };
        let (mut merged, mut proposed) = (object(entry)?, object(&self.proposed)?);
        for name in &self.changed {
            match proposed.remove(name) {
                Some(value) => merged.insert(name.clone(), value),
                None => merged.remove(name),
            };
        }
        let mut merged: Server = serde_json::from_value(Value::Object(merged))
            .map_err(|e| internal("A held definition does not fit its entry.").with_source(e))?;
        merged.definition_hash = merged.compute_hash();
        Ok(merged)
    }
}

impl Registry {
    /// The definition that waits for approval for this version, if one does.
    ///
    /// # Errors
    /// The state table cannot be read, or what is there is not readable.
    pub async fn held(&self, server_id: &str, version: &str) -> Result<Option<Held>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.state_table)
            .set_key(Some(key(server_id, version)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| table_failed(TABLE, "read", e))?;
        let parsed = answer.item.map(serde_dynamo::from_item).transpose();
        parsed.map_err(|e| {
            dependency(format!("The held definition of {server_id}@{version} is not readable; reject it."))
                .with_source(e)
        })
    }

    /// Keeps a proposal for approval. False: the same one waits already.
    ///
    /// # Errors
    /// The state table cannot be read or written, or DynamoDB cannot store the proposal.
    pub async fn hold(&self, entry: &Server, held: &Held) -> Result<bool> {
        let waiting = self.held(&entry.server_id, &entry.version).await?;
        if waiting
            .is_some_and(|waiting| waiting.proposed.same_content(&held.proposed) && waiting.base_hash == held.base_hash)
        {
            return Ok(false);
        }
        let mut item = key(&entry.server_id, &entry.version);
        item.extend(item_of(held)?);
        item.insert("proposed_hash".to_owned(), S(held.proposed.definition_hash.clone()));
        let record = Record::new(&held.proposed_by, Action::Held, Some(entry), Some(&held.applied_to(entry)?));
        match self.transact(vec![self.put_state(item)?, self.audit.write_of(&record)?]).await? {
            Outcome::Written => Ok(true),
            Outcome::Refused => Err(busy()),
        }
    }

    /// Puts a held definition in the place of the approved one of `entry`, and returns the entry as it is then.
    ///
    /// # Errors
    /// `Conflict`: the entry or the held definition was changed since they were read, or the entry is not in use any more. Else
    /// the tables.
    pub async fn approve_held(&self, entry: &Server, held: &Held, who: &str, reason: Option<&str>) -> Result<Server> {
        if !entry.is_approved() {
            return Err(Error::new(
                Kind::Conflict,
                format!(
                    "{} is {}, so what was proposed for it cannot be approved. Reject it.",
                    entry.id(),
                    entry.status
                ),
            ));
        }
        if !held.is_current(entry) {
            return Err(Error::new(
                Kind::Conflict,
                format!(
                    "What waits for approval was proposed against another definition of {} than it has now. Reject it and \
                     have it proposed anew.",
                    entry.id()
                ),
            ));
        }
        let after = held.applied_to(entry)?;
        let record = Record::new(who, Action::Approved, Some(entry), Some(&after)).because(reason);
        let more = vec![self.audit.write_of(&record)?, self.drop_held(entry, Some(held))?];
        self.replace_with(entry, &after, more).await?.ok_or_else(busy)
    }

    /// Removes a held definition; the approved one stays. `action` is `Rejected` or `Withdrawn`.
    ///
    /// # Errors
    /// `Conflict`: another one waits by now. Else the table.
    pub async fn reject_held(
        &self,
        entry: &Server,
        held: &Held,
        action: Action,
        who: &str,
        reason: Option<&str>,
    ) -> Result<()> {
        // The entry stays as it is; what was proposed is in the record of its holding.
        let record = Record::new(who, action, Some(entry), Some(entry)).because(reason);
        let items = vec![self.drop_held(entry, Some(held))?, self.audit.write_of(&record)?];
        match self.transact(items).await? {
            Outcome::Written => Ok(()),
            Outcome::Refused => Err(busy()),
        }
    }

    /// The removal of what is held for an entry, be it `held` or whatever is there.
    pub(super) fn drop_held(&self, entry: &Server, held: Option<&Held>) -> Result<TransactWriteItem> {
        let mut delete =
            Delete::builder().table_name(&self.state_table).set_key(Some(key(&entry.server_id, &entry.version)));
        if let Some(held) = held {
            delete = delete
                .condition_expression("proposed_hash = :hash AND proposed_at = :at")
                .expression_attribute_values(":hash", S(held.proposed.definition_hash.clone()))
                .expression_attribute_values(":at", S(held.proposed_at.clone()));
        }
        Ok(TransactWriteItem::builder().delete(built(delete.build())?).build())
    }
}

impl Server {
    /// Whether a person or a deployment has approved this entry's definition, so that changes of it by others are held.
    pub fn is_approved(&self) -> bool {
        match self.status {
            Status::Active | Status::Inactive | Status::Maintenance | Status::Unhealthy => true,
            Status::Pending | Status::Rejected | Status::Decommissioned => false,
        }
    }
}

fn key(server_id: &str, version: &str) -> Item {
    state_key(format!("held#{server_id}@{version}"), "definition")
}
