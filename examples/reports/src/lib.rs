//! An MCP server with two tools, behind API Gateway: POST /mcp and GET /health.

mod csv;
mod mcp;
mod process;
mod report;
#[cfg(test)]
mod tests;

use axum::{
    Json, Router,
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
    routing::get,
};
use serde_json::{Value, json};

/// The routes.
pub fn router() -> Router {
    Router::new()
        .route_service("/mcp", mcp::service())
        .route("/health", get(health))
        .layer(map_response(let_pages_read))
}

/// The server depends on nothing, so it is healthy when it answers.
async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy", "checks": {}, "timestamp": jiff::Timestamp::now().to_string() }))
}

/// API Gateway answers preflight requests; that a web page may read an answer, the answer itself has to say.
async fn let_pages_read(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
