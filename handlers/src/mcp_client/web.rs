//! One request to a server that does not speak MCP, and its answer.

use bytes::Bytes;
use http::header;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{
    ToolResult,
    error::{Failure, shorten},
    graphql,
    requests::{EXECUTION_ID_HEADER, Requests, content_type},
    rest,
};
use crate::{
    contract::EXECUTION_ID,
    registry::{ProtocolType, Server, Tool},
};
use rmcp::model::JsonObject;

/// Most bytes that are read of an answer that is no success.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Most characters of a server's words in a failure.
pub(super) const MAX_WORDS: usize = 500;

/// A request.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Value>,
    pub(super) accept: &'static str,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: String,
    pub(super) body: Bytes,
}

impl Answer {
    /// Whether the status is a success.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the body says that it is JSON (RFC 6839: also `+json`).
    pub(super) fn is_json(&self) -> bool {
        let essence = self.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|e| {
            let start = String::from_utf8_lossy(self.body.get(..200).unwrap_or(&self.body)).into_owned();
            Failure::Unreadable(format!("it is not JSON ({e}): \"{}\"", shorten(&start, 120)))
        })
    }

    /// The failure of an answer that is no success. `message`: the server's words.
    pub(super) fn failure(&self, message: &str) -> Failure {
        let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() || (300..400).contains(&self.status) {
            return Failure::Status { status: self.status };
        }
        Failure::Http { status: self.status, message: shorten(&words, MAX_WORDS) }
    }
}

/// Runs a tool of a server that speaks REST or GraphQL.
pub(super) async fn call(
    requests: &Requests,
    server: &Server,
    tool: &Tool,
    arguments: &JsonObject,
    meta: &JsonObject,
) -> Result<ToolResult, Failure> {
    let question = match server.protocol_type {
        ProtocolType::Rest => rest::question(requests.url(), tool, arguments)?,
        ProtocolType::GraphQl => graphql::question(requests.url(), tool, arguments)?,
        ProtocolType::JsonRpc => return Err(Failure::Unsupported("MCP as plain HTTP".to_owned())),
    };
    let answer = send(requests, question, meta.get(EXECUTION_ID).and_then(Value::as_str)).await?;
    match server.protocol_type {
        ProtocolType::GraphQl => graphql::result(&answer),
        ProtocolType::Rest | ProtocolType::JsonRpc => rest::result(&answer),
    }
}

async fn send(requests: &Requests, question: Question, execution_id: Option<&str>) -> Result<Answer, Failure> {
    let mut request = requests.request_to(question.method, question.url)?.header(header::ACCEPT, question.accept);
    if let Some(body) = &question.body {
        request = request.json(body);
    }
    if let Some(execution_id) = execution_id {
        request = request.header(EXECUTION_ID_HEADER, execution_id);
    }
    requests.exchange.sending_tool_call();
    let response = requests.send(request).await?;
    let status = response.status();
    let media_type = content_type(response.headers()).to_owned();
    let limit = if status.is_success() { usize::MAX } else { MAX_ERROR_BODY };
    let body = match requests.body(response, limit).await {
        // The words of a refusal do not matter as much as that it is one.
        Err(_) if !status.is_success() => Bytes::new(),
        body => body?,
    };
    Ok(Answer { status: status.as_u16(), media_type, body })
}
