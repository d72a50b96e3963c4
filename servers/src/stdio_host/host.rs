//! What to run: `stdio_host.json` of the package, and the environment of the function.

mod file;

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::env::StdioHostEnv;

/// Name of the file in the package that says what to run.
pub const FILE: &str = "stdio_host.json";

/// Everything that is decided before the first event.
#[derive(Debug, Clone)]
pub struct Settings {
    /// From the package.
    pub file: HostFile,
    /// From the deployment.
    pub env: StdioHostEnv,
    /// The interpreter of the managed runtime that this process runs in place of; `None` in a custom runtime.
    pub interpreter: Option<PathBuf>,
    /// This program, where it is the whole process: it then starts the child by way of itself, so that the child dies with it,
    /// and ends everything that the child leaves behind.
    pub launcher: Option<PathBuf>,
}

impl Settings {
    /// Reads the file of the package and checks it against the environment. `interpreter` is the first argument that a managed
    /// runtime gives to its exec wrapper; `launcher` as in [`Settings::launcher`].
    ///
    /// # Errors
    /// All problems, one to a line, each with its field.
    pub fn read(env: StdioHostEnv, interpreter: Option<PathBuf>, launcher: Option<PathBuf>) -> Result<Self, Problems> {
        let path = env.task_root.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Problems(vec![format!("{}: it cannot be read: {error}; the packager puts it there", path.display())])
        })?;
        let file = HostFile::parse(&text, &env.task_root)?;
        let mut problems = Vec::new();
        if !file.secrets.is_empty() && env.secret_prefix.is_none() {
            problems.push("secrets: SECRET_PREFIX is not set, which says where their values are".to_owned());
        }
        if file.client_requests == ClientRequests::Rendezvous {
            let given = [("STATE_TABLE", &env.state_table), ("SIGNING_KEY_SECRET", &env.signing_key_secret)];
            for (name, _) in given.iter().filter(|(_, value)| value.is_none()) {
                problems.push(format!("client_requests: rendezvous needs {name}, which is not set"));
            }
        }
        if problems.is_empty() { Ok(Self { file, env, interpreter, launcher }) } else { Err(Problems(problems)) }
    }
}

/// What is wrong with `stdio_host.json`: one line for each, each beginning with the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE}: {}", self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// `stdio_host.json`, checked, with `${LAMBDA_TASK_ROOT}` replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// The server's id in `servers.yaml` and in the registry.
    pub server_id: String,
    /// Its name for people; the id where the file gives none.
    pub server_name: String,
    /// Origins of web pages that may call, besides pages of the same host; like `https://pages.example`.
    pub allowed_origins: Vec<String>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Everybody who meets this environment.
    #[default]
    Environment,
    /// The events of one verified caller; an event without one gets a child of its own.
    Caller,
    /// Nobody: a fresh child for each event.
    Call,
}

/// What happens to sampling and elicitation requests of a server to a client of the older protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientRequests {
    /// They are refused with a clear error.
    #[default]
    Refuse,
    /// The client's answer is carried to the waiting environment through the state table.
    Rendezvous,
}

/// Settings for tests.
#[cfg(test)]
pub(crate) mod testing {
    use std::{collections::BTreeMap, path::Path};

    use serde_json::Value;

    use super::*;

    /// The settings of a file; its `server_id` is `test` unless it says another.
    pub(crate) fn settings(file: &Value) -> Settings {
        let mut file = file.clone();
        if file.get("server_id").is_none() {
            file["server_id"] = "test".into();
        }
        let variables = BTreeMap::from([
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LAMBDA_TASK_ROOT".to_owned(), "/nowhere".to_owned()),
        ]);
        let env = StdioHostEnv::from_variables(&variables).unwrap();
        let file = HostFile::parse(&file.to_string(), Path::new("/nowhere")).unwrap();
        Settings { file, env, interpreter: None, launcher: None }
    }
}
