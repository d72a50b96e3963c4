//! How GitLab says that something is wrong: `{"message": …}` from its own checks, `{"error": …}` from its parameter checks.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// `{"message": "404 Project Not Found"}`: most refusals.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "message": text }))).into_response()
}

/// `{"error": "ref is missing"}`: a parameter is missing or has a wrong type or value.
pub(super) fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

/// `{"message": {"base": ["Reference not found"]}}`: what was asked for is refused by the pipeline's own checks.
pub(super) fn refused(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "message": { "base": [text] } }))).into_response()
}

/// 429 as GitLab's rate limiter sends it: plain text, with the seconds to wait in `Retry-After`.
/// Source: <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/>.
pub(super) fn rate_limited(retry_after_seconds: u64) -> Response {
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "Retry later\n").into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
    response
}
