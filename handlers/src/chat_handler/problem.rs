//! The problem document of a chat that failed.

use axum::{
    http::{HeaderValue, header::ALLOW},
    response::Response,
};
use serde_json::{Value, json};

use super::Answer;
use crate::{
    error::{Error, Kind},
    problem as common,
};

/// The document. With `so_far` also the session, to go on in it, and the steps taken until the failure, as extension members
/// (RFC 9457, section 3.2): what was started has its execution id there.
pub(super) fn document(error: &Error, request_id: &str, so_far: Option<&Answer>) -> Value {
    let mut document = common::document(error, request_id, &[]);
    if let Some(Answer { session_id, steps, .. }) = so_far {
        document["session_id"] = json!(session_id);
        document["steps"] = json!(steps);
    }
    document
}

/// The document as a response, with the headers that belong to its status.
pub(super) fn problem(error: &Error, request_id: &str, so_far: Option<&Answer>) -> Response {
    let mut response = common::response(error, &document(error, request_id, so_far));
    if error.kind() == Kind::MethodNotAllowed {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
