//! Hosted stdio servers: what `stdio_host` adds to the time of a server, in calls and at the start, and what becomes of calls whose
//! server is killed. Beside it the same servers alone, and in the library that AWS has for this.

mod direct;
mod kills;
mod peer;
mod servers;
mod table;

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tests::{hosted::Hosted, runtime_api::Environment};

use self::{direct::Direct, kills::Kills, servers::Server};
use crate::{
    Result,
    machine::resident,
    programs::Programs,
    statistics::{median, megabytes, milliseconds, quantile},
};

/// Name of the program.
const HOST: &str = "stdio_host";
/// A server that takes long to start is started this often.
const FEW_STARTS: usize = 5;
/// What counts as long.
const LONG: Duration = Duration::from_millis(100);

/// All figures about hosted servers.
#[derive(Debug, Clone, Serialize)]
pub struct Hosting {
    /// Size of the host's zip in MB, without a server.
    pub zip_mb: f64,
    /// Each server.
    pub servers: Vec<Figures>,
    /// Calls while servers are killed.
    pub kills: Kills,
    /// What could not be measured, and why.
    pub left_out: Vec<String>,
}

/// One server: alone over stdio, behind the host, and in the peer.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The server.
    pub server: String,
    /// From the start of the server to its first result of a tool, median in ms.
    pub own_start_ms: f64,
    /// From the start of the host to its first answer to the same call.
    pub hosted_start_ms: f64,
    /// From a call to its result, median in ms.
    pub own_p50_ms: f64,
    /// The 99th percentile.
    pub own_p99_ms: f64,
    /// The same through the host, from the event to the answer.
    pub hosted_p50_ms: f64,
    /// The 99th percentile.
    pub hosted_p99_ms: f64,
    /// The same in the peer, in its own process, without a Runtime API.
    pub peer_p50_ms: Option<f64>,
    /// Resident memory of the host after all calls in MB, without the server.
    pub rss_mb: f64,
}

impl Figures {
    /// What the host adds to a call, in ms.
    pub fn added_ms(&self) -> f64 {
        self.hosted_p50_ms - self.own_p50_ms
    }

    /// What the host adds to a start, in ms.
    pub fn added_start_ms(&self) -> f64 {
        self.hosted_start_ms - self.own_start_ms
    }

    /// How much longer a call takes in the peer.
    pub fn faster(&self) -> Option<f64> {
        self.peer_p50_ms.map(|peer| peer / self.hosted_p50_ms)
    }
}

/// Measures all servers that are there.
///
/// # Errors
/// An answer is not the right one.
pub async fn measure(programs: &Programs, starts: usize, calls: usize) -> Result<Hosting> {
    let (servers, mut left_out) = servers::there()?;
    let mut figures = Vec::new();
    for server in &servers {
        let peer = match peer::median_ms(server).await? {
            Some(peer) => Some(peer),
            None => {
                left_out.push(format!("the peer on {}: it is not installed", server.name));
                None
            }
        };
        figures.push(one(programs, server, peer, starts, calls).await?);
    }
    let fixture = servers.first().ok_or("there is no server")?;
    let kills = kills::measure(programs, fixture).await?;
    Ok(Hosting { zip_mb: megabytes(programs.sizes(HOST)?.0), servers: figures, kills, left_out })
}

async fn one(
    programs: &Programs,
    server: &Server,
    peer_p50_ms: Option<f64>,
    starts: usize,
    calls: usize,
) -> Result<Figures> {
    // Files that are read for the first time are no part of any figure.
    let long = Direct::first_result(server)? > LONG;
    let starts = if long { starts.min(FEW_STARTS) } else { starts };
    let hosted = pack(programs, server).await?;
    let (mut own_start, mut hosted_start) = (Vec::new(), Vec::new());
    // By turns: what else the machine does meets both.
    for _ in 0..starts {
        own_start.push(Direct::first_result(server)?);
        let mut environment = Environment::start(&hosted.function).await?;
        let at = call(&mut environment, server).await?;
        hosted_start.push(at.duration_since(environment.started()));
    }
    let mut direct = Direct::start(server)?;
    let mut environment = Environment::start(&hosted.function).await?;
    let (mut own, mut through) = (Vec::with_capacity(calls), Vec::with_capacity(calls));
    for number in 0..calls + calls / 10 {
        let alone = direct.call(server, number + 1)?;
        let start = Instant::now();
        let at = call(&mut environment, server).await?;
        if number >= calls / 10 {
            own.push(alone);
            through.push(at.duration_since(start));
        }
    }
    Ok(Figures {
        server: server.name.clone(),
        own_start_ms: milliseconds(median(&own_start)),
        hosted_start_ms: milliseconds(median(&hosted_start)),
        own_p50_ms: milliseconds(median(&own)),
        own_p99_ms: milliseconds(quantile(&own, 0.99)),
        hosted_p50_ms: milliseconds(median(&through)),
        hosted_p99_ms: milliseconds(quantile(&through, 0.99)),
        peer_p50_ms,
        rss_mb: megabytes(resident(environment.pid())?),
    })
}

/// A server as it is deployed.
async fn pack(programs: &Programs, server: &Server) -> Result<Hosted> {
    let command: Vec<&str> = server.command.iter().map(String::as_str).collect();
    let env: Value = server.env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    Ok(Hosted::pack(programs.program(HOST), &command, json!({ "env": env })).await?)
}

/// A call of the server's tool.
fn message(server: &Server, id: usize) -> Value {
    let params = json!({ "name": server.tool, "arguments": server.arguments });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

/// Has an environment call it, and tells when the answer was there.
async fn call(environment: &mut Environment, server: &Server) -> Result<Instant> {
    let answer = environment.invoke(Bytes::from(message(server, 7).to_string()), None).await?;
    server.check(&answer.json(), 7)?;
    Ok(answer.at)
}
