//! Calls in several frozen environments whose servers are killed at random.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;
use tests::{
    environments::Environments,
    processes::{kill_one, tree},
    runtime_api::Invocation,
};
use tokio::time::sleep;

use super::{pack, servers::Server};
use crate::{Result, programs::Programs, statistics::milliseconds};

/// How many environments there are.
const ENVIRONMENTS: usize = 2;
/// How many callers there are at once.
const CALLERS: usize = 4;
/// How many calls each of them makes.
const CALLS: usize = 250;
/// What counts as hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of the calls.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Kills {
    /// Servers that were killed.
    pub killed: usize,
    /// Calls with their own right answer.
    pub answered: usize,
    /// Calls that were told why they have none.
    pub told: usize,
    /// Calls that got another's answer.
    pub mixed: usize,
    /// Calls without an answer, or with one that came too late.
    pub hung: usize,
    /// The slowest call in ms.
    pub slowest_ms: f64,
}

/// Makes the calls.
///
/// # Errors
/// The host cannot be started.
pub(super) async fn measure(programs: &Programs, fixture: &Server) -> Result<Kills> {
    let hosted = pack(programs, fixture).await?;
    let environments = Environments::start(hosted.function.clone(), ENVIRONMENTS).await?;
    let callers: Vec<_> = (0..CALLERS).map(|caller| tokio::spawn(calls(Arc::clone(&environments), caller))).collect();
    let mut all = Kills::default();
    while !callers.iter().all(tokio::task::JoinHandle::is_finished) {
        sleep(Duration::from_millis(fastrand::u64(20..80))).await;
        let servers: Vec<u32> = environments.pids().iter().flat_map(|host| tree(*host).into_iter().skip(1)).collect();
        if let Some(server) = fastrand::choice(&servers) {
            all.killed += usize::from(kill_one(*server));
        }
    }
    let mut slowest = Duration::ZERO;
    for caller in callers {
        let (one, longest) = caller.await?;
        all.answered += one.answered;
        all.told += one.told;
        all.mixed += one.mixed;
        all.hung += one.hung;
        slowest = slowest.max(longest);
    }
    all.slowest_ms = milliseconds(slowest);
    Ok(all)
}

async fn calls(environments: Arc<Environments>, caller: usize) -> (Kills, Duration) {
    let (mut kills, mut slowest) = (Kills::default(), Duration::ZERO);
    for number in 0..CALLS {
        let (id, word) = (format!("{caller}-{number}"), format!("region {caller}-{number}"));
        let params = json!({ "name": "test_header_argument", "arguments": { "region": word } });
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let start = Instant::now();
        let answer = environments.call(Invocation::of(message.to_string())).await;
        slowest = slowest.max(start.elapsed());
        let response = answer.map(|answer| answer.json()).unwrap_or_default();
        let text = response["result"]["content"][0]["text"].as_str();
        match (response["id"] == id, text) {
            (true, Some(text)) if text.ends_with(&word) => kills.answered += 1,
            (true, None) if response["error"]["message"].is_string() && start.elapsed() < PATIENCE => kills.told += 1,
            (false, None) | (true, None) => kills.hung += 1,
            (_, Some(_)) => kills.mixed += 1,
        }
    }
    (kills, slowest)
}
