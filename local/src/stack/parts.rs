//! The processes of the stack. They share one process group, led by MiniStack's launcher, which ends all of it when we are
//! gone; the Lambda functions that MiniStack starts belong to it too.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use tokio::process::{Child, ChildStdin, Command};
use url::Url;

use super::{
    Options, Ports, StackError,
    process::{self, Group},
};

/// How long parts may take to end when asked.
const GRACE: Duration = Duration::from_secs(2);
/// How long parts may take until they answer.
const READY: Duration = Duration::from_secs(30);
/// Variables that the agent runtime needs to reach a language model.
const MODEL_VARIABLES: [&str; 4] = ["OPENAI_API_KEY", "SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_LOG"];

/// File of the work directory that [`Options::record_aws_calls`] fills.
const AWS_CALLS: &str = "logs/aws_calls.jsonl";

/// A language model behind an OpenAI-compatible address. The key comes from `OPENAI_API_KEY`.
#[derive(Debug, Clone)]
pub struct Model {
    /// Base address of the API.
    pub url: Url,
    /// Name of the model.
    pub name: String,
}

#[derive(Debug)]
pub(super) struct Parts {
    ports: Ports,
    group: Group,
    ministack_log: PathBuf,
    others: Vec<Part>,
    /// Held open for as long as the parts shall live.
    _lifeline: Option<ChildStdin>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Parts {
    /// Starts all parts; they do not answer yet.
    pub(super) fn start(options: &Options, gitlab_token: &str) -> Result<Self, StackError> {
        let logs = options.work.join("logs");
        let ministack_log = logs.join("ministack.log");
        let mut command = ministack(options)?;
        process::log_to(&mut command, &ministack_log)?;
        let mut child = command
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| StackError::new(format!("MiniStack cannot be started: {error}")))?;
        let lifeline = child.stdin.take();
        let group = Group::of(child)?;
        let mut parts = Self { ports: options.ports, group, ministack_log, others: Vec::new(), _lifeline: lifeline };
        parts.add("agent_runtime", agent_runtime(options)?, &logs)?;
        parts.add("gitlab_stand_in", gitlab_stand_in(options, gitlab_token)?, &logs)?;
        Ok(parts)
    }

    fn add(&mut self, name: &'static str, mut command: Command, logs: &Path) -> Result<(), StackError> {
        let log = logs.join(format!("{name}.log"));
        process::log_to(&mut command, &log)?;
        let child = command
            .process_group(self.group.id())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| StackError::new(format!("{name} cannot be started: {error}")))?;
        self.others.push(Part { name, child, log });
        Ok(())
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }

    pub(super) fn group(&self) -> i32 {
        self.group.id()
    }

    /// Waits for the first part that ends by itself.
    pub(super) async fn first_exit(&mut self) -> StackError {
        let [first, second] = self.others.as_mut_slice() else {
            return StackError::new("the stack has not all of its parts");
        };
        let (name, status, log) = tokio::select! {
            status = self.group.leader.wait() => ("MiniStack", status, &self.ministack_log),
            status = first.child.wait() => (first.name, status, &first.log),
            status = second.child.wait() => (second.name, status, &second.log),
        };
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        StackError::with_log(format!("{name} stopped by itself ({status})"), log)
    }

    /// Asks all parts to end, and ends those that do not. MiniStack is known to stay while a custom resource waits.
    pub(super) async fn stop(&mut self) {
        self.group.signal(Signal::SIGTERM);
        let start = Instant::now();
        while start.elapsed() < GRACE {
            // Waiting for each removes those that have ended; the rest of the group is MiniStack's functions.
            let leader_left = matches!(self.group.leader.try_wait(), Ok(None));
            let others_left = self.others.iter_mut().any(|part| matches!(part.child.try_wait(), Ok(None)));
            if !leader_left && !others_left {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.group.signal(Signal::SIGKILL);
        let _ = self.group.leader.wait().await;
        for part in &mut self.others {
            let _ = part.child.wait().await;
        }
        process::wait_gone(self.group.id());
    }
}

fn ministack(options: &Options) -> Result<Command, StackError> {
    // Extracted functions and objects of an earlier run would only fill the disk.
    let scratch = options.work.join("tmp");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(|error| StackError::file(&scratch, "removed", error))?;
    }
    std::fs::create_dir_all(&scratch).map_err(|error| StackError::file(&scratch, "made", error))?;

    let mut command = process::clean(process::python(&options.root));
    command.arg(options.root.join("local/ministack_launcher.py"));
    process::use_local_aws(&mut command, options.ports, &options.work);
    command
        // The functions inherit this environment.
        .env("AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", options.ports.agent_runtime_url())
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", options.ports.ministack.to_string())
        .env("MINISTACK_REGION", super::REGION)
        // Each waiting function holds a thread: a chat holds four on its way down to the pipelines server.
        .env("MINISTACK_WORKER_THREADS", "512")
        .env("S3_DATA_DIR", scratch.join("s3"))
        .env("HOME", &scratch)
        .env("TMPDIR", &scratch)
        .env("PYTHONUNBUFFERED", "1");
    if options.record_aws_calls {
        command.env("RECORD_AWS_CALLS", options.work.join(AWS_CALLS));
    }
    Ok(command)
}

fn agent_runtime(options: &Options) -> Result<Command, StackError> {
    let mut command = process::clean(program("agent_runtime")?);
    process::use_local_aws(&mut command, options.ports, &options.work);
    command
        // Named in its calls: a function that it invokes was invoked by Bedrock.
        .env("AWS_SDK_UA_APP_ID", "agent_runtime")
        .arg("--agents")
        .arg(options.definitions.join("agents"))
        .args(["--stage", super::STAGE])
        .arg("--listen")
        .arg(format!("127.0.0.1:{}", options.ports.agent_runtime));
    if let Some(model) = &options.model {
        command.args(["--model", "openai", "--model-url", model.url.as_str(), "--model-name", &model.name]);
        for name in MODEL_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
    }
    Ok(command)
}

fn gitlab_stand_in(options: &Options, token: &str) -> Result<Command, StackError> {
    let mut command = process::clean(program("gitlab_stand_in")?);
    command
        .arg("--pipelines")
        .arg(options.definitions.join("pipelines.yaml"))
        .arg("--listen")
        .arg(format!("127.0.0.1:{}", options.ports.gitlab))
        .args(["--duration-ms", &options.pipeline_ms.to_string()])
        // Not an argument: those are visible to everyone on the machine.
        .env("GITLAB_TOKEN", token);
    Ok(command)
}

/// A program that was built together with this one: beside it, or one directory up when this one is a test.
fn program(name: &str) -> Result<PathBuf, StackError> {
    let own = std::env::current_exe().map_err(|error| StackError::new(format!("this program has no path: {error}")))?;
    let beside = own.ancestors().skip(1).take(2).map(|directory| directory.join(name)).find(|path| path.is_file());
    beside.ok_or_else(|| {
        StackError::new(format!(
            "the program {name} is not beside {}: run `cargo build -p local --bins`",
            own.display()
        ))
    })
}

/// Waits until all parts answer.
pub(super) async fn wait_ready(options: &Options) -> Result<(), StackError> {
    let http = reqwest::Client::new();
    let (ports, logs) = (options.ports, options.work.join("logs"));
    for (name, url) in [
        ("agent_runtime", format!("{}/health", ports.agent_runtime_url())),
        // Without the token it answers 401, which is an answer.
        ("gitlab_stand_in", format!("{}/api/v4/version", ports.gitlab_url())),
        ("ministack", format!("{}/_ministack/health", ports.ministack_url())),
    ] {
        let start = Instant::now();
        while http.get(&url).send().await.is_err() {
            if start.elapsed() > READY {
                let log = logs.join(format!("{name}.log"));
                return Err(StackError::with_log(format!("{name} does not answer at {url}"), &log));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
    Ok(())
}
