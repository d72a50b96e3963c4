//! What can go wrong with the hosted server.

use std::time::Duration;

use thiserror::Error;

/// Why the hosted server gave no answer. The texts are for the client: they say what happened, whether the call may have been
/// carried out, and nothing of what the server wrote to its log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The process could not be started, or ended or said something wrong before its handshake was complete.
    #[error("the MCP server cannot start: {reason}")]
    CannotStart {
        /// What happened, in a few words.
        reason: String,
    },
    /// The server is still starting; this call waited as long as it could.
    #[error("the MCP server is still starting; try again in a few seconds")]
    StillStarting,
    /// The server failed several times in a row and is left alone for a moment.
    #[error("the MCP server failed {failures} times in a row; it is started again in {} s", .retry_in.as_secs().max(1))]
    BackingOff {
        /// Failures in a row.
        failures: u32,
        /// Time until the next start.
        retry_in: Duration,
    },
    /// The process ended while this call was under way.
    #[error("the MCP server ended ({status}) before it answered; whether it carried the call out is not known")]
    Died {
        /// Exit code or signal.
        status: String,
    },
    /// The server's output broke the protocol in a way after which no answer can be trusted.
    #[error("the MCP server broke the protocol ({reason}); whether it carried the call out is not known")]
    Poisoned {
        /// What was wrong with it.
        reason: String,
    },
    /// The server did not answer in the time of this invocation. It has been told that the call is cancelled.
    #[error("the MCP server did not answer in time; the call was cancelled, whether it was carried out is not known")]
    Deadline,
}
