//! The pipelines MCP server: runs in Lambda, with `--http` as an HTTP server, with `--stdio` for a desktop client.

use std::process::ExitCode;

// One thread: a call waits for GitLab nearly all of its time, and a Lambda function of this size has less than one core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    servers::pipelines::cli::run().await
}
