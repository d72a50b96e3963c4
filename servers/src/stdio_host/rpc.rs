//! JSON-RPC as it is spoken on both sides: codes of errors, and how responses are written.
//! Sources: JSON-RPC 2.0, section 5; MCP 2025-11-25 and 2026-07-28, "Overview", error responses and codes.

use serde_json::{Value, json};

use super::child::RpcError;

/// Not JSON.
pub(super) const PARSE_ERROR: i64 = -32700;
/// Not a message that is taken.
pub(super) const INVALID_REQUEST: i64 = -32600;
/// The method is not there.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are missing or wrong; since 2026-07-28 also: there is no such resource.
pub(super) const INVALID_PARAMS: i64 = -32602;
/// Something here failed.
pub(super) const INTERNAL_ERROR: i64 = -32603;
/// Headers contradict the body or the session.
pub(super) const HEADER_MISMATCH: i64 = -32020;

/// An error without data.
pub(super) fn error(code: i64, message: impl Into<String>) -> RpcError {
    RpcError { code, message: message.into(), data: None }
}

/// The response to a request.
pub(super) fn response(id: &Value, outcome: Result<Value, RpcError>) -> Value {
    match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => error_response(id, &error),
    }
}

/// An error response. Without an id it is about no request.
pub(super) fn error_response(id: &Value, error: &RpcError) -> Value {
    match id {
        Value::Null => json!({ "jsonrpc": "2.0", "error": error }),
        id => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_names_its_request_if_there_is_one() {
        let failed = || error(INVALID_REQUEST, "no");
        let told = json!({ "code": -32600, "message": "no" });
        for (found, expected) in [
            (response(&json!(7), Ok(json!({}))), json!({ "jsonrpc": "2.0", "id": 7, "result": {} })),
            (response(&json!("a"), Err(failed())), json!({ "jsonrpc": "2.0", "id": "a", "error": told })),
            (error_response(&Value::Null, &failed()), json!({ "jsonrpc": "2.0", "error": told })),
        ] {
            assert_eq!(found, expected);
        }
    }
}
