//! The Lambda function that checks the health of registered MCP servers.

use handlers::{env, health_checker::HealthChecker, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> runtime::Exit {
    runtime::init();
    let config = env::HealthChecker::from_env()?;
    let checker = HealthChecker::new(&config, &runtime::aws_config().await)?;
    runtime::on_event("health_checker", |event, invocation| checker.handle(event, invocation)).await
}
