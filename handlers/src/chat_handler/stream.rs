//! The answer as server-sent events: `step`, `text`, then `done` with the whole answer or `error` with a problem document.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::HeaderValue,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{future::BoxFuture, stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{self, Sender};

use super::{Answer, log::Record, problem::document};
use crate::{
    agents::{Progress, Run},
    error::{Error, Result, internal},
};

/// Between comments that keep the connection open; API Gateway closes a stream that is idle for five minutes, proxies sooner.
/// Source: "Stream the integration response for your proxy integrations in API Gateway", idle timeouts.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Events that may wait for a slow client before the run is not read any further.
const WAITING: usize = 16;

/// Starts answering, with a comment whenever nothing happened for `keep_alive`; the record is written when the run has ended.
pub(super) fn respond(
    start: BoxFuture<'static, Result<Run>>,
    answer: Answer,
    record: Record,
    keep_alive: Duration,
) -> Response {
    let (events, receiver) = mpsc::channel(WAITING);
    tokio::spawn(relay(start, answer, record, events));
    let events = stream::unfold(receiver, |mut receiver| async move {
        let event: Event = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event), receiver))
    });
    let keep_alive = KeepAlive::new().interval(keep_alive).text("keep-alive");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    // Proxies on the way must pass each event on when it comes.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn relay(start: BoxFuture<'static, Result<Run>>, mut answer: Answer, mut record: Record, events: Sender<Event>) {
    let result = pass_on(start, &mut answer, &events).await;
    record.steps = answer.steps.len();
    // The head said 200 long ago; the log says what the client was told in the end. It is written before the last event,
    // because Lambda may freeze the process once the stream is complete.
    match result.and_then(|()| event("done", &answer)) {
        Ok(done) => {
            record.write(200, None);
            let _ = events.send(done).await;
        }
        Err(error) => {
            let problem = document(&error, &record.request_id, Some(&answer));
            record.write(error.kind().status(), Some(&error));
            let _ = events.send(Event::default().event("error").data(problem.to_string())).await;
        }
    }
}

async fn pass_on(start: BoxFuture<'static, Result<Run>>, answer: &mut Answer, events: &Sender<Event>) -> Result<()> {
    let mut run = start.await?;
    while let Some(progress) = run.next().await? {
        if let Progress::Text(text) = &progress {
            send(events, event("text", &json!({ "text": text }))?).await;
        }
        for step in answer.add(progress) {
            send(events, event("step", step)?).await;
        }
    }
    Ok(())
}

/// A client that went away changes nothing: the agent works on, and its end belongs into the log.
async fn send(events: &Sender<Event>, event: Event) {
    let _ = events.send(event).await;
}

fn event(name: &str, data: &impl Serialize) -> Result<Event, Error> {
    let data =
        serde_json::to_string(data).map_err(|error| internal("An event could not be written.").with_source(error))?;
    Ok(Event::default().event(name).data(data))
}
