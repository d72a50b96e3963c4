//! What happens on the wire during one call, noted where it is seen: the SDK passes transport errors on as text, and loses
//! some of them, while a caller has to know exactly what went wrong and whether the tool may have started.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use rmcp::model::{ClientJsonRpcMessage, ClientRequest};

use super::error::Failure;

/// Most bytes that are read in one call, all answers together.
pub(super) const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Notes about one call, shared between its parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchange {
    /// What counts for the whole call.
    total: Arc<Total>,
    /// What counts for one attempt.
    outcome: Arc<Mutex<Outcome>>,
}

#[derive(Debug, Default)]
struct Total {
    tool_call_sent: AtomicBool,
    received: AtomicUsize,
}

#[derive(Debug, Default)]
struct Outcome {
    failure: Option<Failure>,
    status: Option<u16>,
}

impl Exchange {
    /// Notes that a message is about to leave.
    pub(super) fn sending(&self, message: &ClientJsonRpcMessage) {
        if matches!(message, ClientJsonRpcMessage::Request(request) if matches!(request.request, ClientRequest::CallToolRequest(_)))
        {
            self.sending_tool_call();
        }
    }

    /// Notes that a request that runs a tool is about to leave.
    pub(super) fn sending_tool_call(&self) {
        self.total.tool_call_sent.store(true, Ordering::Relaxed);
    }

    /// Notes that the server certainly did not take up what was sent so far.
    pub(super) fn not_taken_up(&self) {
        self.total.tool_call_sent.store(false, Ordering::Relaxed);
    }

    /// Whether a `tools/call` has left that the server may have taken up.
    pub(super) fn tool_call_sent(&self) -> bool {
        self.total.tool_call_sent.load(Ordering::Relaxed)
    }

    /// Counts received bytes.
    ///
    /// # Errors
    /// [`Failure::Oversized`] once there are too many.
    pub(super) fn received(&self, bytes: usize) -> Result<(), Failure> {
        let before = self.total.received.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > MAX_ANSWER { Err(Failure::Oversized { limit: MAX_ANSWER }) } else { Ok(()) }
    }

    /// Notes the HTTP status that a JSON-RPC error came with.
    pub(super) fn rpc_status(&self, status: u16) {
        self.outcome().status = Some(status);
    }

    /// Notes what went wrong; the first failure is the cause of all later ones.
    pub(super) fn failed(&self, failure: Failure) {
        self.outcome().failure.get_or_insert(failure);
    }

    /// Notes that what went wrong is mended.
    pub(super) fn recovered(&self) {
        self.outcome().failure = None;
    }

    /// What went wrong, if anything was noted.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.outcome().failure.clone()
    }

    /// The HTTP status of a JSON-RPC error.
    pub(super) fn status(&self) -> Option<u16> {
        self.outcome().status
    }

    /// Notes of another attempt in the same call: limits are shared, failures are not.
    pub(super) fn another_attempt(&self) -> Self {
        Self { total: Arc::clone(&self.total), outcome: Arc::default() }
    }

    fn outcome(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
