//! The client against real servers: protocols, errors over https, Lambda, and how calls prove who they are.

mod deputy;
mod fuzz;
mod graphql;
mod health;
mod hostile;
mod http;
mod iam;
mod lambda;
mod oauth;
mod protocol;
mod rest;
mod unattended;

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    env::Reach,
    registry::{Annotations, Status},
    test_support::{STAGE, sdk_config},
};

/// Where the roles of servers are.
const ROLES: &str = "arn:aws:iam::123456789012:role/switchyard-mcp/test/switchyard-test-mcp-";

/// A server whose every tool of the test server is approved.
pub(crate) fn server(endpoint_url: &str, mcp_version: Option<&str>) -> Server {
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: String::new(),
        input_schema: json!({"type": "object"}),
        output_schema: None,
        annotations: Annotations::default(),
        meta: serde_json::Value::Null,
    };
    Server {
        server_id: "tools".to_owned(),
        version: "1.0.0".to_owned(),
        server_name: "Tools".to_owned(),
        description: String::new(),
        endpoint_url: endpoint_url.to_owned(),
        protocol_type: ProtocolType::JsonRpc,
        authentication_type: AuthenticationType::None,
        api_key_header: None,
        available_tools: ["echo", "fail", "big", "slow", "gone"].map(tool).to_vec(),
        definition_hash: String::new(),
        status: Status::Active,
        unhealthy_since: None,
        health_check_url: None,
        health_check_interval: None,
        configuration: serde_json::Map::new(),
        metadata: serde_json::Map::new(),
        deployment_stack: None,
        deployment_region: None,
        owner: String::new(),
        mcp_version: mcp_version.map(str::to_owned),
        created_at: String::new(),
        updated_at: String::new(),
        created_by: String::new(),
        superseded: None,
    }
}

/// A guard that admits loopback, where tests run their servers.
fn open_guard() -> Guard {
    let allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let role_prefix = Some(ROLES.to_owned());
    Guard::new(&Reach { stage: STAGE.to_owned(), allowed_networks, role_prefix, ..Reach::default() }).unwrap()
}

/// A client whose AWS calls go to `aws`.
fn client_with(aws: &str, guard: Guard) -> McpClient {
    McpClient::new(&sdk_config(aws), guard)
}

/// A client for tests without AWS: nothing listens at its endpoint.
fn client() -> McpClient {
    client_with("http://127.0.0.1:9", open_guard())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn call(client: &McpClient, server: &Server, tool: &str) -> Result<ToolResult, CallError> {
    client.call_tool(server, tool, JsonObject::new(), JsonObject::new(), soon()).await
}

/// The failure of a call, and whether the tool may have run.
async fn failure(client: &McpClient, server: &Server, tool: &str) -> (Failure, bool) {
    let error = call(client, server, tool).await.unwrap_err();
    let may_have_run = error.may_have_run();
    (error.failure, may_have_run)
}

/// Calls a tool with arguments, as for an execution.
async fn call_with(
    client: &McpClient,
    server: &Server,
    tool: &str,
    arguments: serde_json::Value,
) -> Result<ToolResult, CallError> {
    let meta = json!({ crate::contract::EXECUTION_ID: "0198c0de-0000-7000-8000-000000000000" });
    let object = |value: serde_json::Value| value.as_object().unwrap().clone();
    client.call_tool(server, tool, object(arguments), object(meta), soon()).await
}

/// A tool from its declaration.
fn tool(declaration: serde_json::Value) -> Tool {
    serde_json::from_value(declaration).unwrap()
}

/// Secrets Manager with one secret of one server.
async fn secret(server_id: &str, purpose: &str, value: &str) -> wiremock::MockServer {
    use wiremock::matchers::{body_partial_json, header};
    let mock = wiremock::MockServer::start().await;
    let name = format!("switchyard/test/mcp/{server_id}/{purpose}");
    wiremock::Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
        .and(body_partial_json(json!({ "SecretId": name })))
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(json!({ "SecretString": value })))
        .mount(&mock)
        .await;
    mock
}
