//! Writes of owners: each is conditioned on the entry being as it was when its owner was looked at.
//!
//! A holder (see [`holder`]) has a server id while any version of it is live (not decommissioned) under the holder's name.
//! Whoever claims an id for the first time writes a claim of it in the same transaction, and no claim is written over another's
//! that is younger than [`CLAIM_TIME`]. After that time everybody sees the entry instead; so of those that race for an id,
//! whatever their versions, exactly one wins.
//!
//! An id outlives its entries: its API key stays in Secrets Manager, and agents go on naming it. So a decommissioned id is
//! free only for its last holder, and for a stack of the same name, account and region, such as one that was deleted and
//! created again; for anybody else an operator has to delete what is left of it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue::{N, S},
    Put, TransactWriteItem, Update,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Item, Registry, Server, Status, TABLE,
    model::{holder, succession},
    transaction::{Outcome, built, busy, item_of, pause, state_key, text},
};
use crate::{
    audit::{Action, Record},
    error::Result,
    sdk::table_failed,
};

/// How long a claim keeps others from an id: longer than any function runs that has looked at it before.
const CLAIM_TIME: Duration = Duration::from_secs(300);

/// How often a registration looks again after the entry was changed by somebody else in between.
const ATTEMPTS: u32 = 8;

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The entry is written.
    Registered,
    /// Somebody else has the id.
    Taken(Holding),
}

/// What became of a registration that replaces nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// The entry is written.
    Registered,
    /// It is there already, with the same content.
    Same(Box<Server>),
    /// The owner has this version already, with other content.
    Conflict(Box<Server>),
    /// Somebody else has the id.
    Taken(Holding),
}

/// Who has a server id, seen from one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody, and this owner may claim it.
    Free,
    /// The holder that this owner acts for, with a live entry.
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
    /// Writes an entry in the name of `server.owner`, over what the same holder has there.
    ///
    /// # Errors
    /// The tables cannot be read or written, or DynamoDB cannot store the entry.
    pub async fn register(&self, server: &Server) -> Result<Claim> {
        for attempt in 0..ATTEMPTS {
            let (held, before) = match self.place(server).await? {
                Place::Taken(holding) => return Ok(Claim::Taken(holding)),
                Place::Here { held, before } => (held, before),
            };
            let before = before.as_deref();
            let entry = inherit(server, before);
            let action = if before.is_some_and(is_live) { Action::Updated } else { Action::Registered };
            let record = Record::new(&server.owner, action, before, Some(&entry));
            if self.put(&entry, before, held, &record).await? {
                return Ok(Claim::Registered);
            }
            pause(attempt).await;
        }
        Err(busy())
    }

    /// Writes an entry in the name of `server.owner`, if there is no live one of that id and version. `who` does it.
    ///
    /// # Errors
    /// The tables cannot be read or written, or DynamoDB cannot store the entry.
    pub async fn create_owned(&self, server: &Server, who: &str) -> Result<Creation> {
        for attempt in 0..ATTEMPTS {
            let (held, before) = match self.place(server).await? {
                Place::Taken(holding) => return Ok(Creation::Taken(holding)),
                Place::Here { held, before } => (held, before),
            };
            if let Some(live) = before.clone().filter(|before| is_live(before)) {
                return Ok(if server.same_content(&live) { Creation::Same(live) } else { Creation::Conflict(live) });
            }
            let record = Record::new(who, Action::Registered, before.as_deref(), Some(server));
            if self.put(server, before.as_deref(), held, &record).await? {
                return Ok(Creation::Registered);
            }
            pause(attempt).await;
        }
        Err(busy())
    }

    /// Removes the entry in the name of `owner`: decommissions it, or gives it back to the resource of the same stack that it
    /// was taken over from.
    ///
    /// # Errors
    /// The tables cannot be read or written.
    pub async fn release(&self, server_id: &str, version: &str, owner: &str) -> Result<Release> {
        for attempt in 0..ATTEMPTS {
            let Some(entry) = self.get(server_id, version).await?.filter(is_live) else { return Ok(Release::Nothing) };
            let former = entry.superseded.as_deref();
            let (after, action, release) = match former {
                Some(former) if entry.owner == owner => (former.clone(), Action::Restored, Release::Restored),
                None if entry.owner == owner => {
                    let gone = Server { status: Status::Decommissioned, unhealthy_since: None, ..entry.clone() };
                    (gone, Action::Decommissioned, Release::Decommissioned)
                }
                Some(former) if former.owner == owner => {
                    (Server { superseded: None, ..entry.clone() }, Action::Updated, Release::LetGo)
                }
                _ => return Ok(Release::Nothing),
            };
            let record = Record::new(owner, action, Some(&entry), Some(&after));
            if self.replace(&entry, &after, &record).await?.is_some() {
                return Ok(release);
            }
            pause(attempt).await;
        }
        Err(busy())
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
                true if holder(&holding.owner) != holder(owner) => return Ok(Standing::Other(holding)),
                true => own = true,
                false if succession(&holding.owner) != succession(owner) => left_behind = Some(holding),
                false => {}
            }
        }
        // Whoever has the id now has settled the question of whom it belonged to before.
        Ok(if own { Standing::Own } else { left_behind.map_or(Standing::Free, Standing::Other) })
    }

    /// Where an entry would be written: whether its holder has the id, and what is there now.
    async fn place(&self, server: &Server) -> Result<Place> {
        let held = match self.standing(&server.server_id, &server.owner).await? {
            Standing::Other(holding) => return Ok(Place::Taken(holding)),
            Standing::Own => true,
            Standing::Free => false,
        };
        let before = self.get(&server.server_id, &server.version).await?;
        // It was there when the id was looked at, and passed; a new one is judged by itself.
        if let Some(there) = &before {
            let live = is_live(there);
            let passes = match live {
                true => holder(&there.owner) == holder(&server.owner),
                false => held || succession(&there.owner) == succession(&server.owner),
            };
            if !passes {
                return Ok(Place::Taken(Holding { id: there.id(), owner: there.owner.clone(), live }));
            }
        }
        Ok(Place::Here { held, before: before.map(Box::new) })
    }

    /// Writes a whole entry if what is there is still `before`, and unless the id is `held` by the owner, a claim of it. False:
    /// somebody else was faster.
    async fn put(&self, entry: &Server, before: Option<&Server>, held: bool, record: &Record) -> Result<bool> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item_of(entry)?));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(server_id)"),
            Some(before) => {
                let (condition, values) = unchanged(before);
                put.condition_expression(condition)
                    .set_expression_attribute_names(Some(CONDITION_NAMES.map(|(a, b)| (a.into(), b.into())).into()))
                    .set_expression_attribute_values(Some(values))
            }
        };
        let mut items =
            vec![TransactWriteItem::builder().put(built(put.build())?).build(), self.audit.write_of(record)?];
        if !held {
            items.push(self.claim(entry)?);
        }
        self.write(items, before, entry).await
    }

    fn claim(&self, entry: &Server) -> Result<TransactWriteItem> {
        let now = Timestamp::now();
        let mut item = state_key(format!("claim#{}", entry.server_id), "owner");
        // A stack that is deleted and created again at once is not kept waiting by itself.
        let claimant = succession(&entry.owner);
        item.insert("claimant".to_owned(), S(claimant.to_owned()));
        item.insert("claimed_at".to_owned(), S(format!("{now:.3}")));
        item.insert("ttl".to_owned(), N((now + 2 * CLAIM_TIME).as_second().to_string()));
        let put = Put::builder()
            .table_name(&self.state_table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR claimant = :mine OR claimed_at < :old")
            .expression_attribute_values(":mine", S(claimant.to_owned()))
            .expression_attribute_values(":old", S(format!("{:.3}", now - CLAIM_TIME)));
        Ok(TransactWriteItem::builder().put(built(put.build())?).build())
    }

    /// Changes the attributes in which `after` differs from `before`, if the entry is still as `before`. What people added to
    /// it by hand stays; a definition that is held for it goes when it is decommissioned. Returns the entry as it is then;
    /// `None`: somebody else was faster.
    pub(super) async fn replace(&self, before: &Server, after: &Server, record: &Record) -> Result<Option<Server>> {
        let mut more = vec![self.audit.write_of(record)?];
        if !is_live(after) {
            more.push(self.drop_held(before, None)?);
        }
        self.replace_with(before, after, more).await
    }

    /// The same in one transaction with `more`.
    pub(super) async fn replace_with(
        &self,
        before: &Server,
        after: &Server,
        more: Vec<TransactWriteItem>,
    ) -> Result<Option<Server>> {
        let after = Server { updated_at: later_than(&before.updated_at, Timestamp::now()), ..after.clone() };
        let (condition, values) = unchanged(before);
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("server_id", S(before.server_id.clone()))
            .key("version", S(before.version.clone()))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        for (placeholder, name) in CONDITION_NAMES {
            update = update.expression_attribute_names(placeholder, name);
        }
        let (old, new) = (item_of(before)?, item_of(&after)?);
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for (name, value) in new.iter().filter(|(name, value)| old.get(*name) != Some(*value)) {
            set.push(format!("#set_{name} = :set_{name}"));
            update = update
                .expression_attribute_names(format!("#set_{name}"), name)
                .expression_attribute_values(format!(":set_{name}"), value.clone());
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            remove.push(format!("#remove_{name}"));
            update = update.expression_attribute_names(format!("#remove_{name}"), name);
        }
        let mut change = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            change.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let update = built(update.update_expression(change).build())?;
        let mut items = vec![TransactWriteItem::builder().update(update).build()];
        items.extend(more);
        Ok(self.write(items, Some(before), &after).await?.then_some(after))
    }

    async fn write(&self, items: Vec<TransactWriteItem>, before: Option<&Server>, after: &Server) -> Result<bool> {
        let written = self.transact(items).await? == Outcome::Written;
        if written {
            self.count(before.map(|before| before.status), Some(after.status)).await;
        }
        Ok(written)
    }
}

/// Where an entry would be written.
enum Place {
    Taken(Holding),
    Here { held: bool, before: Option<Box<Server>> },
}

/// Names in the condition of [`unchanged`].
const CONDITION_NAMES: [(&str, &str); 4] = [
    ("#was_updated", "updated_at"),
    ("#was_owner", "owner"),
    ("#was_status", "status"),
    ("#was_hash", "definition_hash"),
];

/// The condition that an entry is still as it was read. People who write entries by hand leave attributes out.
fn unchanged(before: &Server) -> (String, Item) {
    let was = [
        ("updated", before.updated_at.as_str()),
        ("owner", before.owner.as_str()),
        ("status", before.status.as_str()),
        ("hash", before.definition_hash.as_str()),
    ];
    let mut parts = Vec::new();
    let mut values = Item::new();
    for (name, value) in was {
        let absent = if value.is_empty() { format!("attribute_not_exists(#was_{name}) OR ") } else { String::new() };
        parts.push(format!("({absent}#was_{name} = :was_{name})"));
        values.insert(format!(":was_{name}"), S(value.to_owned()));
    }
    (parts.join(" AND "), values)
}

/// Whether an entry is in somebody's hands.
pub(super) fn is_live(entry: &Server) -> bool {
    entry.status != Status::Decommissioned
}

/// The entry with what it keeps from the one it replaces: since when it exists, and whom it was taken over from.
fn inherit(server: &Server, before: Option<&Server>) -> Server {
    let mut entry = server.clone();
    if let Some(before) = before {
        entry.updated_at = later_than(&before.updated_at, Timestamp::now());
    }
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

/// The current time as the registry stores it: ISO 8601 in UTC, to the millisecond.
pub(crate) fn now() -> String {
    iso(Timestamp::now())
}

/// A time as entries hold it.
pub(super) fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The time of a change: `now`, or a millisecond after the change before where that is not later. A writer knows by the time of
/// the last change whether an entry is still as it was read, so no two changes have the same.
fn later_than(before: &str, now: Timestamp) -> String {
    let least =
        before.parse::<Timestamp>().ok().and_then(|before| before.checked_add(SignedDuration::from_millis(1)).ok());
    iso(least.map_or(now, |least| least.max(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_changes_of_an_entry_have_the_same_time() {
        let now: Timestamp = "2026-11-21T10:00:00.0004Z".parse().unwrap();
        for (before, after) in [
            ("2026-11-21T09:59:59.999Z", "2026-11-21T10:00:00.000Z"),
            ("2026-11-21T10:00:00.000Z", "2026-11-21T10:00:00.001Z"),
            ("2026-11-21T10:00:07.000Z", "2026-11-21T10:00:07.001Z"),
            // Made by hand, without a time or with something else.
            ("", "2026-11-21T10:00:00.000Z"),
            ("yesterday", "2026-11-21T10:00:00.000Z"),
        ] {
            assert_eq!(later_than(before, now), after, "{before}");
        }
    }
}
