//! Errors as problem documents (RFC 9457).

use axum::response::{IntoResponse, Response};
use handlers::error::Error;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::pipelines::{call::Call, execution::Failure};

/// An error on its way to an HTTP caller.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    retry_after: Option<u64>,
    document: Value,
}

impl Problem {
    /// The document of an error; it has been logged where it happened.
    pub(super) fn of(error: Error, call: Option<&Call>) -> Self {
        let document = json!({
            "type": "about:blank",
            "title": error.kind().title(),
            "status": error.kind().status(),
            "detail": error.message(),
            "request_id": call.map(|call| call.request_id.clone()),
        });
        Self {
            status: error.kind().status(),
            retry_after: error.retry_after().map(|wait| wait.as_secs().max(1)),
            document,
        }
    }

    /// The document of a failed call: it says in addition whether a pipeline may have been started.
    pub(super) fn failed(failure: Failure, call: &Call) -> Self {
        let mut problem = Self::of(failure.error, Some(call));
        problem.document["outcome"] = json!(failure.outcome);
        if let Some(id) = failure.execution_id {
            problem.document["execution_id"] = json!(id.to_string());
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.document.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
