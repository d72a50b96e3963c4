//! What the doors themselves refuse.

use serde_json::Value;

pub(super) use crate::stdio_host::rpc::{
    HEADER_MISMATCH, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, error_response,
};
use crate::stdio_host::{child::RpcError, rpc};

/// MCP 2026-07-28: a protocol version that is not spoken here.
pub(super) const UNSUPPORTED_VERSION: i64 = -32022;

/// An event that is answered without the hosted server.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// HTTP status code, where the door has one.
    pub status: u16,
    /// Id of the refused request; null if there is none or it cannot be read.
    pub id: Value,
    /// What is wrong.
    pub error: RpcError,
    /// The methods of HTTP that would be served, for status 405.
    pub allow: Option<&'static str>,
}

impl Refusal {
    /// A refusal of something that has no id.
    pub(super) fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self { status, id: Value::Null, error: rpc::error(code, message), allow: None }
    }

    /// The same refusal of a request with this id.
    pub(super) fn of(self, id: &Value) -> Self {
        let id = if is_id(id) { id.clone() } else { Value::Null };
        Self { id, ..self }
    }

    /// The same refusal with details for programs.
    pub(super) fn with_data(mut self, data: Value) -> Self {
        self.error.data = Some(data);
        self
    }

    /// The JSON-RPC error response.
    pub(super) fn message(&self) -> Value {
        error_response(&self.id, &self.error)
    }
}

/// Whether a value may be the id of a request: a string or an integer. Source: MCP, base protocol, requests.
pub(super) fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}
