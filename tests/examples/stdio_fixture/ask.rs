//! Questions to the client in the middle of a call: each is a request of the server, and the answer comes as a response.

use rmcp::{
    RoleServer,
    model::{CustomRequest, ErrorData, ServerRequest},
    service::{Peer, ServiceError},
};
use serde_json::{Value, json};

/// Where a question says what it is called when a client has to answer several, and later: the suite asks for some of these names.
/// Other hosts leave it alone.
const KEY: &str = "switchyard/input_key";

/// Has the client do something, and waits for what comes of it.
async fn ask(peer: &Peer<RoleServer>, method: &str, key: &str, mut params: Value) -> Result<Value, ErrorData> {
    params["_meta"] = json!({ KEY: key });
    let request = ServerRequest::CustomRequest(CustomRequest::new(method, Some(params)));
    match peer.send_request(request).await {
        Ok(answer) => serde_json::to_value(answer).map_err(|error| ErrorData::internal_error(error.to_string(), None)),
        Err(ServiceError::McpError(error)) => Err(error),
        Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
    }
}

/// Has a person fill in a form.
pub(crate) async fn form(peer: &Peer<RoleServer>, key: &str, message: &str, schema: Value) -> Result<Value, ErrorData> {
    ask(peer, "elicitation/create", key, json!({ "message": message, "requestedSchema": schema })).await
}

/// Has the client's model say something.
pub(crate) async fn model(peer: &Peer<RoleServer>, key: &str, text: &str, tokens: u32) -> Result<Value, ErrorData> {
    let message = json!({ "role": "user", "content": { "type": "text", "text": text } });
    ask(peer, "sampling/createMessage", key, json!({ "messages": [message], "maxTokens": tokens })).await
}

/// Asks for the client's folders.
pub(crate) async fn roots(peer: &Peer<RoleServer>, key: &str) -> Result<Value, ErrorData> {
    ask(peer, "roots/list", key, json!({})).await
}

/// Schema of a form with one field.
pub(crate) fn field(name: &str, kind: &str) -> Value {
    json!({ "type": "object", "properties": { name: { "type": kind } }, "required": [name] })
}
