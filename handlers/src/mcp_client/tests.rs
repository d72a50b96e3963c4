//! The client against real servers: protocol, errors over https, Lambda.

mod fuzz;
mod http;
mod lambda;
mod protocol;

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    env::Reach,
    registry::{Annotations, Status},
    test_support::{STAGE, sdk_config},
};

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
    Guard::new(&Reach { stage: STAGE.to_owned(), allowed_networks, ..Reach::default() }).unwrap()
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
