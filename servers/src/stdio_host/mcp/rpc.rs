//! JSON-RPC messages of clients: what kind a message is, and how it is refused.
//! Source: JSON-RPC 2.0; MCP 2026-07-28, "Overview", error codes.

use serde_json::{Map, Value};

pub(super) use crate::stdio_host::rpc::{
    HEADER_MISMATCH, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, error, response,
};
use crate::stdio_host::{child::RpcError, outlet::Answer, rpc::error_response};

/// There is no such resource, until 2025-11-25.
pub(super) const RESOURCE_NOT_FOUND: i64 = -32002;
/// The client did not declare what the request needs.
pub(super) const MISSING_CAPABILITY: i64 = -32021;
/// A page has to be visited before the request can succeed, in 2025-11-25.
pub(super) const URL_ELICITATION_REQUIRED: i64 = -32042;

/// A request of a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// The client's id of it: a string or a number.
    pub(super) id: Value,
    pub(super) method: String,
    /// Empty where the request has none.
    pub(super) params: Map<String, Value>,
}

/// What a client can send.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    Request(Request),
    Notification {
        method: String,
        params: Value,
    },
    /// The answer to a request that this server sent.
    Response {
        id: Value,
        outcome: Result<Value, RpcError>,
    },
}

/// Reads a message.
///
/// # Errors
/// The answer to a message that is none of the three kinds.
pub(super) fn read(mut message: Value) -> Result<Message, Answer> {
    let id = message.get("id").cloned();
    let params = message.get_mut("params").map(Value::take).unwrap_or_default();
    match (message.get("method").and_then(Value::as_str), id) {
        (Some(method), Some(id @ (Value::String(_) | Value::Number(_)))) => match params {
            Value::Null => Ok(Message::Request(Request { id, method: method.to_owned(), params: Map::new() })),
            Value::Object(params) => Ok(Message::Request(Request { id, method: method.to_owned(), params })),
            _ => Err(refused(400, Some(&id), invalid("params must be an object."))),
        },
        (Some(method), None) => Ok(Message::Notification { method: method.to_owned(), params }),
        (None, Some(id)) => {
            if let Some(result) = message.get_mut("result") {
                return Ok(Message::Response { id, outcome: Ok(result.take()) });
            }
            match message.get_mut("error").map(|error| serde_json::from_value::<RpcError>(error.take())) {
                Some(Ok(error)) => Ok(Message::Response { id, outcome: Err(error) }),
                _ => Err(unreadable()),
            }
        }
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Answer {
    let error = error(INVALID_REQUEST, "The message is no JSON-RPC request, notification or response.");
    refused(400, None, error)
}

/// An error about the parameters.
pub(super) fn invalid(message: impl Into<String>) -> RpcError {
    error(INVALID_PARAMS, message)
}

/// An answer with a status of its own. Without an id the error is about no request.
pub(super) fn refused(status: u16, id: Option<&Value>, error: RpcError) -> Answer {
    let message = error_response(id.unwrap_or(&Value::Null), &error);
    Answer::Refused { status, message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_three_kinds_are_told_apart() {
        let request = read(json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).unwrap();
        assert_eq!(
            request,
            Message::Request(Request { id: json!(1), method: "tools/list".into(), params: Map::new() })
        );
        let notification = read(json!({ "jsonrpc": "2.0", "method": "x", "params": { "a": 1 } })).unwrap();
        assert_eq!(notification, Message::Notification { method: "x".into(), params: json!({ "a": 1 }) });
        let response = read(json!({ "jsonrpc": "2.0", "id": "r", "result": {} })).unwrap();
        assert_eq!(response, Message::Response { id: json!("r"), outcome: Ok(json!({})) });
        let response = read(json!({ "jsonrpc": "2.0", "id": "r", "error": { "code": -1, "message": "no" } })).unwrap();
        assert_eq!(response, Message::Response { id: json!("r"), outcome: Err(error(-1, "no")) });
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for message in [
            json!({ "jsonrpc": "2.0", "id": null, "method": "x" }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "x", "params": [1] }),
            json!({ "jsonrpc": "2.0", "id": 1 }),
            json!({ "jsonrpc": "2.0", "id": 1, "error": "no" }),
            json!({ "jsonrpc": "2.0" }),
        ] {
            assert!(matches!(read(message.clone()), Err(Answer::Refused { status: 400, .. })), "{message}");
        }
    }
}
