//! The admin API, for callers that sign with IAM credentials: `/servers`.
//!
//! What a caller does is in the audit under the principal that API Gateway verified. What changes the definition of an
//! approved server is held until somebody approves it; the approved one serves on.

mod call;
mod decide;
mod list;
mod live;
mod patch;
mod read;
mod register;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::RegistryApi;
use crate::{
    error::{Error, Kind, Result, not_found},
    registry::{Server, Status},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::new()
        .routes(routes!(list::list_entries, register::register_by_hand))
        .routes(routes!(read::show_server))
        .routes(routes!(read::list_entry_versions))
        .routes(routes!(read::show_entry, patch::patch_entry))
        .routes(routes!(read::show_held))
        .routes(routes!(read::show_audit))
        .routes(routes!(read::show_entry_audit))
        .routes(routes!(decide::change_status))
        .routes(routes!(decide::approve))
        .routes(routes!(decide::reject))
        .routes(routes!(decide::decommission))
        .routes(routes!(live::test))
        .routes(routes!(live::refresh))
}

/// What became of an entry.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    /// Which server.
    #[schema(example = "weather")]
    server_id: String,
    /// Which version of it.
    #[schema(example = "1.0.0")]
    version: String,
    /// Its status now.
    status: Status,
    /// Hash of the definition that counts now.
    definition_hash: String,
    /// Whether a changed definition waits for approval.
    held: bool,
    /// What happened, for people.
    message: String,
}

impl Changed {
    fn new(entry: &Server, held: bool, message: impl Into<String>) -> Self {
        Self {
            server_id: entry.server_id.clone(),
            version: entry.version.clone(),
            status: entry.status,
            definition_hash: entry.definition_hash.clone(),
            held,
            message: message.into(),
        }
    }
}

impl RegistryApi {
    /// An entry that has to be there.
    async fn entry(&self, key: &call::Key) -> Result<Server> {
        let entry = self.registry.get(&key.server_id, &key.version).await?;
        entry.ok_or_else(|| not_found(format!("There is no MCP server {}@{} here.", key.server_id, key.version)))
    }
}

/// What was decided about an entry that somebody else has changed meanwhile.
fn outrun(entry: &Server) -> Error {
    Error::new(
        Kind::Conflict,
        format!("{} was changed by somebody else at this moment. Look at it again, then try again.", entry.id()),
    )
}
