//! What a client is told when the hosted server gave no answer.
//!
//! | what happened | code | `data.reason` | `data.may_have_run` |
//! |---|---|---|---|
//! | the process cannot be started | -31001 | `cannot_start` | false |
//! | it is still starting | -31001 | `starting` | false |
//! | it failed several times in a row and is left alone for a moment | -31001 | `backing_off` | false |
//! | it ended during the call | -31002 | `ended` | true |
//! | its output broke the protocol | -31002 | `broke_protocol` | true |
//! | it did not answer in the time of the invocation | -31003 | `deadline` | true |
//! | the client did not answer its question in that time | -31003 | `no_answer` | true |
//! | the client cancelled the call, or went away | -31004 | `cancelled` | true |
//! | it asks something that only a second run could take the answer of, and the tool must not run twice | -31005 | `not_replayable` | true |
//! | it asked something else when it ran again | -31005 | `asked_differently` | true |
//! | something of the host's own failed (a table, a secret) | -32603 | `host` | as said |
//!
//! The codes lie outside of what JSON-RPC and MCP reserve, as MCP 2026-07-28 asks of codes of one's own ("Overview", error codes).
//! What the hosted server itself answers, errors and all, is passed on as it is.

use serde_json::json;

use super::rpc::INTERNAL_ERROR;
use crate::stdio_host::child::{Failure, RpcError};

const NOT_READY: i64 = -31001;
const BROKE: i64 = -31002;
const TOO_LATE: i64 = -31003;
const CANCELLED: i64 = -31004;
const CANNOT_ASK: i64 = -31005;

/// The error of a failure of the hosted server.
pub(in crate::stdio_host) fn of(failure: &Failure) -> RpcError {
    let (code, reason, may_have_run) = match failure {
        Failure::CannotStart { .. } => (NOT_READY, "cannot_start", false),
        Failure::StillStarting => (NOT_READY, "starting", false),
        Failure::BackingOff { .. } => (NOT_READY, "backing_off", false),
        Failure::Died { .. } => (BROKE, "ended", true),
        Failure::Poisoned { .. } => (BROKE, "broke_protocol", true),
        Failure::Deadline => (TOO_LATE, "deadline", true),
    };
    told(code, sentence(&failure.to_string()), reason, may_have_run)
}

/// The client did not answer a question in time.
pub(super) fn no_answer() -> RpcError {
    let message = "The client did not answer the MCP server's question in time; the call was cancelled.";
    told(TOO_LATE, message.to_owned(), "no_answer", true)
}

/// Nobody waits for the answer any more.
pub(super) fn cancelled() -> RpcError {
    told(CANCELLED, "The call was cancelled.".to_owned(), "cancelled", true)
}

/// The tool asks, and must not run twice.
pub(super) fn not_replayable(tool: &str) -> RpcError {
    let message = format!(
        "The tool {tool} asks the client something while it runs. With this protocol version the answer can only be given to a \
         second run from the start, and that is done only for tools that are annotated as read-only or idempotent, or named \
         under `replay` of this server in servers.yaml. The call was cancelled."
    );
    told(CANNOT_ASK, message, "not_replayable", true)
}

/// The second run is not like the first.
pub(super) fn asked_differently() -> RpcError {
    let message = "The MCP server asked something else than in the run before, so the answers do not fit it. The call was \
                   cancelled. Call again without requestState.";
    told(CANNOT_ASK, message.to_owned(), "asked_differently", true)
}

/// Something of the host's own failed.
pub(in crate::stdio_host) fn host(message: impl Into<String>, may_have_run: bool) -> RpcError {
    told(INTERNAL_ERROR, message.into(), "host", may_have_run)
}

fn told(code: i64, message: String, reason: &str, may_have_run: bool) -> RpcError {
    RpcError { code, message, data: Some(json!({ "reason": reason, "may_have_run": may_have_run })) }
}

/// Begins with a capital letter and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_failure_says_whether_the_call_may_have_run() {
        let backing_off = Failure::BackingOff { failures: 3, retry_in: Duration::from_secs(4) };
        for (failure, code, may_have_run) in [
            (Failure::CannotStart { reason: "no such file".into() }, -31001, false),
            (Failure::StillStarting, -31001, false),
            (backing_off, -31001, false),
            (Failure::Died { status: "exit code 1".into() }, -31002, true),
            (Failure::Poisoned { reason: "two answers".into() }, -31002, true),
            (Failure::Deadline, -31003, true),
        ] {
            let error = of(&failure);
            assert_eq!(error.code, code, "{failure}");
            assert_eq!(error.data.unwrap()["may_have_run"], may_have_run, "{failure}");
            assert!(error.message.starts_with("The MCP server ") && error.message.ends_with('.'), "{}", error.message);
        }
    }
}
