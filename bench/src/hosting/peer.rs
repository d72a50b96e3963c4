//! The library that AWS has for stdio servers in Lambda, in Python: it starts the server anew for each call.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use super::servers::{Server, installed};
use crate::{Result, statistics::milliseconds};

/// Package and version.
const PEER: &str = "run-mcp-servers-with-aws-lambda-0.5.22";
/// How often it is called: each call takes as long as the server takes to start.
const CALLS: usize = 20;

/// Median in ms of a call in a process that has made one; none where it is not installed.
///
/// # Errors
/// It fails, or an answer is not the right one.
pub(super) async fn median_ms(server: &Server) -> Result<Option<f64>> {
    let Some(folder) = installed(PEER) else { return Ok(None) };
    let wanted = json!({
        "command": server.command,
        "env": server.env.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "tool": server.tool,
        "arguments": server.arguments,
        "text": server.text,
        "calls": CALLS + 1,
    });
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peer.py")).arg(wanted.to_string());
    command.env("PYTHONPATH", folder).env("AWS_REGION", "us-east-1").stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    if !output.status.success() {
        return Err(format!("{PEER} on {}: {}", server.name, String::from_utf8_lossy(&output.stderr)).into());
    }
    let times: Vec<f64> = serde_json::from_slice(&output.stdout)?;
    let times: Vec<_> = times.iter().skip(1).map(|time| std::time::Duration::from_secs_f64(time / 1e3)).collect();
    Ok(Some(milliseconds(crate::statistics::median(&times))))
}
