//! The options of the program, and how it starts and stops.

use std::{fmt, io::Write as _, net::SocketAddr, path::PathBuf, time::Duration};

use aws_config::BehaviorVersion;
use clap::{Parser, ValueEnum};
use handlers::definitions::Definitions;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use url::Url;

use super::{
    functions::Functions,
    model::{Model, openai::OpenAi},
    offline::Offline,
    run::Engine,
    server,
    sessions::Sessions,
};

/// How long requests under way may still take when the program is told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bedrock's InvokeAgent on one machine, for the agents of a folder.
#[derive(Debug, Clone, Parser)]
#[command(name = "agent_runtime")]
pub struct Options {
    /// Folder with one YAML file for each agent.
    #[arg(long, default_value = "agents")]
    pub agents: PathBuf,
    /// Stage of the deployed functions: switchyard-{stage}-{handler}.
    #[arg(long, default_value = "local")]
    pub stage: String,
    /// Where to listen; a loopback address.
    #[arg(long, default_value = "127.0.0.1:8900")]
    pub listen: SocketAddr,
    /// What decides the next step.
    #[arg(long, value_enum, default_value_t = ModelKind::Offline)]
    pub model: ModelKind,
    /// For openai: base address of the API, for example http://127.0.0.1:11434/v1; https unless it is on this machine.
    #[arg(long, required_if_eq("model", "openai"))]
    pub model_url: Option<Url>,
    /// For openai: name of the model.
    #[arg(long, required_if_eq("model", "openai"))]
    pub model_name: Option<String>,
    /// For openai: the key, if the endpoint needs one.
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true)]
    pub model_key: Option<Secret>,
    /// Most calls of functions in one request.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub max_steps: u8,
    /// Most sessions kept at a time; the longest unused one makes room.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_sessions: u32,
    /// Longest time for one call of a function, in seconds.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=900))]
    pub call_seconds: u64,
    /// Where Lambda is. Must be given, so that no real account is called by mistake.
    #[arg(long, env = "AWS_ENDPOINT_URL")]
    pub endpoint_url: Url,
}

/// The models to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelKind {
    /// A planner made of rules. It is not a language model.
    Offline,
    /// Any endpoint with OpenAI's chat completions and tools.
    Openai,
}

/// A value that never shows in logs or debug output.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Listens and answers until the process is told to stop (SIGTERM or SIGINT). Prints one line to standard output when ready.
///
/// # Errors
/// A sentence that says what to change: the address, the agents' files, the model's options.
pub async fn serve(options: Options) -> Result<(), String> {
    if !options.listen.ip().is_loopback() {
        return Err(format!(
            "--listen {}: the runtime checks no signatures and listens on a loopback address only.",
            options.listen
        ));
    }
    let definitions = Definitions::load(&options.agents).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        format!("The agents in {} cannot be used:\n{}", options.agents.display(), lines.join("\n"))
    })?;
    let model: Box<dyn Model> = match (options.model, &options.model_url, &options.model_name) {
        (ModelKind::Offline, ..) => Box::new(Offline),
        (ModelKind::Openai, Some(url), Some(name)) => Box::new(OpenAi::new(url, name, options.model_key.clone())?),
        (ModelKind::Openai, ..) => return Err("--model openai needs --model-url and --model-name.".into()),
    };
    let config =
        aws_config::defaults(BehaviorVersion::latest()).endpoint_url(options.endpoint_url.as_str()).load().await;
    let functions = Functions::new(&config, &options.stage, Duration::from_secs(options.call_seconds));
    let engine = Engine { definitions, model, functions, max_steps: options.max_steps.into() };
    let sessions = Sessions::new(usize::try_from(options.max_sessions).unwrap_or(usize::MAX));
    let listener = TcpListener::bind(options.listen).await.map_err(|error| {
        format!("Cannot listen on {}: {error}. Choose another address with --listen.", options.listen)
    })?;
    let address = listener.local_addr().map_err(|error| format!("The listening socket has no address: {error}."))?;
    let mut stop = signal(SignalKind::terminate()).map_err(|error| format!("Signals cannot be received: {error}."))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {address}")
        .and_then(|()| stdout.flush())
        .map_err(|error| format!("Standard output cannot be written: {error}."))?;
    let (stopping, stopped) = oneshot::channel();
    let server = axum::serve(listener, server::router(engine, sessions)).with_graceful_shutdown(async move {
        tokio::select! {
            _ = stop.recv() => {}
            // Without a handler for SIGINT, SIGTERM remains.
            _ = tokio::signal::ctrl_c() => {}
        }
        // The receiver lives as long as the server.
        let _ = stopping.send(());
    });
    let too_long = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(FAREWELL).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = server => result.map_err(|error| format!("The server stopped: {error}.")),
        () = too_long => Ok(()),
    }
}
