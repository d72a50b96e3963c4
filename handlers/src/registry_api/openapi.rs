//! The OpenAPI document of all routes.

use axum::{Json, Router, routing::get};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

/// The document before the routes are in it.
pub(super) fn about() -> OpenApi {
    let info = InfoBuilder::new().title("Switchyard registry API").version(env!("CARGO_PKG_VERSION")).build();
    OpenApiBuilder::new().info(info).build()
}

/// `GET /openapi.json`.
pub(super) fn serve(document: OpenApi) -> Router {
    Router::new().route("/openapi.json", get(|| async move { Json(document) }))
}
