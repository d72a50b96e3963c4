use rmcp::{
    ClientLifecycleMode, ClientServiceExt as _,
    model::ProtocolVersion,
    service::{RoleClient, RunningService},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::*;
use crate::pipelines::{
    http::{Doors, router},
    testing::{CONFIG, gitlab_pipeline, pipelines, secret},
};

const CREATE: &str = "/api/v4/projects/platform%2Finfrastructure/pipeline";

async fn gitlab() -> MockServer {
    let server = MockServer::start().await;
    let created =
        ResponseTemplate::new(201).set_body_json(gitlab_pipeline(61, "pending", "2026-11-04T09:36:13.747Z", None));
    Mock::given(method("POST")).and(path(CREATE)).respond_with(created).mount(&server).await;
    let forbidden = ResponseTemplate::new(403).set_body_json(json!({ "message": "403 Forbidden" }));
    Mock::given(method("POST")).respond_with(forbidden).with_priority(9).mount(&server).await;
    server
}

fn both() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
    ]
}

/// A client that talks to the server over a pipe, as over stdio.
async fn over_pipe(gitlab: &MockServer, lifecycle: ClientLifecycleMode) -> RunningService<RoleClient, ()> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let server = McpServer::new(pipelines(gitlab, CONFIG));
    tokio::spawn(async move {
        if let Ok(service) = rmcp::ServiceExt::serve(server, ours).await {
            let _ = service.waiting().await;
        }
    });
    ().serve_with_lifecycle(theirs, lifecycle).await.unwrap()
}

/// A client that talks to the server over HTTP, with the key.
async fn over_http(gitlab: &MockServer, lifecycle: ClientLifecycleMode) -> RunningService<RoleClient, ()> {
    let doors = Doors::new(pipelines(gitlab, CONFIG), secret("API_KEY", "door-key"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router(doors, &["127.0.0.1".to_owned()])).await });
    let headers = [(http::HeaderName::from_static("x-api-key"), http::HeaderValue::from_static("door-key"))];
    let config =
        StreamableHttpClientTransportConfig::with_uri(format!("http://{address}/mcp")).custom_headers(headers.into());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    ().serve_with_lifecycle(StreamableHttpClientTransport::with_client(client, config), lifecycle).await.unwrap()
}

fn request(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone())
}

async fn whole_conversation(client: RunningService<RoleClient, ()>) {
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 4);
    let bootstrap = tools.iter().find(|tool| tool.name == "execute_bootstrap_pipeline").unwrap();
    assert_eq!(bootstrap.meta.as_ref().unwrap().0["switchyard/pipeline_type"], "bootstrap");
    assert_eq!(bootstrap.annotations.as_ref().unwrap().destructive_hint, Some(true));

    let result =
        client.call_tool(request("execute_bootstrap_pipeline", json!({ "environment": "dev" }))).await.unwrap();
    let structured = result.structured_content.unwrap();
    assert_eq!((result.is_error, &structured["status"]), (Some(false), &json!("running")));
    assert_eq!(structured["details"]["pipeline_id"], 61);

    let arguments = json!({ "environment": "dev", "tenant_id": "acme", "app_name": "web", "app_version": "1.2" });
    let result = client.call_tool(request("execute_app_pipeline", arguments)).await.unwrap();
    let structured = result.structured_content.unwrap();
    assert_eq!((result.is_error, &structured["outcome"]), (Some(true), &json!("not_started")));
    let text = &result.content[0].as_text().unwrap().text;
    assert!(text.starts_with("The access token may not run pipelines of platform/applications"), "{text}");
    assert_eq!(structured["message"], text.as_str());

    let error = client.call_tool(request("drop_everything", json!({}))).await.unwrap_err().to_string();
    assert!(error.contains("there are execute_app_pipeline"), "{error}");
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn old_and_new_clients_over_a_pipe() {
    for lifecycle in both() {
        whole_conversation(over_pipe(&gitlab().await, lifecycle).await).await;
    }
}

#[tokio::test]
async fn old_and_new_clients_over_http() {
    for lifecycle in both() {
        whole_conversation(over_http(&gitlab().await, lifecycle).await).await;
    }
}

#[tokio::test]
async fn the_server_names_itself() {
    let client = over_pipe(&gitlab().await, ClientLifecycleMode::Initialize).await;
    let info = client.peer_info().unwrap();
    assert_eq!(info.server_info.as_ref().map(|info| info.name.as_str()), Some("switchyard-pipelines"));
}

async fn call(tool: &str, arguments: Value, meta: Value) -> Result<Execution, Failure> {
    let gitlab = gitlab().await;
    let server = McpServer::new(pipelines(&gitlab, CONFIG));
    let (arguments, meta) = (arguments.as_object().unwrap().clone(), meta.as_object().unwrap().clone());
    server.call(tool, arguments, &meta, &Call::now(Door::Stdio)).await
}

#[tokio::test]
async fn the_callers_execution_id_is_used() {
    let id = Uuid::now_v7();
    let meta = json!({ "switchyard/execution_id": id.to_string() });
    let execution = call("execute_bootstrap_pipeline", json!({ "environment": "dev" }), meta).await.unwrap();
    assert_eq!(execution.execution_id, id);
}

#[tokio::test]
async fn a_tenant_is_lower_cased_at_this_door_too() {
    let gitlab = MockServer::start().await;
    let created =
        ResponseTemplate::new(201).set_body_json(gitlab_pipeline(61, "pending", "2026-11-04T09:36:13.747Z", None));
    Mock::given(method("POST")).respond_with(created).mount(&gitlab).await;
    let server = McpServer::new(pipelines(&gitlab, CONFIG));
    let arguments = json!({ "environment": "dev", "tenant_id": "ACME" }).as_object().unwrap().clone();
    let call = Call::now(Door::Stdio);
    let execution = server.call("execute_compute_pipeline", arguments, &JsonObject::new(), &call).await.unwrap();
    assert_eq!(execution.tenant_id.as_deref(), Some("acme"));
}

#[tokio::test]
async fn wrong_meta_and_wrong_ids_are_named() {
    let dev = json!({ "environment": "dev" });
    let id = json!({ "execution_id": Uuid::now_v7().to_string() });
    for (tool, arguments, meta, expected) in [
        ("execute_bootstrap_pipeline", &dev, json!({ "switchyard/execution_id": 7 }), "_meta switchyard/execution_id"),
        (
            "execute_bootstrap_pipeline",
            &dev,
            json!({ "switchyard/execution_id": "x" }),
            "_meta execution_id: must be a UUID",
        ),
        (STATUS_TOOL, &dev, json!({}), "environment: is not an argument"),
        (STATUS_TOOL, &json!({}), json!({}), "execution_id: is required"),
        (STATUS_TOOL, &json!({ "execution_id": 7 }), json!({}), "execution_id: must be of type string"),
        (STATUS_TOOL, &json!({ "execution_id": "exec-7" }), json!({}), "execution_id: must be a UUID of version 7"),
        (STATUS_TOOL, &id, json!({ "switchyard/details": { "project": 1 } }), "_meta switchyard/details: is not ours"),
    ] {
        let failure = call(tool, arguments.clone(), meta).await.unwrap_err();
        assert!(failure.error.message().contains(expected), "{tool}: {}", failure.error);
    }
}
