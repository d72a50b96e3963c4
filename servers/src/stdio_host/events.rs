//! The doors: reads events of every kind and writes their answers.
//!
//! [`arrival`] tells which door an event came through and has its module read it; what breaks a rule of the door is refused
//! there, before the hosted server hears of it. [`form`] knows what an answer looks like at each door, [`writer`] sends it.
//!
//! AWS builds the outer object of an event: path, headers, query and body of an HTTP request are values inside it and cannot
//! add a key beside them, so nothing in an HTTP request can turn it into an Invoke. Who may invoke the function directly can
//! send any object, also one that looks like an event of API Gateway: that is IAM's to decide.

mod arrival;
mod callers;
mod form;
mod headers;
mod health;
mod http;
mod limits;
mod message;
mod metadata;
mod plain;
mod refusal;
mod rules;
mod tool_result;
mod writer;

use tokio::time::Instant;

use self::{
    arrival::{Arrival, House},
    writer::{Pace, Pending},
};
use super::{
    child::Supervisor,
    host::Settings,
    mcp::Mcp,
    outlet::{Answer, Outlet},
    runtime_api::{Event, Reply, RuntimeApiError},
};

/// Answers one event: reads it as messages, has them served, writes the answer.
///
/// # Errors
/// The Runtime API did not take the answer.
pub async fn serve(
    event: Event,
    reply: Reply,
    supervisor: &mut Supervisor,
    mcp: &mut Mcp,
    settings: &Settings,
) -> Result<(), RuntimeApiError> {
    let end = event.deadline;
    let taken_by = before(end, limits::TAKEN);
    let file = &settings.file;
    let house = House {
        server_id: &file.server_id,
        server_name: &file.server_name,
        origins: &file.allowed_origins,
        streams: settings.env.streams,
    };
    match arrival::read(&event, house) {
        Arrival::Asks { asks, form } => {
            // The event is as large as the messages read from it.
            drop(event);
            let pending = Pending::of(&asks);
            let (mut outlet, heard) = Outlet::new(form.way());
            let deadline = before(end, limits::MARGIN);
            let work = async {
                let mut answers = Vec::with_capacity(asks.len());
                for ask in asks {
                    answers.push(mcp.serve(ask, supervisor, &mut outlet, deadline).await);
                }
                answers
            };
            let pace = Pace { silence: limits::SILENCE, end: before(end, limits::LAST_MOMENT), taken_by };
            writer::write(form, reply, heard, work, &pending, pace).await
        }
        Arrival::Health { form } => {
            let answer = health::check(supervisor, before(end, limits::MARGIN)).await;
            let whole = form.document(answer.status, &[], &answer.body);
            writer::post(reply, whole, taken_by).await
        }
        Arrival::Refused { refusal, form } => {
            tracing::info!(
                request_id = event.request_id,
                trace_id = event.trace_id,
                door = ?form.door(),
                status = refusal.status,
                code = refusal.error.code,
                reason = refusal.error.message,
                "refused at the door"
            );
            let headers: Vec<_> = refusal.allow.map(|allow| ("allow", allow)).into_iter().collect();
            let answer = Answer::Refused { status: refusal.status, message: refusal.message() };
            writer::post(reply, form.whole(&[answer], &[], &headers), taken_by).await
        }
    }
}

/// A moment before another.
fn before(end: Instant, margin: std::time::Duration) -> Instant {
    end.checked_sub(margin).unwrap_or(end)
}
