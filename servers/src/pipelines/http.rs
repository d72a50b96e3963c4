//! The HTTP doors: `/mcp`, `/execute`, `/status/{execution_id}`, `/health` and `/live`, with errors as problem documents (RFC 9457).

mod endpoint;
mod problem;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use handlers::error::{self, Error, Kind};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use self::endpoint::Endpoint;
use self::problem::Problem;
use super::{
    arguments::one_spelling,
    call::{Call, Door},
    config::Pipeline,
    execution::{Failure, execution_id},
    health::HealthCheck,
    key,
    mcp::McpServer,
    service::Pipelines,
};
use crate::secret::Secret;

/// Largest body of `/execute`.
const LARGEST_BODY: usize = 64 * 1024;

/// What the doors share.
#[derive(Debug)]
pub struct Doors {
    pipelines: Arc<Pipelines>,
    key: Secret,
    health: HealthCheck,
}

impl Doors {
    /// Doors to these pipelines that open with that key.
    pub fn new(pipelines: Arc<Pipelines>, key: Secret) -> Self {
        Self { pipelines, key, health: HealthCheck::default() }
    }
}

/// All HTTP doors. `hosts` are the names `/mcp` answers to (any when empty).
pub fn router(doors: Doors, hosts: &[String]) -> Router {
    let endpoint = Endpoint::new(McpServer::new(Arc::clone(&doors.pipelines)).over_http(hosts));
    let doors = Arc::new(doors);
    Router::new()
        .route("/execute", post(execute))
        .route("/status/{execution_id}", get(status))
        .route("/mcp", any(move |request: Request| async move { endpoint.serve(request).await }))
        .fallback(async |call: Option<axum::Extension<Call>>| {
            let error = error::not_found(
                "There is nothing here. There are /mcp, /execute, /status/{execution_id}, /health and /live.",
            );
            Problem::of(error, call.as_ref().map(|call| &call.0))
        })
        .method_not_allowed_fallback(async |call: Option<axum::Extension<Call>>| {
            Problem::of(
                Error::new(Kind::MethodNotAllowed, "This path does not serve that method; see Allow."),
                call.as_ref().map(|call| &call.0),
            )
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&doors), with_key))
        // Routes added after a layer are not wrapped by it: these two need no key.
        .route("/health", get(health))
        .route("/live", get(live))
        .layer(middleware::from_fn(with_call))
        .with_state(doors)
}

/// Gives a request its circumstances, unless the Lambda door has done so.
async fn with_call(mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Call>().is_none() {
        request.extensions_mut().insert(Call::now(Door::Http));
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn with_key(State(doors): State<Arc<Doors>>, request: Request, next: Next) -> Response {
    match key::check(&doors.key, request.headers()).await {
        Ok(()) => next.run(request).await,
        Err(error) => {
            let call = request.extensions().get::<Call>();
            let request_id = call.map(|call| call.request_id.as_str());
            tracing::warn!(
                request_id,
                path = request.uri().path(),
                message = error.message(),
                causes = error.causes(),
                "no entry"
            );
            Problem::of(error, call).into_response()
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecuteBody {
    pipeline_type: String,
    environment: Option<Value>,
    tenant_id: Option<Value>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

async fn execute(
    State(doors): State<Arc<Doors>>,
    axum::Extension(call): axum::Extension<Call>,
    request: Request,
) -> Result<Response, Problem> {
    let refuse = |error| Problem::failed(call.refused("execute", Failure::not_started(error)), &call);
    let body = read_json(request).await.map_err(refuse)?;
    let pipeline_type = body.pipeline_type.clone();
    let pipeline = doors.pipelines.config().get(&pipeline_type);
    let arguments = arguments(body, pipeline).map_err(|reason| refuse(error::invalid(reason)))?;
    let execution = doors.pipelines.execute(&pipeline_type, arguments, None, &call).await;
    let execution = execution.map_err(|failure| Problem::failed(failure, &call))?;
    Ok((StatusCode::CREATED, Json(execution)).into_response())
}

async fn read_json(request: Request) -> Result<ExecuteBody, Error> {
    let content_type =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Error::new(Kind::UnsupportedMediaType, "Send the body as application/json (header Content-Type)."));
    }
    let body = axum::body::to_bytes(request.into_body(), LARGEST_BODY).await.map_err(|_| {
        Error::new(Kind::TooLarge, format!("The body must have at most {LARGEST_BODY} bytes and arrive whole."))
    })?;
    let mut json = serde_json::Deserializer::from_slice(&body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|cause| {
        let path = cause.path().to_string();
        let at = if path == "." { String::new() } else { format!("{path}: ") };
        let problem = error::shorten(&format!("{at}{}", cause.inner()), 200);
        error::invalid(format!("The body is not a request to execute: {problem}"))
    })?;
    json.end().map_err(|cause| error::invalid(format!("The body is not one JSON object: {cause}")))?;
    Ok(parsed)
}

/// The arguments of a body. `parameters` may repeat `environment` and `tenant_id` (callers that pass on a tool call's
/// arguments as they are do so), but not with another value; `null` is nothing; text is read as the declared type.
fn arguments(body: ExecuteBody, pipeline: Option<&Pipeline>) -> Result<Map<String, Value>, String> {
    let mut arguments = body.parameters;
    arguments.retain(|_, value| !value.is_null());
    for (name, value) in [("environment", body.environment), ("tenant_id", body.tenant_id)] {
        let Some(value) = value.filter(|value| !value.is_null()) else { continue };
        match arguments.insert(name.to_owned(), value.clone()) {
            Some(other) if !same(name, &other, &value) => {
                let [value, other] = [value, other].map(|value| error::shorten(&value.to_string(), 80));
                return Err(format!("{name}: is {value}, and {other} in parameters"));
            }
            _ => {}
        }
    }
    for (name, parameter) in pipeline.iter().flat_map(|pipeline| &pipeline.parameters) {
        if let Some(value) = arguments.get_mut(name) {
            *value = parameter.from_text(value);
        }
    }
    Ok(arguments)
}

/// Whether two values of an argument mean the same.
fn same(name: &str, one: &Value, other: &Value) -> bool {
    match (name, one, other) {
        ("tenant_id", Value::String(one), Value::String(other)) => one_spelling(one) == one_spelling(other),
        _ => one == other,
    }
}

async fn status(
    State(doors): State<Arc<Doors>>,
    axum::Extension(call): axum::Extension<Call>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let id = execution_id(&text)
        .map_err(|reason| Problem::of(call.refused("status", Failure::invalid(reason)).error, Some(&call)))?;
    let execution = doors.pipelines.status(id, None, &call).await.map_err(|failure| Problem::failed(failure, &call))?;
    if execution.found == Some(false) {
        return Err(Problem::of(error::not_found(execution.message), Some(&call)));
    }
    Ok(Json(execution).into_response())
}

async fn health(State(doors): State<Arc<Doors>>) -> Response {
    let health = doors.health.get(&doors.pipelines).await;
    let status = if health.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health)).into_response()
}

/// Whether this process answers, whatever GitLab does: who restarts servers must not do so because GitLab is down.
async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

#[cfg(test)]
mod tests;
