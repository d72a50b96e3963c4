use http::Method;
use serde_json::json;
use tower::ServiceExt as _;
use uuid::Uuid;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::*;
use crate::pipelines::testing::{CONFIG, gitlab_pipeline, pipelines, secret};

mod fuzz;

const KEY: &str = "door-key";

fn app(gitlab: &MockServer) -> Router {
    router(Doors::new(pipelines(gitlab, CONFIG), secret("API_KEY", KEY)), &["server.test".to_owned()])
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Value,
}

async fn send(app: Router, request: http::request::Builder, body: impl Into<axum::body::Body>) -> Answer {
    let response = app.oneshot(request.header("host", "server.test").body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

fn with_key(method: Method, path: &str) -> http::request::Builder {
    http::Request::builder().method(method).uri(path).header("x-api-key", KEY)
}

async fn execute(app: Router, body: Value) -> Answer {
    send(app, with_key(Method::POST, "/execute").header("content-type", "application/json"), body.to_string()).await
}

async fn creates(project: &str, id: u64) -> MockServer {
    let server = MockServer::start().await;
    let created =
        ResponseTemplate::new(201).set_body_json(gitlab_pipeline(id, "pending", "2026-11-04T09:36:13.747Z", None));
    Mock::given(method("POST"))
        .and(path(format!("/api/v4/projects/{project}/pipeline")))
        .respond_with(created)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn execute_as_the_guide_sends_it() {
    let gitlab = creates("platform%2Fcompute", 5).await;
    // Parameters repeat the outer fields and hold nothing but text, as a Bedrock agent passes them.
    let parameters = json!({ "environment": "dev", "tenant_id": "acme", "instance_count": "3" });
    let body =
        json!({ "pipeline_type": "compute", "environment": "dev", "tenant_id": "acme", "parameters": parameters });
    let answer = execute(app(&gitlab), body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!((&answer.body["pipeline_type"], &answer.body["tenant_id"]), (&json!("compute"), &json!("acme")));
    assert_eq!(answer.headers["cache-control"], "no-store");
    let sent: Value = gitlab.received_requests().await.unwrap()[0].body_json().unwrap();
    assert!(sent["variables"].as_array().unwrap().contains(&json!({ "key": "INSTANCE_COUNT", "value": "3" })));
}

#[tokio::test]
async fn a_tenant_may_be_written_in_two_ways() {
    let gitlab = creates("platform%2Fcompute", 5).await;
    let body = json!({ "pipeline_type": "compute", "environment": "dev", "tenant_id": "ACME", "parameters": { "tenant_id": "acme" } });
    let answer = execute(app(&gitlab), body).await;
    assert_eq!((answer.status, &answer.body["tenant_id"]), (201, &json!("acme")), "{}", answer.body);
    let sent: Value = gitlab.received_requests().await.unwrap()[0].body_json().unwrap();
    assert!(sent["variables"].as_array().unwrap().contains(&json!({ "key": "TENANT_ID", "value": "acme" })));
}

#[tokio::test]
async fn a_null_tenant_is_none() {
    let gitlab = creates("platform%2Finfrastructure", 5).await;
    let body = json!({ "pipeline_type": "bootstrap", "environment": "dev", "tenant_id": null, "parameters": { "tenant_id": null } });
    assert_eq!(execute(app(&gitlab), body).await.status, 201);
}

#[tokio::test]
async fn wrong_bodies_say_what_to_change() {
    let gitlab = MockServer::start().await;
    for (body, status, expected) in [
        (json!({ "pipeline_type": "bootstrap" }), 400, "environment: is required"),
        (json!({ "environment": "dev" }), 400, "missing field `pipeline_type`"),
        (json!({ "pipeline_type": "bootstrap", "environment": "dev", "force": true }), 400, "unknown field `force`"),
        (json!({ "pipeline_type": "bootstrap", "environment": "dev", "parameters": 4 }), 400, "parameters: "),
        (
            json!({ "pipeline_type": "bootstrap", "environment": "dev", "parameters": { "environment": "prod" } }),
            400,
            "environment: is \"dev\", and \"prod\" in parameters",
        ),
        (json!({ "pipeline_type": "database", "environment": "dev" }), 404, "there are app, bootstrap, compute"),
    ] {
        let answer = execute(app(&gitlab), body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.body["detail"].as_str().unwrap().contains(expected), "{body}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!((&answer.body["status"], &answer.body["type"]), (&json!(status), &json!("about:blank")));
        assert!(Uuid::try_parse(answer.body["request_id"].as_str().unwrap()).is_ok());
    }
    let post = |kind: &'static str| with_key(Method::POST, "/execute").header("content-type", kind);
    assert_eq!(send(app(&gitlab), post("text/plain"), "{}").await.status, 415);
    assert_eq!(send(app(&gitlab), post("application/json"), "{").await.status, 400);
    assert_eq!(send(app(&gitlab), post("application/json"), "{}{}").await.status, 400);
    assert_eq!(send(app(&gitlab), post("application/json"), vec![b' '; LARGEST_BODY + 1]).await.status, 413);
    assert!(gitlab.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn gitlabs_refusals_are_problems_with_an_outcome() {
    let gitlab = MockServer::start().await;
    let limit = ResponseTemplate::new(429).insert_header("retry-after", "90");
    Mock::given(method("POST")).respond_with(limit).mount(&gitlab).await;
    let answer = execute(app(&gitlab), json!({ "pipeline_type": "bootstrap", "environment": "dev" })).await;
    assert_eq!((answer.status, &answer.body["outcome"]), (429, &json!("not_started")));
    assert_eq!(answer.headers["retry-after"], "90");
}

#[tokio::test]
async fn every_door_but_health_needs_the_key() {
    let gitlab = MockServer::start().await;
    let request = |method: &Method, path: &str| http::Request::builder().method(method.clone()).uri(path.to_owned());
    for (method, path) in [
        (Method::POST, "/execute"),
        (Method::GET, "/status/0192d5a4-0000-7000-8000-000000000000"),
        (Method::POST, "/mcp"),
        (Method::GET, "/mcp"),
        (Method::POST, "/events"),
        (Method::GET, "/"),
        (Method::GET, "/health/"),
        (Method::GET, "//health"),
        (Method::DELETE, "/execute"),
    ] {
        for key in [None, Some("wrong-key"), Some("door-key2"), Some("")] {
            let mut request = request(&method, path).header("content-type", "application/json");
            if let Some(key) = key {
                request = request.header("x-api-key", key);
            }
            let answer = send(app(&gitlab), request, "{}").await;
            assert_eq!(answer.status, 401, "{method} {path} {key:?}");
            assert!(!answer.body.to_string().contains(KEY));
        }
        let twice = request(&method, path).header("x-api-key", KEY).header("x-api-key", "other");
        assert_eq!(send(app(&gitlab), twice, "{}").await.status, 401);
    }
    assert!(gitlab.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn with_the_key_unknown_paths_and_methods_are_problems() {
    let gitlab = MockServer::start().await;
    let answer = send(app(&gitlab), with_key(Method::GET, "/nothing"), "").await;
    assert_eq!((answer.status, &answer.body["title"]), (404, &json!("Not found")));
    let answer = send(app(&gitlab), with_key(Method::GET, "/execute"), "").await;
    assert_eq!((answer.status, &answer.body["status"]), (405, &json!(405)));
    assert_eq!(answer.headers["allow"], "POST");
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(send(app(&gitlab), with_key(method, "/mcp"), "").await.status, 405);
    }
}

#[tokio::test]
async fn a_status_and_an_unknown_one() {
    let id = Uuid::now_v7();
    let gitlab = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_json(json!([]))).mount(&gitlab).await;
    let answer = send(app(&gitlab), with_key(Method::GET, &format!("/status/{id}")), "").await;
    assert_eq!((answer.status, &answer.body["status"]), (404, &json!(404)));
    let answer = send(app(&gitlab), with_key(Method::GET, "/status/exec-1"), "").await;
    assert_eq!(answer.status, 400);

    let gitlab = MockServer::start().await;
    let pipeline = gitlab_pipeline(9, "manual", &jiff::Timestamp::now().to_string(), Some(&format!("app {id}")));
    let list = ResponseTemplate::new(200).set_body_json(json!([pipeline]));
    Mock::given(path("/api/v4/projects/platform%2Fapplications/pipelines")).respond_with(list).mount(&gitlab).await;
    let variables = ResponseTemplate::new(200).set_body_json(json!([{ "key": "TENANT_ID", "value": "acme" }]));
    Mock::given(path("/api/v4/projects/platform%2Fapplications/pipelines/9/variables"))
        .respond_with(variables)
        .mount(&gitlab)
        .await;
    let answer = send(app(&gitlab), with_key(Method::GET, &format!("/status/{id}")), "").await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("awaiting_approval")), "{}", answer.body);
    assert_eq!((&answer.body["tenant_id"], &answer.body["pipeline_type"]), (&json!("acme"), &json!("app")));
}

async fn health(gitlab: &MockServer) -> Answer {
    send(app(gitlab), http::Request::builder().uri("/health"), "").await
}

#[tokio::test]
async fn health_tells_token_and_gitlab_apart() {
    for (status, expected, token, reach) in [
        (200, 200, "ok", "ok"),
        (404, 200, "ok", "ok"),
        (401, 503, "refused", "ok"),
        (500, 503, "unknown", "unreachable"),
    ] {
        let gitlab = MockServer::start().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(status)).mount(&gitlab).await;
        let answer = health(&gitlab).await;
        assert_eq!(answer.status, expected, "{status}");
        assert_eq!(answer.body["checks"], json!({ "token": token, "gitlab": reach }));
        assert_eq!(answer.body["status"], if expected == 200 { "healthy" } else { "unhealthy" });
        assert!(answer.body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(answer.body.as_object().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_flood_of_health_requests_is_one_request_to_gitlab() {
    let gitlab = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(1).mount(&gitlab).await;
    let app = app(&gitlab);
    for _ in 0..20 {
        assert_eq!(send(app.clone(), http::Request::builder().uri("/health"), "").await.status, 200);
    }
}

fn mcp() -> http::request::Builder {
    with_key(Method::POST, "/mcp")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
}

fn modern_call(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": "execute_bootstrap_pipeline", "arguments": { "environment": "dev" },
        "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
                   "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" } } } })
}

#[tokio::test]
async fn one_request_of_each_protocol_generation() {
    let gitlab = creates("platform%2Finfrastructure", 5).await;
    let modern = mcp()
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "execute_bootstrap_pipeline");
    let answer = send(app(&gitlab), modern, modern_call(1).to_string()).await;
    assert_eq!((answer.status, &answer.body["result"]["resultType"]), (200, &json!("complete")), "{}", answer.body);
    assert_eq!(answer.body["result"]["structuredContent"]["details"]["pipeline_id"], 5);

    let legacy = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call",
                         "params": { "name": "execute_bootstrap_pipeline", "arguments": { "environment": "dev" } } });
    let answer = send(app(&gitlab), mcp().header("mcp-protocol-version", "2025-06-18"), legacy.to_string()).await;
    assert_eq!((answer.status, &answer.body["result"]["isError"]), (200, &json!(false)), "{}", answer.body);
    assert_eq!(answer.body["result"].get("resultType"), None);

    let list = json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/list" });
    let answer = send(app(&gitlab), mcp(), list.to_string()).await;
    assert_eq!(answer.body["result"]["tools"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn messages_that_are_none_are_answered_in_json_rpc() {
    let gitlab = MockServer::start().await;
    for (body, status, code) in
        [("{", 400, -32700), ("[]", 400, -32600), ("{\"id\":7}", 400, -32600), ("", 400, -32700)]
    {
        let answer = send(app(&gitlab), mcp(), body).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (status, &json!(code)), "{body}");
    }
    let answer = send(app(&gitlab), mcp(), vec![b' '; 300 * 1024]).await;
    assert_eq!(answer.status, 413);
    let unknown = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "nothing" } });
    let answer = send(app(&gitlab), mcp(), unknown.to_string()).await;
    assert_eq!(answer.body["error"]["code"], -32602);
}

#[tokio::test]
async fn web_pages_and_foreign_names_are_kept_out() {
    let gitlab = MockServer::start().await;
    let list = json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/list" }).to_string();
    let answer = send(app(&gitlab), mcp().header("origin", "https://evil.example"), list.clone()).await;
    assert_eq!(answer.status, 403);
    let request = mcp().header("host", "evil.example").body(axum::body::Body::from(list)).unwrap();
    assert_eq!(app(&gitlab).oneshot(request).await.unwrap().status(), 403);
}
