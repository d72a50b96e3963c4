//! Lambda's Runtime API: an [`Environment`] is one process of a function, as Lambda would start it. It lives on between its
//! events and serves one at a time. Source: "Using the Lambda runtime API for custom runtimes".

use std::{
    collections::HashMap,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, StatusCode},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

use crate::connections::Connections;

/// Account of all functions.
pub const ACCOUNT: &str = "000000000000";
/// Region of all functions.
pub const REGION: &str = "us-east-1";
/// How long one event may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an environment runs, and with what.
#[derive(Debug, Clone)]
pub struct Function {
    /// Name of the function.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Where its zip was unpacked.
    pub task_root: PathBuf,
    /// Its environment variables; those that Lambda sets are set here.
    pub variables: Vec<(String, String)>,
    /// Whether the Runtime API acknowledges at once what it receives, see `connections.rs`.
    pub prompt: bool,
}

impl Function {
    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.name)
    }
}

/// What a function posts for an event.
#[derive(Debug)]
pub struct Answer {
    /// Id of the request.
    pub request_id: String,
    /// Headers of the post.
    pub headers: HeaderMap,
    /// The body in the pieces it came in.
    pub pieces: Vec<Bytes>,
    /// The event ended in an error, which the body describes.
    pub failed: bool,
    /// When the last piece was there.
    pub at: Instant,
}

impl Answer {
    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }
}

struct Event {
    id: String,
    payload: Bytes,
    client_context: Option<String>,
}

struct Api {
    arn: String,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    answers: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    first_poll: OnceLock<Instant>,
    polled: Notify,
}

/// One process of a function. It ends when this is dropped.
#[derive(Debug)]
pub struct Environment {
    name: String,
    pid: u32,
    started: Instant,
    child: Child,
    api: Arc<Api>,
    events: mpsc::UnboundedSender<Event>,
    server: JoinHandle<()>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("arn", &self.arn).finish_non_exhaustive()
    }
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
        let api = Arc::new(Api {
            arn: function.arn(),
            events: receiver.into(),
            answers: Mutex::default(),
            first_poll: OnceLock::new(),
            polled: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        let server = tokio::spawn(serve(Connections { listener, prompt: function.prompt }, Arc::clone(&api)));
        let mut command = Command::new(&function.program);
        command
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
            .stdout(Stdio::null())
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().map_err(failed)?;
        let pid = child.id().ok_or_else(|| format!("{} ended at once", function.program.display()))?;
        Ok(Self { name: function.name.clone(), pid, started, child, api, events, server })
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
        loop {
            let polled = self.api.polled.notified();
            if let Some(at) = self.api.first_poll.get() {
                return Ok(*at);
            }
            tokio::select! {
                () = polled => {}
                status = self.child.wait() => return Err(ended(&self.name, status)),
                () = tokio::time::sleep(PATIENCE) => return Err(format!("{} asks for no event", self.name)),
            }
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
        let id = format!("00000000-0000-4000-8000-{:012}", REQUESTS.fetch_add(1, Ordering::Relaxed));
        let (sender, mut answer) = oneshot::channel();
        self.api.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), sender);
        let event = Event { id, payload: payload.into(), client_context: client_context.map(Value::to_string) };
        self.events.send(event).map_err(|_| format!("the Runtime API of {} ended", self.name))?;
        tokio::select! {
            answer = &mut answer => answer.map_err(|_| format!("the Runtime API of {} ended", self.name)),
            status = self.child.wait() => Err(ended(&self.name, status)),
            () = tokio::time::sleep(PATIENCE) => Err(format!("{} did not answer in {PATIENCE:?}", self.name)),
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // First the process: one that loses its Runtime API complains. One that has ended needs no end.
        let _ = self.child.start_kill();
        self.server.abort();
    }
}

fn ended(name: &str, status: std::io::Result<std::process::ExitStatus>) -> String {
    match status {
        Ok(status) => format!("{name} ended without an answer ({status}); its log says why"),
        Err(error) => format!("{name} cannot be waited for: {error}"),
    }
}

async fn serve(connections: Connections, api: Arc<Api>) {
    let invocation = "/2018-06-01/runtime/invocation";
    let router = Router::new()
        .route(&format!("{invocation}/next"), get(next))
        .route(&format!("{invocation}/{{id}}/response"), post(response))
        .route(&format!("{invocation}/{{id}}/error"), post(error))
        .with_state(api);
    // It serves until it is aborted.
    let _ = axum::serve(connections, router).await;
}

async fn next(State(api): State<Arc<Api>>) -> Result<Response<Body>, StatusCode> {
    if api.first_poll.set(Instant::now()).is_ok() {
        api.polled.notify_waiters();
    }
    // Without an event it waits for ever, as in an environment that is not needed.
    let Some(event) = api.events.lock().await.recv().await else { return std::future::pending().await };
    let deadline = SystemTime::now() + PATIENCE;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut response = Response::builder()
        .header("lambda-runtime-aws-request-id", event.id)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", &api.arn)
        .header("content-type", "application/json");
    if let Some(context) = event.client_context {
        response = response.header("lambda-runtime-client-context", context);
    }
    response.body(Body::from(event.payload)).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> StatusCode {
    posted(&api, &id, headers, body, false).await
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> StatusCode {
    posted(&api, &id, headers, body, true).await
}

async fn posted(api: &Api, id: &str, headers: HeaderMap, body: Body, failed: bool) -> StatusCode {
    let mut pieces = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(piece) = stream.next().await {
        // A post that breaks off is no answer: the program ended, and whoever waits is told so.
        let Ok(piece) = piece else { return StatusCode::BAD_REQUEST };
        pieces.push(piece);
    }
    let waiting = api.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    let Some(waiting) = waiting else { return StatusCode::BAD_REQUEST };
    // Whoever waited may have given up.
    let _ = waiting.send(Answer { request_id: id.to_owned(), headers, pieces, failed, at: Instant::now() });
    StatusCode::ACCEPTED
}
