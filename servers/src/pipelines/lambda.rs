//! The Lambda doors: HTTP events (function URL, API Gateway REST and HTTP APIs) and raw JSON-RPC messages by `lambda:Invoke`.
//!
//! Who may invoke the function decides IAM, so an Invoke needs no key; an HTTP event does. Therefore nothing in a request may
//! turn an HTTP event into an Invoke. AWS builds the outer object of an event: a client's path, headers, query and body are
//! values inside it and cannot add a key beside them. An event counts as an Invoke only if it was read as no HTTP event, is
//! itself a JSON-RPC object, and has none of the keys every HTTP event has: one that cannot be read is refused, not trusted.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use axum::{Router, body, body::Body};
use handlers::runtime::{Exit, serve_buffered};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header, request::Parts};
use lambda_http::request::RequestContext;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::{
    call::{Call, Door},
    http::Endpoint,
};

/// Taken off Lambda's deadline, so that an answer still leaves in time.
const MARGIN: Duration = Duration::from_millis(500);
/// Largest answer that is passed on; Lambda's own limit of a buffered answer is 6 MB.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;
/// Keys of the outer object of HTTP events, one of which each kind of event has.
const HTTP_KEYS: [&str; 6] = ["requestContext", "httpMethod", "rawPath", "headers", "multiValueHeaders", "routeKey"];

/// The Lambda doors.
#[derive(Clone)]
pub struct Doors {
    router: Router,
    endpoint: Endpoint,
}

impl Doors {
    /// HTTP events go to the router, messages by Invoke to the endpoint.
    pub const fn new(router: Router, endpoint: Endpoint) -> Self {
        Self { router, endpoint }
    }

    /// Serves events until Lambda ends the environment.
    ///
    /// # Errors
    /// The Runtime API cannot be reached.
    pub async fn serve(self) -> Exit {
        serve_buffered(lambda_http::service_fn(move |request| {
            let doors = self.clone();
            async move { Ok::<_, Infallible>(doors.answer(request).await) }
        }))
        .await
    }

    /// Answers one event.
    pub async fn answer(&self, request: lambda_http::Request) -> Response<lambda_http::Body> {
        let context = request.extensions().get::<lambda_http::Context>();
        let mut call = Call::now(Door::Http);
        if let Some(context) = context {
            call.request_id.clone_from(&context.request_id);
            let remaining = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
            call.deadline = Instant::now() + remaining.saturating_sub(MARGIN);
        }
        match request.extensions().get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV1(context)) => {
                let stage = context.stage.clone();
                self.http(request, stage.as_deref(), call).await
            }
            Some(RequestContext::ApiGatewayV2(context)) => {
                let stage = context.stage.clone();
                self.http(request, stage.as_deref(), call).await
            }
            // Anything else is an event that was read as no HTTP event.
            _ => self.invoke(request, call).await,
        }
    }

    async fn http(
        &self,
        request: lambda_http::Request,
        stage: Option<&str>,
        call: Call,
    ) -> Response<lambda_http::Body> {
        let (mut parts, body) = request.into_parts();
        parts.uri = without_stage(&parts.uri, stage);
        let mut request = Request::from_parts(parts, Body::from(body.to_vec()));
        request.extensions_mut().insert(call);
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        buffered(response).await
    }

    async fn invoke(&self, request: lambda_http::Request, mut call: Call) -> Response<lambda_http::Body> {
        call.door = Door::Invoke;
        let body = request.into_body().to_vec();
        let message = match serde_json::from_slice::<Value>(&body) {
            Ok(Value::Object(message)) if is_message(&message) => message,
            _ => {
                tracing::warn!(
                    request_id = call.request_id,
                    "the event is neither an HTTP event nor a JSON-RPC message"
                );
                let error =
                    json!({ "code": -32600, "message": "Send a JSON-RPC 2.0 message, or an HTTP event with its key." });
                return json_answer(&json!({ "jsonrpc": "2.0", "id": null, "error": error }));
            }
        };
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = Method::POST;
        parts.uri = Uri::from_static("/mcp");
        parts.extensions.insert(call);
        fill_headers(&mut parts, &message);
        let response = buffered(self.endpoint.serve(Request::from_parts(parts, Body::from(body))).await).await;
        // A notification has no answer; the Lambda transport of MCP clients expects an empty object then.
        if response.body().is_empty() { json_answer(&json!({})) } else { response }
    }
}

fn is_message(message: &Map<String, Value>) -> bool {
    message.get("jsonrpc").is_some_and(|version| version == "2.0")
        && !HTTP_KEYS.iter().any(|key| message.contains_key(*key))
}

/// What an HTTP client would have sent along with the message.
/// Source: MCP 2026-07-28, "Streamable HTTP", standard request headers.
fn fill_headers(parts: &mut Parts, message: &Map<String, Value>) {
    let headers = &mut parts.headers;
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut set = |name: &'static str, value: Option<&Value>| {
        if let Some(Ok(value)) = value.and_then(Value::as_str).map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    };
    let params = message.get("params");
    let Some(version) = params.and_then(|params| params.pointer("/_meta/io.modelcontextprotocol~1protocolVersion"))
    else {
        return;
    };
    set("mcp-protocol-version", Some(version));
    set("mcp-method", message.get("method"));
    let name = match message.get("method").and_then(Value::as_str) {
        Some("tools/call" | "prompts/get") => params.and_then(|params| params.get("name")),
        Some("resources/read") => params.and_then(|params| params.get("uri")),
        _ => None,
    };
    set("mcp-name", name);
}

/// The stage is part of the path of an event from API Gateway; our paths begin after it.
fn without_stage(uri: &Uri, stage: Option<&str>) -> Uri {
    let path = uri.path();
    let rest = stage
        .filter(|stage| !stage.is_empty() && *stage != "$default")
        .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some(rest) = rest else { return uri.clone() };
    let mut target = if rest.is_empty() { "/".to_owned() } else { rest.to_owned() };
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(query);
    }
    target.parse().unwrap_or_else(|_| uri.clone())
}

async fn buffered(response: Response<Body>) -> Response<lambda_http::Body> {
    let (mut parts, body) = response.into_parts();
    let text = match body::to_bytes(body, LARGEST_ANSWER).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(cause) => {
            tracing::error!(cause = cause.to_string(), "the answer could not be read");
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            String::new()
        }
    };
    let body = if text.is_empty() { lambda_http::Body::Empty } else { lambda_http::Body::Text(text) };
    Response::from_parts(parts, body)
}

fn json_answer(value: &Value) -> Response<lambda_http::Body> {
    let mut response = Response::new(lambda_http::Body::Text(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests;
