//! The Lambda function behind the orchestrator's action group that hands work to specialists.

use handlers::{agent_invoker::AgentInvoker, env, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> runtime::Exit {
    runtime::init();
    let config = env::AgentInvoker::from_env()?;
    let invoker = AgentInvoker::new(&config, &runtime::aws_config().await)?;
    runtime::on_event("agent_invoker", |event, invocation| invoker.handle(event, invocation)).await
}
