//! A supervisor with real processes: `tests/server.py` is the server, and does what it is told.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::stdio_host::{ask::Caller, host::testing::settings};

mod calls;
mod isolation;
mod life;

fn server_with(start: &str, more: Value) -> Supervisor {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stdio_host/child/tests/server.py");
    let mut file = json!({ "command": ["python", script, start] });
    for (key, value) in more.as_object().unwrap() {
        file[key] = value.clone();
    }
    Supervisor::start(&settings(&file))
}

fn server(start: &str) -> Supervisor {
    server_with(start, json!({}))
}

fn soon() -> Instant {
    within(20_000)
}

fn within(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

/// All that is said until the answer, in one event.
async fn event(
    supervisor: &mut Supervisor,
    caller: Option<&Caller>,
    method: &str,
    params: Value,
    deadline: Instant,
) -> Result<Vec<Said>, Failure> {
    supervisor.event_begins("request");
    let said = said(supervisor, caller, method, params, deadline).await;
    supervisor.event_ends().await;
    said
}

async fn said(
    supervisor: &mut Supervisor,
    caller: Option<&Caller>,
    method: &str,
    params: Value,
    deadline: Instant,
) -> Result<Vec<Said>, Failure> {
    let mut call = supervisor.session(caller, deadline).await?.begin(method, Some(params), deadline).await?;
    let mut all = Vec::new();
    loop {
        all.push(call.next().await?);
        if matches!(all.last(), Some(Said::Answer(_))) {
            return Ok(all);
        }
    }
}

/// The result of one event.
async fn call(supervisor: &mut Supervisor, method: &str, params: Value) -> Result<Value, Failure> {
    call_by(supervisor, None, method, params).await
}

async fn call_by(
    supervisor: &mut Supervisor,
    caller: Option<&Caller>,
    method: &str,
    params: Value,
) -> Result<Value, Failure> {
    match event(supervisor, caller, method, params, soon()).await?.pop() {
        Some(Said::Answer(Ok(result))) => Ok(result),
        other => panic!("no result: {other:?}"),
    }
}

async fn pid(supervisor: &mut Supervisor) -> i64 {
    call(supervisor, "facts", json!({})).await.unwrap()["pid"].as_i64().unwrap()
}

/// Whether the process is there and not just an entry that nobody has removed.
fn lives(pid: i64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'))
}
