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
    error::shorten,
    health::{Condition, State},
    notices::Notice,
    registry::Status,
};

/// Most servers that a notice lists of each kind.
const MOST_LINES: usize = 50;

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    /// Checks that were made.
    pub(super) checked: usize,
    /// Those of them that failed or could not be made.
    pub(super) failed: usize,
    /// Servers that are due, and for which there was no time.
    pub(super) left: usize,
    /// Ids of servers that this run took out of use.
    pub(super) unhealthy: Vec<String>,
    /// Ids of servers that this run brought back.
    pub(super) healthy_again: Vec<String>,
    /// What the people are told who answer for them, if anything changed.
    pub(super) notice: Option<Notice>,
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

/// The sum of a run at `now` in this stage. `listed`, `states`: entries that are active or unhealthy as the run found them.
pub(super) fn report(
    stage: &str,
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
    let is = |checked: &Checked, condition| checked.state.condition == Some(condition);
    let has_failed = |checked: &&&Checked| is(checked, Condition::Failing) || is(checked, Condition::Unknown);
    let changed = |change: Change| {
        let mut ids: Vec<String> =
            checked.iter().filter(|(_, checked)| checked.change == Some(change)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    };
    let mut totals = Totals {
        failures: checked.values().filter(has_failed).count(),
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
        .filter(|checked| !is(checked, Condition::Unknown))
        .map(|checked| metrics::of_server(now, stage, &checked.server.server_id, checked.state.response_ms))
        .collect();
    lines.push(metrics::of_run(now, stage, &totals));
    Report {
        checked: checked.len(),
        failed: totals.failures,
        left: outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Left)).count(),
        notice: notice(checked.values().copied()),
        unhealthy: changed(Change::Unhealthy),
        healthy_again: changed(Change::Active),
        metrics: lines,
    }
}

/// One notice for all changes of a run: when a network fails, hundreds of servers do.
fn notice<'a>(checked: impl Iterator<Item = &'a Checked>) -> Option<Notice> {
    let (mut lost, mut back) = (Vec::new(), Vec::new());
    for Checked { server, state, change } in checked {
        // Names are the registrants' words.
        let who =
            format!("{} ({}), owner {}", server.id(), shorten(&server.server_name, 80), shorten(&server.owner, 200));
        match change {
            Some(Change::Unhealthy) => lost.push(format!("{who}: {}", state.last_error.as_deref().unwrap_or_default())),
            Some(Change::Active) => back.push(who),
            None => {}
        }
    }
    if lost.is_empty() && back.is_empty() {
        return None;
    }
    let subject = format!("MCP servers: {} unhealthy, {} healthy again", lost.len(), back.len());
    let mut text = "The health checks changed the status of MCP servers.\n".to_owned();
    for (title, mut lines) in [("Unhealthy, not called any more", lost), ("Healthy again, called again", back)] {
        if lines.is_empty() {
            continue;
        }
        lines.sort();
        let more = lines.len().saturating_sub(MOST_LINES);
        lines.truncate(MOST_LINES);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        text.push_str(&format!("\n{title}:\n- {}\n", lines.join("\n- ")));
    }
    text.push_str(
        "\nWhat is unhealthy comes back with its next good check. `switchyard servers test ID` asks a server now, `switchyard \
         servers show ID` tells what is known of it.\n",
    );
    Some(Notice { subject, text })
}

/// Minutes from one time to another, none if that is earlier.
fn minutes(from: Timestamp, to: Timestamp) -> f64 {
    (to.duration_since(from).as_secs_f64() / 60.0).max(0.0)
}
