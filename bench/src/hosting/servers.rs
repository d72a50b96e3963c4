//! The servers that are hosted for measurements.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Result, programs::beside};

/// Where `scripts/bench` installs what is not of this workspace, a folder for each package and version.
pub(super) const INSTALLED: &str = "target/bench";
/// Reference server of the MCP project in Python.
const TIME: &str = "mcp-server-time-2026.10.19";
/// Reference server of the MCP project in TypeScript.
const EVERYTHING: &str = "server-everything-2026.8.31";

/// A server, and a call to it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) tool: &'static str,
    pub(super) arguments: Value,
    /// A part of the right result.
    pub(super) text: &'static str,
}

impl Server {
    /// Whether a response is the right one.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn check(&self, response: &Value, id: usize) -> Result<()> {
        let right = response["id"] == id && response["result"].to_string().contains(self.text);
        if right { Ok(()) } else { Err(format!("{}: answered {response}", self.name).into()) }
    }
}

/// A folder in which something was installed; none where it could not be.
pub(super) fn installed(package: &str) -> Option<PathBuf> {
    let folder = Path::new(INSTALLED).join(package).canonicalize().ok()?;
    folder.join(".installed").is_file().then_some(folder)
}

/// The servers that are there, and sentences about those that are not. The first is of this workspace.
pub(super) fn there() -> Result<(Vec<Server>, Vec<String>)> {
    let path = ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default());
    let mut servers = vec![Server {
        name: "fixture (Rust)".to_owned(),
        command: vec![beside("examples/stdio_fixture")?.display().to_string()],
        env: Vec::new(),
        tool: "test_simple_text",
        arguments: json!({}),
        text: "This is a simple text response for testing.",
    }];
    let mut left_out = Vec::new();
    match installed(TIME) {
        Some(folder) => servers.push(Server {
            name: format!("{TIME} (Python)"),
            command: vec!["python3".to_owned(), "-m".to_owned(), "mcp_server_time".to_owned()],
            env: vec![path.clone(), ("PYTHONPATH".to_owned(), folder.display().to_string())],
            tool: "get_current_time",
            arguments: json!({ "timezone": "Europe/Paris" }),
            text: "Europe/Paris",
        }),
        None => left_out.push(format!("{TIME}: it is not installed")),
    }
    let program = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    match installed(EVERYTHING) {
        Some(folder) => servers.push(Server {
            name: format!("{EVERYTHING} (Node)"),
            command: vec!["node".to_owned(), folder.join(program).display().to_string()],
            env: vec![path],
            tool: "echo",
            arguments: json!({ "message": "hello" }),
            text: "hello",
        }),
        None => left_out.push(format!("{EVERYTHING}: it is not installed")),
    }
    Ok((servers, left_out))
}
