//! The function that checks the health of registered MCP servers, started once a minute.
//!
//! A run looks at every version of a server that is active or unhealthy, and checks those that are due by their own interval,
//! the longest due first. Three failed checks in a row take an active version out of use, one good one brings it back. The
//! states are in the state table (see [`crate::health`]); an entry of the registry is written only when its status changes, or
//! the MCP version that it speaks. What there is no time for is due in the next run.

mod entries;
mod metrics;
mod report;
#[cfg(test)]
mod tests;
mod verdict;

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::{
    entries::{Entries, Listed},
    report::Report,
    verdict::{Change, SLOW, Verdict, chance, is_due, verdict},
};
use crate::{
    env,
    error::{Result, internal},
    health::{Claim, Condition, State, States},
    mcp_client::{Guard, McpClient},
    notices::Notices,
    registry::{Registry, Server, Status},
    runtime::Invocation,
};

/// Name in the log, and in the audit.
const FUNCTION: &str = "health_checker";

/// How many servers are checked at once. Nearly all of a check is waiting: twice as many make a run of dead servers twice as
/// short, and cost a connection each. `make bench` measures it.
const AT_ONCE: usize = 64;

/// How long one server may take. Longer than what counts as slow, so that slow ones are told from dead ones.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kept back from Lambda's deadline, for what is written after the last check.
const RESERVE: Duration = Duration::from_secs(4);

/// How long a check stays claimed if it never ends: longer than a run can be.
const CLAIM: Duration = Duration::from_secs(120);

/// The function `health_checker`.
#[derive(Debug, Clone)]
pub struct HealthChecker {
    stage: String,
    entries: Entries,
    states: States,
    registry: Registry,
    client: McpClient,
    notices: Notices,
}

/// When a run is.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// When it began.
    now: Timestamp,
    /// The same.
    began: Instant,
    /// When no further check begins.
    last_start: Instant,
    /// When every check has to be over.
    end: Instant,
}

/// What became of a check.
#[derive(Debug)]
enum Outcome {
    /// It was made.
    Checked(Box<Checked>),
    /// There was no time for it.
    Left,
    /// Another run has made it, or the entry is not checked any more.
    Elsewhere,
    /// A table failed.
    Failed,
}

/// A check that was made.
#[derive(Debug)]
struct Checked {
    server: Server,
    state: State,
    /// The change of status that was written.
    change: Option<Change>,
}

impl Clock {
    fn new(now: Timestamp, deadline: Instant) -> Self {
        let began = Instant::now();
        let end = deadline.checked_sub(RESERVE).unwrap_or(began);
        Self { now, began, last_start: end.checked_sub(PATIENCE).unwrap_or(began), end }
    }

    /// The claim of a check that begins at this moment.
    fn claim(&self) -> Claim {
        let from = self.now + self.began.elapsed();
        Claim { from, until: from + CLAIM }
    }
}

impl HealthChecker {
    /// The function with its settings.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &env::HealthChecker, config: &SdkConfig) -> Result<Self> {
        let dynamodb = aws_sdk_dynamodb::Client::new(config);
        Ok(Self {
            stage: settings.reach.stage.clone(),
            entries: Entries {
                client: dynamodb.clone(),
                registry: settings.registry_table.clone(),
                state: settings.state_table.clone(),
            },
            states: States::new(dynamodb.clone(), settings.state_table.as_str()),
            registry: Registry::new(dynamodb, settings.registry_table.as_str(), settings.state_table.as_str()),
            client: McpClient::new(config, Guard::new(&settings.reach)?),
            notices: Notices::new(config, settings.approval_topic.as_deref()),
        })
    }

    /// Makes a run; what the event says does not matter. The metrics go to standard output.
    ///
    /// # Errors
    /// The tables cannot be read. What goes wrong with one server is logged and ends no run.
    pub async fn handle(&self, _event: Value, invocation: Invocation) -> Result<Value> {
        let report = self.run(Timestamp::now(), invocation.deadline).await?;
        metrics::write(&mut std::io::stdout().lock(), &report.metrics)
            .map_err(|e| internal("The metrics cannot be written to standard output.").with_source(e))?;
        if let Some(notice) = &report.notice {
            self.notices.send(notice).await;
        }
        let Report { checked, failed, left, unhealthy, healthy_again, .. } = &report;
        let request_id = invocation.request_id;
        tracing::info!(
            function = FUNCTION,
            request_id,
            checked,
            failed,
            left,
            unhealthy = unhealthy.len(),
            healthy_again = healthy_again.len(),
            "run done"
        );
        Ok(
            json!({ "checked": checked, "failed": failed, "left": left, "unhealthy": unhealthy, "healthy_again": healthy_again }),
        )
    }

    /// Checks what is due at `now`, as far as there is time before `deadline`.
    async fn run(&self, now: Timestamp, deadline: Instant) -> Result<Report> {
        let clock = Clock::new(now, deadline);
        let (mut listed, unhealthy, pending) = tokio::try_join!(
            self.entries.listed(Status::Active),
            self.entries.listed(Status::Unhealthy),
            self.entries.listed(Status::Pending),
        )?;
        listed.extend(unhealthy);
        let ids: Vec<String> = listed.iter().map(Listed::id).collect();
        let (states, held) = tokio::try_join!(self.states.read(&ids), self.entries.held(&ids))?;
        let due = due(&listed, &states, now);
        let servers = self.entries.servers(&due).await?;
        let checks = due.iter().filter_map(|listed| {
            let id = listed.id();
            let server = servers.get(&id)?;
            Some(self.check(id.clone(), server, states.get(&id), clock))
        });
        let outcomes: Vec<Outcome> = stream::iter(checks).buffer_unordered(AT_ONCE).collect().await;
        Ok(report::report(&self.stage, now, &listed, &states, &outcomes, &report::waiting(&pending, held)))
    }

    async fn check(&self, id: String, server: &Server, before: Option<&State>, clock: Clock) -> Outcome {
        if Instant::now() > clock.last_start {
            return Outcome::Left;
        }
        // Boxed: very many of them wait at once.
        match Box::pin(self.checked(&id, server, before, clock)).await {
            Ok(Some(checked)) => Outcome::Checked(Box::new(checked)),
            Ok(None) => Outcome::Elsewhere,
            Err(error) => {
                tracing::error!(function = FUNCTION, id, %error, causes = error.causes(), "check not recorded");
                Outcome::Failed
            }
        }
    }

    /// Makes a check, unless somebody else has.
    async fn checked(
        &self,
        id: &str,
        server: &Server,
        before: Option<&State>,
        clock: Clock,
    ) -> Result<Option<Checked>> {
        let claim = clock.claim();
        if !matches!(server.status, Status::Active | Status::Unhealthy) || !self.states.claim(id, before, claim).await?
        {
            return Ok(None);
        }
        let deadline = clock.end.min(Instant::now() + PATIENCE);
        let found = self.client.check_health(server, deadline).await;
        let version = found.as_ref().ok().and_then(|health| health.mcp_version.clone());
        let found = found.map(|health| health.response_time).map_err(|error| error.failure);
        let Verdict { mut state, change } = verdict(server, before, &found, clock.now, chance());
        log(id, &state);
        let change = self.apply(server, change, &mut state).await?;
        if let Some(version) = version.filter(|version| server.mcp_version.as_ref() != Some(version)) {
            self.registry.put_mcp_version(server, &version).await?;
        }
        if !self.states.record(id, &state, claim).await? {
            tracing::warn!(function = FUNCTION, id, "the state of this server was changed during its check");
        }
        Ok(Some(Checked { server: server.clone(), state, change }))
    }

    /// Writes a change of status, unless somebody has changed the entry during the check: then that counts.
    async fn apply(&self, server: &Server, change: Option<Change>, state: &mut State) -> Result<Option<Change>> {
        let Some(change) = change else { return Ok(None) };
        match self.registry.put_health(server, change == Change::Unhealthy, FUNCTION).await? {
            None => Ok(None),
            Some(written) => {
                state.entry_updated_at = written.updated_at;
                state.unhealthy_since = written.unhealthy_since;
                Ok(Some(change))
            }
        }
    }
}

/// What is to be checked, the longest due first.
fn due<'a>(listed: &'a [Listed], states: &HashMap<String, State>, now: Timestamp) -> Vec<&'a Listed> {
    let mut due: Vec<(&str, &Listed)> = listed
        .iter()
        .filter_map(|listed| {
            let state = states.get(&listed.id());
            is_due(state, &listed.updated_at, now).then(|| (state.map_or("", |state| state.due_at.as_str()), listed))
        })
        .collect();
    due.sort_by_key(|(due_at, _)| *due_at);
    due.into_iter().map(|(_, listed)| listed).collect()
}

/// What a person should know of a check.
fn log(id: &str, state: &State) {
    let State { failures, response_ms, last_error, .. } = state;
    match state.condition {
        Some(Condition::Failing) => {
            tracing::warn!(function = FUNCTION, id, failures, error = last_error, "health check failed");
        }
        Some(Condition::Unknown) => {
            tracing::error!(function = FUNCTION, id, error = last_error, "health check could not be made");
        }
        Some(Condition::Slow) => {
            tracing::warn!(function = FUNCTION, id, response_ms, limit_ms = SLOW.as_millis(), "health check was slow");
        }
        Some(Condition::Healthy) | None => tracing::debug!(function = FUNCTION, id, response_ms, "health check passed"),
    }
}
