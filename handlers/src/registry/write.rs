//! Writes of registrations, each conditioned on who owns the entry.
//!
//! A stack owns a server id while any version of it is live (not decommissioned) under the stack's name. A stack that claims
//! an id for the first time writes its entry as `pending`, looks again whether another stack did the same, and only then
//! makes it what it asked for: of two stacks that race, both see the other, so never both win.
//!
//! An id outlives its entries: its API key stays in Secrets Manager, and agents go on naming it. So a decommissioned id is
//! free only for a stack of the same name, account and region, such as one that was deleted and created again; for anybody
//! else an operator has to delete what is left of it.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata as _,
    operation::put_item::builders::PutItemFluentBuilder,
    types::AttributeValue::{self, S},
};

use super::{
    Item, Registry, Server, Status, TABLE,
    model::{owner_line, owner_stack},
};
use crate::{
    error::{Result, internal, invalid},
    sdk::table_failed,
};

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The entry is written.
    Registered,
    /// Somebody else has the id.
    Taken(Holding),
}

/// Who has a server id, seen from one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody, and this owner may claim it.
    Free,
    /// The stack of this owner, with a live entry.
    Own,
    /// Somebody else.
    Other(Holding),
}

/// The entry by which somebody has a server id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// `server_id@version`.
    pub id: String,
    /// Its owner; empty when the entry was made by hand.
    pub owner: String,
    /// Whether it is live; otherwise it is decommissioned.
    pub live: bool,
}

/// What became of the wish to remove an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// It is decommissioned now.
    Decommissioned,
    /// It belongs to the resource it was taken over from again.
    Restored,
    /// The resource it was taken over from has let go; the entry stays as it is.
    LetGo,
    /// Nothing to do: there is no live entry, or it belongs to somebody else.
    Nothing,
}

impl Registry {
    /// Writes an entry in the name of `server.owner`.
    ///
    /// # Errors
    /// The table cannot be read or written, or DynamoDB cannot store the entry.
    pub async fn register(&self, server: &Server) -> Result<Claim> {
        let id = &server.server_id;
        let held = match self.standing(id, &server.owner).await? {
            Standing::Other(holding) => return Ok(Claim::Taken(holding)),
            Standing::Own => true,
            Standing::Free => false,
        };
        let before = self.get(id, &server.version).await?;
        let entry = inherit(server, before.as_ref());
        if !held {
            let claim = Server { status: Status::Pending, ..entry.clone() };
            if !self.put(&claim, false).await? {
                return self.lost(id, &server.owner).await;
            }
            if let Standing::Other(holding) = self.standing(id, &server.owner).await? {
                self.withdraw(&claim, before.as_ref()).await?;
                return Ok(Claim::Taken(holding));
            }
        }
        if self.put(&entry, true).await? { Ok(Claim::Registered) } else { self.lost(id, &server.owner).await }
    }

    /// Removes the entry in the name of `owner`: decommissions it, or gives it back to the resource of the same stack that it
    /// was taken over from.
    ///
    /// # Errors
    /// The table cannot be read or written.
    pub async fn release(&self, server_id: &str, version: &str, owner: &str) -> Result<Release> {
        let Some(entry) = self.get(server_id, version).await? else { return Ok(Release::Nothing) };
        if entry.status == Status::Decommissioned {
            return Ok(Release::Nothing);
        }
        let former = entry.superseded.as_deref();
        let (change, release) = match former {
            Some(former) if entry.owner == owner => {
                let restored = Server { updated_at: now(), ..former.clone() };
                let put = conditional(self.put_request(&restored)?, owner);
                return done(put.send().await, "written")
                    .map(|done| if done { Release::Restored } else { Release::Nothing });
            }
            None if entry.owner == owner => ("SET #status = :gone, updated_at = :now", Release::Decommissioned),
            Some(former) if former.owner == owner => ("SET updated_at = :now REMOVE superseded", Release::LetGo),
            _ => return Ok(Release::Nothing),
        };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("server_id", S(server_id.to_owned()))
            .key("version", S(version.to_owned()))
            .update_expression(change)
            .condition_expression("#owner = :holder")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":holder", S(entry.owner.clone()))
            .expression_attribute_values(":now", S(now()));
        if release == Release::Decommissioned {
            update = update
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":gone", S(Status::Decommissioned.as_str().to_owned()));
        }
        // The owner changed in between: then it is somebody else's now.
        done(update.send().await, "written").map(|done| if done { release } else { Release::Nothing })
    }

    /// Who has a server id, seen from `owner`.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn standing(&self, server_id: &str, owner: &str) -> Result<Standing> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("server_id = :id")
            .projection_expression("version, #owner, #status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":id", S(server_id.to_owned()))
            .into_paginator()
            .items()
            .send();
        let (mut own, mut left_behind) = (false, None);
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| table_failed(TABLE, "read", e))?;
            let holding = Holding {
                id: format!("{server_id}@{}", text(&item, "version")),
                owner: text(&item, "owner"),
                live: text(&item, "status") != Status::Decommissioned.as_str(),
            };
            match holding.live {
                true if owner_stack(&holding.owner) != owner_stack(owner) => return Ok(Standing::Other(holding)),
                true => own = true,
                false if owner_line(&holding.owner) != owner_line(owner) => left_behind = Some(holding),
                false => {}
            }
        }
        // Whoever has the id now has settled the question of whom it belonged to before.
        Ok(if own { Standing::Own } else { left_behind.map_or(Standing::Free, Standing::Other) })
    }

    /// The answer when a conditioned write did not happen: somebody else was faster.
    async fn lost(&self, server_id: &str, owner: &str) -> Result<Claim> {
        match self.standing(server_id, owner).await? {
            Standing::Other(holding) => Ok(Claim::Taken(holding)),
            _ => Err(crate::error::Error::new(
                crate::error::Kind::Conflict,
                format!(
                    "The registry entry of {server_id} was changed by somebody else at the same moment. Try again."
                ),
            )),
        }
    }

    /// Writes an entry if nobody else's is in the way: a live one, or, unless the id is `held` by the owner, one that was
    /// left behind. False: one is.
    pub(super) async fn put(&self, entry: &Server, held: bool) -> Result<bool> {
        let gone = if held { "#status = :gone" } else { "(#status = :gone AND begins_with(#owner, :line))" };
        let mut put = self
            .put_request(entry)?
            .condition_expression(format!("attribute_not_exists(server_id) OR begins_with(#owner, :stack) OR {gone}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":gone", S(Status::Decommissioned.as_str().to_owned()))
            .expression_attribute_values(":stack", S(format!("{}#", owner_stack(&entry.owner))));
        if !held {
            put = put.expression_attribute_values(":line", S(owner_line(&entry.owner).to_owned()));
        }
        done(put.send().await, "written")
    }

    /// Takes back a first claim that lost: what was there before is there again.
    async fn withdraw(&self, claim: &Server, before: Option<&Server>) -> Result<()> {
        if let Some(before) = before {
            return done(conditional(self.put_request(before)?, &claim.owner).send().await, "written").map(drop);
        }
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("server_id", S(claim.server_id.clone()))
            .key("version", S(claim.version.clone()))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", S(claim.owner.clone()));
        done(delete.send().await, "written").map(drop)
    }

    fn put_request(&self, entry: &Server) -> Result<PutItemFluentBuilder> {
        let item: HashMap<String, AttributeValue> = serde_dynamo::to_item(entry)
            .map_err(|e| internal("The registry entry cannot be turned into a DynamoDB item.").with_source(e))?;
        Ok(self.client.put_item().table_name(&self.table).set_item(Some(item)))
    }
}

/// The entry with what it keeps from the one it replaces: since when it exists, and whom it was taken over from.
fn inherit(server: &Server, before: Option<&Server>) -> Server {
    let mut entry = server.clone();
    let Some(before) = before.filter(|before| before.status != Status::Decommissioned) else { return entry };
    entry.created_at.clone_from(&before.created_at);
    entry.created_by.clone_from(&before.created_by);
    entry.superseded = if before.owner == server.owner {
        before.superseded.clone()
    } else {
        Some(Box::new(Server { superseded: None, ..before.clone() }))
    };
    entry
}

fn conditional(put: PutItemFluentBuilder, owner: &str) -> PutItemFluentBuilder {
    put.condition_expression("#owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", S(owner.to_owned()))
}

/// Whether a conditioned write happened.
pub(super) fn done<T, E, R>(outcome: Result<T, aws_sdk_dynamodb::error::SdkError<E, R>>, what: &str) -> Result<bool>
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Err(error) = outcome else { return Ok(true) };
    match error.code() {
        Some("ConditionalCheckFailedException") => Ok(false),
        Some("ValidationException") => {
            let reason = error.message().unwrap_or("no reason given").to_owned();
            Err(invalid(format!("DynamoDB cannot store the registry entry: {reason}")).with_source(error))
        }
        _ => Err(table_failed(TABLE, what, error)),
    }
}

fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

/// The current time as the registry stores it: ISO 8601 in UTC, to the millisecond.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
