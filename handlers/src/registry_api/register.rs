//! Self-registration: `POST /mcp/register`.
//!
//! A registration token says whose the server is. What is new is counted, checked, and either waits for approval or is used at
//! once, as the deployment is set; what is registered already is answered as it is. One line is logged for each request, with
//! the name of the token and never the token.

mod enter;
mod limit;
mod place;
mod submission;
#[cfg(test)]
mod tests;
mod tokens;
mod tools;

use std::{net::IpAddr, sync::Arc, time::Duration};

use aws_config::SdkConfig;
use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, LOCATION},
    },
    response::{IntoResponse as _, Response},
};
use lambda_http::{RequestExt as _, request::RequestContext};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::{
    enter::{Entered, enter},
    submission::{Endpoints, Registrant, Submission, available_tools},
};
use self::{
    limit::{Limit, Quota},
    tokens::{Holder, Tokens},
};
use super::{FUNCTION, RegistryApi, refusal::Refusal};
use crate::{
    env,
    error::{Error, Result, internal, timeout},
    json_body, problem,
    registry::{Server, Status, rules},
    runtime::Invocation,
};

/// Header with the token.
const TOKEN_HEADER: &str = "x-registration-token";

/// Largest body, in bytes: the largest tools list, indented, and room for the rest.
const BODY_SIZE: usize = 3 * rules::MAX_TOOLS_BYTES;

/// What is kept of the function's time to write the answer.
const MARGIN: Duration = Duration::from_secs(2);

/// What a small body looks like.
const EXAMPLE: &str = r#"{"server_name": "Weather", "endpoint_url": "https://weather.example.com/mcp"}"#;

/// What self-registration needs besides what all routes share.
#[derive(Debug)]
pub(super) struct Desk {
    tokens: Tokens,
    limit: Limit,
}

impl Desk {
    pub(super) fn new(settings: &env::RegistryApi, config: &SdkConfig) -> Self {
        let client = aws_sdk_dynamodb::Client::new(config);
        Self {
            tokens: Tokens::new(config, &settings.reach.stage),
            limit: Limit::new(client, settings.state_table.as_str(), settings.registration_limit),
        }
    }

    /// Whether registration tokens can be known.
    ///
    /// # Errors
    /// Why they cannot.
    pub(super) async fn readable(&self) -> Result<()> {
        self.tokens.readable().await
    }
}

/// What was registered.
#[derive(Debug, Serialize, ToSchema)]
struct Registered {
    /// Which server, given or derived.
    #[schema(example = "weather")]
    server_id: String,
    /// Which version of it, given or derived.
    #[schema(example = "1.0.0")]
    version: String,
    /// `pending` until somebody approves it, then `active`; later perhaps another one.
    status: Status,
    /// Hash of what was registered: endpoint, protocol, authentication, health URL, configuration and tools.
    definition_hash: String,
    /// Names of its tools.
    tools: Vec<String>,
    /// What that means, for people.
    message: &'static str,
}

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::new().routes(routes!(register))
}

/// Registers an MCP server.
///
/// The same content again is answered with 200 and counts for nothing. Other content needs another version, or none: then it
/// becomes the next patch version, while the approved one serves on.
#[utoipa::path(
    post, path = "/mcp/register", tag = "registration", security(("registration_token" = [])),
    request_body = Submission,
    responses(
        (status = 201, description = "Registered", body = Registered,
            headers(("Location" = String, description = "The entry in the admin API, relative to this address"))),
        (status = 200, description = "Registered before, with this content", body = Registered),
        (status = 400, description = "The body is wrong; `errors` names every place", body = problem::Document, content_type = "application/problem+json"),
        (status = 401, description = "The token is missing or not valid", body = problem::Document, content_type = "application/problem+json"),
        (status = 403, description = "The server id belongs to somebody else", body = problem::Document, content_type = "application/problem+json"),
        (status = 409, description = "The version is registered with other content; `errors` says where it differs", body = problem::Document, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = problem::Document, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON in UTF-8", body = problem::Document, content_type = "application/problem+json"),
        (status = 424, description = "The server has to be asked for its tools and does not answer", body = problem::Document, content_type = "application/problem+json"),
        (status = 429, description = "Too many registrations in this hour", body = problem::Document, content_type = "application/problem+json",
            headers(("Retry-After" = u64, description = "Seconds until the hour ends"))),
        (status = 504, description = "The registration took too long; send it again to learn what became of it", body = problem::Document, content_type = "application/problem+json"),
    ),
)]
async fn register(State(api): State<Arc<RegistryApi>>, request: Request) -> Response {
    let invocation = request.extensions().get::<Invocation>().cloned();
    let mut record = Record::of(invocation.as_ref());
    let outcome = answer(&api, request, invocation.as_ref(), &mut record).await;
    record.write(&outcome);
    match outcome {
        Ok(entered) => response(&entered),
        Err(refusal) => refusal.response(invocation.as_ref()),
    }
}

async fn answer(
    api: &RegistryApi,
    request: Request,
    invocation: Option<&Invocation>,
    record: &mut Record,
) -> Result<Entered, Refusal> {
    let invocation = invocation.ok_or_else(|| internal("The request came without an invocation of Lambda."))?;
    let now = Instant::now();
    let deadline = now + invocation.remaining().saturating_sub(MARGIN);
    let work = work(api, request, deadline, record);
    let late = || timeout("The registration took too long. Send the same again to learn what became of it.").into();
    tokio::time::timeout_at(deadline, Box::pin(work)).await.unwrap_or_else(|_| Err(late()))
}

async fn work(api: &RegistryApi, request: Request, deadline: Instant, record: &mut Record) -> Result<Entered, Refusal> {
    let address = address(&request)?;
    record.address = Some(address);
    let token = request.headers().get(TOKEN_HEADER).map(HeaderValue::as_bytes);
    let holder = api.desk.tokens.holder(token).await?;
    record.token = Some(holder.name.clone());
    json_body::check_content_type(request.headers())?;
    let body = json_body::read(request.into_body(), BODY_SIZE, "Shorten the tools.").await?;
    let fields = json_body::object(&body, EXAMPLE)?;
    let submission = Submission::parse(fields, api.client.guard(), Endpoints::Https).map_err(Refusal::of_body)?;
    record.server_id.clone_from(&submission.server_id);
    let Holder { name, owner } = holder;
    let who = format!("{owner}/{name}");
    let quota = Some(Quota { limit: api.desk.limit.clone(), token: name, address });
    let registrant = Registrant { owner, who, approval: api.settings.approval, quota };
    let entered = enter(api, &submission, &registrant, deadline).await?;
    record.server_id = Some(entered.entry.server_id.clone());
    record.version = Some(entered.entry.version.clone());
    Ok(entered)
}

/// Where the request came from, as API Gateway saw it. What a client says of that in a header does not count.
fn address(request: &Request) -> Result<IpAddr> {
    let context = request.extensions().request_context_ref();
    let Some(RequestContext::ApiGatewayV1(context)) = context else {
        return Err(internal("The request did not come through the REST API."));
    };
    let address = context.identity.source_ip.as_deref().unwrap_or_default();
    address.parse().map_err(|e| internal("API Gateway does not say where the request came from.").with_source(e))
}

fn response(Entered { entry, is_new }: &Entered) -> Response {
    let Server { server_id, version, status, definition_hash, .. } = entry;
    let body = Registered {
        server_id: server_id.clone(),
        version: version.clone(),
        status: *status,
        definition_hash: definition_hash.clone(),
        tools: entry.available_tools.iter().map(|tool| tool.name.clone()).collect(),
        message: match status {
            Status::Pending => {
                "It waits for approval and is not called until then. Send the same again to see its status."
            }
            Status::Active => "It is in use.",
            Status::Rejected => "An approver refused it. Change it and register another version.",
            Status::Unhealthy => "It is registered, and fails its health checks.",
            Status::Inactive | Status::Maintenance => "It is registered, and taken out of use for now.",
            Status::Decommissioned => "It is out of service.",
        },
    };
    let mut response = (if *is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Relative to this address, so that it holds behind any domain and stage.
    if let Ok(location) = HeaderValue::try_from(format!("../servers/{server_id}/versions/{version}")) {
        headers.insert(LOCATION, location);
    }
    response
}

/// The one line about a request.
struct Record {
    request_id: String,
    token: Option<String>,
    address: Option<IpAddr>,
    server_id: Option<String>,
    version: Option<String>,
    started: Instant,
}

impl Record {
    fn of(invocation: Option<&Invocation>) -> Self {
        Self {
            request_id: invocation.map(|invocation| invocation.request_id.clone()).unwrap_or_default(),
            token: None,
            address: None,
            server_id: None,
            version: None,
            started: Instant::now(),
        }
    }

    fn write(self, outcome: &Result<Entered, Refusal>) {
        let Self { request_id, token, address, server_id, version, started } = self;
        let address = address.map(|address| address.to_string());
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(Entered { entry, is_new }) => {
                let status = if *is_new { 201 } else { 200 };
                tracing::info!(function = FUNCTION, request_id, token, address, server_id, version, status, entry_status = %entry.status, elapsed_ms, "registration answered");
            }
            Err(refusal) => {
                let error: &Error = &refusal.error;
                let (status, causes, faults) = (error.kind().status(), error.causes(), refusal.faults.len());
                if refusal.is_ours() {
                    tracing::error!(function = FUNCTION, request_id, token, address, server_id, version, status, elapsed_ms, %error, causes, "registration failed");
                } else {
                    tracing::warn!(function = FUNCTION, request_id, token, address, server_id, version, status, elapsed_ms, faults, %error, causes, "registration refused");
                }
            }
        }
    }
}
