//! Events that only Lambda's own loop brings: client contexts, and answers in pieces.

use serde_json::{Value, json};
use tests::{
    environments::Environments,
    function_url::FunctionUrl,
    runtime_api::{Environment, Invocation},
};

use crate::support::{hostile, is_well, message, start, text};

/// What AgentCore Gateway puts into the client context for a tool of a target.
fn gateway(tool: &str) -> Value {
    json!({ "custom": {
        "bedrockAgentCoreMessageVersion": "1.0", "bedrockAgentCoreAwsRequestId": "a", "bedrockAgentCoreMcpMessageId": "1",
        "bedrockAgentCoreGatewayId": "g", "bedrockAgentCoreTargetId": "t", "bedrockAgentCoreToolName": tool,
    } })
}

async fn gateway_call(environment: &mut Environment, context: &Value, arguments: &Value) -> Value {
    environment.invoke(arguments.to_string(), Some(context)).await.unwrap().json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_may_put_objects_into_its_client_context() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    let mut contexts = vec![gateway("hosted___echo")];
    for (name, value) in [
        ("bedrockAgentCorePropagatedHeaders", json!({ "x-tenant": "acme" })),
        ("bedrockAgentCorePropagatedHeaders", json!({})),
        ("bedrockAgentCorePropagatedQueryParameters", json!({ "a": ["b"] })),
        ("somethingNew", json!(7)),
        ("nothing", Value::Null),
    ] {
        let mut context = gateway("hosted___echo");
        context["custom"][name] = value;
        contexts.push(context);
    }
    for client in [json!({}), Value::Null, json!("text")] {
        let mut context = gateway("hosted___echo");
        context["client"] = client;
        contexts.push(context);
    }
    for context in contexts {
        let result = gateway_call(&mut environment, &context, &json!({ "text": "by the gateway" })).await;
        assert_eq!(result["content"][0]["text"], "by the gateway", "{context}: {result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_context_that_is_none_ends_one_call_only() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    for context in ["", "{", "null", "[]", "{\"custom\":null}", "{\"custom\":{\"bedrockAgentCoreToolName\":{}}}"] {
        let payload = message("echo", &json!({ "text": "by Invoke" })).to_string();
        let invocation = Invocation { client_context: Some(context.to_owned()), ..Invocation::of(payload) };
        let answer = environment.call(invocation).await.unwrap_or_else(|error| panic!("{context:?}: {error}"));
        assert!(!answer.failed, "{context:?}");
        assert_eq!(text(&answer.json()), "by Invoke", "{context:?}");
        is_well(&mut environment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_no_event_ends_one_call_only() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    // A JSON-RPC response where a message was meant, and the error alone where no tool is named.
    for (payload, version, code) in [
        ("", json!("2.0"), -32700),
        ("null", Value::Null, -32603),
        ("7", Value::Null, -32603),
        ("[]", json!("2.0"), -32600),
        ("{}", Value::Null, -32603),
        ("{\"jsonrpc\":\"2.0\"}", json!("2.0"), -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", json!("2.0"), -32600),
        ("\"text\"", Value::Null, -32603),
    ] {
        let called = environment.call(Invocation::of(payload)).await;
        let answer = called.unwrap_or_else(|error| panic!("{payload:?}: {error}"));
        let body = answer.json();
        assert!(!answer.failed, "{payload:?}: {body}");
        assert_eq!((&body["jsonrpc"], &body["error"]["code"]), (&version, &json!(code)), "{payload:?}: {body}");
        is_well(&mut environment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_called_the_plain_way() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    for key in ["toolName", "tool_name", "bedrockAgentCoreToolName"] {
        let event = json!({ key: "echo", "arguments": { "text": key } });
        let answer = environment.invoke(event.to_string(), None).await.unwrap();
        let body = String::from_utf8(answer.body()).unwrap();
        assert!(!answer.failed && body.contains(key) && body.contains("content"), "{key}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_reaches_the_client_while_the_tool_works() {
    let hosted = hostile(&[], json!({})).await;
    let release = hosted.package().join("release");
    let environments = Environments::start(hosted.function.clone(), 2).await.unwrap();
    let door = FunctionUrl::open(environments, 0).await.unwrap();
    let mut message = message("hold", &json!({ "text": release }));
    message["params"]["_meta"] = json!({ "progressToken": "mine" });
    let mut answer = reqwest::Client::new()
        .post(format!("{}/mcp", door.url()))
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .json(&message)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut messages: Vec<Value> = Vec::new();
    let mut text = String::new();
    while let Some(piece) = answer.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&piece).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data:")).filter(|data| data.len() > 1)
            {
                messages.push(serde_json::from_str(data).unwrap());
                // The tool goes on only when the client has seen how far it is.
                std::fs::write(&release, "").unwrap();
            }
            text = rest.to_owned();
        }
    }
    let [first, second, result] = messages.as_slice() else { panic!("{messages:?}") };
    for (told, progress) in [(first, 1), (second, 2)] {
        assert_eq!(told["params"], json!({ "progressToken": "mine", "progress": progress, "total": 2 }));
    }
    assert_eq!((&result["id"], crate::support::text(result)), (&message["id"], "released"));
}
