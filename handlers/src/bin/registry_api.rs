//! The Lambda function that serves the registry of MCP servers over HTTP.

use handlers::{env, registry_api, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> runtime::Exit {
    runtime::init();
    let config = env::RegistryApi::from_env()?;
    let api = registry_api::RegistryApi::new(config, &runtime::aws_config().await)?;
    runtime::serve(registry_api::app(api), env::ResponseMode::Buffered).await
}
