//! What a function sees of the Runtime API.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, Response, StatusCode},
    routing::{get, post},
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Invocation,
    post::{Part, Post},
};
use crate::connections::Connections;

pub(super) struct Event {
    pub(super) id: String,
    pub(super) invocation: Invocation,
    pub(super) timeout: Duration,
}

pub(super) struct Api {
    arn: String,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    posts: Mutex<HashMap<String, oneshot::Sender<Post>>>,
    deadlines: Mutex<HashMap<String, Instant>>,
    first_poll: OnceLock<Instant>,
    polls: watch::Sender<u64>,
    init_error: OnceLock<Value>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("arn", &self.arn).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(arn: String, events: mpsc::UnboundedReceiver<Event>) -> Self {
        Self {
            arn,
            events: events.into(),
            posts: Mutex::default(),
            deadlines: Mutex::default(),
            first_poll: OnceLock::new(),
            polls: watch::Sender::new(0),
            init_error: OnceLock::new(),
        }
    }

    /// How often an event was asked for.
    pub(super) fn polls(&self) -> watch::Receiver<u64> {
        self.polls.subscribe()
    }

    pub(super) fn first_poll(&self) -> Option<Instant> {
        self.first_poll.get().copied()
    }

    pub(super) fn init_error(&self) -> Option<Value> {
        self.init_error.get().cloned()
    }

    /// What is posted for this request.
    pub(super) fn expect(&self, id: &str) -> oneshot::Receiver<Post> {
        let (sender, receiver) = oneshot::channel();
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), sender);
        receiver
    }
}

pub(super) async fn serve(connections: Connections, api: Arc<Api>) {
    let invocation = "/2018-06-01/runtime/invocation";
    let router = Router::new()
        .route(&format!("{invocation}/next"), get(next))
        .route(&format!("{invocation}/{{id}}/response"), post(response))
        .route(&format!("{invocation}/{{id}}/error"), post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .with_state(api);
    // It serves until it is aborted.
    let _ = axum::serve(connections, router).await;
}

async fn next(State(api): State<Arc<Api>>) -> Result<Response<Body>, StatusCode> {
    api.first_poll.get_or_init(Instant::now);
    api.polls.send_modify(|polls| *polls += 1);
    // Without an event it waits for ever, as in an environment that is not needed.
    let Some(event) = api.events.lock().await.recv().await else { return std::future::pending().await };
    let deadline = Instant::now() + event.timeout;
    api.deadlines.lock().unwrap_or_else(PoisonError::into_inner).insert(event.id.clone(), deadline);
    let deadline = SystemTime::now() + event.timeout;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut response = Response::builder()
        .header("lambda-runtime-aws-request-id", event.id)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", &api.arn)
        .header("content-type", "application/json");
    let invocation = event.invocation;
    for (name, value) in [
        ("lambda-runtime-client-context", invocation.client_context),
        ("lambda-runtime-aws-tenant-id", invocation.tenant),
    ] {
        if let Some(value) = value {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(invocation.payload)).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> StatusCode {
    posted(&api, &id, headers, body, false).await
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> StatusCode {
    posted(&api, &id, headers, body, true).await
}

async fn init_error(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    api.init_error.get_or_init(|| serde_json::from_slice(&body).unwrap_or_default());
    StatusCode::ACCEPTED
}

async fn posted(api: &Api, id: &str, headers: HeaderMap, body: Body, failed: bool) -> StatusCode {
    let waiting = api.posts.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    let deadline = api.deadlines.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    let Some((waiting, deadline)) = waiting.zip(deadline) else { return StatusCode::BAD_REQUEST };
    let (parts, receiver) = mpsc::unbounded_channel();
    // Whoever waited may have given up, here and below.
    let _ = waiting.send(Post::new(id.to_owned(), headers, failed, deadline, receiver));
    let mut body = body;
    while let Some(frame) = http_body_util::BodyExt::frame(&mut body).await {
        // A post that breaks off is no answer: the parts end without their end, and whoever waits is told so.
        let Ok(frame) = frame else { return StatusCode::BAD_REQUEST };
        let _ = match frame.into_data() {
            Ok(data) => parts.send(Part::Data(data)),
            Err(frame) => parts.send(Part::Trailers(frame.into_trailers().unwrap_or_default())),
        };
    }
    let _ = parts.send(Part::End(Instant::now()));
    StatusCode::ACCEPTED
}
