//! `registry_api`: the registry of MCP servers over HTTP.
//!
//! Three faces on one function: self-registration (`POST /mcp/register`, see [`register`]), the admin API (`/servers`, see
//! [`admin`]) and the official MCP registry API, read only (`/v0.1`, see [`official`]). Each route describes itself for the
//! OpenAPI document, which is served under `/openapi.json`.

mod admin;
mod health;
mod official;
mod openapi;
mod path;
mod reader;
mod refusal;
mod register;
mod storable;

use std::sync::Arc;

use aws_config::SdkConfig;
use axum::{Router, extract::Request, response::Response};
use lambda_http::Service as _;
use utoipa_axum::router::OpenApiRouter;

use self::refusal::Refusal;
use crate::{
    env,
    error::{Error, Kind, Result, not_found},
    mcp_client::{Guard, McpClient},
    notices::Notices,
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
    notices: Notices,
    desk: register::Desk,
}

impl RegistryApi {
    /// From the function's configuration and the SDK's.
    ///
    /// # Errors
    /// A setting is wrong, or no TLS configuration can be made on this machine.
    pub fn new(settings: env::RegistryApi, config: &SdkConfig) -> Result<Self> {
        Ok(Self {
            registry: Registry::new(
                aws_sdk_dynamodb::Client::new(config),
                settings.registry_table.as_str(),
                settings.state_table.as_str(),
            ),
            client: McpClient::new(config, Guard::new(&settings.reach)?),
            notices: Notices::new(config, settings.approval_topic.as_deref()),
            desk: register::Desk::new(&settings, config),
            settings,
        })
    }
}

/// All routes.
pub fn app(api: RegistryApi) -> Router {
    let (routes, _) = routes().split_for_parts();
    let routes =
        routes.with_state(Arc::new(api)).fallback(serve_nothing).method_not_allowed_fallback(serve_no_such_method);
    // Around the routes: a layer of theirs runs after the route is chosen.
    Router::new().fallback(move |request| routes.clone().call(path::settle(request)))
}

fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::with_openapi(openapi::about())
        .merge(register::routes())
        .merge(admin::routes())
        .merge(official::routes())
        .merge(health::routes())
        .merge(openapi::routes())
}

async fn serve_nothing(request: Request) -> Response {
    let error = not_found("There is nothing at this path. GET /openapi.json lists what there is.");
    failed(&error.into(), request.extensions().get())
}

async fn serve_no_such_method(request: Request) -> Response {
    let error = Error::new(
        Kind::MethodNotAllowed,
        "This path does not take that method; the header Allow lists those it takes.",
    );
    failed(&error.into(), request.extensions().get())
}

/// The problem document of a failure, which is logged.
fn failed(refusal: &Refusal, invocation: Option<&Invocation>) -> Response {
    let request_id = invocation.map_or("", |invocation| invocation.request_id.as_str());
    let error = &refusal.error;
    let (kind, causes) = (error.kind(), error.causes());
    if refusal.is_ours() {
        tracing::error!(function = FUNCTION, request_id, ?kind, %error, causes, "request failed");
    } else {
        tracing::info!(function = FUNCTION, request_id, ?kind, %error, causes, "request refused");
    }
    refusal.response(invocation)
}
