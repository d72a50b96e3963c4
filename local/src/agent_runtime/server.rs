//! The HTTP side: InvokeAgent's path, and `/health`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body as HttpBody, Bytes},
    extract::{DefaultBodyLimit, Path, Request, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use handlers::definitions::{Agent, LOCAL_ALIAS_ID, local_agent_id};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    error::{AgentError, Fault, Result},
    request::{self, Body, MAX_INPUT},
    run::{Engine, Run},
    sessions::Sessions,
    stream::CONTENT_TYPE,
};

/// The alias id of Bedrock that always means the working draft; boto3's examples use it.
const DRAFT_ALIAS_ID: &str = "TSTALIASID";

/// JSON escapes can make a text six times as long.
const MAX_BODY: usize = 6 * MAX_INPUT + 1_000_000;

/// What the routes share.
#[derive(Clone)]
struct Shared {
    engine: Arc<Engine>,
    sessions: Arc<Sessions>,
}

/// All routes.
pub(crate) fn router(engine: Engine, sessions: Arc<Sessions>) -> Router {
    Router::new()
        .route("/agents/{agent_id}/agentAliases/{alias_id}/sessions/{session_id}/text", post(invoke))
        .route("/health", get(health))
        .fallback(|| async {
            let body = Json(json!({ "message": "The local agent runtime serves InvokeAgent and GET /health." }));
            (StatusCode::NOT_FOUND, [("x-amzn-errortype", "UnknownOperationException")], body)
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(only_local_programs))
        .with_state(Shared { engine: Arc::new(engine), sessions })
}

/// Refuses requests that a web page makes a browser send: the signature is not checked here, so being reachable must not be
/// enough. Programs send no Origin, and a name that was rebound to 127.0.0.1 shows in Host.
async fn only_local_programs(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = text(header::HOST);
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    if headers.contains_key(header::ORIGIN) || !matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
        let message = "The local agent runtime answers programs on this machine only, called by a loopback address.";
        return AgentError::new(Fault::AccessDenied, message).into_response();
    }
    // Who calls: the access key of the signature (`Credential=KEY/date/region/service/aws4_request`), and the name that the
    // SDK was given for its program (`app/NAME`).
    let key = between(text(header::AUTHORIZATION), "Credential=", '/');
    let program = between(text(header::USER_AGENT), "app/", ' ');
    tracing::info!(method = %request.method(), path = request.uri().path(), key, program, "request");
    next.run(request).await
}

/// What follows the first `start` of a text, up to `end`; nothing without it.
fn between<'a>(text: &'a str, start: &str, end: char) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_default();
    rest.split(end).next().unwrap_or_default()
}

async fn health(State(shared): State<Shared>) -> Response {
    let agents: Vec<_> = shared
        .engine
        .definitions
        .agents()
        .iter()
        .map(|agent| json!({ "name": agent.name, "agent_id": local_agent_id(&agent.name), "alias_id": LOCAL_ALIAS_ID }))
        .collect();
    Json(json!({ "status": "ok", "model": shared.engine.model.name(), "agents": agents })).into_response()
}

async fn invoke(
    State(shared): State<Shared>,
    Path((agent_id, alias_id, session_id)): Path<(String, String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, AgentError> {
    request::check_agent_id("agentId", &agent_id)?;
    request::check_agent_id("agentAliasId", &alias_id)?;
    request::check_id("sessionId", &session_id)?;
    let agent = find_agent(&shared.engine, &agent_id, &alias_id)?.clone();
    let body =
        body.map_err(|error| AgentError::validation(format!("The body cannot be read: {}.", error.body_text())))?;
    let body = Body::parse(&body)?;
    let idle = Duration::from_secs(agent.idle_session_seconds.into());
    let lease = shared.sessions.take(&agent_id, &session_id, idle)?;
    let memory_id = body.memory_id.clone();
    let request_id = Uuid::new_v4().to_string();
    let (frames, received) = mpsc::channel(16);
    // Its own task: what has begun is not cut off in the middle of a call when the client goes away.
    tokio::spawn(Run::new(shared.engine, agent, lease, &session_id, &request_id, frames).answer(body));
    let stream = stream::unfold(received, |mut received| async move {
        received.recv().await.map(|frame| (Ok::<_, std::convert::Infallible>(frame), received))
    });
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        // Both ids were checked to be letters, digits and punctuation.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-type", CONTENT_TYPE);
    set("x-amzn-bedrock-agent-content-type", "application/json");
    set("x-amz-bedrock-agent-session-id", &session_id);
    set("x-amzn-requestid", &request_id);
    if let Some(memory_id) = memory_id {
        set("x-amz-bedrock-agent-memory-id", &memory_id);
    }
    Ok((headers, HttpBody::from_stream(stream)).into_response())
}

fn find_agent<'a>(engine: &'a Engine, agent_id: &str, alias_id: &str) -> Result<&'a Agent> {
    let unknown = |message: String| AgentError::new(Fault::ResourceNotFound, message);
    let agents = engine.definitions.agents();
    let agent = agents.iter().find(|agent| local_agent_id(&agent.name) == agent_id).ok_or_else(|| {
        let known: Vec<_> = agents.iter().map(|agent| local_agent_id(&agent.name)).collect();
        unknown(format!("There is no agent {agent_id} here. The agents are {}.", known.join(", ")))
    })?;
    if alias_id != LOCAL_ALIAS_ID && alias_id != DRAFT_ALIAS_ID {
        return Err(unknown(format!("Agent {agent_id} has no alias {alias_id}. Its alias is {LOCAL_ALIAS_ID}.")));
    }
    Ok(agent)
}

impl IntoResponse for AgentError {
    fn into_response(self) -> Response {
        tracing::warn!(error = %self, "refused");
        let status = StatusCode::from_u16(self.fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let request_id = Uuid::new_v4().to_string();
        (status, [("x-amzn-errortype", self.fault.shape()), ("x-amzn-requestid", request_id)], Json(self.body()))
            .into_response()
    }
}
