//! Problem documents (RFC 9457): what every HTTP door of ours answers when something is wrong.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::error::Error;

/// The document: what happened, what to do, and the request id that is in the log.
pub(crate) fn document(error: &Error, request_id: &str) -> Value {
    json!({
        "type": "about:blank",
        "title": error.kind().title(),
        "status": error.kind().status(),
        "detail": error.message(),
        "request_id": request_id,
    })
}

/// A document, made by [`document`] and perhaps extended, as a response with the headers that belong to its status.
pub(crate) fn response(error: &Error, document: &Value) -> Response {
    let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, document.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(wait) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}
