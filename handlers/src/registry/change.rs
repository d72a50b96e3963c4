//! Changes that people make of an entry, whoever owns it.

use super::{Registry, Server, Status};
use crate::{
    audit::{Action, Record},
    error::Result,
};

impl Registry {
    /// Makes an entry what `after` is, if it is still as `before`: for changes that need no approval, or none yet. Returns the
    /// entry as it is then; `None`: somebody else was faster.
    ///
    /// # Errors
    /// The tables cannot be written, or DynamoDB cannot store the entry.
    pub async fn patch(&self, before: &Server, after: &Server, who: &str) -> Result<Option<Server>> {
        self.replace(before, after, &Record::new(who, Action::Patched, Some(before), Some(after))).await
    }

    /// Changes the status of an entry that is still as `entry`, as a person decided who has seen it; the allowed transitions
    /// are those of [`Status::may_become`]. Returns the entry as it is then; `None`: somebody else was faster.
    ///
    /// # Errors
    /// The tables cannot be written.
    pub async fn put_status(
        &self,
        entry: &Server,
        to: Status,
        who: &str,
        reason: Option<&str>,
    ) -> Result<Option<Server>> {
        let after = Server { status: to, unhealthy_since: None, ..entry.clone() };
        let action = Action::of_status(entry.status, to);
        let record = Record::new(who, action, Some(entry), Some(&after)).because(reason);
        self.replace(entry, &after, &record).await
    }
}
