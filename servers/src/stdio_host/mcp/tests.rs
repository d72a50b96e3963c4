//! Clients of both eras in front of a real process: `tests/server.py`. An environment here is what it is in Lambda: one process,
//! one message at a time.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::stdio_host::{host::testing::settings, outlet::Way};

mod fuzz;
mod legacy;
mod modern;
mod questions;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stdio_host/mcp/tests/server.py");

/// One environment of the function.
struct Environment {
    mcp: Mcp,
    supervisor: Supervisor,
}

impl Environment {
    /// One whose key is `key`, and whose server may ask clients if there is a table.
    fn new(key: Option<&str>, table: Option<&Client>, more: &Value) -> Self {
        let mut file = json!({ "command": ["python", SERVER] });
        if table.is_some() {
            file["client_requests"] = json!("rendezvous");
        }
        for (name, value) in more.as_object().unwrap() {
            file[name] = value.clone();
        }
        let settings = settings(&file);
        let signing = match key {
            Some(key) => Signing::with_key(key, "test"),
            None => Signing::new(&settings),
        };
        let rendezvous = table.map(|client| Rendezvous::with_client("State", "test", client.clone()));
        let supervisor = Supervisor::start(&settings);
        Self { mcp: Mcp { settings, signing, rendezvous }, supervisor }
    }

    /// One that signs, without a table.
    fn signing() -> Self {
        Self::new(Some("a-key"), None, &json!({}))
    }

    /// Serves one message: the answer, and what was said before it.
    async fn serve(&mut self, ask: Ask, way: Way) -> (Answer, Vec<Value>) {
        self.serve_until(ask, way, soon(), async |_| {}).await
    }

    /// Serves one message, and has somebody act on what is said before the answer.
    async fn serve_until(
        &mut self,
        ask: Ask,
        way: Way,
        deadline: Instant,
        mut act: impl AsyncFnMut(&Value),
    ) -> (Answer, Vec<Value>) {
        let (mut outlet, mut heard) = Outlet::new(way);
        let mut said = Vec::new();
        self.supervisor.event_begins("request");
        let answer = {
            let mut work = std::pin::pin!(self.mcp.serve(ask, &mut self.supervisor, &mut outlet, deadline));
            loop {
                tokio::select! {
                    biased;
                    Some(message) = heard.recv() => {
                        act(&message).await;
                        said.push(message);
                    }
                    answer = &mut work => break answer,
                }
            }
        };
        while let Ok(message) = heard.try_recv() {
            said.push(message);
        }
        self.supervisor.event_ends().await;
        (answer, said)
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A message over HTTP.
fn over_http(message: Value, headers: McpHeaders) -> Ask {
    Ask { message, door: Door::Http, caller: None, headers }
}

/// The result in an answer with status 200.
fn result(answer: Answer) -> Value {
    match answer {
        Answer::Message(mut message) if message.get("result").is_some() => message["result"].take(),
        other => panic!("no result: {other:?}"),
    }
}

/// Status and error of an answer.
fn error(answer: Answer) -> (u16, Value) {
    match answer {
        Answer::Message(mut message) if message.get("error").is_some() => (200, message["error"].take()),
        Answer::Refused { status, mut message } => (status, message["error"].take()),
        other => panic!("no error: {other:?}"),
    }
}

/// The text of a tool's result.
fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"))
}
