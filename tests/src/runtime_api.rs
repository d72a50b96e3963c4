//! Lambda's Runtime API: an [`Environment`] is one process of a function, as Lambda would start it. It lives on between its
//! events and serves one at a time. Source: "Using the Lambda runtime API for custom runtimes".

mod api;
mod post;

use std::{
    fs::OpenOptions,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
    task::JoinHandle,
};

use self::api::{Api, Event};
pub use self::post::{Answer, Post};
use crate::{connections::Connections, processes};

/// Account of all functions.
pub const ACCOUNT: &str = "000000000000";
/// Region of all functions.
pub const REGION: &str = "us-east-1";
/// How long one event may take if nothing else is said.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much longer than its time an environment is waited for. Lambda ends it at once; a little more lets a test see by how much
/// a function that should have answered was late.
const GRACE: Duration = Duration::from_secs(2);

/// What an environment runs, and with what.
#[derive(Debug, Clone)]
pub struct Function {
    /// Name of the function.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments: for an exec wrapper, the command of the managed runtime.
    pub arguments: Vec<String>,
    /// Where its zip was unpacked.
    pub task_root: PathBuf,
    /// Its environment variables; those that Lambda sets are set here.
    pub variables: Vec<(String, String)>,
    /// How long an event may take.
    pub timeout: Duration,
    /// The file that what it writes is added to. Without one its errors go where ours go, and its output nowhere.
    pub log: Option<PathBuf>,
    /// Whether the Runtime API acknowledges at once what it receives, see `connections.rs`.
    pub prompt: bool,
}

impl Function {
    /// A function that is nothing but a program.
    pub fn new(name: &str, program: PathBuf, task_root: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            program,
            arguments: Vec::new(),
            task_root,
            variables: Vec::new(),
            timeout: PATIENCE,
            log: None,
            prompt: false,
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.name)
    }

    /// Where its output and its errors go.
    fn streams(&self) -> std::io::Result<(Stdio, Stdio)> {
        let Some(path) = &self.log else { return Ok((Stdio::null(), Stdio::inherit())) };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok((file.try_clone()?.into(), file.into()))
    }
}

/// One call of a function.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// The event.
    pub payload: Bytes,
    /// The client context, as the text that arrives: JSON, whatever a caller made it.
    pub client_context: Option<String>,
    /// The tenant, of a function that isolates tenants.
    pub tenant: Option<String>,
    /// How long it may take, if not as long as the function may.
    pub timeout: Option<Duration>,
}

impl Invocation {
    /// A call with this event and nothing else.
    pub fn of(payload: impl Into<Bytes>) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }
}

/// One process of a function. It ends when this is dropped, and with it every process that it started.
#[derive(Debug)]
pub struct Environment {
    name: String,
    pid: u32,
    started: Instant,
    timeout: Duration,
    child: Child,
    api: Arc<Api>,
    events: mpsc::UnboundedSender<Event>,
    served: u64,
    server: JoinHandle<()>,
}

/// Request ids are counted: each is another, and none needs to be guessed.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

impl Environment {
    /// Starts the process. It does not wait for it to be ready: an event may be sent at once, as Lambda does.
    ///
    /// # Errors
    /// The program cannot be started.
    pub async fn start(function: &Function) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{} cannot be started: {error}", function.program.display());
        let (events, receiver) = mpsc::unbounded_channel();
        let api = Arc::new(Api::new(function.arn(), receiver));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        let server = tokio::spawn(api::serve(Connections { listener, prompt: function.prompt }, Arc::clone(&api)));
        let (output, errors) = function.streams().map_err(failed)?;
        let mut command = Command::new(&function.program);
        command
            .args(&function.arguments)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
            ])
            .env("LAMBDA_TASK_ROOT", &function.task_root)
            .envs(function.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&function.task_root)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().map_err(failed)?;
        let pid = child.id().ok_or_else(|| format!("{} ended at once", function.program.display()))?;
        let (name, timeout) = (function.name.clone(), function.timeout);
        Ok(Self { name, pid, started, timeout, child, api, events, served: 0, server })
    }

    /// Id of the process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When the process was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Waits until the function asks for its first event, and tells when it did.
    ///
    /// # Errors
    /// It ended before, or took too long.
    pub async fn ready(&mut self) -> Result<Instant, String> {
        self.polls(1).await?;
        self.api.first_poll().ok_or_else(|| format!("{} asks for no event", self.name))
    }

    /// Waits until the function asks for the event after those it was given: from then on Lambda would freeze it.
    ///
    /// # Errors
    /// It ended before, or took too long.
    pub async fn idle(&mut self) -> Result<(), String> {
        self.polls(self.served + 1).await
    }

    async fn polls(&mut self, count: u64) -> Result<(), String> {
        let mut polls = self.api.polls();
        tokio::select! {
            // The sender is in `api`, which is there as long as this is.
            _ = polls.wait_for(|polls| *polls >= count) => Ok(()),
            status = self.child.wait() => Err(ended(&self.name, status)),
            () = tokio::time::sleep(PATIENCE) => Err(format!("{} asks for no event", self.name)),
        }
    }

    /// Has it serve an event.
    ///
    /// # Errors
    /// It ended before it answered, or took too long.
    pub async fn invoke(
        &mut self,
        payload: impl Into<Bytes>,
        client_context: Option<&Value>,
    ) -> Result<Answer, String> {
        let client_context = client_context.map(Value::to_string);
        self.call(Invocation { payload: payload.into(), client_context, ..Invocation::default() }).await
    }

    /// Has it serve an event.
    ///
    /// # Errors
    /// It ended before it answered, or took too long.
    pub async fn call(&mut self, invocation: Invocation) -> Result<Answer, String> {
        let patience = invocation.timeout.unwrap_or(self.timeout) + GRACE;
        let post = self.begin(invocation).await?;
        match tokio::time::timeout(patience, post.whole()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(format!("{}: {error}", self.name)),
            Err(_) => Err(format!("{} did not end its answer in {patience:?}", self.name)),
        }
    }

    /// Has it serve an event, up to the beginning of its answer.
    ///
    /// # Errors
    /// It ended before it answered, or took too long.
    pub async fn begin(&mut self, invocation: Invocation) -> Result<Post, String> {
        let id = format!("00000000-0000-4000-8000-{:012}", REQUESTS.fetch_add(1, Ordering::Relaxed));
        let timeout = invocation.timeout.unwrap_or(self.timeout);
        let post = self.api.expect(&id);
        self.events
            .send(Event { id, invocation, timeout })
            .map_err(|_| format!("the Runtime API of {} ended", self.name))?;
        self.served += 1;
        tokio::select! {
            post = post => post.map_err(|_| format!("the Runtime API of {} ended", self.name)),
            status = self.child.wait() => Err(ended(&self.name, status)),
            () = tokio::time::sleep(timeout + GRACE) => Err(format!("{} did not answer in {timeout:?}", self.name)),
        }
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// It does not.
    pub async fn ended(&mut self) -> Result<ExitStatus, String> {
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => status.map_err(|error| ended(&self.name, Err(error))),
            Err(_) => Err(format!("{} does not end", self.name)),
        }
    }

    /// What the function told the Runtime API when it could not start.
    pub fn init_error(&self) -> Option<Value> {
        self.api.init_error()
    }

    /// Stops all of its processes, as Lambda does between events.
    pub fn freeze(&self) {
        processes::freeze(self.pid);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        processes::thaw(self.pid);
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // First the processes: one that loses its Runtime API complains. One that has ended needs no end.
        processes::kill(self.pid);
        let _ = self.child.start_kill();
        self.server.abort();
    }
}

fn ended(name: &str, status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("{name} ended without an answer ({status}); its log says why"),
        Err(error) => format!("{name} cannot be waited for: {error}"),
    }
}
