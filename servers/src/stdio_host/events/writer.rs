//! Sends answers: whole, or as a stream of events once something is said before the answer is there.

use std::{future::Future, pin::pin, time::Duration};

use bytes::Bytes;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    form::{Form, HttpForm, Whole, frame},
    limits::{FAREWELL, LARGEST_STREAM, LARGEST_WHOLE, RESERVE},
    refusal::error_response,
};
use crate::stdio_host::{
    ask::Ask,
    child::{Failure, RpcError},
    mcp::failure,
    outlet::{Answer, Way},
    runtime_api::{Reply, RuntimeApiError, Stream},
};

/// What Lambda has to be told about a streamed HTTP answer.
const STREAMED: &str = "application/vnd.awslambda.http-integration-response";
const WHOLE: &str = "application/json";
/// What Lambda is told about a stream that broke.
const BROKEN: &str = "Function.AnswerNotTaken";
/// A line that clients skip. Source: HTML standard, "Server-sent events".
const COMMENT: &[u8] = b":\n\n";

/// The messages that are being served: each wants an answer or, without an id, none.
#[derive(Debug)]
pub(super) struct Pending(Vec<Option<Value>>);

impl Pending {
    /// Those of an event.
    pub(super) fn of(asks: &[Ask]) -> Self {
        let id = |ask: &Ask| ask.message.get("method").and_then(|_| ask.message.get("id")).cloned();
        Self(asks.iter().map(id).collect())
    }

    /// The same error for all that want an answer.
    fn failed(&self, error: &RpcError) -> Vec<Answer> {
        let answer = |id: &Option<Value>| id.as_ref().map(|id| Answer::Message(error_response(id, error)));
        self.0.iter().map(|id| answer(id).unwrap_or(Answer::Accepted)).collect()
    }

    fn too_large(&self, limit: usize) -> Vec<Answer> {
        let megabytes = limit / 1_000_000;
        let message = format!("The answer is larger than the {megabytes} MB that can be passed on; ask for less.");
        self.failed(&failure::host(message, true))
    }
}

/// When the writer acts of its own accord.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Longest silence in a stream of events.
    pub silence: Duration,
    /// When an error is sent instead of an answer, whatever is still going on.
    pub end: Instant,
    /// When an answer is given up that has not been taken.
    pub taken_by: Instant,
}

/// Waits for the answers of `work` and sends them, and before that what is `heard` in the meantime.
///
/// # Errors
/// The Runtime API did not take the answer.
pub(super) async fn write(
    form: Form,
    reply: Reply,
    mut heard: mpsc::Receiver<Value>,
    work: impl Future<Output = Vec<Answer>>,
    pending: &Pending,
    pace: Pace,
) -> Result<(), RuntimeApiError> {
    let Pace { silence, end, taken_by } = pace;
    let mut work = pin!(work);
    let mut back = Back { form, taken_by, state: State::Waiting { reply, said: Vec::new(), size: 0 } };
    let mut next_comment = Instant::now() + silence;
    let answers = loop {
        tokio::select! {
            biased;
            Some(message) = heard.recv() => back = back.say(message).await,
            answers = &mut work => break answers,
            () = sleep_until(next_comment), if form.way() == Way::AtOnce => back = back.event(COMMENT.into()).await,
            () = sleep_until(end) => {
                tracing::error!("the call outlived its deadline");
                break pending.failed(&failure::of(&Failure::Deadline));
            }
        }
        next_comment = Instant::now() + silence;
        if matches!(back.state, State::Failed(_)) {
            // Whoever works on the answer learns that nobody will read it.
            heard.close();
        }
    };
    while let Ok(message) = heard.try_recv() {
        back = back.say(message).await;
    }
    back.finish(answers, pending).await
}

/// Sends an answer that is there.
///
/// # Errors
/// The Runtime API did not take it in time.
pub(super) async fn post(reply: Reply, whole: Whole, taken_by: Instant) -> Result<(), RuntimeApiError> {
    let Some(prelude) = whole.prelude else { return within(taken_by, reply.answer(WHOLE, whole.body)).await };
    let stream = begin(reply, prelude, taken_by).await?;
    finish(stream, whole.body, taken_by).await
}

/// The way back, and how far the answer has got on it.
struct Back {
    form: Form,
    taken_by: Instant,
    state: State,
}

enum State {
    /// Nothing has been sent. `size` is that of what was said.
    Waiting { reply: Reply, said: Vec<Value>, size: usize },
    /// A stream of events has begun; so many bytes have been sent.
    Begun { stream: Stream, sent: usize },
    /// It broke.
    Failed(RuntimeApiError),
}

impl Back {
    /// Sends a message that is said before the answer, or keeps it where the answer travels in one piece.
    async fn say(mut self, message: Value) -> Self {
        let event = frame(&message);
        match (&mut self.state, self.form.way()) {
            (State::Waiting { said, size, .. }, Way::WithAnswer) => {
                if *size + event.len() > LARGEST_WHOLE - RESERVE {
                    tracing::warn!(
                        bytes = event.len(),
                        "a message was left out: there is no room for it in the answer"
                    );
                } else {
                    *size += event.len();
                    said.push(message);
                }
                self
            }
            (_, Way::Nowhere) => self,
            _ => self.event(event.into()).await,
        }
    }

    /// Sends bytes of the stream of events, and the head before the first.
    async fn event(self, bytes: Bytes) -> Self {
        let Self { form, taken_by, state } = self;
        let state = match state {
            State::Waiting { reply, .. } => match begin(reply, HttpForm::prelude_of_events(), taken_by).await {
                Ok(stream) => push(stream, 0, bytes, taken_by).await,
                Err(error) => State::Failed(error),
            },
            State::Begun { stream, sent } if sent + bytes.len() > LARGEST_STREAM - RESERVE => {
                tracing::warn!(bytes = bytes.len(), "a message was left out: there is no room for it in the stream");
                State::Begun { stream, sent }
            }
            State::Begun { stream, sent } => push(stream, sent, bytes, taken_by).await,
            State::Failed(error) => State::Failed(error),
        };
        Self { form, taken_by, state }
    }

    async fn finish(self, answers: Vec<Answer>, pending: &Pending) -> Result<(), RuntimeApiError> {
        match self.state {
            State::Waiting { reply, said, .. } => {
                post(reply, fitting(self.form, &answers, &said, pending), self.taken_by).await
            }
            State::Begun { stream, sent } => {
                let mut events = last_events(&answers);
                if sent + events.len() > LARGEST_STREAM {
                    tracing::error!(bytes = events.len(), "the answer is too large for a stream");
                    events = last_events(&pending.too_large(LARGEST_STREAM));
                }
                finish(stream, events.into(), self.taken_by).await
            }
            State::Failed(error) => Err(error),
        }
    }
}

/// A whole answer that Lambda passes on: what was said is left out before the answer is given up.
fn fitting(form: Form, answers: &[Answer], said: &[Value], pending: &Pending) -> Whole {
    let whole = form.whole(answers, said, &[]);
    if whole.body.len() <= form.limit() {
        return whole;
    }
    tracing::error!(bytes = whole.body.len(), "the answer is too large to be passed on");
    let alone = form.whole(answers, &[], &[]);
    if alone.body.len() <= form.limit() {
        return alone;
    }
    form.whole(&pending.too_large(form.limit()), &[], &[])
}

fn last_events(answers: &[Answer]) -> String {
    answers.iter().filter_map(Answer::message).map(frame).collect()
}

/// Begins a stream with its head.
async fn begin(reply: Reply, prelude: Bytes, taken_by: Instant) -> Result<Stream, RuntimeApiError> {
    let stream = within(taken_by, reply.stream(STREAMED)).await?;
    send(stream, prelude, taken_by).await
}

async fn push(stream: Stream, sent: usize, bytes: Bytes, taken_by: Instant) -> State {
    let sent = sent + bytes.len();
    match send(stream, bytes, taken_by).await {
        Ok(stream) => State::Begun { stream, sent },
        Err(error) => State::Failed(error),
    }
}

/// Ends a stream with its last part.
async fn finish(stream: Stream, last: Bytes, taken_by: Instant) -> Result<(), RuntimeApiError> {
    let stream = send(stream, last, taken_by).await?;
    within(taken_by, stream.finish()).await
}

/// Sends a part of a stream. One that breaks says so in its trailers, or else is closed without an end: it must not look whole.
async fn send(mut stream: Stream, part: Bytes, taken_by: Instant) -> Result<Stream, RuntimeApiError> {
    let sent = within(taken_by, stream.send(part)).await;
    let Err(error) = sent else { return Ok(stream) };
    match timeout(FAREWELL, stream.fail(BROKEN, &error.to_string())).await {
        Ok(Ok(())) => tracing::debug!("the trailers tell that the answer broke"),
        Ok(Err(_)) | Err(_) => tracing::debug!("the connection was closed in the middle of the answer"),
    }
    Err(error)
}

/// Who reads slowly must not keep the environment beyond its deadline.
async fn within<T>(
    taken_by: Instant,
    sending: impl Future<Output = Result<T, RuntimeApiError>>,
) -> Result<T, RuntimeApiError> {
    let slow = || RuntimeApiError::Connection("it does not read the answer".to_owned());
    timeout_at(taken_by, sending).await.unwrap_or_else(|_| Err(slow()))
}

#[cfg(test)]
mod tests;
