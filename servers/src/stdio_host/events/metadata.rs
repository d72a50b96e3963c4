//! What a message says about itself: its protocol version, and the headers that repeat parts of it.
//! Sources: MCP 2026-07-28, "Streamable HTTP", request metadata, and "Overview", `_meta`; MCP 2025-11-25, "Transports",
//! protocol version header.

use serde_json::{Value, json};

use super::{
    message::Kind,
    refusal::{HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, Refusal, UNSUPPORTED_VERSION},
};
use crate::stdio_host::{
    ask::McpHeaders,
    versions::{LEGACY, VERSION_FIELD, VERSION_POINTER, is_modern, supported},
};

const CAPABILITIES_FIELD: &str = "io.modelcontextprotocol/clientCapabilities";
const CAPABILITIES_POINTER: &str = "/params/_meta/io.modelcontextprotocol~1clientCapabilities";

/// Checks what a message says about itself, as far as that needs no hosted server. `headers` are those of an HTTP request.
///
/// # Errors
/// The version is not spoken, or headers and message contradict each other.
pub(super) fn check(message: &Value, kind: Kind, headers: Option<&McpHeaders>) -> Result<(), Refusal> {
    let version = headers.and_then(|headers| headers.protocol_version.as_deref());
    let named = message.pointer(VERSION_POINTER);
    let checked = if named.is_some() || version.is_some_and(is_modern) {
        modern(message, kind, headers)
    } else {
        legacy(version)
    };
    checked.map_err(|refusal| refusal.of(&message["id"]))
}

/// A newer version: a request says everything itself, and says it again in the headers of HTTP.
fn modern(message: &Value, kind: Kind, headers: Option<&McpHeaders>) -> Result<(), Refusal> {
    match kind {
        Kind::Request => {}
        // No headers are defined for notifications of these versions.
        Kind::Notification => return Ok(()),
        Kind::Response => {
            return Err(Refusal::new(
                400,
                INVALID_REQUEST,
                "Invalid request: from MCP 2026-07-28 on, clients send no responses; they repeat the request with \
                 `inputResponses`.",
            ));
        }
    }
    let version = request_version(message)?;
    let Some(headers) = headers else { return unsupported(version) };
    mirrored("MCP-Protocol-Version", headers.protocol_version.as_deref(), Some(version))?;
    unsupported(version)?;
    mirrored("Mcp-Method", headers.method.as_deref(), message["method"].as_str())?;
    named_target(message, headers)
}

/// An older version: a header that names one must name one that is spoken.
fn legacy(version: Option<&str>) -> Result<(), Refusal> {
    match version {
        Some(version) if !LEGACY.contains(&version) => Err(Refusal::new(
            400,
            INVALID_REQUEST,
            format!(
                "The header MCP-Protocol-Version names a version that is not spoken here. Spoken are {}.",
                supported().collect::<Vec<_>>().join(", ")
            ),
        )),
        _ => Ok(()),
    }
}

/// The version that a request of the newer versions names. It must name the client's capabilities, too.
fn request_version(message: &Value) -> Result<&str, Refusal> {
    let missing = |field, what| {
        Refusal::new(400, INVALID_PARAMS, format!("Invalid params: `_meta` must have `{field}`, {what}."))
    };
    let version = message.pointer(VERSION_POINTER).and_then(Value::as_str);
    let version = version.ok_or_else(|| missing(VERSION_FIELD, "a version of the protocol"))?;
    if !message.pointer(CAPABILITIES_POINTER).is_some_and(Value::is_object) {
        return Err(missing(CAPABILITIES_FIELD, "an object"));
    }
    Ok(version)
}

fn unsupported(version: &str) -> Result<(), Refusal> {
    if is_modern(version) {
        return Ok(());
    }
    let data = json!({ "supported": supported().collect::<Vec<_>>(), "requested": version });
    Err(Refusal::new(400, UNSUPPORTED_VERSION, "Unsupported protocol version").with_data(data))
}

/// The target of a request, which `Mcp-Name` repeats.
fn named_target(message: &Value, headers: &McpHeaders) -> Result<(), Refusal> {
    let target = match message["method"].as_str() {
        Some("tools/call" | "prompts/get") => &message["params"]["name"],
        Some("resources/read") => &message["params"]["uri"],
        _ => return Ok(()),
    };
    let sent = headers.name.as_deref().map(McpHeaders::decoded).transpose();
    let sent = sent.map_err(|reason| mismatch(format!("Mcp-Name {reason}")))?;
    match (sent, target.as_str()) {
        (None, None) => Ok(()),
        (sent, target) => mirrored("Mcp-Name", sent.as_deref(), target),
    }
}

fn mirrored(header: &str, sent: Option<&str>, body: Option<&str>) -> Result<(), Refusal> {
    match (sent, body) {
        (Some(sent), Some(body)) if sent == body => Ok(()),
        (None, _) => Err(mismatch(format!("{header} is missing"))),
        _ => Err(mismatch(format!("{header} does not match the message"))),
    }
}

fn mismatch(reason: String) -> Refusal {
    Refusal::new(400, HEADER_MISMATCH, format!("Header mismatch: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: &str, method: &str, params: Value) -> Value {
        let mut message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        message["params"]["_meta"] = json!({ VERSION_FIELD: version, CAPABILITIES_FIELD: {} });
        message
    }

    fn headers(version: &str, method: &str, name: &str) -> McpHeaders {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        McpHeaders { protocol_version: some(version), method: some(method), name: some(name), ..McpHeaders::default() }
    }

    fn code(message: &Value, headers: Option<&McpHeaders>) -> i64 {
        match check(message, Kind::Request, headers) {
            Ok(()) => 0,
            Err(refusal) => {
                assert_eq!((refusal.status, &refusal.id), (400, &message["id"]), "{}", refusal.error.message);
                refusal.error.code
            }
        }
    }

    #[test]
    fn a_modern_request_over_http_repeats_itself_in_headers() {
        let list = request("2026-07-28", "tools/list", json!({}));
        let call = request("2026-07-28", "tools/call", json!({ "name": "zürich" }));
        let read = request("2026-07-28", "resources/read", json!({ "uri": "file:///a b" }));
        let nameless = request("2026-07-28", "prompts/get", json!({}));
        for (message, headers, expected) in [
            (&list, headers("2026-07-28", "tools/list", ""), 0),
            (&list, headers("2026-07-28", "tools/list", "anything"), 0),
            (&list, headers("", "tools/list", ""), HEADER_MISMATCH),
            (&list, headers("2025-11-25", "tools/list", ""), HEADER_MISMATCH),
            (&list, headers("2026-07-28, 2026-07-28", "tools/list", ""), HEADER_MISMATCH),
            (&list, headers("2026-07-28", "", ""), HEADER_MISMATCH),
            (&list, headers("2026-07-28", "Tools/List", ""), HEADER_MISMATCH),
            (&call, headers("2026-07-28", "tools/call", "=?base64?esO8cmljaA==?="), 0),
            (&call, headers("2026-07-28", "tools/call", "zürich"), HEADER_MISMATCH),
            (&call, headers("2026-07-28", "tools/call", "=?base64?esO8cmljaA=?="), HEADER_MISMATCH),
            (&call, headers("2026-07-28", "tools/call", "=?base64?/w==?="), HEADER_MISMATCH),
            (&call, headers("2026-07-28", "tools/call", "other"), HEADER_MISMATCH),
            (&call, headers("2026-07-28", "tools/call", ""), HEADER_MISMATCH),
            (&read, headers("2026-07-28", "resources/read", "file:///a b"), 0),
            (&read, headers("2026-07-28", "resources/read", "file:///a"), HEADER_MISMATCH),
            // The hosted server says what it misses.
            (&nameless, headers("2026-07-28", "prompts/get", ""), 0),
            (&nameless, headers("2026-07-28", "prompts/get", "x"), HEADER_MISMATCH),
        ] {
            assert_eq!(code(message, Some(&headers)), expected, "{message} {headers:?}");
        }
    }

    #[test]
    fn a_version_that_is_not_spoken_is_told_which_are() {
        let future = request("2099-01-01", "server/discover", json!({}));
        for headers in [Some(headers("2099-01-01", "server/discover", "")), None] {
            let refusal = check(&future, Kind::Request, headers.as_ref()).unwrap_err();
            assert_eq!(refusal.error.code, UNSUPPORTED_VERSION);
            let data = refusal.error.data.unwrap();
            assert_eq!(data["requested"], "2099-01-01");
            assert_eq!(data["supported"][0], "2026-07-28");
        }
        // Header and message contradict each other before anything else is asked.
        assert_eq!(code(&future, Some(&headers("2026-07-28", "server/discover", ""))), HEADER_MISMATCH);
    }

    #[test]
    fn a_modern_request_names_version_and_capabilities() {
        let http = headers("2026-07-28", "server/discover", "");
        for meta in [
            json!(null),
            json!({}),
            json!({ VERSION_FIELD: 1, CAPABILITIES_FIELD: {} }),
            json!({ VERSION_FIELD: "2026-07-28" }),
            json!({ VERSION_FIELD: "2026-07-28", CAPABILITIES_FIELD: [] }),
        ] {
            let message =
                json!({ "jsonrpc": "2.0", "id": 7, "method": "server/discover", "params": { "_meta": meta } });
            assert_eq!(code(&message, Some(&http)), INVALID_PARAMS, "{message}");
        }
        let bare = json!({ "jsonrpc": "2.0", "id": 7, "method": "server/discover" });
        assert_eq!(code(&bare, Some(&http)), INVALID_PARAMS);
        // Without headers it is a message of the older versions, which is for others to judge.
        assert_eq!(code(&bare, None), 0);
    }

    #[test]
    fn older_versions_have_a_header_or_none() {
        let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list" });
        for version in ["", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
            let sent = headers(version, "something/else", "ignored");
            assert_eq!(check(&list, Kind::Request, Some(&sent)), Ok(()), "{version}");
        }
        for version in ["1.0", "2025-11-25, 2025-06-18", "2099-01-01"] {
            let refusal = check(&list, Kind::Request, Some(&headers(version, "", ""))).unwrap_err();
            assert_eq!((refusal.status, refusal.error.code), (400, INVALID_REQUEST));
            assert!(refusal.error.message.contains("2025-11-25") && !refusal.error.message.contains("1.0"));
        }
    }

    #[test]
    fn modern_clients_send_no_responses() {
        let response = json!({ "jsonrpc": "2.0", "id": 7, "result": {} });
        let sent = headers("2026-07-28", "", "");
        assert_eq!(check(&response, Kind::Response, Some(&sent)).unwrap_err().error.code, INVALID_REQUEST);
        assert_eq!(check(&response, Kind::Response, Some(&headers("2025-11-25", "", ""))), Ok(()));
        let notification = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" });
        assert_eq!(check(&notification, Kind::Notification, Some(&sent)), Ok(()));
    }
}
