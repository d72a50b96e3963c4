//! Clients of MCP 2026-07-28, which know no handshake, in front of a server that knows nothing else.
//! Source: MCP 2026-07-28, "Overview", "Versioning and Compatibility", "Streamable HTTP", "Caching", "Subscriptions".

use serde_json::{Map, Value, json};

use super::{
    Mcp, Turn,
    capabilities::Capabilities,
    failure, input_required,
    log_level::Level,
    rpc::{self, Request},
    server::{self, SERVER_INFO},
};
use crate::stdio_host::{child::RpcError, outlet::Answer, versions::supported};

const META: &str = "io.modelcontextprotocol/";

/// How long a list of a server that promises no news of it is fresh, in milliseconds. The package does not change under a
/// deployment; a new deployment may.
const FRESH: u64 = 300_000;

/// What each request says about its client.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meta {
    pub(super) capabilities: Capabilities,
    /// The least severe log messages that are wanted; none, if none are.
    pub(super) log_level: Option<Level>,
}

/// Serves a request.
pub(super) async fn request(mcp: &Mcp, turn: &mut Turn<'_>, request: Request) -> Answer {
    let meta = match Meta::read(&request) {
        Ok(meta) => meta,
        Err(error) => return rpc::refused(400, Some(&request.id), error),
    };
    let outcome = match request.method.as_str() {
        "server/discover" => discover(turn).await,
        "subscriptions/listen" => listen(turn, &request).await,
        "initialize" | "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => {
            Err(rpc::error(rpc::METHOD_NOT_FOUND, format!("{} is not part of this protocol version.", request.method)))
        }
        method if method.starts_with("tasks/") => Err(rpc::error(rpc::METHOD_NOT_FOUND, "Tasks are not kept here.")),
        _ => input_required::call(mcp, turn, &request, meta).await,
    };
    match outcome {
        Ok(result) => Answer::Message(rpc::response(&request.id, Ok(result))),
        Err(error) => match error.code {
            rpc::METHOD_NOT_FOUND => rpc::refused(404, Some(&request.id), error),
            rpc::HEADER_MISMATCH | rpc::MISSING_CAPABILITY => rpc::refused(400, Some(&request.id), error),
            _ => Answer::Message(rpc::response(&request.id, Err(error))),
        },
    }
}

impl Meta {
    /// Reads what a request says. That it names a version and capabilities, and that its headers repeat it, the door has seen to.
    ///
    /// # Errors
    /// The log level is none.
    fn read(request: &Request) -> Result<Self, RpcError> {
        let meta = request.params.get("_meta").unwrap_or(&Value::Null);
        let log_level = match meta.get(format!("{META}logLevel")) {
            None => None,
            Some(name) => match Level::read(name) {
                Some(level) => Some(level),
                None => return Err(rpc::invalid(format!("params._meta[\"{META}logLevel\"] is no log level."))),
            },
        };
        Ok(Self { capabilities: Capabilities::read(&meta[format!("{META}clientCapabilities")]), log_level })
    }
}

/// Made of what the hosted server said in its handshake.
async fn discover(turn: &mut Turn<'_>) -> Result<Value, RpcError> {
    let child = turn.supervisor.session(turn.caller.as_ref(), turn.deadline).await.map_err(|f| failure::of(&f))?;
    let said = child.initialized();
    let capabilities = server::capabilities(said);
    let mut result = json!({ "supportedVersions": supported().collect::<Vec<_>>(), "capabilities": capabilities });
    if let Some(instructions) = said["instructions"].as_str() {
        result["instructions"] = json!(instructions);
    }
    complete(result, "server/discover", said, false)
}

/// There is nothing to listen to: a function is frozen between two requests, and what changes in one environment is not seen by
/// another. So none of the notifications is agreed to, and the subscription ends at once and in order.
async fn listen(turn: &mut Turn<'_>, request: &Request) -> Result<Value, RpcError> {
    if !request.params.get("notifications").is_some_and(Value::is_object) {
        return Err(rpc::invalid("params.notifications must be an object."));
    }
    let meta = json!({ (format!("{META}subscriptionId")): request.id });
    let acknowledged = json!({
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": { "_meta": meta, "notifications": {} },
    });
    // The acknowledgment has to come first, so it needs a stream.
    if turn.outlet.say(&acknowledged).await.is_err() {
        let message = "This server tells of no changes. Ask for a list again when its ttlMs is over.";
        return Err(rpc::error(rpc::METHOD_NOT_FOUND, message));
    }
    Ok(json!({ "resultType": "complete", "_meta": meta }))
}

/// A result as this version has it. `said` is the hosted server's result of `initialize`; `again` marks the result of a retry,
/// which no cache may keep.
///
/// # Errors
/// The result is no object.
pub(super) fn complete(mut result: Value, method: &str, said: &Value, again: bool) -> Result<Value, RpcError> {
    let Some(members) = result.as_object_mut() else {
        return Err(failure::host("The MCP server's result is not an object.", true));
    };
    members.insert("resultType".to_owned(), json!("complete"));
    if let Some(ttl) = fresh(method, &said["capabilities"]) {
        members.insert("ttlMs".to_owned(), json!(if again { 0 } else { ttl }));
        // Every door asks who is there, so nothing is for a cache that several people share.
        members.insert("cacheScope".to_owned(), json!("private"));
    }
    identify(members, said);
    Ok(result)
}

/// Names the server in the `_meta` of a result.
pub(super) fn identify(result: &mut Map<String, Value>, said: &Value) {
    if let Value::Object(meta) = result.entry("_meta").or_insert_with(|| json!({}))
        && said["serverInfo"].is_object()
    {
        meta.insert(SERVER_INFO.to_owned(), said["serverInfo"].clone());
    }
}

/// How long a result is fresh, if it can be kept at all.
fn fresh(method: &str, capabilities: &Value) -> Option<u64> {
    let list = |kind: &str| if capabilities[kind]["listChanged"] == true { 0 } else { FRESH };
    match method {
        "server/discover" => Some(FRESH),
        "tools/list" => Some(list("tools")),
        "prompts/list" => Some(list("prompts")),
        "resources/list" | "resources/templates/list" => Some(list("resources")),
        "resources/read" => Some(0),
        _ => None,
    }
}
