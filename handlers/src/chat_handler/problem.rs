//! Problem documents (RFC 9457).

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::Answer;
use crate::error::{Error, Kind};

/// The document: what happened, what to do, and the request id that is in the log. With `so_far` also the session, to go on
/// in it, and the steps taken until the failure, as extension members (RFC 9457, section 3.2): what was started has its
/// execution id there.
pub(super) fn document(error: &Error, request_id: &str, so_far: Option<&Answer>) -> Value {
    let mut document = json!({
        "type": "about:blank",
        "title": error.kind().title(),
        "status": error.kind().status(),
        "detail": error.message(),
        "request_id": request_id,
    });
    if let Some(Answer { session_id, steps, .. }) = so_far {
        document["session_id"] = json!(session_id);
        document["steps"] = json!(steps);
    }
    document
}

/// The document as a response, with the headers that belong to its status.
pub(super) fn problem(error: &Error, request_id: &str, so_far: Option<&Answer>) -> Response {
    let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, document(error, request_id, so_far).to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(wait) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    if error.kind() == Kind::MethodNotAllowed {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
