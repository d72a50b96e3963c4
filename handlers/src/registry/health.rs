//! What the health checks write into the registry.

use aws_sdk_dynamodb::types::AttributeValue::S;

use super::{Registry, Server, Status, now, write::done};
use crate::error::Result;

/// The entry has the status that it was seen with, and nobody has changed anything else of it.
const UNCHANGED: &str = "#status = :from AND updated_at = :seen";

impl Registry {
    /// Takes an active entry out of use, or brings back what was taken out of use by this, if it is still as `seen`. Returns
    /// the entry as it is then; `None`: somebody has changed it in between, and that counts.
    ///
    /// # Errors
    /// The table cannot be written.
    pub(crate) async fn put_health(&self, seen: &Server, unhealthy: bool, _who: &str) -> Result<Option<Server>> {
        let now = now();
        let (from, to) =
            if unhealthy { (Status::Active, Status::Unhealthy) } else { (Status::Unhealthy, Status::Active) };
        let (change, condition) = if unhealthy {
            ("SET #status = :to, updated_at = :now, unhealthy_since = :now", UNCHANGED.to_owned())
        } else {
            let ours = format!("{UNCHANGED} AND attribute_exists(unhealthy_since)");
            ("SET #status = :to, updated_at = :now REMOVE unhealthy_since", ours)
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("server_id", S(seen.server_id.clone()))
            .key("version", S(seen.version.clone()))
            .update_expression(change)
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":from", S(from.as_str().to_owned()))
            .expression_attribute_values(":to", S(to.as_str().to_owned()))
            .expression_attribute_values(":seen", S(seen.updated_at.clone()))
            .expression_attribute_values(":now", S(now.clone()));
        let written = done(update.send().await, "written")?;
        let unhealthy_since = unhealthy.then(|| now.clone());
        Ok(written.then(|| Server { status: to, updated_at: now, unhealthy_since, ..seen.clone() }))
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
