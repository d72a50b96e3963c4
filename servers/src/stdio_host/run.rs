//! The life of the host: settings, child, events, end.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use nix::sys::prctl;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use super::{
    child::{self, Supervisor},
    events,
    host::Settings,
    mcp::Mcp,
    runtime_api::{RuntimeApi, RuntimeApiError},
};
use crate::env::{self, StdioHostEnv};

/// How long init waits for the hosted server. Lambda ends an init phase after 10 s and begins again; a server that needs longer
/// starts on while the first event waits for it.
/// Source: AWS Lambda developer guide, "Understanding the Lambda execution environment lifecycle", init phase.
const INIT: Duration = Duration::from_millis(7500);

/// The program: the launcher of a child, or the host.
pub fn main() -> ExitCode {
    let started = Instant::now();
    if let Some(code) = child::take_over() {
        return code;
    }
    handlers::runtime::init();
    // One thread: the host waits nearly all of its time, and a Lambda function of this size has less than one core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(host(started)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the host ends");
            ExitCode::FAILURE
        }
    }
}

async fn host(started: Instant) -> Result<(), String> {
    let launcher = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    guard()?;
    let api = RuntimeApi::new(&env::runtime_api()?);
    // A managed runtime gives its exec wrapper its own command: the interpreter first.
    let interpreter = std::env::args_os().nth(1).map(PathBuf::from);
    let settings = StdioHostEnv::read()
        .and_then(|env| Settings::read(env, interpreter, Some(launcher)).map_err(|problems| problems.to_string()));
    let settings = match settings {
        Ok(settings) => settings,
        Err(problems) => {
            api.init_error("Function.Misconfigured", &problems)
                .await
                .map_err(|error| format!("{problems}; {error}"))?;
            return Err(problems);
        }
    };
    let mut supervisor = Supervisor::start(&settings);
    let mut terminated =
        signal(SignalKind::terminate()).map_err(|error| format!("SIGTERM cannot be heard: {error}"))?;
    let served = tokio::select! {
        served = serve(&api, &settings, &mut supervisor, started + INIT) => served,
        _ = terminated.recv() => Ok(()),
    };
    supervisor.end().await;
    served.map_err(|error| error.to_string())
}

/// A child runs as the same user and must not read this process's memory or environment, where the role's credentials and the
/// address of the Runtime API are; and what it leaves behind must be found.
fn guard() -> Result<(), String> {
    prctl::set_dumpable(false).map_err(|error| format!("this process cannot be hidden from the server: {error}"))?;
    child::adopt().map_err(|error| format!("processes that the server leaves behind cannot be found: {error}"))
}

/// Serves events until the Runtime API fails.
async fn serve(
    api: &RuntimeApi,
    settings: &Settings,
    supervisor: &mut Supervisor,
    prepared_by: Instant,
) -> Result<(), RuntimeApiError> {
    let mut mcp = Mcp::new(settings);
    supervisor.prepare(prepared_by).await;
    loop {
        let (event, reply) = api.next().await?;
        let (request_id, trace_id) = (event.request_id.clone(), event.trace_id.clone());
        supervisor.event_begins(&request_id);
        if let Err(error) = events::serve(event, reply, supervisor, &mut mcp, settings).await {
            tracing::error!(request_id, trace_id, %error, "the answer was not taken");
        }
        supervisor.event_ends().await;
    }
}
