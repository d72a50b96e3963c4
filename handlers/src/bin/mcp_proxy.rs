//! The Lambda function that calls tools of MCP servers for agents.

use handlers::{env, mcp_proxy::McpProxy, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> runtime::Exit {
    runtime::init();
    let config = env::McpProxy::from_env()?;
    let proxy = McpProxy::new(&config, &runtime::aws_config().await)?;
    runtime::on_event("mcp_proxy", |event, invocation| proxy.handle(event, invocation)).await
}
