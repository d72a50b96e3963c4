//! The circumstances of one call, and its line in the log.

use std::time::Duration;

use handlers::error::Kind;
use tokio::time::Instant;
use uuid::Uuid;

use super::execution::{Execution, Failure};

/// Through which door a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// An HTTP request, to the HTTP server, a function URL or API Gateway.
    Http,
    /// A raw JSON-RPC message by `lambda:Invoke`.
    Invoke,
    /// Standard input.
    Stdio,
}

/// The circumstances of one call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Through which door it came.
    pub door: Door,
    /// Id of the request, in the log and in every error document.
    pub request_id: String,
    /// When the answer must be ready.
    pub deadline: Instant,
}

impl Call {
    /// How long a call may take where nothing outside sets a limit.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// A call that arrives now, with an id of its own.
    pub fn now(door: Door) -> Self {
        Self { door, request_id: Uuid::now_v7().to_string(), deadline: Instant::now() + Self::LONGEST }
    }

    /// Writes the one line in the log that every call has.
    pub fn log(&self, operation: &str, started: Instant, result: &Result<Execution, Failure>) {
        match result {
            Ok(execution) => self.log_success(operation, started, execution),
            Err(failure) => self.log_failure(operation, started, failure),
        }
    }

    /// Logs a call that is refused before it reaches the service, and hands the failure on.
    pub fn refused(&self, operation: &str, failure: Failure) -> Failure {
        self.log_failure(operation, Instant::now(), &failure);
        failure
    }

    fn log_success(&self, operation: &str, started: Instant, execution: &Execution) {
        tracing::info!(
            door = ?self.door,
            request_id = self.request_id,
            operation,
            milliseconds = milliseconds(started),
            execution_id = %execution.execution_id,
            pipeline_type = execution.pipeline_type,
            environment = execution.environment,
            tenant_id = execution.tenant_id,
            status = execution.status.as_str(),
            pipeline_id = execution.details.as_ref().map(|details| details.pipeline_id),
            "call"
        );
    }

    fn log_failure(&self, operation: &str, started: Instant, failure: &Failure) {
        let (door, request_id, milliseconds) = (self.door, self.request_id.as_str(), milliseconds(started));
        let (execution_id, outcome) = (failure.execution_id.map(|id| id.to_string()), failure.outcome.word());
        let (message, causes) = (failure.error.message(), failure.error.causes());
        // The caller's own mistakes are no reason for anybody to look here.
        if matches!(failure.error.kind(), Kind::Invalid | Kind::NotFound) {
            tracing::info!(?door, request_id, operation, milliseconds, execution_id, outcome, message, "call refused");
        } else {
            tracing::warn!(
                ?door,
                request_id,
                operation,
                milliseconds,
                execution_id,
                outcome,
                message,
                causes,
                "call failed"
            );
        }
    }
}

fn milliseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
