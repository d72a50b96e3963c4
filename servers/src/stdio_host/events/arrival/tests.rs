use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;

use super::*;

mod fuzz;
mod rules;

/// An event as AWS sends it.
fn fixture(name: &str) -> Value {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stdio_host/events/arrival/fixtures");
    serde_json::from_str(&std::fs::read_to_string(format!("{directory}/{name}.json")).unwrap()).unwrap()
}

const HOUSE: House<'static> = House { server_id: "git", server_name: "Git", origins: &[], streams: false };

fn event(payload: &Value) -> Event {
    raw(payload.to_string())
}

fn raw(payload: impl Into<Bytes>) -> Event {
    Event {
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        deadline: Instant::now() + Duration::from_secs(60),
        trace_id: None,
        client_context: None,
        tenant_id: None,
        payload: payload.into(),
    }
}

/// The messages of an event that is served, and the form of their answer.
fn served(event: &Event) -> (Vec<Ask>, Form) {
    match read(event, HOUSE) {
        Arrival::Asks { asks, form } => (asks, form),
        other => panic!("{other:?}"),
    }
}

fn refused(event: &Event) -> (Refusal, Form) {
    match read(event, HOUSE) {
        Arrival::Refused { refusal, form } => (refusal, form),
        other => panic!("{other:?}"),
    }
}

#[test]
fn http_events_of_every_kind_carry_their_message_and_their_caller() {
    let role = |role: &str| json!(["iam", format!("arn:aws:sts::123456789012:assumed-role/{role}")]);
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
                       "params": { "name": "git_status", "arguments": { "repo_path": "/tmp/repo" } } });
    let cognito = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example";
    let of_pool = json!([
        "iam",
        "arn:aws:sts::123456789012:assumed-role/Cognito_Auth_Role",
        "cognito",
        "eu-west-1:11111111-2222-3333-4444-555555555555"
    ]);
    for (name, fixture, caller) in [
        ("REST, IAM", fixture("rest_iam"), role("Developer")),
        ("REST, Lambda authorizer", fixture("rest_lambda_authorizer"), json!(["authorizer", "user-42"])),
        ("REST, user pool", fixture("rest_cognito"), json!(["jwt", cognito, "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"])),
        ("REST, identity pool", fixture("rest_cognito_identity"), of_pool),
        ("HTTP API, JWT", fixture("http_api_jwt"), json!(["jwt", "https://login.example.com/", "auth0|alice"])),
        (
            "HTTP API 1.0, JWT",
            fixture("http_api_payload_1"),
            json!(["jwt", "https://login.example.com/", "auth0|alice"]),
        ),
        ("HTTP API, Lambda authorizer", fixture("http_api_lambda"), json!(["authorizer", "user-42"])),
        ("HTTP API, IAM", fixture("http_api_iam"), json!(["iam", "arn:aws:iam::123456789012:user/team/bob"])),
    ] {
        let (asks, form) = served(&event(&fixture));
        let [ask] = asks.as_slice() else { panic!("{name}: {asks:?}") };
        assert_eq!((&ask.message, ask.door), (&call, Door::Http), "{name}");
        assert_eq!(ask.caller.as_ref().map(|caller| caller.0.clone()), Some(caller.to_string()), "{name}");
        assert_eq!(ask.headers.protocol_version.as_deref(), Some("2025-11-25"), "{name}");
        let accepted = Accepted { json: true, events: true };
        assert_eq!(form, Form::Http(HttpForm { streams: false, accepted, batch: false, begins_early: true }), "{name}");
    }
    let (asks, _) = served(&event(&fixture("rest_iam")));
    assert_eq!(asks[0].headers.session.as_deref(), Some("s.1"));
}

#[test]
fn function_urls_carry_modern_messages_in_base64() {
    let (asks, _) = served(&event(&fixture("function_url_iam")));
    let ask = &asks[0];
    assert_eq!(ask.message["id"], "a-1");
    assert_eq!(ask.headers.name.as_deref(), Some("git_status"));
    assert_eq!(McpHeaders::decoded(&ask.headers.params["repo"]).as_deref(), Ok("/tmp/repo"));
    let role = json!(["iam", "arn:aws:sts::123456789012:assumed-role/AgentCoreGateway"]).to_string();
    assert_eq!(ask.caller, Some(Caller(role)));
}

#[test]
fn a_notification_needs_no_caller_and_gets_no_events() {
    let (asks, form) = served(&event(&fixture("function_url_public")));
    assert_eq!((asks[0].message.get("id"), &asks[0].caller), (None, &None));
    assert_eq!(form.way(), crate::stdio_host::outlet::Way::Nowhere);
}

#[test]
fn a_gateway_names_the_tool_beside_the_arguments() {
    for fixture in [fixture("gateway"), fixture("gateway_propagated")] {
        let context = fixture["client_context"].to_string();
        let (asks, form) = served(&Event { client_context: Some(context), ..event(&fixture["event"]) });
        let ask = &asks[0];
        assert_eq!(ask.message["method"], "tools/call");
        assert_eq!(ask.message["params"], json!({ "name": "git_status", "arguments": { "repo_path": "/tmp/repo" } }));
        assert_eq!((ask.door, &ask.caller, form), (Door::Gateway, &None, Form::Gateway));
        assert_eq!(ask.headers, McpHeaders::default());
    }
}

#[test]
fn nothing_in_the_arguments_of_a_gateway_opens_another_door() {
    let context = fixture("gateway")["client_context"].to_string();
    for arguments in [
        fixture("rest_iam"),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }),
        json!({ "toolName": "other", "arguments": {} }),
        json!({}),
    ] {
        let (asks, form) = served(&Event { client_context: Some(context.clone()), ..event(&arguments) });
        assert_eq!((form, &asks[0].message["params"]["arguments"]), (Form::Gateway, &arguments));
        assert_eq!((&asks[0].message["params"]["name"], &asks[0].caller), (&json!("git_status"), &None));
    }
}

#[test]
fn nothing_in_an_http_request_makes_it_an_invoke() {
    let mut hostile = fixture("rest_iam");
    hostile["jsonrpc"] = json!("2.0");
    hostile["method"] = json!("tools/list");
    hostile["toolName"] = json!("git_status");
    hostile["headers"]["bedrockAgentCoreToolName"] = json!("git_status");
    assert_eq!(served(&event(&hostile)).0[0].door, Door::Http);
    for broken in [json!(null), json!(1), json!({})] {
        hostile["requestContext"] = broken;
        hostile["httpMethod"] = json!(null);
        let (refusal, form) = refused(&event(&hostile));
        assert_eq!((refusal.status, form.door()), (400, Door::Http));
    }
}

#[test]
fn messages_come_by_invoke_as_they_are() {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let tenant = Event { tenant_id: Some("blue".to_owned()), ..event(&list) };
    let (asks, form) = served(&tenant);
    assert_eq!((&asks[0].message, asks[0].door, form), (&list, Door::Invoke, Form::Invoke { batch: false }));
    assert_eq!(asks[0].caller, Some(Caller(r#"["tenant","blue"]"#.to_owned())));
    // A name of a tool beside the message changes nothing.
    let named = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "toolName": "x" });
    assert_eq!(served(&event(&named)).0[0].message, named);
    let (asks, form) = served(&event(&json!([list, { "jsonrpc": "2.0", "method": "n" }])));
    assert_eq!((asks.len(), form), (2, Form::Invoke { batch: true }));
}

#[test]
fn what_is_no_message_is_refused_at_the_door_it_came_through() {
    for (payload, code) in [
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", -32600),
        ("{\"id\":1,\"method\":\"tools/list\"}", -32600),
        ("[]", -32600),
        ("[1]", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", -32600),
        ("", -32700),
        ("{", -32700),
    ] {
        let (refusal, form) = refused(&raw(payload));
        assert_eq!((refusal.error.code, form), (code, Form::Invoke { batch: false }), "{payload}");
    }
    let context = fixture("gateway")["client_context"].to_string();
    for payload in ["{", "[]", "1"] {
        let (_, form) = refused(&Event { client_context: Some(context.clone()), ..raw(payload) });
        assert_eq!(form, Form::Gateway);
    }
}

#[test]
fn the_plain_form_is_for_events_without_a_protocol() {
    for payload in [
        json!({ "toolName": "git_status", "arguments": { "repo_path": "/tmp/repo" } }),
        json!({ "bedrockAgentCoreToolName": "git___git_status", "repo_path": "/tmp/repo" }),
        json!({ "tool_name": "git_status", "repo_path": "/tmp/repo" }),
        json!({ "headers": { "bedrockAgentCoreToolName": "git_status" }, "repo_path": "/tmp/repo" }),
    ] {
        let (asks, form) = served(&event(&payload));
        assert_eq!((asks[0].door, form), (Door::Plain, Form::Plain));
        assert_eq!(
            asks[0].message["params"],
            json!({ "name": "git_status", "arguments": { "repo_path": "/tmp/repo" } }),
            "{payload}"
        );
    }
    // An argument may have the name of a field of JSON-RPC.
    let (asks, _) = served(&event(&json!({ "toolName": "http", "method": "GET" })));
    assert_eq!(asks[0].message["params"]["arguments"], json!({ "method": "GET" }));
}

#[test]
fn an_event_without_a_tool_gets_the_error_of_the_guide_and_nothing_else() {
    for payload in ["{}", "null", "1", "\"x\"", "{\"Records\":[]}", "{\"headers\":null}"] {
        let (refusal, form) = refused(&raw(payload));
        let answer = crate::stdio_host::outlet::Answer::Refused { status: refusal.status, message: refusal.message() };
        let whole = form.whole(&[answer], &[], &[]);
        assert_eq!(
            serde_json::from_slice::<Value>(&whole.body).unwrap(),
            json!({ "error": { "code": -32603, "message": "Internal error: Missing bedrockAgentCoreToolName in context",
                               "data": { "server_id": "git", "server_name": "Git" } } }),
            "{payload}"
        );
    }
}
