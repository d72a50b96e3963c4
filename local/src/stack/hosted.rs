//! Third-party MCP servers of the local stage: their packages, for this machine.

use std::path::PathBuf;

use tokio::process::Command;

use super::{Options, StackError, cdk, process, zips::Zips};
use crate::terminal::Terminal;

/// Which servers are hosted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// `servers.yaml`; the directory `hosting` beside it holds the locks and tools.
    pub file: PathBuf,
    /// Ids of its servers, with commas, or `all`.
    pub servers: String,
}

/// Packages that were made, for the synthesis.
#[derive(Debug)]
pub(super) struct Packages {
    /// Settings of the CDK app that name them.
    pub(super) settings: Vec<String>,
    /// Files that the templates depend on.
    pub(super) sources: Vec<PathBuf>,
}

/// Packs the servers, as far as that is not done yet. Takes the network the first time.
pub(super) async fn pack(options: &Options, zips: &Zips, terminal: Terminal) -> Result<Option<Packages>, StackError> {
    let Some(Hosted { file, servers }) = &options.hosted else { return Ok(None) };
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
    process::finish("packing MCP servers", command, &options.work.join("logs/servers.log"), Some(&task)).await?;
    task.done("");
    let hosting = file.with_file_name("hosting");
    let sources = [file.clone(), list, hosting].into_iter().filter(|path| path.exists()).collect();
    Ok(Some(Packages { settings, sources }))
}
