//! What the hosted server says during a call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message of the hosted server.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A notification, whole: `{"jsonrpc", "method", "params"}`. Progress of this call carries the client's own token again.
    Notification(Value),
    /// A request that the client should answer (sampling, elicitation); see [`super::Call::answer`].
    Request {
        /// The server's id of it.
        id: Value,
        /// Its method.
        method: String,
        /// Its parameters, null if there are none.
        params: Value,
    },
    /// The answer of the call: nothing follows.
    Answer(Result<Value, RpcError>),
}

/// A JSON-RPC error object.
/// Source: JSON-RPC 2.0, section 5.1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RpcError {
    /// The error's number.
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// Whatever the server adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}
