//! The Lambda function behind the custom resource that registers MCP servers.

use handlers::{env, registration::Registration, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> runtime::Exit {
    runtime::init();
    let config = env::Registration::from_env()?;
    let registration = Registration::new(&config, &runtime::aws_config().await)?;
    runtime::on_event("registration", |event, invocation| registration.handle(event, invocation)).await
}
