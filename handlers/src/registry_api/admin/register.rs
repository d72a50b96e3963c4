//! `POST /servers`: registration by hand, with the body of self-registration.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use super::{
    Changed,
    call::{Call, Empty, fields},
};
use crate::{
    error::internal,
    mcp_client::LambdaArn,
    problem,
    registry::{Status, principal_owner},
    registry_api::{
        RegistryApi,
        refusal::Refusal,
        register::{Endpoints, Entered, Registrant, Submission, enter},
    },
};

/// What a small body looks like.
const EXAMPLE: &str = r#"{"server_name": "Weather", "endpoint_url": "https://weather.example.com/mcp"}"#;

/// Registers an MCP server in the name of the caller.
///
/// As with a token, but no limit counts, and the endpoint may also be a Lambda function.
#[utoipa::path(
    post, path = "/servers", tag = "admin", request_body = Submission,
    responses(
        (status = 201, description = "Registered", body = Changed),
        (status = 200, description = "Registered before, with this content", body = Changed),
        (status = 400, description = "The body is wrong; `errors` names every place", body = problem::Document, content_type = "application/problem+json"),
        (status = 403, description = "The caller may not, or the server id belongs to somebody else", body = problem::Document, content_type = "application/problem+json"),
        (status = 409, description = "The version is registered with other content", body = problem::Document, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = problem::Document, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON in UTF-8", body = problem::Document, content_type = "application/problem+json"),
        (status = 424, description = "The server has to be asked for its tools and does not answer", body = problem::Document, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn register_by_hand(State(api): State<Arc<RegistryApi>>, call: Call, request: Request) -> Response {
    let outcome = work(&api, &call, request).await;
    call.answer(outcome)
}

async fn work(api: &RegistryApi, call: &Call, request: Request) -> Result<(StatusCode, Changed), Refusal> {
    let deadline = call.deadline();
    let (parts, body) = request.into_parts();
    let fields = fields(&parts, body, Empty::Refused, EXAMPLE).await?;
    let home = LambdaArn::parse(&call.invocation.function_arn).map_err(internal)?;
    let submission = Submission::parse(fields, api.client.guard(), Endpoints::All(&home)).map_err(Refusal::of_body)?;
    let registrant = Registrant {
        owner: principal_owner(call.who.as_str()),
        who: call.who.as_str().to_owned(),
        approval: api.settings.approval,
        quota: None,
    };
    let Entered { entry, is_new } = enter(api, &submission, &registrant, deadline).await?;
    let message = match (is_new, entry.status) {
        (true, Status::Pending) => "It waits for approval and is not called until then.",
        (true, _) => "It is in use.",
        (false, _) => "It was registered before, with this content.",
    };
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Changed::new(&entry, false, message)))
}
