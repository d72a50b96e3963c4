//! The local agent runtime: see `local::agent_runtime`.

use std::process::ExitCode;

use clap::Parser as _;
use local::agent_runtime::{Options, serve};

#[tokio::main]
async fn main() -> ExitCode {
    handlers::runtime::init_on_stderr();
    match serve(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            tracing::error!("{message}");
            ExitCode::FAILURE
        }
    }
}
