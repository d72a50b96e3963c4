//! `registry_api`: the registry of MCP servers over HTTP.
//!
//! Three faces on one function: self-registration (`POST /mcp/register`, see [`register`]), the admin API (`/servers`, see
//! [`admin`]) and the official MCP registry API, read only (`/v0.1`, see [`official`]). Each route describes itself for the
//! OpenAPI document, which is served under `/openapi.json`.

mod admin;
mod official;
mod openapi;
mod register;

use std::sync::Arc;

use aws_config::SdkConfig;
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header::CACHE_CONTROL},
    response::Response,
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    env,
    error::{Error, Kind, Result, not_found},
    mcp_client::{Guard, McpClient},
    problem,
    registry::Registry,
    runtime::Invocation,
};

/// Name in the log.
const FUNCTION: &str = "registry_api";

/// What every route needs.
#[derive(Debug)]
pub struct RegistryApi {
    settings: env::RegistryApi,
    registry: Registry,
    client: McpClient,
}

impl RegistryApi {
    /// From the function's configuration and the SDK's.
    ///
    /// # Errors
    /// A setting is wrong, or no TLS configuration can be made on this machine.
    pub fn new(settings: env::RegistryApi, config: &SdkConfig) -> Result<Self> {
        Ok(Self {
            registry: Registry::new(aws_sdk_dynamodb::Client::new(config), settings.registry_table.as_str()),
            client: McpClient::new(config, Guard::new(&settings.reach)?),
            settings,
        })
    }
}

/// All routes.
pub fn app(api: RegistryApi) -> Router {
    let (routes, document) = routes().split_for_parts();
    routes.with_state(Arc::new(api)).merge(openapi::serve(document)).fallback(serve_nothing)
}

fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::with_openapi(openapi::about())
        .merge(register::routes())
        .merge(admin::routes())
        .merge(official::routes())
}

async fn serve_nothing(request: Request) -> Response {
    let invocation = request.extensions().get::<Invocation>();
    failed(&not_found("There is nothing at this path. GET /openapi.json lists what there is."), invocation)
}

/// The problem document of a failure, which is logged.
fn failed(error: &Error, invocation: Option<&Invocation>) -> Response {
    let request_id = invocation.map_or("", |invocation| invocation.request_id.as_str());
    let (kind, causes) = (error.kind(), error.causes());
    if kind == Kind::Internal {
        tracing::error!(function = FUNCTION, request_id, ?kind, %error, causes, "request failed");
    } else {
        tracing::info!(function = FUNCTION, request_id, ?kind, %error, causes, "request refused");
    }
    let mut response = problem::response(error, &problem::document(error, request_id));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
