//! `GET /health`: whether a call would have a chance. It needs no key, so it shows no address and no secret.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};

use super::{gitlab::NoAnswer, service::Pipelines};

/// A result is answered again for this long: a flood of health requests is no flood of GitLab requests.
const KEPT: Duration = Duration::from_secs(10);
/// Health checkers wait about 5 seconds.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Answer of `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `healthy` or `unhealthy`.
    pub status: &'static str,
    /// The single checks.
    pub checks: Checks,
    /// When they were made, ISO 8601.
    pub timestamp: Timestamp,
}

/// The single checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// `ok`, `unavailable` (missing or not readable), `refused` by GitLab, or `unknown`.
    pub token: &'static str,
    /// `ok`, `unreachable` or `unknown`.
    pub gitlab: &'static str,
}

impl Health {
    /// Whether all checks are `ok`.
    pub fn is_healthy(&self) -> bool {
        self.status == "healthy"
    }
}

/// Makes the checks, at most once in ten seconds.
#[derive(Debug, Default)]
pub struct HealthCheck {
    kept: Mutex<Option<(Instant, Health)>>,
}

impl HealthCheck {
    /// The health now, or as it was a few seconds ago.
    pub async fn get(&self, pipelines: &Pipelines) -> Health {
        let mut kept = self.kept.lock().await;
        if let Some((at, health)) = &*kept
            && at.elapsed() < KEPT
        {
            return health.clone();
        }
        let health = look(pipelines).await;
        *kept = Some((Instant::now(), health.clone()));
        health
    }
}

async fn look(pipelines: &Pipelines) -> Health {
    // Any project of the configuration will do: 403 and 404 are answers too, and only concern that project.
    let project = pipelines.config().iter().next().map_or("", |pipeline| pipeline.project.as_str());
    let checks = match pipelines.gitlab().probe(project, Instant::now() + TIMEOUT).await {
        Ok(401) => Checks { token: "refused", gitlab: "ok" },
        Ok(200..=499) => Checks { token: "ok", gitlab: "ok" },
        Ok(_) => Checks { token: "unknown", gitlab: "unreachable" },
        Err(NoAnswer::Token(_)) => Checks { token: "unavailable", gitlab: "unknown" },
        Err(_) => Checks { token: "unknown", gitlab: "unreachable" },
    };
    let healthy = checks.token == "ok" && checks.gitlab == "ok";
    Health { status: if healthy { "healthy" } else { "unhealthy" }, checks, timestamp: Timestamp::now() }
}
