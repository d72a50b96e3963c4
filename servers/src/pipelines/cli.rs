//! The command line: which configuration, which door.

use std::{io::Write as _, net::SocketAddr, path::PathBuf, pin::Pin, process::ExitCode, sync::Arc};

use clap::Parser;
use rmcp::ServiceExt as _;
use tokio::net::TcpListener;

use super::{
    check::check,
    config::Config,
    gitlab::GitLab,
    http::{self, Endpoint},
    lambda,
    mcp::McpServer,
    service::Pipelines,
};
use crate::{env::PipelinesEnv, secret::Secret};

/// MCP server that starts GitLab pipelines and reports on them.
///
/// Started by AWS Lambda it serves function URL and API Gateway events, and JSON-RPC messages by Invoke. By hand it needs
/// --http or --stdio.
#[derive(Debug, Parser)]
#[command(name = "pipelines", version, after_help = ENVIRONMENT_HELP)]
struct Options {
    /// The file with the pipeline types [default: pipelines.yaml in $LAMBDA_TASK_ROOT, else in the current directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Serve HTTP on this address: /mcp, /execute, /status/{execution_id}, /health, /live
    #[arg(long, value_name = "ADDRESS", conflicts_with = "stdio")]
    http: Option<SocketAddr>,
    /// With --http: a further name under which /mcp is called, for example pipelines.internal:8000 (may be repeated)
    #[arg(long, value_name = "HOST", requires = "http")]
    allow_host: Vec<String>,
    /// Serve MCP on standard input and output, for a desktop client
    #[arg(long)]
    stdio: bool,
    /// Serve nothing: ask the server on this address whether it answers, for a container's health check
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["config", "http", "stdio"])]
    check: Option<SocketAddr>,
}

const ENVIRONMENT_HELP: &str = "\
Environment:
  GITLAB_URL           where GitLab is [default: https://gitlab.com]
  GITLAB_TOKEN         access token with the scope api; or
  GITLAB_TOKEN_SECRET  name or ARN of the secret in Secrets Manager that holds it
  API_KEY              what callers send in X-API-Key (not needed with --stdio); or
  API_KEY_SECRET       name or ARN of the secret that holds it
  LOG_LEVEL            trace|debug|info|warn|error|off [default: info]";

/// Runs the server until it is told to stop.
///
/// Its type ends here: the three servers in it nest deeper than the compiler lays out by default in the binary.
pub fn run() -> Pin<Box<dyn Future<Output = ExitCode>>> {
    Box::pin(start())
}

async fn start() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // clap knows where its own output belongs: help to standard output, errors to standard error.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "pipelines: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), String> {
    if let Some(address) = options.check {
        return check(address).await;
    }
    let env = PipelinesEnv::read()?;
    let file = options.config.unwrap_or_else(|| env.root.join("pipelines.yaml"));
    let config = Config::load(&file).map_err(|error| error.to_string())?;
    let gitlab = GitLab::new(env.gitlab_url.clone(), env.gitlab_token.clone().map(Secret::new));
    let pipelines = Arc::new(Pipelines::new(config, gitlab));
    if options.stdio {
        return stdio(pipelines).await;
    }
    if options.http.is_none() && !env.in_lambda {
        return Err("say how to serve: --http 127.0.0.1:8000 or --stdio (see --help)".to_owned());
    }
    let key = env
        .api_key
        .map(Secret::new)
        .ok_or("set API_KEY_SECRET (or API_KEY when run by hand): callers must send that key")?;
    handlers::runtime::init();
    let doors = http::Doors::new(Arc::clone(&pipelines), key);
    match options.http {
        Some(address) => listen(doors, address, options.allow_host).await,
        None => {
            // A function URL or API Gateway has chosen this function by its host name: there is none to check here.
            let endpoint = Endpoint::new(McpServer::new(pipelines).over_http(&[]));
            let doors = lambda::Doors::new(http::router(doors, &[]), endpoint);
            doors.serve().await.map_err(|error| format!("the Lambda Runtime API failed: {error}"))
        }
    }
}

async fn listen(doors: http::Doors, address: SocketAddr, mut hosts: Vec<String>) -> Result<(), String> {
    // Names of this machine for itself; a page on the web that rebinds its own name to this address is not among them.
    hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    if !address.ip().is_unspecified() {
        hosts.push(address.to_string());
    }
    let listener = TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("cannot listen on {address}: {error}"))?;
    tracing::info!(%address, "listening");
    axum::serve(listener, http::router(doors, &hosts))
        .with_graceful_shutdown(told_to_stop())
        .await
        .map_err(|error| format!("the HTTP server failed: {error}"))
}

/// Ends when the process gets an interrupt (Ctrl-C) or a termination signal; requests under way are answered first.
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
    tracing::info!("stopping");
}

async fn stdio(pipelines: Arc<Pipelines>) -> Result<(), String> {
    // Standard output belongs to the protocol: the log goes to standard error.
    handlers::runtime::init_on_stderr();
    let service = McpServer::new(pipelines)
        .serve(rmcp::transport::stdio())
        .await
        .map_err(|error| format!("the client did not begin an MCP conversation: {error}"))?;
    service.waiting().await.map(drop).map_err(|error| format!("the conversation ended: {error}"))
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;

    use super::*;

    #[test]
    fn every_log_level_in_the_help_is_one() {
        let line = ENVIRONMENT_HELP.lines().find_map(|line| line.trim().strip_prefix("LOG_LEVEL ")).unwrap();
        let levels: Vec<&str> = line.split_whitespace().next().unwrap().split('|').collect();
        assert_eq!(levels.len(), 6);
        for level in levels {
            assert!(level.parse::<LevelFilter>().is_ok(), "{level}");
        }
    }
}
