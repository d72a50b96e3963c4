//! Each function alone, as deployed: its sizes, its start, and what it takes to serve an event.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tests::runtime_api::{Answer, Environment, Function};
use uuid::Uuid;

use crate::{
    Result,
    exchange::timeless,
    machine::{cpu, resident},
    programs::Programs,
    rehearsal::Case,
    replay::Replay,
    stage::function,
    statistics::{median, megabytes, milliseconds, quantile},
    tap::Endpoints,
};

/// Where in an MCP request of mcp_proxy the execution id is. A server treats an old one as a request that comes again.
const EXECUTION_ID: &str = "/params/_meta/switchyard~1execution_id";

/// Sizes and start of a function.
#[derive(Debug, Clone, Serialize)]
pub struct Start {
    /// The function.
    pub function: &'static str,
    /// Size of the zip in MB.
    pub zip_mb: f64,
    /// Size of the program in MB.
    pub program_mb: f64,
    /// From the start of the process to its first request for an event, median in ms.
    pub ready_ms: f64,
    /// From the start of the process to its first answer, median in ms.
    pub first_answer_ms: f64,
    /// The slowest of these.
    pub slowest_first_answer_ms: f64,
    /// Resident memory after the first answer in MB.
    pub first_rss_mb: f64,
}

/// One event again and again in one process.
#[derive(Debug, Clone, Serialize)]
pub struct Warm {
    /// The function.
    pub function: &'static str,
    /// What it does.
    pub event: &'static str,
    /// How many requests to others an event leads to.
    pub downstream: f64,
    /// Median in ms from event to answer.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// CPU time of the process for each event in ms.
    pub cpu_ms: f64,
    /// Resident memory after all calls in MB.
    pub rss_mb: f64,
}

/// Measures how a function starts: with this event, in a new process each time.
///
/// # Errors
/// An answer is not the right one.
pub async fn start(programs: &Programs, case: &Case, starts: usize) -> Result<Start> {
    let (function, replay) = alone(programs, case).await?;
    let (mut ready, mut first, mut rss) = (Vec::new(), Vec::new(), 0);
    for _ in 0..starts {
        let mut environment = Environment::start(&function).await?;
        let answer = environment.invoke(event(case, &replay), None).await?;
        check(case, &answer)?;
        first.push(answer.at.duration_since(environment.started()));
        ready.push(environment.ready().await?.duration_since(environment.started()));
        rss = rss.max(resident(environment.pid())?);
    }
    replay.complete()?;
    let (zip, program) = programs.sizes(case.function)?;
    Ok(Start {
        function: case.function,
        zip_mb: megabytes(zip),
        program_mb: megabytes(program),
        ready_ms: milliseconds(median(&ready)),
        first_answer_ms: milliseconds(median(&first)),
        slowest_first_answer_ms: milliseconds(quantile(&first, 1.0)),
        first_rss_mb: megabytes(rss),
    })
}

/// Measures an event in one process that has served it before.
///
/// # Errors
/// An answer is not the right one.
pub async fn warm(programs: &Programs, case: &Case, calls: usize) -> Result<Warm> {
    let (function, replay) = alone(programs, case).await?;
    let mut environment = Environment::start(&function).await?;
    for _ in 0..calls / 10 {
        check(case, &environment.invoke(event(case, &replay), None).await?)?;
    }
    let (used, asked) = (cpu(environment.pid())?, replay.answered());
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let event = event(case, &replay);
        let start = Instant::now();
        let answer = environment.invoke(event, None).await?;
        times.push(answer.at.duration_since(start));
        check(case, &answer)?;
    }
    let (used, asked) = (cpu(environment.pid())? - used, replay.answered() - asked);
    replay.complete()?;
    Ok(Warm {
        function: case.function,
        event: case.title,
        downstream: (asked as f64 * 100.0 / calls as f64).round() / 100.0,
        p50_ms: milliseconds(median(&times)),
        p99_ms: milliseconds(quantile(&times, 0.99)),
        cpu_ms: milliseconds(used / u32::try_from(calls)?),
        rss_mb: megabytes(resident(environment.pid())?),
    })
}

/// The same for a function that does nothing: what the Runtime API loop takes of each figure.
///
/// # Errors
/// This program cannot be started as a function.
pub async fn nothing(calls: usize) -> Result<Warm> {
    let function = Function { prompt: true, ..Function::new("hello", std::env::current_exe()?, PathBuf::from(".")) };
    let mut environment = Environment::start(&function).await?;
    let payload = Bytes::from_static(b"{\"hello\":\"world\"}");
    let mut times: Vec<Duration> = Vec::with_capacity(calls);
    let mut used = Duration::ZERO;
    for call in 0..calls + calls / 10 {
        if call == calls / 10 {
            times.clear();
            used = cpu(environment.pid())?;
        }
        let start = Instant::now();
        let answer = environment.invoke(payload.clone(), None).await?;
        times.push(answer.at.duration_since(start));
        if answer.failed || answer.body() != payload {
            return Err("the function that does nothing did something".into());
        }
    }
    Ok(Warm {
        function: "(none)",
        event: "answers with the event",
        downstream: 0.0,
        p50_ms: milliseconds(median(&times)),
        p99_ms: milliseconds(quantile(&times, 0.99)),
        cpu_ms: milliseconds((cpu(environment.pid())? - used) / u32::try_from(calls)?),
        rss_mb: megabytes(resident(environment.pid())?),
    })
}

/// The function of a case with nobody but its replay.
///
/// # Errors
/// There is no free port.
pub async fn alone(programs: &Programs, case: &Case) -> Result<(Function, Replay)> {
    let replay = Replay::start(case.answers.clone()).await?;
    let mut function = function(programs, case.function, &Endpoints::all(&replay.address));
    function.variables.extend(case.variables.iter().cloned());
    function.prompt = case.prompt;
    Ok((function, replay))
}

/// The event of a case, as new as an event has to be; CloudFormation's mailbox is where everything else is.
pub fn event(case: &Case, replay: &Replay) -> Bytes {
    let mut event = case.event.clone();
    if let Some(url) = event.get_mut("ResponseURL") {
        *url = Value::from(format!("{}/cloudformation", replay.address));
    }
    if let Some(id) = event.pointer_mut(EXECUTION_ID) {
        *id = Value::from(Uuid::now_v7().to_string());
    }
    event.to_string().into()
}

/// Whether an answer is what the function answered in the rehearsal.
///
/// # Errors
/// It is not.
pub fn check(case: &Case, answer: &Answer) -> Result<()> {
    let body = timeless(&String::from_utf8(answer.body())?);
    let same = || {
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        body == case.answer || json(&body).is_some_and(|body| Some(body) == json(&case.answer))
    };
    if answer.failed || !same() {
        let (function, title) = (case.function, case.title);
        return Err(format!("{function} {title}: answered\n{body}\ninstead of\n{}", case.answer).into());
    }
    Ok(())
}
