//! A Bedrock for tests: answers InvokeAgent with scripted event streams and keeps what it was asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::Response,
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::stream;
use serde_json::{Value, json};

/// One piece of an answer's body.
#[derive(Clone)]
pub(crate) enum Part {
    /// Bytes on the wire.
    Bytes(Vec<u8>),
    /// Nothing for a while.
    Pause(Duration),
    /// The connection breaks.
    Break,
}

/// An answer.
#[derive(Clone)]
pub(crate) enum Script {
    /// 200 with an event stream.
    Stream(Vec<Part>),
    /// An HTTP error, `x-amzn-errortype`, body, and one more header.
    Refusal(u16, &'static str, Value, Option<(&'static str, &'static str)>),
    /// No head for this long.
    Silence(Duration),
}

/// What InvokeAgent was called with.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) agent: String,
    pub(crate) alias: String,
    pub(crate) session: String,
    pub(crate) body: Value,
}

/// The server; it ends with the test's runtime.
pub(crate) struct FakeBedrock {
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeBedrock {
    pub(crate) async fn start(script: Script) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let router = Router::new()
            .route("/agents/{agent}/agentAliases/{alias}/sessions/{session}/text", post(answer))
            .with_state((script, asked.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, asked }
    }

    pub(crate) async fn streaming(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::start(Script::Stream(parts.into_iter().collect())).await
    }

    pub(crate) fn agents(&self) -> super::Agents {
        super::Agents::new(&crate::test_support::sdk_config(&self.endpoint))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("the list of requests").clone()
    }
}

async fn answer(
    State((script, asked)): State<(Script, Arc<Mutex<Vec<Asked>>>)>,
    Path((agent, alias, session)): Path<(String, String, String)>,
    body: Bytes,
) -> Response<Body> {
    let body = serde_json::from_slice(&body).expect("a JSON body");
    asked.lock().expect("the list of requests").push(Asked { agent, alias, session, body });
    let response = Response::builder();
    match script {
        Script::Stream(parts) => {
            let parts = stream::unfold(parts.into_iter(), |mut parts| async move {
                loop {
                    match parts.next()? {
                        Part::Bytes(bytes) => return Some((Ok(Bytes::from(bytes)), parts)),
                        Part::Pause(time) => tokio::time::sleep(time).await,
                        Part::Break => return Some((Err(std::io::Error::other("broken")), parts)),
                    }
                }
            });
            response.header("content-type", "application/vnd.amazon.eventstream").body(Body::from_stream(parts))
        }
        Script::Refusal(status, kind, body, header) => header
            .into_iter()
            .fold(response.status(status).header("x-amzn-errortype", kind), |response, (name, value)| {
                response.header(name, value)
            })
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        Script::Silence(time) => {
            tokio::time::sleep(time).await;
            response.body(Body::empty())
        }
    }
    .expect("a response")
}

fn frame(message_type: &str, type_header: &'static str, name: &str, payload: &Value) -> Part {
    let text = |value: &str| HeaderValue::String(value.to_owned().into());
    let message = Message::new(Bytes::from(payload.to_string()))
        .add_header(Header::new(":message-type", text(message_type)))
        .add_header(Header::new(type_header, text(name)))
        .add_header(Header::new(":content-type", text("application/json")));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).expect("an encoded frame");
    Part::Bytes(bytes)
}

/// Any event.
pub(crate) fn event(name: &str, payload: &Value) -> Part {
    frame("event", ":event-type", name, payload)
}

/// An exception inside the stream.
pub(crate) fn exception(name: &str, payload: &Value) -> Part {
    frame("exception", ":exception-type", name, payload)
}

/// A piece of the answer.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Part {
    event("chunk", &json!({ "bytes": STANDARD.encode(bytes) }))
}

/// A trace with the members AWS sends around it.
pub(crate) fn trace(trace: &Value) -> Part {
    event(
        "trace",
        &json!({
            "agentId": "ORCHESTRAT", "agentAliasId": "LOCAL", "agentVersion": "1", "sessionId": "s",
            "callerChain": [{ "agentAliasArn": "arn:aws:bedrock:us-east-1:123456789012:agent-alias/ORCHESTRAT/LOCAL" }],
            "eventTime": "2026-11-20T10:00:00.000Z", "trace": trace,
        }),
    )
}

/// The call of a function.
pub(crate) fn called(trace_id: &str, group: &str, function: &str, parameters: &[(&str, &str)]) -> Part {
    let parameters: Vec<Value> =
        parameters.iter().map(|(name, value)| json!({ "name": name, "type": "string", "value": value })).collect();
    trace(&json!({ "orchestrationTrace": { "invocationInput": {
        "traceId": trace_id, "invocationType": "ACTION_GROUP",
        "actionGroupInvocationInput": {
            "actionGroupName": group, "function": function, "parameters": parameters, "executionType": "LAMBDA",
        },
    } } }))
}

/// The answer of an action group.
pub(crate) fn answered(trace_id: &str, text: &str) -> Part {
    trace(&json!({ "orchestrationTrace": { "observation": {
        "traceId": trace_id, "type": "ACTION_GROUP", "actionGroupInvocationOutput": { "text": text },
    } } }))
}
