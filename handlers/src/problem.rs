//! Problem documents (RFC 9457): what every HTTP door of ours answers when something is wrong.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error::Error;

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same for all problems of this status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened and what to do.
    detail: &'a str,
    /// The request's id in the log.
    request_id: &'a str,
    /// Every place of the body where something is wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Fault],
}

/// Something that is wrong in a request body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// Where, as a JSON pointer (RFC 6901); for something that is missing, where it should be.
    #[schema(example = "/available_tools/0/name")]
    pub(crate) pointer: String,
    /// What is wrong there.
    pub(crate) detail: String,
}

impl Fault {
    /// A fault at a JSON pointer.
    pub(crate) fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// The document: what happened, what to do, and the request id that is in the log.
pub(crate) fn document(error: &Error, request_id: &str, errors: &[Fault]) -> Value {
    let kind = error.kind();
    let (title, status) = (kind.title(), kind.status());
    json!(Document { kind: "about:blank", title, status, detail: error.message(), request_id, errors })
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
