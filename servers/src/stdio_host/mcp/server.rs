//! The hosted server as clients see it: its promises as far as a function can keep them, and requests as it understands them.

use serde_json::{Map, Value};

/// The notification after which the list of tools is another.
pub(super) const TOOLS_CHANGED: &str = "notifications/tools/list_changed";

/// Member of `_meta` that names the server.
pub(super) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The capabilities of a server, of which `said` is the result of `initialize`, without what no function can keep: to tell of
/// changes between two calls, when it is frozen, and to remember a task.
pub(super) fn capabilities(said: &Value) -> Value {
    let mut capabilities = said["capabilities"].as_object().cloned().unwrap_or_default();
    capabilities.remove("tasks");
    for kind in ["tools", "prompts", "resources"] {
        if let Some(promises) = capabilities.get_mut(kind).and_then(Value::as_object_mut) {
            promises.remove("listChanged");
            promises.remove("subscribe");
        }
    }
    Value::Object(capabilities)
}

/// The parameters of a request; none if there are none.
pub(super) fn params(params: &Map<String, Value>) -> Option<Value> {
    (!params.is_empty()).then(|| Value::Object(params.clone()))
}

/// The parameters of a request of MCP 2026-07-28 for a server of an older version, without what only that version has.
pub(super) fn older_params(params: &Map<String, Value>) -> Option<Value> {
    let mut params = params.clone();
    params.remove("inputResponses");
    params.remove("requestState");
    if let Some(meta) = params.get_mut("_meta").and_then(Value::as_object_mut) {
        for of_the_request in ["protocolVersion", "clientInfo", "clientCapabilities", "logLevel"] {
            meta.remove(&format!("io.modelcontextprotocol/{of_the_request}"));
        }
        if meta.is_empty() {
            params.remove("_meta");
        }
    }
    self::params(&params)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn promises_that_need_a_process_that_is_awake_are_taken_back() {
        let said = json!({ "capabilities": {
            "tools": { "listChanged": true }, "resources": { "subscribe": true, "listChanged": true }, "prompts": {},
            "logging": {}, "completions": {}, "tasks": { "list": {} }, "experimental": { "x": {} },
        } });
        let kept = json!({
            "tools": {}, "resources": {}, "prompts": {}, "logging": {}, "completions": {}, "experimental": { "x": {} },
        });
        assert_eq!(capabilities(&said), kept);
        for odd in [json!({}), json!({ "capabilities": [] })] {
            assert_eq!(capabilities(&odd), json!({}));
        }
    }

    #[test]
    fn an_older_server_gets_a_request_as_it_knows_it() {
        let request = |params: Value| older_params(params.as_object().unwrap());
        let modern = json!({
            "name": "t", "inputResponses": {}, "requestState": "x",
            "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "progressToken": 1, "traceparent": "t" },
        });
        let expected = json!({ "name": "t", "_meta": { "progressToken": 1, "traceparent": "t" } });
        assert_eq!(request(modern), Some(expected));
        assert_eq!(request(json!({ "_meta": { "io.modelcontextprotocol/clientCapabilities": {} } })), None);
    }
}
