//! Hosts a stdio MCP server as a Lambda function.

use std::process::ExitCode;

fn main() -> ExitCode {
    servers::stdio_host::run::main()
}
