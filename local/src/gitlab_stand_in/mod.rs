//! A stand-in for GitLab on one machine: the part of its REST API v4 that pipelines use.
//!
//! Shapes follow <https://docs.gitlab.com/api/pipelines/>, `/api/jobs/` and `/api/projects/`. Projects come from
//! `pipelines.yaml`, so whatever pipeline types a team adds are there. A pipeline has no worker behind it: its state follows
//! from the time since it was created. Behaviour that a test or a curious person needs (failures, refusals, delays) is set
//! through `PUT /_stand_in/settings`; `GET /_stand_in/pipelines` shows all pipelines with what was passed to them.

mod answer;
mod api;
mod parameters;
mod projects;
mod settings;
mod store;
#[cfg(test)]
mod tests;

use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use clap::Parser;

pub use projects::{Project, ProjectsError, read_projects};
pub use settings::{Change, Settings};
pub use store::Store;

/// What the command line of the `gitlab_stand_in` bin takes.
#[derive(Debug, Parser)]
#[command(name = "gitlab_stand_in", about = "The part of the GitLab API that pipelines use, on one machine")]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4568")]
    pub listen: SocketAddr,
    /// File with the pipeline types: their projects exist here.
    #[arg(long, default_value = "pipelines.yaml")]
    pub pipelines: PathBuf,
    /// The only token that is accepted.
    #[arg(long, env = "GITLAB_TOKEN", hide_env_values = true)]
    pub token: String,
    /// How long a pipeline takes from creation to its end, in milliseconds.
    #[arg(long, default_value_t = 8_000)]
    pub duration_ms: u64,
}

/// What every request handler sees.
#[derive(Clone)]
struct Context {
    store: Arc<Store>,
    token: Arc<str>,
}

/// Runs the stand-in until it is stopped; the first line on standard output is `listening on http://ADDRESS`.
pub async fn run(options: Options) -> ExitCode {
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The last thing this process says; nothing is left to do when that fails too.
            let _ = writeln!(std::io::stderr(), "gitlab_stand_in: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), String> {
    if !options.listen.ip().is_loopback() {
        return Err(format!("{} is not a loopback address; the stand-in is for one machine only", options.listen));
    }
    let projects = read_projects(&options.pipelines).map_err(|error| error.to_string())?;
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let address = listener.local_addr().map_err(|error| format!("cannot tell the address it listens on: {error}"))?;
    let store = Store::new(projects, format!("http://{address}"));
    store.change_settings(Change { duration_ms: Some(options.duration_ms), ..Change::default() });
    let app = router(store, &options.token);
    writeln!(std::io::stdout(), "listening on http://{address}").map_err(|error| format!("cannot write: {error}"))?;
    axum::serve(listener, app).await.map_err(|error| format!("stopped serving: {error}"))
}

/// The whole stand-in as a router; `token` is the only one accepted.
pub fn router(store: Store, token: &str) -> Router {
    let context = Context { store: Arc::new(store), token: token.into() };
    let api = Router::new()
        .route("/version", get(api::version))
        .route("/projects/{project}", get(api::project))
        .route("/projects/{project}/pipeline", post(api::create_pipeline))
        .route("/projects/{project}/pipelines", get(api::list_pipelines))
        .route("/projects/{project}/pipelines/{pipeline}", get(api::pipeline))
        .route("/projects/{project}/pipelines/{pipeline}/variables", get(api::variables))
        .route("/projects/{project}/pipelines/{pipeline}/jobs", get(api::jobs))
        .fallback(|| async { answer::message(StatusCode::NOT_FOUND, "404 Not Found") })
        .method_not_allowed_fallback(|| async { answer::error(StatusCode::METHOD_NOT_ALLOWED, "405 Not Allowed") })
        .layer(middleware::from_fn_with_state(context.clone(), gate));
    Router::new()
        .nest("/api/v4", api)
        .route("/_stand_in/settings", get(api::settings).put(api::change_settings))
        .route("/_stand_in/pipelines", get(api::all_pipelines))
        .with_state(context)
}

/// Answers that come before any route: ordered failures, rate limit, token.
async fn gate(axum::extract::State(context): axum::extract::State<Context>, request: Request, next: Next) -> Response {
    if let Some(ordered) = context.store.ordered_failure(request.method() == Method::POST) {
        return ordered;
    }
    let headers = request.headers();
    let token = match headers.get("private-token") {
        Some(value) => value.to_str().ok(),
        None => headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer ")),
    };
    if token != Some(&*context.token) {
        return answer::message(StatusCode::UNAUTHORIZED, "401 Unauthorized");
    }
    next.run(request).await
}
