//! Reads events and writes their answers.

use super::{
    child::Supervisor,
    host::Settings,
    mcp::Mcp,
    runtime_api::{Event, Reply, RuntimeApiError},
};

/// Answers one event: reads it as a message, has it served, writes the answer.
///
/// # Errors
/// The Runtime API did not take the answer.
pub async fn serve(
    _event: Event,
    reply: Reply,
    _supervisor: &mut Supervisor,
    _mcp: &mut Mcp,
    _settings: &Settings,
) -> Result<(), RuntimeApiError> {
    reply.fail("Runtime.UnknownEvent", "Events of this kind are not read.").await
}
