//! What to run: `stdio_host.json` of the package, and the environment of the function.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use crate::env::StdioHostEnv;

/// Everything that is decided before the first event.
#[derive(Debug, Clone)]
pub struct Settings {
    /// From the package.
    pub file: HostFile,
    /// From the deployment.
    pub env: StdioHostEnv,
}

/// `stdio_host.json`, checked, with `${LAMBDA_TASK_ROOT}` replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// The server's id in `servers.yaml` and in the registry.
    pub server_id: String,
    /// Program and arguments. `python` and `node` mean the interpreter of a managed runtime, where there is one.
    pub command: Vec<String>,
    /// Variables for the child.
    pub env: BTreeMap<String, String>,
    /// Variables whose values are in Secrets Manager.
    pub secrets: Vec<String>,
    /// Working directory of the child.
    pub cwd: PathBuf,
    /// Directories the server may work in, offered to it as MCP roots.
    pub roots: Vec<PathBuf>,
    /// Who may share one child.
    pub isolation: Isolation,
    /// Whether the child gets the credentials of the function's role.
    pub aws_credentials: bool,
    /// What happens to requests of the server to the client.
    pub client_requests: ClientRequests,
    /// Tools that may be run again although nothing says that they are read-only or idempotent.
    pub replay: Vec<String>,
    /// Longest time the server may take to start.
    pub start_timeout: Duration,
}

/// Who may share one child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everybody who meets this environment.
    Environment,
    /// The events of one verified caller; an event without one gets a child of its own.
    Caller,
    /// Nobody: a fresh child for each event.
    Call,
}

/// What happens to sampling and elicitation requests of a server to a client of the older protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRequests {
    /// They are refused with a clear error.
    Refuse,
    /// The client's answer is carried to the waiting environment through the state table.
    Rendezvous,
}
