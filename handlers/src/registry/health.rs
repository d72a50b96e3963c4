//! What the health checks write into the registry.

use aws_sdk_dynamodb::types::AttributeValue::S;

use super::{Registry, Server, Status, now, transaction::done};
use crate::{
    audit::{Action, Record},
    error::Result,
};

impl Registry {
    /// Takes an active entry out of use, or brings back what was taken out of use by this, if it is still as `seen`. Returns
    /// the entry as it is then; `None`: somebody has changed it in between, and that counts.
    ///
    /// # Errors
    /// The tables cannot be written.
    pub(crate) async fn put_health(&self, seen: &Server, unhealthy: bool, who: &str) -> Result<Option<Server>> {
        let (from, to) =
            if unhealthy { (Status::Active, Status::Unhealthy) } else { (Status::Unhealthy, Status::Active) };
        // Brought back is only what was taken out of use by this.
        if seen.status != from || (!unhealthy && seen.unhealthy_since.is_none()) {
            return Ok(None);
        }
        let after = Server { status: to, unhealthy_since: unhealthy.then(now), ..seen.clone() };
        let record = Record::new(who, Action::of_status(from, to), Some(seen), Some(&after));
        self.replace(seen, &after, &record).await
    }

    /// Notes the MCP version that a server was found to speak, if the entry is still as `seen`. Nothing else of it changes.
    ///
    /// # Errors
    /// The table cannot be written.
    pub(crate) async fn put_mcp_version(&self, seen: &Server, version: &str) -> Result<bool> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("server_id", S(seen.server_id.clone()))
            .key("version", S(seen.version.clone()))
            .update_expression("SET mcp_version = :version")
            .condition_expression("updated_at = :seen")
            .expression_attribute_values(":version", S(version.to_owned()))
            .expression_attribute_values(":seen", S(seen.updated_at.clone()));
        done(update.send().await, "written")
    }
}
