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
        Err(failure) if failure.is_ours() => (Condition::Unknown, earlier, None, Some(cause(failure))),
        Err(failure) => (Condition::Failing, earlier.saturating_add(1), None, Some(cause(failure))),
    };
    let change = match (server.status, condition) {
        (Status::Active, Condition::Failing) if failures >= FAILURES => Some(Change::Unhealthy),
        // What a person called unhealthy, a person brings back.
        (Status::Unhealthy, Condition::Healthy | Condition::Slow) if server.unhealthy_since.is_some() => {
            Some(Change::Active)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn server(status: Status, unhealthy_since: Option<&str>) -> Server {
        let entry = serde_json::json!({
            "server_id": "tools", "version": "1.0.0", "server_name": "Tools", "endpoint_url": "https://example.com/",
            "status": status, "unhealthy_since": unhealthy_since, "updated_at": "then",
        });
        serde_json::from_value(entry).unwrap()
    }

    fn failed(times: u32, entry_updated_at: &str) -> State {
        State { failures: times, entry_updated_at: entry_updated_at.to_owned(), ..State::default() }
    }

    #[test]
    fn the_status_changes_with_the_third_failure_and_the_first_success() {
        let (good, bad): (Found, Found) = (Ok(Duration::ZERO), Err(Failure::Status { status: 500 }));
        let (active, ours, theirs) =
            (server(Status::Active, None), server(Status::Unhealthy, Some("then")), server(Status::Unhealthy, None));
        for (server, failures, found, expected) in [
            (&active, 0, &bad, (1, None)),
            (&active, 1, &bad, (2, None)),
            (&active, 2, &bad, (3, Some(Change::Unhealthy))),
            // The change could not be written the last time.
            (&active, 3, &bad, (4, Some(Change::Unhealthy))),
            (&active, u32::MAX, &bad, (u32::MAX, Some(Change::Unhealthy))),
            (&active, 2, &good, (0, None)),
            (&ours, 3, &bad, (4, None)),
            (&ours, 3, &good, (0, Some(Change::Active))),
            (&theirs, 0, &bad, (1, None)),
            (&theirs, 3, &good, (0, None)),
        ] {
            let verdict = verdict(server, Some(&failed(failures, "then")), found, now(), 0.0);
            assert_eq!((verdict.state.failures, verdict.change), expected, "{:?} {failures} {found:?}", server.status);
        }
        let verdict = verdict(&active, Some(&failed(2, "before")), &bad, now(), 0.0);
        assert_eq!((verdict.state.failures, verdict.change), (1, None), "of the entry before its change");
    }

    #[test]
    fn what_is_missing_on_our_side_says_nothing_about_the_server() {
        for failure in [
            Failure::SecretMissing("s".to_owned()),
            Failure::ClientMissing("s".to_owned()),
            Failure::SecretUnusable { name: "s".to_owned(), reason: "r".to_owned() },
            Failure::RoleUnusable { role: "r".to_owned(), reason: "r".to_owned() },
            Failure::FunctionDenied { arn: "a".to_owned(), stage: "s".to_owned() },
            Failure::FunctionThrottled,
            Failure::Invoke { code: "c".to_owned(), may_have_run: false },
        ] {
            for (server, failures) in [
                (server(Status::Active, None), 2),
                (server(Status::Active, None), 3),
                (server(Status::Unhealthy, Some("then")), 0),
            ] {
                let verdict = verdict(&server, Some(&failed(failures, "then")), &Err(failure.clone()), now(), 0.0);
                assert_eq!((verdict.state.failures, verdict.change), (failures, None), "{failure:?}");
                assert_eq!(verdict.state.condition, Some(Condition::Unknown), "{failure:?}");
            }
        }
    }

    #[test]
    fn an_answer_after_five_seconds_is_slow_and_no_failure() {
        let condition = |milliseconds| {
            let found = Ok(Duration::from_millis(milliseconds));
            let state = verdict(&server(Status::Active, None), None, &found, now(), 0.0).state;
            (state.condition, state.failures, state.response_ms)
        };
        assert_eq!(condition(5000), (Some(Condition::Healthy), 0, Some(5000)));
        assert_eq!(condition(5001), (Some(Condition::Slow), 0, Some(5001)));
    }

    #[test]
    fn the_next_check_comes_after_the_interval_or_up_to_a_fifth_sooner() {
        let seconds = |interval, chance| until_next(interval, chance).as_secs();
        for (interval, latest) in [(None, 300), (Some(600), 600), (Some(60), 60), (Some(59), 60), (Some(0), 60)] {
            assert_eq!((seconds(interval, 0.0), seconds(interval, 1.0)), (latest, latest * 4 / 5), "{interval:?}");
        }
        assert!(seconds(Some(u32::MAX), 0.0) == u64::from(u32::MAX));
        for _ in 0..1000 {
            assert!((0.0..=1.0).contains(&chance()));
        }
        assert!((0..10).map(|_| chance()).any(|one| (one - chance()).abs() > 1e-6));
    }

    #[test]
    fn a_server_is_due_when_its_time_has_come_or_its_entry_changed() {
        let state = |due_at: &str, claimed_until: Option<&str>| State {
            due_at: due_at.to_owned(),
            claimed_until: claimed_until.map(str::to_owned),
            condition: Some(Condition::Healthy),
            entry_updated_at: "then".to_owned(),
            ..State::default()
        };
        let (past, future) = ("2026-11-21T11:59:00.000Z", "2026-11-21T12:01:00.000Z");
        for (state, updated_at, expected) in [
            (None, "then", true),
            (Some(State::default()), "then", true),
            (Some(state(past, None)), "then", true),
            (Some(state("2026-11-21T12:00:00.000Z", None)), "then", true),
            (Some(state(future, None)), "then", false),
            (Some(state(future, None)), "now", true),
            (Some(state("someday", None)), "then", true),
            (Some(state(past, Some(future))), "now", false),
            (Some(state(past, Some(past))), "then", true),
            (Some(State { claimed_until: Some(future.to_owned()), ..State::default() }), "then", false),
        ] {
            assert_eq!(is_due(state.as_ref(), updated_at, now()), expected, "{state:?} {updated_at}");
        }
    }

    #[test]
    fn an_error_is_kept_without_words_of_the_server() {
        let words = || "key s3cret is not known".to_owned();
        for failure in [
            Failure::Rpc { code: -32000, message: words(), status: None },
            Failure::Http { status: 500, message: words() },
            Failure::Function(words()),
            Failure::Malformed(words()),
            Failure::Unreadable(words()),
            Failure::Interrupted(words()),
        ] {
            let cause = cause(&failure);
            assert!(!cause.contains("s3cret") && cause.ends_with('.'), "{cause}");
        }
        assert!(cause(&Failure::Refused("x".repeat(2000))).chars().count() <= LONGEST_ERROR + 1);
    }
}
