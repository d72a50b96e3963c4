//! What HTTP asks of a request, from the event to the status.

use super::*;

/// A function URL event with some headers and a body; `null` takes a header away.
fn url(headers: Value, body: &Value) -> Event {
    let mut event = fixture("function_url_public");
    event["rawPath"] = json!("/mcp");
    event["body"] = body.as_str().map_or_else(|| json!(body.to_string()), |text| json!(text));
    for (name, value) in headers.as_object().unwrap() {
        event["headers"][name] = value.clone();
    }
    super::event(&event)
}

fn list(id: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list" })
}

#[test]
fn what_breaks_a_rule_gets_its_status_and_code() {
    let ping = list(&json!(7));
    for (headers, body, status, code, id) in [
        (json!({ "origin": "https://evil.example" }), ping.clone(), 403, -32600, json!(null)),
        (json!({ "content-type": "text/plain" }), ping.clone(), 415, -32600, json!(null)),
        (json!({ "content-type": null }), ping.clone(), 415, -32600, json!(null)),
        (json!({ "accept": "text/html" }), ping.clone(), 406, -32600, json!(null)),
        (json!({ "mcp-protocol-version": "1.0" }), ping.clone(), 400, -32600, json!(7)),
        (json!({ "mcp-protocol-version": "2026-07-28" }), ping.clone(), 400, -32602, json!(7)),
        (json!({}), json!("{"), 400, -32700, json!(null)),
        (json!({}), json!(""), 400, -32700, json!(null)),
        (json!({}), json!({ "jsonrpc": "2.0", "id": 7 }), 400, -32600, json!(7)),
        (json!({}), json!([ping]), 400, -32600, json!(null)),
        (json!({}), json!("x".repeat(LARGEST_MESSAGE + 1)), 413, -32600, json!(null)),
    ] {
        let (refusal, form) = refused(&url(headers.clone(), &body));
        assert_eq!((refusal.status, refusal.error.code, &refusal.id), (status, code, &id), "{headers}");
        assert_eq!(form.door(), Door::Http);
    }
}

#[test]
fn batches_are_for_the_version_that_has_them() {
    let batch = json!([list(&json!(1)), list(&json!(2))]);
    for version in [json!(null), json!("2025-03-26")] {
        let (asks, form) = served(&url(json!({ "mcp-protocol-version": version }), &batch));
        assert_eq!(asks.len(), 2);
        assert!(matches!(form, Form::Http(HttpForm { batch: true, .. })));
    }
}

#[test]
fn nothing_overtakes_a_session_that_an_answer_brings() {
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} });
    let set_level = json!({ "jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": { "level": "error" } });
    for (version, body, early) in [
        (json!(null), initialize, false),
        (json!("2025-11-25"), set_level.clone(), false),
        (json!("2025-03-26"), json!([set_level, list(&json!(2))]), false),
        (json!("2025-03-26"), json!([list(&json!(1)), list(&json!(2))]), true),
        (json!("2025-11-25"), list(&json!(1)), true),
    ] {
        let (_, form) = served(&url(json!({ "mcp-protocol-version": version }), &body));
        assert!(matches!(form, Form::Http(HttpForm { begins_early, .. }) if begins_early == early), "{body}");
    }
}

#[test]
fn a_response_of_a_client_is_taken_where_the_version_knows_them() {
    let response = json!({ "jsonrpc": "2.0", "id": "s-1", "result": { "action": "accept" } });
    let (asks, _) = served(&url(json!({ "mcp-protocol-version": "2025-11-25" }), &response));
    assert_eq!(asks[0].message, response);
    let (refusal, _) = refused(&url(json!({ "mcp-protocol-version": "2026-07-28" }), &response));
    assert_eq!((refusal.status, refusal.error.code), (400, -32600));
}

#[test]
fn health_is_asked_by_get() {
    let mut event = fixture("function_url_public");
    event["rawPath"] = json!("/health");
    event["requestContext"]["http"]["method"] = json!("GET");
    event["headers"] = json!({});
    event["body"] = json!(null);
    assert!(matches!(read(&super::event(&event), HOUSE), Arrival::Health { .. }));
}

#[test]
fn the_answer_of_a_refusal_is_http_with_a_json_rpc_error() {
    let mut event = fixture("http_api_iam");
    event["requestContext"]["http"]["method"] = json!("DELETE");
    let (refusal, form) = refused(&super::event(&event));
    assert_eq!((refusal.status, refusal.allow), (405, Some("POST")));
    let answer = crate::stdio_host::outlet::Answer::Refused { status: refusal.status, message: refusal.message() };
    let whole = form.whole(&[answer], &[], &[("allow", "POST")]);
    let sent: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!((sent["statusCode"].as_u64(), sent["headers"]["allow"].as_str()), (Some(405), Some("POST")));
    let body: Value = serde_json::from_str(sent["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["jsonrpc"], body.get("id"), &body["error"]["code"]), (&json!("2.0"), None, &json!(-32600)));
}
