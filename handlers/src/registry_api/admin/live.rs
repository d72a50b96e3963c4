//! What a server says now: whether it answers, and whether its tools are still those that were approved.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    Changed,
    call::{Call, Empty, Key, OfEntry, fields},
    patch::propose,
};
use crate::{
    error::{Error, Kind, dependency},
    problem,
    registry::{AuthenticationType, ProtocolType, Server, Source, Tool, rules},
    registry_api::{RegistryApi, reader::Reader, refusal::Refusal},
};

/// What a server answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tested {
    /// Whether it answered as its protocol wants.
    ok: bool,
    /// Milliseconds from the first step, fetching of secrets included, to the whole answer.
    latency_ms: u64,
    /// What was asked.
    asked: &'static str,
    /// The MCP version agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    mcp_version: Option<String>,
    /// How the tools that it lists differ from those that count; missing where it lists none.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Difference>,
    /// Why it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// How two lists of tools differ, by the names of the tools.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Difference {
    /// Whether they are the same.
    same: bool,
    /// Only the server has them.
    added: Vec<String>,
    /// Only the registry has them.
    removed: Vec<String>,
    /// Description, schema, or what the tool does to the world is another.
    changed: Vec<String>,
}

/// Asks a server, without changing anything: an MCP server for its version and its tools, others for their health.
#[utoipa::path(
    post, path = "/servers/{server_id}/versions/{version}/test", tag = "admin",
    params(Key),
    responses(
        (status = 200, description = "What it answered, well or not", body = Tested),
        (status = 409, description = "Its credentials are not used before it is approved", body = problem::Document, content_type = "application/problem+json"),
        OfEntry,
    ),
)]
pub(super) async fn test(State(api): State<Arc<RegistryApi>>, call: Call, key: Key, request: Request) -> Response {
    let outcome = tested(&api, &call, &key, request).await;
    call.answer(outcome)
}

/// Reads the tools of an MCP server again. What is different waits for approval.
#[utoipa::path(
    post, path = "/servers/{server_id}/versions/{version}/refresh", tag = "admin",
    params(Key),
    responses(
        (status = 200, description = "Nothing is different, or it was not approved yet and is changed", body = Changed),
        (status = 202, description = "What is different waits for approval", body = Changed),
        (status = 409, description = "It cannot be asked for its tools, or its credentials are not used before it is approved", body = problem::Document, content_type = "application/problem+json"),
        (status = 424, description = "It does not answer as MCP wants, or its tools are wrong; then `errors` names every place", body = problem::Document, content_type = "application/problem+json"),
        OfEntry,
    ),
)]
pub(super) async fn refresh(State(api): State<Arc<RegistryApi>>, call: Call, key: Key, request: Request) -> Response {
    let outcome = refreshed(&api, &call, &key, request).await;
    call.answer(outcome)
}

async fn tested(api: &RegistryApi, call: &Call, key: &Key, request: Request) -> Result<(StatusCode, Tested), Refusal> {
    let deadline = call.deadline();
    no_fields(request).await?;
    let entry = api.entry(key).await?;
    may_ask(&entry)?;
    Ok((StatusCode::OK, ask(api, &entry, deadline).await))
}

async fn refreshed(
    api: &RegistryApi,
    call: &Call,
    key: &Key,
    request: Request,
) -> Result<(StatusCode, Changed), Refusal> {
    let deadline = call.deadline();
    no_fields(request).await?;
    let entry = api.entry(key).await?;
    may_ask(&entry)?;
    if entry.protocol_type != ProtocolType::JsonRpc {
        let protocol = entry.protocol_type;
        let message = format!("A {protocol} server cannot be asked for its tools. Change available_tools instead.");
        return Err(Error::new(Kind::Conflict, message).into());
    }
    let discovery = api.client.discover(&entry, deadline).await;
    let discovery = discovery.map_err(|error| dependency(error.to_string()).with_source(error))?;
    let mut after = entry.clone();
    after.available_tools = rules::refreshed(&entry, discovery.tools);
    if difference(&entry.available_tools, &after.available_tools).same {
        return Ok((StatusCode::OK, Changed::new(&entry, false, "Its tools are those that count.")));
    }
    after.mcp_version = Some(discovery.mcp_version);
    propose(api, call, &entry, after, Source::Refresh, deadline).await.map_err(by_server)
}

/// What is wrong with tools that the server lists is no fault of whoever asks for them.
fn by_server(refusal: Refusal) -> Refusal {
    let Refusal { error, faults } = refusal;
    if error.kind() != Kind::Invalid {
        return Refusal { error, faults };
    }
    let message =
        "The tools that the server lists cannot be registered; `errors` says why. The approved ones serve on.";
    Refusal { error: dependency(message), faults }
}

async fn ask(api: &RegistryApi, entry: &Server, deadline: Instant) -> Tested {
    let start = Instant::now();
    let (asked, outcome) = match entry.protocol_type {
        ProtocolType::JsonRpc => {
            let discovery = api.client.discover(entry, deadline).await;
            let told = discovery.map(|discovery| {
                let tools = rules::refreshed(entry, discovery.tools);
                (Some(discovery.mcp_version), Some(difference(&entry.available_tools, &tools)))
            });
            ("its MCP version and tools/list", told)
        }
        ProtocolType::Rest | ProtocolType::GraphQl => {
            ("its health", api.client.check_health(entry, deadline).await.map(|_| (None, None)))
        }
    };
    let latency_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok((mcp_version, tools)) => Tested { ok: true, latency_ms, asked, mcp_version, tools, error: None },
        Err(error) => {
            let error = Some(error.to_string());
            Tested { ok: false, latency_ms, asked, mcp_version: None, tools: None, error }
        }
    }
}

/// Credentials go only to what somebody approved: whoever registers an endpoint must not receive a key by it.
fn may_ask(entry: &Server) -> Result<(), Error> {
    if entry.authentication_type == AuthenticationType::None || entry.is_approved() {
        return Ok(());
    }
    let (id, status) = (entry.id(), entry.status);
    Err(Error::new(
        Kind::Conflict,
        format!("{id} is {status}. Its credentials are used only once somebody has approved its endpoint."),
    ))
}

async fn no_fields(request: Request) -> Result<(), Refusal> {
    let (parts, body) = request.into_parts();
    let faults = Reader::new(String::new(), fields(&parts, body, Empty::Allowed, "nothing").await?).finish();
    if faults.is_empty() { Ok(()) } else { Err(Refusal::of_body(faults)) }
}

fn difference(approved: &[Tool], told: &[Tool]) -> Difference {
    let find = |tools: &[Tool], name: &str| tools.iter().find(|tool| tool.name == name).cloned();
    let names = |tools: &[Tool], keep: &dyn Fn(&Tool) -> bool| -> Vec<String> {
        tools.iter().filter(|tool| keep(tool)).map(|tool| tool.name.clone()).collect()
    };
    let added = names(told, &|tool| find(approved, &tool.name).is_none());
    let removed = names(approved, &|tool| find(told, &tool.name).is_none());
    let changed = names(told, &|tool| find(approved, &tool.name).is_some_and(|before| !before.is_same_as(tool)));
    Difference { same: added.is_empty() && removed.is_empty() && changed.is_empty(), added, removed, changed }
}
