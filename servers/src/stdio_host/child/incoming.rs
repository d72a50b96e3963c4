//! What a message of a child means.

use serde_json::Value;

use super::RpcError;

/// A message of a child, by its kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Incoming {
    /// It wants an answer.
    Request {
        /// The child's id.
        id: Value,
        /// What it wants.
        method: String,
        /// Null if there are none.
        params: Value,
    },
    /// It wants none; the whole message.
    Notification(Value),
    /// The answer to a request of ours.
    Response {
        /// Our id, or something else.
        id: Value,
        /// The result or the error.
        outcome: Result<Value, RpcError>,
    },
    /// Something that JSON-RPC does not know; the reason.
    Malformed(&'static str),
}

impl Incoming {
    /// The method, or what else it is: for the log, where nothing else of it belongs.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Request { method, .. } => method,
            Self::Notification(message) => message["method"].as_str().unwrap_or_default(),
            Self::Response { .. } => "a response",
            Self::Malformed(reason) => reason,
        }
    }

    /// Reads a message that names JSON-RPC 2.0.
    /// Source: JSON-RPC 2.0, sections 4 and 5; MCP 2025-11-25, "Messages": an id is a string or an integer.
    pub(super) fn read(mut message: Value) -> Self {
        let id = message.get("id").cloned();
        let method = message.get("method").map(|method| method.as_str().map(str::to_owned));
        match (method, id) {
            (Some(None), _) => Self::Malformed("a method that is no text"),
            (Some(Some(_)), None) => Self::Notification(message),
            (Some(Some(method)), Some(id)) if id.is_string() || id.is_i64() || id.is_u64() => {
                Self::Request { id, method, params: message["params"].take() }
            }
            (Some(Some(_)), Some(_)) => Self::Malformed("a request whose id is neither text nor integer"),
            (None, None) => Self::Malformed("a message without method and id"),
            // Some write the other one as null.
            (None, Some(id)) => match (message.get("result").is_some(), !message["error"].is_null()) {
                (true, false) => Self::Response { id, outcome: Ok(message["result"].take()) },
                (_, true) if message["result"].is_null() => match serde_json::from_value(message["error"].take()) {
                    Ok(error) => Self::Response { id, outcome: Err(error) },
                    Err(_) => Self::Malformed("an error without code or message"),
                },
                _ => Self::Malformed("a response without exactly one of result and error"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_is_known_by_its_fields() {
        let error = RpcError { code: -32602, message: "no such tool".to_owned(), data: Some(json!([1])) };
        let cases = [
            (
                json!({ "id": "a", "method": "ping" }),
                Incoming::Request { id: json!("a"), method: "ping".to_owned(), params: Value::Null },
            ),
            (
                json!({ "id": 0, "method": "roots/list", "params": {} }),
                Incoming::Request { id: json!(0), method: "roots/list".to_owned(), params: json!({}) },
            ),
            (json!({ "method": "x", "params": [] }), Incoming::Notification(json!({ "method": "x", "params": [] }))),
            (
                json!({ "id": 1, "result": 2, "error": null }),
                Incoming::Response { id: json!(1), outcome: Ok(json!(2)) },
            ),
            (json!({ "id": 1, "result": null }), Incoming::Response { id: json!(1), outcome: Ok(Value::Null) }),
            (
                json!({ "id": 1, "result": null, "error": { "code": -32602, "message": "no such tool", "data": [1] } }),
                Incoming::Response { id: json!(1), outcome: Err(error) },
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(Incoming::read(message.clone()), expected, "{message}");
        }
    }

    #[test]
    fn what_json_rpc_does_not_know_is_malformed() {
        for message in [
            json!({}),
            json!({ "method": 1 }),
            json!({ "id": null, "method": "ping" }),
            json!({ "id": 1.5, "method": "ping" }),
            json!({ "id": 1 }),
            json!({ "id": 1, "result": 1, "error": { "code": 1, "message": "" } }),
            json!({ "id": 1, "error": "text" }),
            json!({ "id": 1, "error": { "code": 1 } }),
        ] {
            assert!(matches!(Incoming::read(message.clone()), Incoming::Malformed(_)), "{message}");
        }
    }
}
