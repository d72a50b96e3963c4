//! The Lambda function that answers agents from the deployment history.

use handlers::{env, memory_manager::MemoryManager, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> runtime::Exit {
    runtime::init();
    let config = env::MemoryManager::from_env()?;
    let manager = MemoryManager::new(&config, &runtime::aws_config().await)?;
    runtime::on_event("memory_manager", |event, invocation| manager.handle(event, invocation)).await
}
