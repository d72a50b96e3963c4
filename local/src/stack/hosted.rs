//! Third-party MCP servers of the local stage: their packages, for this machine.

use std::path::PathBuf;

use tokio::process::Command;

use super::{
    Options, StackError,
    cdk::{self, Part},
    process,
    zips::Zips,
};
use crate::terminal::Terminal;

/// Which servers are hosted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// `servers.yaml`; the directory `hosting` beside it holds the locks and tools.
    pub file: PathBuf,
    /// Ids of its servers, with commas, or `all`.
    pub servers: String,
}

/// Packs the servers, as far as that is not done yet, which takes the network the first time. Returns what is to be
/// synthesised.
pub(super) async fn pack(
    options: &Options,
    zips: &Zips,
    hosted: &Hosted,
    terminal: Terminal,
) -> Result<Part, StackError> {
    let Hosted { file, servers } = hosted;
    let task = terminal.begin("packing MCP servers");
    let list = options.work.join("server-packages.json");
    let settings = vec![
        format!("serversFile={}", file.display()),
        format!("serverPackages={}", list.display()),
        format!("hostedServers={servers}"),
    ];
    // With the whole environment: it says which package registries there are, and how they are reached.
    let mut command = Command::new("node");
    command.args(["--import", "tsx", "cdk/hosting/pack.ts"]).current_dir(&options.root);
    for setting in cdk::settings(options, zips).iter().chain(&settings) {
        command.args(["-c", setting]);
    }
    command.stdin(std::process::Stdio::null());
    process::finish("packing MCP servers", command, &options.work.join("logs/pack-servers.log"), Some(&task)).await?;
    task.done("");
    let mut sources = vec![file.clone(), list];
    let hosting = file.with_file_name("hosting");
    if hosting.exists() {
        sources.push(hosting);
    }
    Ok(Part { name: "servers", settings, sources })
}
