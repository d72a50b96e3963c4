//! What a run found, in sum.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Checked, Outcome,
    entries::Listed,
    metrics::{self, Totals},
    verdict::Change,
};
use crate::{
    health::{Condition, State},
    registry::Status,
};

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    /// Checks that were made.
    pub(super) checked: usize,
    /// Those of them that failed.
    pub(super) failed: usize,
    /// Servers that are due, and for which there was no time.
    pub(super) left: usize,
    /// Ids of servers that this run took out of use.
    pub(super) unhealthy: Vec<String>,
    /// Ids of servers that this run brought back.
    pub(super) healthy_again: Vec<String>,
    /// Metrics, one line each.
    pub(super) metrics: Vec<Value>,
}

/// What waits for a person: how many, and since when the oldest does.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Waiting {
    count: usize,
    since: Option<Timestamp>,
}

/// The entries and the held definitions (their times) that wait for approval.
pub(super) fn waiting(pending: &[Listed], held: Vec<String>) -> Waiting {
    let times = pending.iter().map(|entry| entry.created_at.as_str()).chain(held.iter().map(String::as_str));
    Waiting { count: pending.len() + held.len(), since: times.filter_map(|time| time.parse().ok()).min() }
}

/// The sum of a run at `now`. `listed`, `states`: entries that are active or unhealthy as the run found them.
pub(super) fn report(
    now: Timestamp,
    listed: &[Listed],
    states: &HashMap<String, State>,
    outcomes: &[Outcome],
    waiting: &Waiting,
) -> Report {
    let checked: HashMap<String, &Checked> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Checked(checked) => Some((checked.server.id(), checked.as_ref())),
            Outcome::Left | Outcome::Elsewhere | Outcome::Failed => None,
        })
        .collect();
    let is_failing = |checked: &&&Checked| checked.state.condition == Some(Condition::Failing);
    let changed = |change: Change| {
        let mut ids: Vec<String> =
            checked.iter().filter(|(_, checked)| checked.change == Some(change)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    };
    let mut totals = Totals {
        failures: checked.values().filter(is_failing).count(),
        pending: waiting.count,
        oldest_pending_hours: waiting.since.map_or(0.0, |since| minutes(since, now) / 60.0),
        ..Totals::default()
    };
    for entry in listed {
        let id = entry.id();
        let checked = checked.get(&id);
        let is_active = match checked.and_then(|checked| checked.change) {
            Some(change) => change == Change::Active,
            None => entry.status == Status::Active,
        };
        if is_active {
            totals.active += 1;
            continue;
        }
        totals.unhealthy += 1;
        let state = checked.map(|checked| &checked.state).or_else(|| states.get(&id));
        let since = state.and_then(|state| state.unhealthy_since.as_ref()?.parse().ok());
        let age = since.map_or(0.0, |since| minutes(since, now));
        totals.longest_unhealthy_minutes = totals.longest_unhealthy_minutes.max(age);
    }
    let mut lines: Vec<Value> = checked
        .values()
        .map(|checked| metrics::of_server(now, &checked.server.server_id, checked.state.response_ms))
        .collect();
    lines.push(metrics::of_run(now, &totals));
    Report {
        checked: checked.len(),
        failed: totals.failures,
        left: outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Left)).count(),
        unhealthy: changed(Change::Unhealthy),
        healthy_again: changed(Change::Active),
        metrics: lines,
    }
}

/// Minutes from one time to another, none if that is earlier.
fn minutes(from: Timestamp, to: Timestamp) -> f64 {
    (to.duration_since(from).as_secs_f64() / 60.0).max(0.0)
}
