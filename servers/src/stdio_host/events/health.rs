//! `GET /health`: whether a call would have a chance.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::limits::HEALTH;
use crate::stdio_host::child::Supervisor;

/// The answer of `/health`.
#[derive(Debug)]
pub(super) struct Health {
    /// 200 or 503.
    pub status: u16,
    /// `status`, `checks`, `timestamp`.
    pub body: Value,
}

/// Asks whether the hosted server can be used.
pub(super) async fn check(supervisor: &mut Supervisor, deadline: Instant) -> Health {
    let deadline = deadline.min(Instant::now() + HEALTH);
    let failure = supervisor.health(deadline).await.err();
    answer(failure.map(|failure| failure.to_string()).as_deref())
}

fn answer(failure: Option<&str>) -> Health {
    let (status, word) = if failure.is_none() { (200, "healthy") } else { (503, "unhealthy") };
    let checks = json!({ "server": failure.unwrap_or("ok") });
    Health { status, body: json!({ "status": word, "checks": checks, "timestamp": Timestamp::now() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_says_what_is_wrong_and_when_it_was_asked() {
        for (failure, status, word, check) in
            [(None, 200, "healthy", "ok"), (Some("it ended"), 503, "unhealthy", "it ended")]
        {
            let health = answer(failure);
            assert_eq!(
                (health.status, &health.body["status"], &health.body["checks"]["server"]),
                (status, &json!(word), &json!(check))
            );
            assert!(health.body["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
        }
    }
}
