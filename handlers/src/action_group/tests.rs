use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::{dependency, internal};

mod fuzz;

fn invocation(client_context: Option<Value>) -> Invocation {
    Invocation {
        request_id: "8f2c0a3e-0000-4000-8000-000000000001".into(),
        deadline: tokio::time::Instant::now() + Duration::from_secs(5),
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:switchyard-dev-mcp_proxy".into(),
        client_context,
    }
}

/// The documented shape with function details.
fn function_event() -> Value {
    json!({
        "messageVersion": "1.0",
        "agent": { "name": "switchyard-dev-bootstrap", "id": "AGENT12345", "alias": "TSTALIASID", "version": "DRAFT" },
        "inputText": "Create the network of dev",
        "sessionId": "session-1",
        "actionGroup": "pipelines",
        "function": "execute_bootstrap_pipeline",
        "parameters": [
            { "name": "environment", "type": "string", "value": "dev" },
            { "name": "instance_count", "type": "number", "value": "3" },
        ],
        "sessionAttributes": { "requested_by": "arn:aws:iam::123456789012:user/ann" },
        "promptSessionAttributes": { "today": "Saturday" },
    })
}

/// The documented shape with an API schema.
fn api_event() -> Value {
    json!({
        "messageVersion": "1.0",
        "agent": { "name": "a", "id": "AGENT12345", "alias": "TSTALIASID", "version": "DRAFT" },
        "inputText": "x", "sessionId": "session-1", "actionGroup": "memory-operations",
        "apiPath": "/get-deployment/{execution_id}", "httpMethod": "POST",
        "parameters": [{ "name": "execution_id", "type": "string", "value": "0190" }],
        "requestBody": { "content": { "application/json": { "properties": [
            { "name": "limit", "type": "integer", "value": "5" },
        ] } } },
        "sessionAttributes": {}, "promptSessionAttributes": {},
    })
}

#[test]
fn function_details_are_read_and_answered() {
    let call = ToolCall::parse(&function_event(), &invocation(None)).unwrap();
    assert_eq!((call.action_group.as_str(), call.function.as_str()), ("pipelines", "execute_bootstrap_pipeline"));
    assert_eq!(call.parameters["instance_count"], "3");
    assert_eq!(call.attribute(attribute::REQUESTED_BY), Some("arn:aws:iam::123456789012:user/ann"));
    let answer = call.respond(&ToolAnswer::new(json!({ "message": "done" })));
    assert_eq!(
        answer,
        json!({
            "messageVersion": "1.0",
            "response": {
                "actionGroup": "pipelines", "function": "execute_bootstrap_pipeline",
                "functionResponse": { "responseBody": { "TEXT": { "body": "{\"message\":\"done\"}" } } },
            },
            "sessionAttributes": { "requested_by": "arn:aws:iam::123456789012:user/ann" },
            "promptSessionAttributes": { "today": "Saturday" },
        })
    );
}

#[test]
fn states_follow_the_error_table() {
    let call = ToolCall::parse(&function_event(), &invocation(None)).unwrap();
    let state = |answer: &ToolAnswer| call.respond(answer)["response"]["functionResponse"]["responseState"].clone();
    assert_eq!(state(&ToolAnswer::from(&invalid("mend it"))), "REPROMPT");
    assert_eq!(state(&ToolAnswer::from(&internal("broken"))), "FAILURE");
    assert_eq!(state(&ToolAnswer::from(&dependency("down"))), Value::Null);
}

#[test]
fn api_schema_events_are_read_and_answered() {
    let call = ToolCall::parse(&api_event(), &invocation(None)).unwrap();
    assert_eq!(call.function, "get_deployment");
    assert_eq!(call.parameters.len(), 2);
    assert_eq!(call.parameters["limit"], "5");
    let answer = call.respond(&ToolAnswer::from(&invalid("mend it")));
    let response = &answer["response"];
    assert_eq!(response["apiPath"], "/get-deployment/{execution_id}");
    assert_eq!(response["httpMethod"], "POST");
    assert_eq!(response["httpStatusCode"], 400);
    assert_eq!(response["responseBody"]["application/json"]["body"], "{\"message\":\"mend it\"}");
}

#[test]
fn what_aws_may_leave_out_may_be_missing() {
    let bare = json!({ "messageVersion": "1.0", "actionGroup": "g", "function": "f", "parameters": [] });
    let call = ToolCall::parse(&bare, &invocation(None)).unwrap();
    assert_eq!((call.session_id.as_deref(), call.agent_name.as_deref()), (None, None));
    let answer = call.respond(&ToolAnswer::new(json!({})));
    assert!(answer.get("sessionAttributes").is_none());
    let bare = json!({ "actionGroup": "g", "apiPath": "/f", "httpMethod": "GET",
        "requestBody": { "content": { "application/json": { "properties": [{ "name": "a", "value": "1" }] } } } });
    assert_eq!(ToolCall::parse(&bare, &invocation(None)).unwrap().parameters["a"], "1");
}

#[test]
fn gateway_events_are_recognised_by_their_client_context() {
    let context = json!({ "custom": { "bedrockAgentCoreToolName": "history___query_deployments" } });
    let event = json!({ "environment": "dev", "limit": 3 });
    let call = ToolCall::parse(&event, &invocation(Some(context))).unwrap();
    assert_eq!((call.action_group.as_str(), call.function.as_str()), ("history", "query_deployments"));
    assert_eq!(call.parameters["limit"], "3");
    let good = call.respond(&ToolAnswer::new(json!({ "message": "m" })));
    assert_eq!(good["isError"], false);
    assert_eq!(good["structuredContent"]["message"], "m");
    assert_eq!(call.respond(&ToolAnswer::from(&invalid("x")))["isError"], true);
}

#[test]
fn a_parameter_with_two_values_is_refused() {
    let definitions = Definitions::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents")).unwrap();
    let mut event = function_event();
    let call = |event: &Value| ToolCall::parse(event, &invocation(None)).unwrap();
    event["parameters"] = json!([{ "name": "environment", "value": "dev" }, { "name": "environment", "value": "dev" }]);
    assert!(call(&event).declared(&definitions, Handler::McpProxy).is_ok());
    event["parameters"][1]["value"] = "test".into();
    let error = call(&event).declared(&definitions, Handler::McpProxy).unwrap_err();
    assert_eq!(error.message(), "`environment` is given twice with different values. Give it once.");
}

#[test]
fn other_events_are_refused_with_what_was_expected() {
    for event in [json!({}), json!([]), json!({ "actionGroup": "g" }), json!({ "httpMethod": "GET" })] {
        let error = ToolCall::parse(&event, &invocation(None)).unwrap_err();
        assert!(error.message().contains("action group"), "{error}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                "actionGroup|function|apiPath|parameters|requestBody|content|properties|name|value|sessionAttributes|[a-z]{1,5}",
                inner,
                0..6
            )
            .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_event_panics_and_every_call_can_be_answered(event in any_json(), gateway in any::<bool>()) {
        let context = gateway.then(|| json!({ "custom": { "bedrockAgentCoreToolName": "t___f" } }));
        if let Ok(call) = ToolCall::parse(&event, &invocation(context)) {
            let answer = call.respond(&ToolAnswer::new(json!({ "message": "m" })));
            prop_assert!(answer.is_object());
        }
    }
}
