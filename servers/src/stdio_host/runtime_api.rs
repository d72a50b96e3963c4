//! The Lambda Runtime API: takes events, posts answers.
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use bytes::Bytes;
use thiserror::Error;
use tokio::time::Instant;

/// One event, as Lambda handed it over. Nothing in it has been read but the headers.
#[derive(Debug, Clone)]
pub struct Event {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// When Lambda ends the invocation.
    pub deadline: Instant,
    /// The ARN that was invoked.
    pub function_arn: String,
    /// X-Ray trace header.
    pub trace_id: Option<String>,
    /// Client context of `lambda:Invoke`, as raw JSON text: AgentCore Gateway puts objects into it where the Lambda
    /// documentation has strings only.
    pub client_context: Option<String>,
    /// Cognito identity of `lambda:Invoke`, as raw JSON text.
    pub cognito_identity: Option<String>,
    /// Tenant of the invocation, where the function isolates tenants.
    pub tenant_id: Option<String>,
    /// The payload.
    pub payload: Bytes,
}

/// The Runtime API did not do its part.
#[derive(Debug, Error)]
pub enum RuntimeApiError {
    /// The connection failed.
    #[error("the Runtime API cannot be reached: {0}")]
    Connection(String),
    /// It refused what was posted; for example 413, when an answer is too large.
    #[error("the Runtime API answered {status}: {body}")]
    Refused {
        /// HTTP status code.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
}

/// The one answer of an event. It must be used: Lambda waits for it.
#[derive(Debug)]
#[must_use = "Lambda waits for the answer"]
pub struct Reply {
    request_id: String,
}

impl Reply {
    /// Lambda's id of the invocation.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Posts the whole answer. Lambda passes at most 6 MB on.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn answer(self, _content_type: &str, _body: Bytes) -> Result<(), RuntimeApiError> {
        Err(RuntimeApiError::Connection("there is none".to_owned()))
    }

    /// Begins an answer that is sent in parts. For an HTTP door `content_type` is
    /// `application/vnd.awslambda.http-integration-response`, and the first part is the prelude.
    ///
    /// # Errors
    /// The Runtime API cannot be reached.
    pub async fn stream(self, _content_type: &str) -> Result<Stream, RuntimeApiError> {
        Err(RuntimeApiError::Connection("there is none".to_owned()))
    }

    /// Ends the invocation with an error of the function.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn fail(self, _error_type: &str, _message: &str) -> Result<(), RuntimeApiError> {
        Err(RuntimeApiError::Connection("there is none".to_owned()))
    }
}

/// An answer that is being sent in parts.
#[derive(Debug)]
#[must_use = "Lambda waits for the end of the answer"]
pub struct Stream {
    request_id: String,
}

impl Stream {
    /// Lambda's id of the invocation.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Sends a part at once.
    ///
    /// # Errors
    /// Lambda no longer takes the answer: nobody will read it.
    pub async fn send(&mut self, _part: Bytes) -> Result<(), RuntimeApiError> {
        Err(RuntimeApiError::Connection("there is none".to_owned()))
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn finish(self) -> Result<(), RuntimeApiError> {
        Err(RuntimeApiError::Connection("there is none".to_owned()))
    }

    /// Ends the answer with an error, told in the trailers.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn fail(self, _error_type: &str, _message: &str) -> Result<(), RuntimeApiError> {
        Err(RuntimeApiError::Connection("there is none".to_owned()))
    }
}
