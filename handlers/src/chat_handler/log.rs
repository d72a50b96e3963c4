//! The one line about a request. It never holds what was said.

use tokio::time::Instant;

use super::FUNCTION;
use crate::{error::Error, identity::Principal, runtime::Invocation};

/// What is known of a request so far; whoever finishes the request writes it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) request_id: String,
    pub(super) principal: Option<Principal>,
    /// The session on Bedrock, which is also in the deployment history.
    pub(super) session: Option<String>,
    pub(super) steps: usize,
    started: Instant,
}

impl Record {
    pub(super) fn of(invocation: Option<&Invocation>) -> Self {
        let request_id = invocation.map(|invocation| invocation.request_id.clone()).unwrap_or_default();
        Self { request_id, principal: None, session: None, steps: 0, started: Instant::now() }
    }

    /// Logs the line: at `error` where the fault is ours or behind us.
    pub(super) fn write(self, status: u16, error: Option<&Error>) {
        let Self { request_id, principal, session, steps, started } = self;
        let requested_by = principal.as_ref().map(Principal::as_str);
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match error {
            None => {
                tracing::info!(
                    function = FUNCTION,
                    request_id,
                    session_id = session,
                    requested_by,
                    status,
                    elapsed_ms,
                    steps,
                    "chat answered"
                );
            }
            Some(error) if status < 500 => {
                let causes = error.causes();
                tracing::warn!(function = FUNCTION, request_id, session_id = session, requested_by, status, elapsed_ms, steps, %error, causes, "chat refused");
            }
            Some(error) => {
                let causes = error.causes();
                tracing::error!(function = FUNCTION, request_id, session_id = session, requested_by, status, elapsed_ms, steps, %error, causes, "chat failed");
            }
        }
    }
}
