//! What passes through Lambda's Runtime API and not through MiniStack: response streaming, and calls from AgentCore Gateway.

use serde_json::{Value, json};

use crate::support::{
    execution_id, gitlab, run,
    runtime_api::{Answer, invoke},
    stack, unique,
};

/// The event of a REST API for `POST /chat`.
fn chat_event(message: &str, accept: &str) -> Value {
    json!({
        "resource": "/chat", "path": "/chat", "httpMethod": "POST",
        "headers": { "Content-Type": "application/json", "Accept": accept, "Host": "api.example.com" },
        "multiValueHeaders": { "Content-Type": ["application/json"], "Accept": [accept], "Host": ["api.example.com"] },
        "queryStringParameters": null, "multiValueQueryStringParameters": null, "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "resourceId": "r", "resourcePath": "/chat", "httpMethod": "POST", "path": "/dev/chat",
            "accountId": "000000000000", "apiId": "api", "stage": "dev", "requestId": "q", "protocol": "HTTP/1.1",
            "identity": { "sourceIp": "192.0.2.1", "userArn": "arn:aws:iam::000000000000:user/ann", "accountId": "000000000000" },
        },
        "body": json!({ "message": message }).to_string(), "isBase64Encoded": false,
    })
}

async fn chat(message: &str, accept: &str) -> Answer {
    let stack = stack().await;
    let environment = [
        ("STAGE", "local".to_owned()),
        ("RESPONSE_MODE", "stream".to_owned()),
        ("ORCHESTRATOR_AGENT", "ORCHESTRAT/LOCAL".to_owned()),
        ("AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", stack.agent_runtime_url()),
    ];
    invoke("chat_handler", &environment, &chat_event(message, accept), None).await
}

/// The metadata and the payload of a streamed answer. Source: "Stream the integration response for your proxy integrations".
fn prelude_and_payload(posted: &Answer) -> (Value, String) {
    assert_eq!(posted.headers["lambda-runtime-function-response-mode"], "streaming");
    assert_eq!(posted.headers["content-type"], "application/vnd.awslambda.http-integration-response");
    let body = posted.body();
    let end = body.windows(8).position(|window| window == [0; 8]).expect("eight NUL bytes");
    assert!(end < 16 * 1024);
    let prelude: Value = serde_json::from_slice(&body[..end]).unwrap();
    // API Gateway takes these keys and no others, and one value for each header.
    assert!(
        prelude.as_object().unwrap().keys().all(|key| ["statusCode", "headers", "cookies"].contains(&key.as_str()))
    );
    assert!(prelude["headers"].as_object().unwrap().values().all(Value::is_string), "{prelude}");
    (prelude, String::from_utf8(body[end + 8..].to_vec()).unwrap())
}

#[test]
fn steps_are_streamed_as_they_happen() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("stark");
        let posted = chat(&format!("two t3.small for tenant {tenant} in dev"), "text/event-stream").await;
        let (prelude, payload) = prelude_and_payload(&posted);
        assert_eq!(prelude["statusCode"], 200);
        assert!(prelude["headers"]["content-type"].as_str().unwrap().starts_with("text/event-stream"), "{prelude}");
        let events: Vec<&str> = payload.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!(events.first(), Some(&"step"), "{payload}");
        assert_eq!(events.last(), Some(&"done"), "{payload}");
        let first_steps = posted.pieces.iter().position(|piece| contains(piece, "event: step")).unwrap();
        let done = posted.pieces.iter().position(|piece| contains(piece, "event: done")).unwrap();
        assert!(first_steps < done, "the first step came in an earlier piece than the end");
        let done: Value = payload
            .split("event: done\n")
            .nth(1)
            .and_then(|rest| rest.lines().find_map(|line| line.strip_prefix("data: ")))
            .map(|data| serde_json::from_str(data).unwrap())
            .unwrap();
        execution_id(done["reply"].as_str().unwrap());
    });
}

fn contains(piece: &[u8], text: &str) -> bool {
    piece.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_client_that_wants_json_gets_json_over_the_stream() {
    run(async {
        let posted = chat("what is deployed in staging?", "application/json").await;
        let (prelude, payload) = prelude_and_payload(&posted);
        assert_eq!(prelude["statusCode"], 200);
        let answer: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(answer["steps"][0]["function"], "query_deployments", "{answer}");
    });
}

#[test]
fn errors_keep_their_status_over_the_stream() {
    run(async {
        let posted = chat(" ", "text/event-stream").await;
        let (prelude, payload) = prelude_and_payload(&posted);
        assert_eq!(prelude["statusCode"], 400);
        assert_eq!(prelude["headers"]["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(problem["request_id"], posted.request_id);
    });
}

/// The client context that AgentCore Gateway sends to a Lambda target.
fn gateway(tool: &str) -> Value {
    json!({ "custom": {
        "bedrockAgentCoreMessageVersion": "1.0", "bedrockAgentCoreAwsRequestId": "a", "bedrockAgentCoreMcpMessageId": "1",
        "bedrockAgentCoreGatewayId": "g", "bedrockAgentCoreTargetId": "t", "bedrockAgentCoreToolName": tool,
    } })
}

async fn environment() -> Vec<(&'static str, String)> {
    let tables = [
        ("MEMORY_TABLE", "DeploymentMemory"),
        ("REGISTRY_TABLE", "MCPServerRegistry"),
        ("STATE_TABLE", "SwitchyardState"),
    ];
    let mut environment: Vec<_> = tables.iter().map(|(name, table)| (*name, format!("{table}-local"))).collect();
    environment.push(("STAGE", "local".to_owned()));
    environment.push(("ENVIRONMENTS", "dev,test,staging,prod".to_owned()));
    environment.push(("PROTECTED_ENVIRONMENTS", "prod".to_owned()));
    environment.push(("AWS_ENDPOINT_URL", stack().await.aws_url()));
    environment
}

#[test]
fn a_gateway_reads_the_history() {
    run(async {
        let event = json!({ "environment": "dev", "limit": 2 });
        let context = gateway("history___query_deployments");
        let answer = invoke("memory_manager", &environment().await, &event, Some(&context)).await.json();
        assert_eq!(answer["isError"], false, "{answer}");
        assert!(answer["structuredContent"]["deployments"].is_array(), "{answer}");
        let context = gateway("history___forget_everything");
        let answer = invoke("memory_manager", &environment().await, &event, Some(&context)).await.json();
        assert_eq!(answer["isError"], true);
        assert!(answer["content"][0]["text"].as_str().unwrap().contains("no function `forget_everything`"), "{answer}");
    });
}

#[test]
fn a_gateway_starts_a_pipeline_through_the_same_door() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("cyberdyne");
        let event = json!({ "environment": "test", "tenant_id": tenant, "instance_count": 2 });
        let context = gateway("pipelines___execute_compute_pipeline");
        let answer = invoke("mcp_proxy", &environment().await, &event, Some(&context)).await.json();
        assert_eq!(answer["structuredContent"]["status"], "running", "{answer}");
        let pipelines = gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await;
        assert_eq!(pipelines.len(), 1);
        let event = json!({ "environment": "prod", "tenant_id": tenant });
        let answer = invoke("mcp_proxy", &environment().await, &event, Some(&context)).await.json();
        assert_eq!(answer["isError"], true);
        assert!(answer["content"][0]["text"].as_str().unwrap().contains("`prod` is protected"), "{answer}");
    });
}
