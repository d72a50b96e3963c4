//! The MCP endpoint: the SDK's service, with every failure of a message as JSON-RPC.
//!
//! The SDK answers malformed JSON with 415 and plain text. JSON-RPC 2.0 (section 5.1) has codes for it, and the door for
//! `lambda:Invoke` can pass on nothing but JSON.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::pipelines::mcp::{HttpService, LARGEST_MESSAGE};

/// JSON-RPC 2.0: the text is not JSON.
const PARSE_ERROR: i64 = -32700;
/// JSON-RPC 2.0: the JSON is not a request.
const INVALID_REQUEST: i64 = -32600;

/// The endpoint.
#[derive(Clone)]
pub struct Endpoint {
    service: HttpService,
}

impl Endpoint {
    /// The endpoint of that service.
    pub const fn new(service: HttpService) -> Self {
        Self { service }
    }

    /// Answers one HTTP request.
    pub async fn serve(&self, request: Request) -> Response {
        if request.method() != Method::POST || !is_json(request.headers()) {
            return self.service.handle(request).await.map(Body::new);
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, LARGEST_MESSAGE).await else {
            let message = format!("The message must have at most {LARGEST_MESSAGE} bytes and arrive whole.");
            return rpc_error(StatusCode::PAYLOAD_TOO_LARGE, Value::Null, INVALID_REQUEST, &message);
        };
        let id = match serde_json::from_slice::<Value>(&body) {
            Ok(Value::Object(message)) => message.get("id").cloned().unwrap_or_default(),
            Ok(_) => {
                let message = "Send one JSON-RPC message, an object; batches are not served.";
                return rpc_error(StatusCode::BAD_REQUEST, Value::Null, INVALID_REQUEST, message);
            }
            Err(cause) => {
                let message = format!("The body is not JSON: {cause}");
                return rpc_error(StatusCode::BAD_REQUEST, Value::Null, PARSE_ERROR, &message);
            }
        };
        let response = self.service.handle(Request::from_parts(parts, Body::from(body))).await;
        if response.status().is_success() || is_json(response.headers()) {
            return response.map(Body::new);
        }
        let status = match response.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::BAD_REQUEST,
            other => other,
        };
        let text = to_bytes(Body::new(response.into_body()), LARGEST_MESSAGE).await.unwrap_or_else(|_| Bytes::new());
        rpc_error(status, id, INVALID_REQUEST, &String::from_utf8_lossy(&text))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn rpc_error(status: StatusCode, id: Value, code: i64, message: &str) -> Response {
    let id = if id.is_string() || id.is_number() { id } else { Value::Null };
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
