//! One run of health_checker over a thousand servers of which a hundred are dead: it has to end before Lambda ends it.
//!
//! A third of the servers speak MCP (2025-11-25, three requests for each check), a third GraphQL, a third have a health URL. Of
//! the dead, a third refuse connections, a third take them and stay silent, a third answer 500. DynamoDB is embedded.

use std::time::Duration;

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use dynoxide::Database;
use serde::Serialize;
use serde_json::{Value, json};
use tests::runtime_api::Environment;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Result,
    machine::{cpu, resident},
    programs::Programs,
    stage::function,
    statistics::megabytes,
    tables,
    tap::Endpoints,
};

/// The function.
pub const FUNCTION: &str = "health_checker";

/// Time for a run: the timeout of the function.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How many servers there are, and every how many-th is dead.
const SERVERS: usize = 1000;
const DEAD_EVERY: usize = 10;

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// What was there to do.
    pub what: &'static str,
    /// Servers that were checked.
    pub checked: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// From event to answer.
    pub seconds: f64,
    /// CPU time of the process in seconds.
    pub cpu_seconds: f64,
    /// Resident memory of the process after it, in MB.
    pub rss_mb: f64,
}

/// The servers; they end when this is dropped.
struct Servers {
    /// Answers as its path says.
    answering: String,
    /// Takes connections and says nothing.
    silent: String,
    /// Nobody is there.
    refusing: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Has the function make a run in which everything is due, and one in which nothing is.
///
/// # Errors
/// A server is taken for what it is not, or was left out.
pub async fn measure(programs: &Programs) -> Result<Vec<Run>> {
    let servers = Servers::start().await?;
    let database = tables::fresh()?;
    for number in 0..SERVERS {
        register(&database, number, &servers)?;
    }
    let address = tables::serve(database).await?;
    let mut function = function(programs, FUNCTION, &Endpoints::all(&address));
    function.variables.push(("ALLOWED_NETWORKS".to_owned(), "127.0.0.0/8".to_owned()));
    let mut environment = Environment::start(&function).await?;
    let all = u64::try_from(SERVERS)?;
    let dead = u64::try_from(SERVERS / DEAD_EVERY)?;
    let mut runs = Vec::new();
    for (what, checked, failed) in [("1000 servers due, 100 of them dead", all, dead), ("nothing due", 0, 0)] {
        let used = cpu(environment.pid())?;
        let start = std::time::Instant::now();
        let answer = environment.invoke("{}", None).await?;
        let seconds = answer.at.duration_since(start).as_secs_f64();
        let json = answer.json();
        let figure = |name: &str| json[name].as_u64();
        if answer.failed
            || (figure("checked"), figure("failed"), figure("left")) != (Some(checked), Some(failed), Some(0))
        {
            return Err(format!("health_checker, {what}: answered {json}").into());
        }
        runs.push(Run {
            what,
            checked,
            failed,
            seconds,
            cpu_seconds: (cpu(environment.pid())? - used).as_secs_f64(),
            rss_mb: megabytes(resident(environment.pid())?),
        });
    }
    Ok(runs)
}

/// The entry of a server, as registration writes it.
fn register(database: &Database, number: usize, servers: &Servers) -> Result<()> {
    let dead = number.is_multiple_of(DEAD_EVERY);
    let kind = if dead { number / DEAD_EVERY } else { number };
    let (protocol, path) = match kind % 3 {
        0 => ("jsonrpc", "mcp"),
        1 => ("graphql", "graphql"),
        _ => ("rest", "rest"),
    };
    let url = match (dead, kind % 3) {
        (false, _) => format!("{}/{path}", servers.answering),
        (true, 0) => format!("{}/{path}", servers.refusing),
        (true, 1) => format!("{}/{path}", servers.silent),
        (true, _) => format!("{}/broken", servers.answering),
    };
    let id = format!("server-{number}");
    let mut server = tables::server(&id, &[("endpoint_url", &url), ("protocol_type", protocol)]);
    if protocol == "rest" {
        let health_url = if dead { url } else { format!("{}/health", servers.answering) };
        server.insert("health_check_url".to_owned(), json!({ "S": health_url }));
    }
    tables::register(database, &server)
}

impl Servers {
    async fn start() -> Result<Self> {
        let router = Router::new()
            .route("/mcp", post(mcp))
            .route("/graphql", post(async || Json(json!({ "data": { "__typename": "Query" } }))))
            .route("/health", get(async || Json(json!({ "status": "healthy" }))))
            .route("/broken", any(async || StatusCode::INTERNAL_SERVER_ERROR));
        let (answering, listener) = listen().await?;
        let serving = tokio::spawn(async move {
            // It serves until it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        let (silent, listener) = listen().await?;
        let keeping = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                kept.push(connection);
            }
        });
        let (refusing, listener) = listen().await?;
        drop(listener);
        Ok(Self { answering, silent, refusing, tasks: vec![serving, keeping] })
    }
}

async fn listen() -> Result<(String, TcpListener)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok((format!("http://{}", listener.local_addr()?), listener))
}

/// MCP 2025-11-25 without sessions, as far as a check needs it.
async fn mcp(Json(message): Json<Value>) -> Response {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "server", "version": "1" },
        }),
        Some("ping") => json!({}),
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    Json(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })).into_response()
}
