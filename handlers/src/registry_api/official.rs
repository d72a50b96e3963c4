//! The official MCP registry API, read only: `/v0.1/servers`.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use super::RegistryApi;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::new()
}
