//! What stacks of other accounts change of entries that were approved: nothing that is called, until somebody approves it.

use super::Registration;
use crate::{
    audit::Action,
    error::{Error, Kind, Result},
    notices::Notice,
    registry::{Held, Server, Source},
};

impl Registration {
    /// Holds what `server` changes of the approved definition that its owner has there, and applies what it merely says about
    /// it. Returns the entry as it is then; `None`: there is no approved one.
    pub(super) async fn settle_foreign(&self, server: &Server) -> Result<Option<Server>> {
        let there = self.registry.get(&server.server_id, &server.version).await?;
        let Some(entry) = there.filter(|entry| entry.is_approved() && entry.owner == server.owner) else {
            return Ok(None);
        };
        let owner = &server.owner;
        let proposal = Held::new(&entry, server, Source::Registration, owner);
        if server.compute_hash() != entry.compute_hash() {
            if let Some(held) = proposal
                && self.registry.hold(&entry, &held).await?
            {
                self.notices.send(&Notice::held(&entry, &held)).await;
            }
            return Ok(Some(entry));
        }
        // A stack that is rolled back says again what was approved: what it proposed in between is moot.
        if let Some(moot) = self.registry.held(&entry.server_id, &entry.version).await?
            && moot.proposed_by == *owner
        {
            self.registry.reject_held(&entry, &moot, Action::Withdrawn, owner, None).await?;
        }
        let Some(said) = proposal else { return Ok(Some(entry)) };
        let after = said.applied_to(&entry)?;
        let changed = self.registry.patch(&entry, &after, owner).await?;
        changed.map(Some).ok_or_else(|| {
            Error::new(
                Kind::Conflict,
                format!("{} was changed by somebody else at this moment. Try again.", entry.id()),
            )
        })
    }
}
