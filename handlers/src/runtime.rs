//! How a function runs in Lambda: logging, SDK configuration, the event loop.
//!
//! The only file that names `lambda_runtime`, `aws_config` and the loops of `lambda_http`; everything else sees events as
//! JSON or HTTP requests, an [`Invocation`], and the SDK's clients.

mod address;

use std::{
    fmt,
    future::Future,
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, SdkConfig};
use lambda_http::{Adapter, IntoResponse, RequestExt as _, StreamAdapter};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::time::Instant;
use tracing_subscriber::filter::{LevelFilter, Targets};

use self::address::Readable;
use crate::{
    env::{self, ResponseMode},
    error::Error,
};

/// What `main` returns; Lambda logs the error and starts a new environment.
pub type Exit = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// The circumstances of one call.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's request id: in every log line and every error document.
    pub request_id: String,
    /// When Lambda ends the call.
    pub deadline: Instant,
    /// The ARN that was invoked.
    pub function_arn: String,
    /// The caller's client context; AgentCore Gateway names the tool in it.
    pub client_context: Option<Value>,
}

impl Invocation {
    /// Time that is left, zero once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn new(context: &Context) -> Self {
        // The deadline comes as wall-clock time; a monotonic instant does not jump when the clock is set.
        let remaining = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        Self {
            request_id: context.request_id.clone(),
            deadline: Instant::now() + remaining,
            function_arn: context.invoked_function_arn.clone(),
            client_context: context.client_context.as_ref().and_then(|context| serde_json::to_value(context).ok()),
        }
    }
}

/// Starts logging: JSON lines on standard output, which Lambda puts into the function's log group.
pub fn init() {
    log_to(std::io::stdout);
}

/// Starts logging on standard error, for a program whose standard output is a protocol.
pub fn init_on_stderr() {
    log_to(std::io::stderr);
}

fn log_to<W>(writer: W)
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};
    // Only our own crates follow the setting: below `warn`, libraries print requests with what is secret in them.
    let level = env::log_level();
    let ours = *level.as_ref().unwrap_or(&LevelFilter::INFO);
    let ours = ["handlers", "servers", "local"].map(|target| (target, ours));
    let filter = Targets::new().with_default(LevelFilter::WARN).with_targets(ours);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
    // A second call, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    if let Err(error) = level {
        tracing::warn!(%error, "logging at info");
    }
}

/// The SDK's configuration: region, credentials and endpoints as the environment says.
pub async fn aws_config() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}

/// Serves events until Lambda ends the environment. An error becomes a function error with the message; its causes are
/// logged here.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn on_event<F, Fut>(function: &'static str, handler: F) -> Exit
where
    F: Fn(Value, Invocation) -> Fut,
    Fut: Future<Output = Result<Value, Error>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let invocation = Invocation::new(&event.context);
        let request_id = invocation.request_id.clone();
        handler(event.payload, invocation).await.map_err(|error| {
            tracing::error!(function, request_id, error = %error, causes = error.causes(), "event failed");
            Diagnostic { error_type: format!("{:?}", error.kind()), error_message: error.to_string() }
        })
    }))
    .await
}

/// Serves HTTP requests (API Gateway REST and HTTP APIs, function URLs) until Lambda ends the environment. Handlers find the
/// [`Invocation`] in the request's extensions.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn serve(router: axum::Router, mode: ResponseMode) -> Exit {
    use lambda_http::Service as _;
    let service = service_fn(move |mut request: lambda_http::Request| {
        let invocation = Invocation::new(&request.lambda_context());
        request.extensions_mut().insert(invocation);
        router.clone().call(request)
    });
    match mode {
        ResponseMode::Stream => lambda_runtime::run(Readable(StreamAdapter::from(service))).await,
        ResponseMode::Buffered => serve_buffered(service).await,
    }
}

/// Serves HTTP requests, and other events as requests without a context, until Lambda ends the environment. Each answer leaves
/// in one piece.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn serve_buffered<S>(service: S) -> Exit
where
    S: lambda_http::Service<lambda_http::Request>,
    S::Response: IntoResponse,
    S::Error: fmt::Debug + Into<Diagnostic>,
    S::Future: Send,
{
    lambda_runtime::run(Readable(Adapter::from(service))).await
}
