//! What an API answers when something is wrong.

use std::{error::Error, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A problem document (RFC 9457), or what could be made of an answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// What kind of problem it is.
    pub title: String,
    /// What happened and what to do.
    #[serde(default)]
    pub detail: Option<String>,
    /// Finds the request in the log.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Seconds to wait before the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Every place of the request's body where something is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

/// Something that is wrong in the body of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.title)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, " Try again in {seconds} s.")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, " (request {request_id})")?;
        }
        for Fault { pointer, detail } in &self.errors {
            let place = if pointer.is_empty() { "body" } else { pointer };
            write!(f, "\n  {place}: {detail}")?;
        }
        Ok(())
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API answered with an error.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Nothing answered, or the connection broke.
    #[error("the API cannot be reached: {}", chain(.0))]
    Transport(reqwest::Error),
    /// There is nothing to sign with.
    #[error("no AWS credentials: {}. Sign in (for example with `aws sso login`) or set AWS_PROFILE", chain(&**.0))]
    Credentials(Box<dyn Error + Send + Sync>),
    /// The request cannot be made.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// The answer is not what the API sends.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

/// An error with its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Reads an error answer; API Gateway's own errors may be no problem documents.
pub(crate) async fn problem(response: reqwest::Response) -> Problem {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let retry_after = header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let request_id = header("x-amzn-requestid").or_else(|| header("x-amzn-request-id"));
    let title = status.canonical_reason().unwrap_or("Error").to_owned();
    let bytes = match response.bytes().await {
        Ok(bytes) => bytes,
        Err(error) => {
            let detail = Some(format!("the answer broke off: {}", chain(&error)));
            return Problem { status: status.as_u16(), title, detail, request_id, retry_after, errors: Vec::new() };
        }
    };
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    let detail = text("detail").or_else(|| text("message")).or_else(|| text("Message"));
    Problem {
        status: status.as_u16(),
        title: text("title").unwrap_or(title),
        detail: detail.or_else(|| body.is_null().then(|| beginning(&bytes)).filter(|text| !text.is_empty())),
        request_id: text("request_id").or(request_id),
        retry_after,
        errors: serde_json::from_value(body["errors"].clone()).unwrap_or_default(),
    }
}

/// The first part of a body, to show where it is not what it should be.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(200).collect()
}
