//! What follows from a check: the state of the server, and whether its status changes.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    error::shorten,
    health::{Condition, State, iso},
    mcp_client::Failure,
    registry::{Server, Status},
};

/// Failed checks in a row after which a server is taken out of use.
const FAILURES: u32 = 3;

/// An answer that takes longer is a warning.
pub(super) const SLOW: Duration = Duration::from_secs(5);

/// Seconds between two checks of a server that names no interval, and the fewest that it can name: runs are a minute apart.
const INTERVAL: u32 = 300;
const SHORTEST_INTERVAL: u32 = 60;

/// The share of the interval by which a check may come sooner, so that what became due together does not stay together.
const JITTER: f64 = 0.2;

/// Longest error that is kept, in characters.
const LONGEST_ERROR: usize = 300;

/// What a check found.
pub(super) type Found = Result<Duration, Failure>;

/// A change of status that a check calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Out of use.
    Unhealthy,
    /// Back in use.
    Active,
}

/// What follows from a check.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: State,
    pub(super) change: Option<Change>,
}

/// Whether a server is due. `updated_at`: of its entry now; a changed one is due at once and begins anew.
pub(super) fn is_due(state: Option<&State>, updated_at: &str, now: Timestamp) -> bool {
    let Some(state) = state else { return true };
    let is_later = |time: &str| time.parse::<Timestamp>().is_ok_and(|time| time > now);
    if state.claimed_until.as_deref().is_some_and(is_later) {
        return false;
    }
    state.condition.is_none() || state.entry_updated_at != updated_at || !is_later(&state.due_at)
}

/// What follows from what was found at `server`, in a run that began at `now`. `chance`: from 0 to 1.
pub(super) fn verdict(server: &Server, before: Option<&State>, found: &Found, now: Timestamp, chance: f64) -> Verdict {
    let earlier = before.filter(|before| before.entry_updated_at == server.updated_at).map_or(0, |it| it.failures);
    let (condition, failures, response_ms, last_error) = match found {
        Ok(time) => {
            let condition = if *time > SLOW { Condition::Slow } else { Condition::Healthy };
            (condition, 0, Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)), None)
        }
        Err(failure) => (Condition::Failing, earlier.saturating_add(1), None, Some(cause(failure))),
    };
    let change = match server.status {
        Status::Active if failures >= FAILURES => Some(Change::Unhealthy),
        // What a person called unhealthy, a person brings back.
        Status::Unhealthy if failures == 0 && server.unhealthy_since.is_some() => Some(Change::Active),
        _ => None,
    };
    let state = State {
        due_at: iso(now + until_next(server.health_check_interval, chance)),
        claimed_until: None,
        condition: Some(condition),
        failures,
        checked_at: Some(iso(now)),
        response_ms,
        last_error,
        unhealthy_since: server.unhealthy_since.clone(),
        entry_updated_at: server.updated_at.clone(),
    };
    Verdict { state, change }
}

/// A number from 0 to 1.
pub(super) fn chance() -> f64 {
    f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

/// From the beginning of a run to the next check.
fn until_next(interval: Option<u32>, chance: f64) -> Duration {
    let interval = f64::from(interval.unwrap_or(INTERVAL).max(SHORTEST_INTERVAL));
    Duration::from_secs_f64(interval * (1.0 - JITTER * chance.clamp(0.0, 1.0)))
}

/// Why a check failed, without words of the server: it could repeat what it was sent.
fn cause(failure: &Failure) -> String {
    let text = match failure {
        Failure::Rpc { code, .. } => format!("it answered with error {code}."),
        Failure::Http { status, .. } => format!("it answered HTTP {status}."),
        Failure::Function(_) => "its Lambda function failed. Its log has the details.".to_owned(),
        Failure::Malformed(_) => "its answer is not a valid MCP answer.".to_owned(),
        Failure::Unreadable(_) => "its answer cannot be read.".to_owned(),
        Failure::Interrupted(_) => "the connection broke before the answer was complete.".to_owned(),
        other => other.to_string(),
    };
    shorten(&text, LONGEST_ERROR)
}
