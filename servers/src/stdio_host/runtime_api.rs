//! The Lambda Runtime API: takes events, posts answers.
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
//!
//! `lambda_runtime` is not used here: it reads the client context into strings and ends the process when an AgentCore Gateway
//! puts an object there (decision 0016). This client hands headers on as text and lets the door that understands them judge.

mod connection;
mod payload;
mod reply;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use thiserror::Error;
use tokio::time::Instant;

pub use self::reply::{Reply, Stream};
use self::{connection::Connection, payload::Payload};

/// One event, as Lambda handed it over. Nothing in it has been read but the headers.
#[derive(Debug, Clone)]
pub struct Event {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// When Lambda ends the invocation.
    pub deadline: Instant,
    /// X-Ray trace header.
    pub trace_id: Option<String>,
    /// Client context of `lambda:Invoke`, as raw JSON text: AgentCore Gateway puts objects into it where the Lambda
    /// documentation has strings only.
    pub client_context: Option<String>,
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
    /// An event came without something that every event has.
    #[error("the Runtime API sent an event without a valid {0} header")]
    Malformed(&'static str),
}

/// A client of the Runtime API. Clones share one connection: there is one event at a time.
#[derive(Debug, Clone)]
pub struct RuntimeApi {
    connection: Connection,
}

impl RuntimeApi {
    /// A client of the Runtime API at `host:port`. Nothing is sent yet.
    pub fn new(address: &str) -> Self {
        Self { connection: Connection::new(address) }
    }

    /// Waits for the next event. Lambda freezes the environment while nothing is there.
    ///
    /// # Errors
    /// The Runtime API cannot be reached, or sent something that is no event: the process cannot go on.
    pub async fn next(&self) -> Result<(Event, Reply), RuntimeApiError> {
        let response =
            self.connection.send(Method::GET, "/runtime/invocation/next", HeaderMap::new(), Bytes::new()).await?;
        let (head, payload) = response.into_parts();
        if !head.status.is_success() {
            return Err(refused(head.status.as_u16(), &payload));
        }
        let text = |name: &'static str| head.headers.get(name).map(|value| lossy(value.as_bytes()));
        let request_id = text("lambda-runtime-aws-request-id")
            .filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !id.is_empty())
            .ok_or(RuntimeApiError::Malformed("Lambda-Runtime-Aws-Request-Id"))?;
        let deadline = text("lambda-runtime-deadline-ms")
            .and_then(|text| text.parse().ok())
            .ok_or(RuntimeApiError::Malformed("Lambda-Runtime-Deadline-Ms"))?;
        let some = |name| text(name).filter(|text| !text.is_empty());
        let event = Event {
            deadline: Instant::now() + remaining(deadline),
            trace_id: some("lambda-runtime-trace-id"),
            client_context: some("lambda-runtime-client-context"),
            tenant_id: some("lambda-runtime-aws-tenant-id"),
            request_id: request_id.clone(),
            payload,
        };
        // Lambda asks for this header back on every answer of the event, where it sends it.
        let mut headers = HeaderMap::new();
        let echoed = HeaderName::from_static("lambda-runtime-invocation-id");
        if let Some(value) = head.headers.get(&echoed) {
            headers.insert(echoed, value.clone());
        }
        Ok((event, Reply::new(self.connection.clone(), request_id, headers)))
    }

    /// Tells Lambda that this environment cannot serve events. The process should end after it.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn init_error(&self, error_type: &str, message: &str) -> Result<(), RuntimeApiError> {
        let (headers, body) = reply::error_document(HeaderMap::new(), error_type, message);
        self.connection.post("/runtime/init/error", headers, body).await
    }
}

/// The deadline comes as wall-clock time; a monotonic instant does not jump when the clock is set.
fn remaining(deadline_ms: u64) -> Duration {
    let deadline = UNIX_EPOCH.checked_add(Duration::from_millis(deadline_ms)).unwrap_or(UNIX_EPOCH);
    // Far beyond the 15 minutes of Lambda; an instant cannot hold everything that 64 bits of milliseconds can.
    deadline.duration_since(SystemTime::now()).unwrap_or_default().min(Duration::from_hours(24))
}

/// Header values may hold any byte but control characters; what is not UTF-8 must not end the process.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(status: u16, body: &[u8]) -> RuntimeApiError {
    RuntimeApiError::Refused { status, body: lossy(&body[..body.len().min(300)]) }
}

#[cfg(test)]
mod tests;
