use lambda_http::request::from_str;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::*;
use crate::pipelines::{
    http,
    mcp::McpServer,
    testing::{CONFIG, gitlab_pipeline, pipelines, secret},
};

mod fuzz;

const KEY: &str = "door-key";

async fn gitlab() -> MockServer {
    let server = MockServer::start().await;
    let created =
        ResponseTemplate::new(201).set_body_json(gitlab_pipeline(61, "pending", "2026-11-04T09:36:13.747Z", None));
    Mock::given(method("POST"))
        .and(path("/api/v4/projects/platform%2Finfrastructure/pipeline"))
        .respond_with(created)
        .mount(&server)
        .await;
    server
}

fn doors(gitlab: &MockServer) -> Doors {
    let pipelines = pipelines(gitlab, CONFIG);
    let router = http::router(http::Doors::new(pipelines.clone(), secret("API_KEY", KEY)), &[]);
    Doors::new(router, Endpoint::new(McpServer::new(pipelines).over_http(&[])))
}

/// Answers an event as the runtime does: status (200 for an Invoke) and body.
async fn event(doors: &Doors, event: Value) -> (u16, Value) {
    let response = doors.answer(from_str(&event.to_string()).unwrap()).await;
    let status = response.status().as_u16();
    let body = match response.into_body() {
        lambda_http::Body::Text(text) => serde_json::from_str(&text).unwrap(),
        lambda_http::Body::Empty => Value::Null,
        other => panic!("not text: {other:?}"),
    };
    (status, body)
}

/// API Gateway REST API, proxy integration, payload 1.0.
fn rest(verb: &str, path: &str, headers: Value, body: Value) -> Value {
    let multi: Map<String, Value> =
        headers.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": verb, "headers": headers, "multiValueHeaders": multi,
        "queryStringParameters": null, "multiValueQueryStringParameters": null, "pathParameters": { "proxy": "x" },
        "stageVariables": null,
        "requestContext": { "accountId": "123456789012", "apiId": "abc", "httpMethod": verb, "path": format!("/prod{path}"),
            "protocol": "HTTP/1.1", "requestId": "r", "resourceId": "z", "resourcePath": "/{proxy+}", "stage": "prod",
            "domainName": "abc.execute-api.us-east-1.amazonaws.com", "identity": { "sourceIp": "192.0.2.1" } },
        "body": body, "isBase64Encoded": false,
    })
}

/// API Gateway HTTP API or function URL, payload 2.0.
fn v2(verb: &str, path: &str, stage: &str, headers: Value, body: Value) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": { "accountId": "anonymous", "apiId": "abc", "domainName": "abc.lambda-url.us-east-1.on.aws",
            "domainPrefix": "abc", "http": { "method": verb, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
            "userAgent": "t" }, "requestId": "r", "routeKey": "$default", "stage": stage,
            "time": "04/Nov/2026:09:36:13 +0000", "timeEpoch": 1_793_000_000_000_u64 },
        "body": body, "isBase64Encoded": false,
    })
}

fn headers(key: Option<&str>) -> Value {
    let mut headers = json!({ "Host": "abc.lambda-url.us-east-1.on.aws", "content-type": "application/json",
                              "accept": "application/json, text/event-stream" });
    if let Some(key) = key {
        headers["X-Api-Key"] = json!(key);
    }
    headers
}

fn execute() -> Value {
    json!(json!({ "pipeline_type": "bootstrap", "environment": "dev" }).to_string())
}

fn message(name: &str, modern: bool) -> Value {
    let mut message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                              "params": { "name": name, "arguments": { "environment": "dev" } } });
    if modern {
        message["params"]["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}, "switchyard/execution_id": uuid::Uuid::now_v7().to_string() });
    }
    message
}

#[tokio::test]
async fn each_http_event_reaches_its_door_with_the_key_only() {
    let gitlab = gitlab().await;
    let doors = doors(&gitlab);
    for key in [Some(KEY), None, Some("wrong")] {
        for (name, request) in [
            ("REST API", rest("POST", "/execute", headers(key), execute())),
            ("function URL", v2("POST", "/execute", "$default", headers(key), execute())),
            ("HTTP API with a stage", v2("POST", "/prod/execute", "prod", headers(key), execute())),
        ] {
            let (status, body) = event(&doors, request).await;
            if key == Some(KEY) {
                assert_eq!((status, &body["details"]["pipeline_id"]), (201, &json!(61)), "{name}: {body}");
            } else {
                assert_eq!(status, 401, "{name}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn mcp_through_http_events() {
    let gitlab = gitlab().await;
    let doors = doors(&gitlab);
    let body = json!(message("execute_bootstrap_pipeline", false).to_string());
    for build in [
        rest("POST", "/mcp", headers(Some(KEY)), body.clone()),
        v2("POST", "/mcp", "$default", headers(Some(KEY)), body.clone()),
    ] {
        let (status, answer) = event(&doors, build).await;
        assert_eq!((status, &answer["result"]["isError"]), (200, &json!(false)), "{answer}");
    }
    assert_eq!(event(&doors, v2("POST", "/mcp", "$default", headers(None), body)).await.0, 401);
    let (status, health) = event(&doors, v2("GET", "/health", "$default", headers(None), Value::Null)).await;
    assert!(status == 200 && health["status"] == "healthy" || status == 503, "{status} {health}");
}

#[tokio::test]
async fn a_message_by_invoke_needs_no_key() {
    let gitlab = gitlab().await;
    let doors = doors(&gitlab);
    for modern in [false, true] {
        let (_, answer) = event(&doors, message("execute_bootstrap_pipeline", modern)).await;
        assert_eq!(answer["result"]["structuredContent"]["details"]["pipeline_id"], 61, "{answer}");
    }
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2025-11-25",
        "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let (_, answer) = event(&doors, initialize).await;
    assert_eq!(answer["result"]["serverInfo"]["name"], "switchyard-pipelines", "{answer}");
    let discover = json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } } });
    let (_, answer) = event(&doors, discover).await;
    assert!(answer["result"]["supportedVersions"].as_array().is_some_and(|versions| versions.len() > 1), "{answer}");
}

#[tokio::test]
async fn every_answer_to_an_invoke_is_json() {
    let gitlab = gitlab().await;
    let doors = doors(&gitlab);
    let (_, answer) = event(&doors, json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    assert_eq!(answer, json!({}));
    let (_, answer) = event(&doors, message("nothing", true)).await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32602)));
    let (_, answer) = event(&doors, json!({ "jsonrpc": "2.0", "id": 4, "method": 7 })).await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(4), &json!(-32600)), "{answer}");
}

/// An HTTP event that the library cannot read as one falls through to the door of Invoke. It must not open there, whatever the
/// client has put into the parts it controls.
#[tokio::test]
async fn no_http_event_counts_as_an_invoke() {
    let gitlab = gitlab().await;
    let doors = doors(&gitlab);
    let smuggled = message("execute_bootstrap_pipeline", true);
    let text = json!(smuggled.to_string());
    let mut broken = v2("POST", "/mcp", "$default", headers(None), text.clone());
    broken["requestContext"]["timeEpoch"] = json!("not a number");
    let mut odd_method = rest("POST", "/events", headers(None), text.clone());
    odd_method["httpMethod"] = json!("NOT A METHOD");
    let mut odd_header = v2("POST", "/events", "$default", headers(None), text.clone());
    odd_header["headers"]["x-odd"] = json!({ "jsonrpc": "2.0" });
    // Even an object that is both: only somebody who may invoke the function could send it, and then it is still refused.
    let mut both = broken.clone();
    both.as_object_mut().unwrap().extend(smuggled.as_object().unwrap().clone());
    for (name, attempt) in [
        ("path /events", v2("POST", "/events", "$default", headers(None), text.clone())),
        ("path /events, REST", rest("POST", "/events", headers(None), text.clone())),
        (
            "jsonrpc as a header",
            v2("POST", "/mcp", "$default", json!({ "jsonrpc": "2.0", "content-type": "application/json" }), text),
        ),
        ("unreadable context", broken),
        ("unreadable method", odd_method),
        ("unreadable header", odd_header),
        ("both at once", both),
        ("a plain event", json!({ "source": "aws.events", "detail": {} })),
        ("a batch", json!([smuggled])),
    ] {
        let (status, answer) = event(&doors, attempt).await;
        assert!(status == 401 || answer["error"]["code"] == -32600, "{name}: {status} {answer}");
    }
    assert!(gitlab.received_requests().await.unwrap().is_empty());
}

#[test]
fn a_stage_is_taken_off_as_a_whole_segment_only() {
    for (path, stage, expected) in [
        ("/prod/mcp?x=1", Some("prod"), "/mcp?x=1"),
        ("/prod", Some("prod"), "/"),
        ("/production/mcp", Some("prod"), "/production/mcp"),
        ("/mcp", Some("$default"), "/mcp"),
        ("/mcp", None, "/mcp"),
        ("https://host.example/prod/health", Some("prod"), "/health"),
    ] {
        assert_eq!(without_stage(&path.parse().unwrap(), stage).to_string(), expected, "{path} {stage:?}");
    }
}
