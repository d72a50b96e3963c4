//! The admin API, for callers that sign with IAM credentials: `/servers`.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use super::RegistryApi;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::new()
}
