//! JSON-RPC messages: what is one, and when several may come together.
//! Sources: JSON-RPC 2.0; MCP 2025-03-26 (batches) to 2026-07-28, base protocol.

use serde_json::{Map, Value};

use super::{
    limits::{LARGEST_BATCH, LARGEST_MESSAGE},
    refusal::{INVALID_REQUEST, PARSE_ERROR, Refusal, is_id},
};
use crate::stdio_host::versions::{UNNAMED, VERSION_POINTER};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It wants an answer.
    Request,
    /// It wants none.
    Notification,
    /// It is the answer to a request of the server.
    Response,
}

/// The messages of one body.
#[derive(Debug, PartialEq)]
pub(super) struct Messages {
    /// Each with its kind, at least one.
    pub all: Vec<(Value, Kind)>,
    /// Whether they came as an array, so that their answers do too.
    pub batch: bool,
}

/// Parses a text.
///
/// # Errors
/// It is too large, or no JSON.
pub(super) fn parse(text: &[u8]) -> Result<Value, Refusal> {
    if text.len() > LARGEST_MESSAGE {
        let message = format!("The message has {} bytes; at most {LARGEST_MESSAGE} are taken.", text.len());
        return Err(Refusal::new(413, INVALID_REQUEST, message));
    }
    serde_json::from_slice(text)
        .map_err(|error| Refusal::new(400, PARSE_ERROR, format!("Parse error: the message is not JSON: {error}.")))
}

/// Reads the messages of a body. `version` is the protocol version that the transport names, if it names one.
///
/// # Errors
/// Something in it is no message, or messages come together that may not.
pub(super) fn read(body: Value, version: Option<&str>) -> Result<Messages, Refusal> {
    let Value::Array(items) = body else {
        let kind = kind(&body).map_err(|reason| invalid(&reason).of(&body["id"]))?;
        return Ok(Messages { all: vec![(body, kind)], batch: false });
    };
    if version.is_some_and(|version| version != UNNAMED) {
        return Err(invalid(&format!("only MCP {UNNAMED} has batches; send one message at a time")));
    }
    if items.is_empty() || items.len() > LARGEST_BATCH {
        return Err(invalid(&format!("a batch has 1 to {LARGEST_BATCH} messages, not {}", items.len())));
    }
    let mut all = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let kind = kind(&item).map_err(|reason| invalid(&format!("message {index} of the batch: {reason}")))?;
        if item.pointer(VERSION_POINTER).is_some() || item["method"] == "initialize" {
            return Err(invalid(&format!(
                "message {index} of the batch cannot be part of one; send it on its own (only MCP {UNNAMED} has batches)"
            )));
        }
        all.push((item, kind));
    }
    let responses = all.iter().filter(|(_, kind)| *kind == Kind::Response).count();
    if responses > 0 && responses < all.len() {
        return Err(invalid("a batch has either responses or requests and notifications, not both"));
    }
    Ok(Messages { all, batch: true })
}

fn invalid(reason: &str) -> Refusal {
    Refusal::new(400, INVALID_REQUEST, format!("Invalid request: {reason}."))
}

/// What a message is, or a phrase that says why it is none.
fn kind(message: &Value) -> Result<Kind, String> {
    let Value::Object(fields) = message else {
        return Err("a JSON-RPC message is an object".to_owned());
    };
    if fields.get("jsonrpc").is_none_or(|version| version != "2.0") {
        return Err("`jsonrpc` must be \"2.0\"".to_owned());
    }
    let kind = match (fields.get("method"), fields.contains_key("result"), fields.get("error")) {
        (Some(Value::String(method)), false, None) if !method.is_empty() => method_kind(fields)?,
        (Some(_), false, None) => return Err("`method` must be the name of a method".to_owned()),
        (None, true, None) => Kind::Response,
        (None, false, Some(error)) if error["code"].is_i64() && error["message"].is_string() => Kind::Response,
        (None, false, Some(_)) => return Err("`error` must have a `code` and a `message`".to_owned()),
        (None, false, None) => return Err("it has neither `method` nor `result` nor `error`".to_owned()),
        _ => return Err("it can have only one of `method`, `result` and `error`".to_owned()),
    };
    if kind != Kind::Notification && !fields.get("id").is_some_and(is_id) {
        return Err("`id` must be a string or an integer".to_owned());
    }
    Ok(kind)
}

fn method_kind(fields: &Map<String, Value>) -> Result<Kind, String> {
    if fields.get("params").is_some_and(|params| !params.is_object()) {
        return Err("`params` must be an object".to_owned());
    }
    Ok(if fields.contains_key("id") { Kind::Request } else { Kind::Notification })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_one(message: Value) -> Result<Kind, Refusal> {
        read(message, None).map(|messages| messages.all[0].1)
    }

    #[test]
    fn requests_notifications_and_responses_are_told_apart() {
        for (message, expected) in [
            (json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }), Kind::Request),
            (json!({ "jsonrpc": "2.0", "id": "", "method": "ping", "params": {} }), Kind::Request),
            (json!({ "jsonrpc": "2.0", "id": u64::MAX, "method": "ping" }), Kind::Request),
            (json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }), Kind::Notification),
            (json!({ "jsonrpc": "2.0", "id": 1, "result": null }), Kind::Response),
            (json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -1, "message": "" } }), Kind::Response),
        ] {
            assert_eq!(read_one(message.clone()), Ok(expected), "{message}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_id_it_has() {
        for (message, id, reason) in [
            (json!(1), json!(null), "an object"),
            (json!(null), json!(null), "an object"),
            (json!({ "id": 1, "method": "ping" }), json!(1), "`jsonrpc`"),
            (json!({ "jsonrpc": 2.0, "id": 1, "method": "ping" }), json!(1), "`jsonrpc`"),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": 1 }), json!(1), "`method`"),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": "" }), json!(1), "`method`"),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": [] }), json!(1), "`params`"),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": null }), json!(1), "`params`"),
            (json!({ "jsonrpc": "2.0", "id": null, "method": "ping" }), json!(null), "`id`"),
            (json!({ "jsonrpc": "2.0", "id": 1.5, "method": "ping" }), json!(null), "`id`"),
            (json!({ "jsonrpc": "2.0", "id": {}, "method": "ping" }), json!(null), "`id`"),
            (json!({ "jsonrpc": "2.0", "id": 1 }), json!(1), "neither"),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": "a", "result": 1 }), json!(1), "only one"),
            (json!({ "jsonrpc": "2.0", "id": 1, "result": 1, "error": {} }), json!(1), "only one"),
            (json!({ "jsonrpc": "2.0", "id": 1, "error": "no" }), json!(1), "`error`"),
            (json!({ "jsonrpc": "2.0", "result": 1 }), json!(null), "`id`"),
        ] {
            let refusal = read_one(message.clone()).unwrap_err();
            assert_eq!((refusal.status, refusal.error.code), (400, INVALID_REQUEST), "{message}");
            assert_eq!(refusal.id, id, "{message}");
            assert!(refusal.error.message.contains(reason), "{message}: {}", refusal.error.message);
        }
    }

    #[test]
    fn only_the_version_that_has_batches_may_send_them() {
        let batch = json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }, { "jsonrpc": "2.0", "method": "n" }]);
        for version in [None, Some("2025-03-26")] {
            let messages = read(batch.clone(), version).unwrap();
            assert!(messages.batch);
            assert_eq!(
                messages.all.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(),
                [Kind::Request, Kind::Notification]
            );
        }
        for version in ["2025-06-18", "2025-11-25", "2026-07-28"] {
            assert_eq!(read(batch.clone(), Some(version)).unwrap_err().error.code, INVALID_REQUEST);
        }
    }

    #[test]
    fn a_batch_is_taken_whole_or_not_at_all() {
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let modern = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list",
            "params": { "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } } });
        for (batch, reason) in [
            (json!([]), "not 0"),
            (Value::Array(vec![ping.clone(); LARGEST_BATCH + 1]), "not 101"),
            (json!([ping, 1]), "message 1"),
            (json!([ping, [ping]]), "message 1"),
            (json!([{ "jsonrpc": "2.0", "id": 1, "method": "initialize" }]), "on its own"),
            (json!([ping, modern]), "message 1"),
            (json!([ping, { "jsonrpc": "2.0", "id": 1, "result": {} }]), "not both"),
        ] {
            let refusal = read(batch, None).unwrap_err();
            assert_eq!((refusal.status, refusal.error.code, &refusal.id), (400, INVALID_REQUEST, &Value::Null));
            assert!(refusal.error.message.contains(reason), "{}", refusal.error.message);
        }
    }

    #[test]
    fn what_cannot_be_parsed_says_why() {
        for text in [&b""[..], b"{", b"\xff", b"{}{}", "[".repeat(200).as_bytes()] {
            let refusal = parse(text).unwrap_err();
            assert_eq!((refusal.status, refusal.error.code), (400, PARSE_ERROR));
        }
        let large = format!("\"{}\"", "x".repeat(LARGEST_MESSAGE));
        assert_eq!(parse(large.as_bytes()).unwrap_err().status, 413);
    }
}
