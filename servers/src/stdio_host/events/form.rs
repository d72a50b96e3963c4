//! What an answer looks like at each door.
//! Sources: API Gateway developer guide, "Output format of a Lambda function for proxy integration" and "Set up a Lambda proxy
//! integration with payload response streaming"; AWS Lambda developer guide, "Invoking Lambda function URLs"; MCP 2025-03-26 to
//! 2026-07-28, "Streamable HTTP".

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    limits::{LARGEST_STREAM, LARGEST_WHOLE},
    rules::Accepted,
    tool_result,
};
use crate::stdio_host::{
    ask::Door,
    outlet::{Answer, Way},
};

/// Ends the prelude of a streamed HTTP answer.
const NULS: [u8; 8] = [0; 8];
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// The form that the answer of an event must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The result of a tool.
    Gateway,
    /// The result of a tool, or `{"error"}`.
    Plain,
    /// JSON-RPC, or `{}` where there is nothing to say.
    Invoke {
        /// An array of responses.
        batch: bool,
    },
    /// HTTP.
    Http(HttpForm),
}

/// The form of an HTTP answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HttpForm {
    /// Whether Lambda passes the answer on in parts.
    pub streams: bool,
    /// What the client reads.
    pub accepted: Accepted,
    /// An array of responses.
    pub batch: bool,
    /// Whether a stream of events may begin before the answer is there. Not where the answer may need a status or headers.
    pub begins_early: bool,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whole {
    /// The head of an answer that Lambda takes in parts; none if it takes the body in one piece.
    pub prelude: Option<Bytes>,
    /// The payload.
    pub body: Bytes,
}

impl HttpForm {
    /// The form of an answer to a request that cannot have events.
    pub(super) const fn json(streams: bool) -> Self {
        Self { streams, accepted: Accepted { json: true, events: false }, batch: false, begins_early: false }
    }
}

impl Form {
    /// The door that wants it.
    pub(super) const fn door(self) -> Door {
        match self {
            Self::Gateway => Door::Gateway,
            Self::Plain => Door::Plain,
            Self::Invoke { .. } => Door::Invoke,
            Self::Http(_) => Door::Http,
        }
    }

    /// How far a message gets that is said before the answer.
    pub(super) const fn way(self) -> Way {
        match self {
            Self::Http(HttpForm { accepted: Accepted { events: true, .. }, begins_early: true, streams, .. }) => {
                if streams {
                    Way::AtOnce
                } else {
                    Way::WithAnswer
                }
            }
            _ => Way::Nowhere,
        }
    }

    /// Largest whole answer, in bytes.
    pub(super) const fn limit(self) -> usize {
        match self {
            Self::Http(HttpForm { streams: true, .. }) => LARGEST_STREAM,
            _ => LARGEST_WHOLE,
        }
    }

    /// An answer in one piece: the answers of all messages of the event, and what was said before. `headers` are those of HTTP.
    pub(super) fn whole(self, answers: &[Answer], said: &[Value], headers: &[(&str, &str)]) -> Whole {
        let messages: Vec<&Value> = answers.iter().filter_map(Answer::message).collect();
        match (self, answers) {
            (Self::Http(form), _) => form.whole(answers, &messages, said, headers),
            (Self::Gateway, [answer, ..]) => plain(&tool_result::of_gateway(answer)),
            (Self::Plain, [answer, ..]) => plain(&tool_result::of_plain(answer)),
            (Self::Invoke { batch: true }, _) if !messages.is_empty() => {
                Whole { prelude: None, body: array(&messages).into() }
            }
            (Self::Invoke { batch: false }, _) if !messages.is_empty() => plain(messages[0]),
            _ => plain(&json!({})),
        }
    }

    /// An HTTP answer with a document of its own, whatever the client reads.
    pub(super) fn document(self, status: u16, headers: &[(&str, &str)], document: &Value) -> Whole {
        match self {
            Self::Http(form) => form.assemble(status, Some(JSON), headers, document.to_string()),
            _ => plain(document),
        }
    }
}

impl HttpForm {
    fn whole(self, answers: &[Answer], messages: &[&Value], said: &[Value], headers: &[(&str, &str)]) -> Whole {
        let mut headers = headers.to_vec();
        let status = match answers {
            [Answer::Refused { status, .. }] if !self.batch => *status,
            _ if messages.is_empty() => 202,
            _ => 200,
        };
        if let [Answer::InSession { session, .. }] = answers {
            headers.push(("mcp-session-id", session));
        }
        if messages.is_empty() {
            return self.assemble(status, None, &headers, String::new());
        }
        if status == 200 && self.accepted.events && (!said.is_empty() || !self.accepted.json) {
            headers.push(("x-accel-buffering", "no"));
            let body = said.iter().chain(messages.iter().copied()).map(frame).collect();
            return self.assemble(status, Some(EVENTS), &headers, body);
        }
        let body = match messages {
            [message] if !self.batch => message.to_string(),
            messages => array(messages),
        };
        self.assemble(status, Some(JSON), &headers, body)
    }

    /// The head of an answer that consists of events.
    pub(super) fn prelude_of_events() -> Bytes {
        prelude(200, head(Some(EVENTS), &[("x-accel-buffering", "no")]))
    }

    fn assemble(self, status: u16, content_type: Option<&str>, headers: &[(&str, &str)], body: String) -> Whole {
        let headers = head(content_type, headers);
        if self.streams {
            return Whole { prelude: Some(prelude(status, headers)), body: body.into() };
        }
        plain(&json!({ "statusCode": status, "headers": headers, "body": body, "isBase64Encoded": false }))
    }
}

/// One server-sent event. JSON without white space has no line ends.
/// Source: HTML standard, "Server-sent events".
pub(super) fn frame(message: &Value) -> String {
    format!("data: {message}\n\n")
}

/// A payload of the function.
fn plain(value: &Value) -> Whole {
    Whole { prelude: None, body: value.to_string().into() }
}

/// The messages as one array.
fn array(messages: &[&Value]) -> String {
    let all: Vec<String> = messages.iter().map(|message| message.to_string()).collect();
    format!("[{}]", all.join(","))
}

/// The headers of an answer, each once: a streamed answer cannot repeat one.
fn head(content_type: Option<&str>, headers: &[(&str, &str)]) -> Map<String, Value> {
    let fixed = content_type.map(|content_type| ("content-type", content_type));
    let all = fixed.into_iter().chain([("cache-control", "no-store")]).chain(headers.iter().copied());
    all.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn prelude(status: u16, headers: Map<String, Value>) -> Bytes {
    let mut prelude = json!({ "statusCode": status, "headers": headers }).to_string().into_bytes();
    prelude.extend_from_slice(&NULS);
    prelude.into()
}

#[cfg(test)]
mod tests;
