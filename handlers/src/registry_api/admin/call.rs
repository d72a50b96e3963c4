//! What the routes of the admin API take out of a request, and how they answer.

use std::collections::HashMap;

use axum::{
    Json,
    body::Body,
    extract::{FromRequestParts, Path},
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::form_urlencoded;
use utoipa::{IntoParams, IntoResponses};

use crate::{
    error::{Error, Result, internal, invalid, not_found, shorten},
    identity::Principal,
    json_body, problem,
    registry::{rules, valid_server_id},
    registry_api::{FUNCTION, failed, refusal::Refusal},
    runtime::Invocation,
};

/// Largest body, in bytes: the largest tools list, indented, and room for the rest.
const BODY_SIZE: usize = 3 * rules::MAX_TOOLS_BYTES;

/// What is kept of the function's time to write the answer.
const MARGIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Longest part of a client's text that an error repeats, in characters.
const QUOTE: usize = 60;

/// Who calls, and the circumstances.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) who: Principal,
    pub(super) invocation: Invocation,
    query: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let invocation = parts.extensions.get::<Invocation>().cloned();
        let made = Principal::of(&parts.extensions).and_then(|who| {
            let invocation =
                invocation.clone().ok_or_else(|| internal("The request came without an invocation of Lambda."))?;
            Ok(Self { who, invocation, query: parts.uri.query().unwrap_or_default().to_owned() })
        });
        made.map_err(|error| failed(&error.into(), invocation.as_ref()))
    }
}

impl Call {
    /// When the work has to be done.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.invocation.remaining().saturating_sub(MARGIN)
    }

    /// The parameters of the query, each at most once and one of `known`.
    ///
    /// # Errors
    /// `Invalid`, with everything that is wrong.
    pub(super) fn query(&self, known: &[&str]) -> Result<HashMap<String, String>> {
        let (mut found, mut problems) = (HashMap::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                problems.push(format!("there is no parameter \"{}\"", shorten(&name, QUOTE)));
            } else if found.insert(name.to_string(), value.to_string()).is_some() {
                problems.push(format!("{name} is given twice"));
            }
        }
        if problems.is_empty() { Ok(found) } else { Err(wrong_query(&problems, known)) }
    }

    /// The answer to a request, logged.
    pub(super) fn answer<T: Serialize>(&self, outcome: Result<(StatusCode, T), Refusal>) -> Response {
        let Invocation { request_id, .. } = &self.invocation;
        match outcome {
            Ok((status, body)) => {
                tracing::info!(function = FUNCTION, request_id, who = %self.who, status = status.as_u16(), "request answered");
                let mut response = (status, Json(body)).into_response();
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(refusal) => failed(&refusal, Some(&self.invocation)),
        }
    }
}

/// All that is wrong with a query.
pub(super) fn wrong_query(problems: &[String], known: &[&str]) -> Error {
    let parameters = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    invalid(format!("The query is wrong: {}. The parameters here: {parameters}.", problems.join("; ")))
}

/// How many of something to list: `limit` of the query, within `1..=most`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn limit(query: &HashMap<String, String>, default: usize, most: usize) -> Result<usize, String> {
    let Some(text) = query.get("limit") else { return Ok(default) };
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| format!("limit must be a whole number from 1 to {most}"))
}

/// The id in the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ServerId {
    /// Id of the server.
    pub(super) server_id: String,
}

/// The id and the version in the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Key {
    /// Id of the server.
    pub(super) server_id: String,
    /// Its version.
    pub(super) version: String,
}

/// What every route may answer, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers in the OpenAPI document")]
pub(super) enum OfCaller {
    /// The caller may not.
    #[response(status = 403, content_type = "application/problem+json")]
    Refused(problem::Document<'static>),
}

/// What every route about an entry may answer, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers in the OpenAPI document")]
pub(super) enum OfEntry {
    /// The caller may not.
    #[response(status = 403, content_type = "application/problem+json")]
    Refused(problem::Document<'static>),
    /// There is no such version.
    #[response(status = 404, content_type = "application/problem+json")]
    Missing(problem::Document<'static>),
}

/// What every route with a body may answer, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers in the OpenAPI document")]
pub(super) enum OfBody {
    /// The body is wrong.
    #[response(status = 400, content_type = "application/problem+json")]
    Wrong(problem::Document<'static>),
    /// The body is not JSON in UTF-8.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(problem::Document<'static>),
}

impl<S: Send + Sync> FromRequestParts<S> for ServerId {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let path = path(parts, state).await;
        let id = path.get("server_id").filter(|id| valid_server_id(id));
        id.cloned().map(|server_id| Self { server_id }).ok_or_else(|| nothing(parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let path = path(parts, state).await;
        let server_id = path.get("server_id").filter(|id| valid_server_id(id));
        let version = path.get("version").filter(|version| rules::valid_version(version));
        let (Some(server_id), Some(version)) = (server_id, version) else { return Err(nothing(parts)) };
        Ok(Self { server_id: server_id.clone(), version: version.clone() })
    }
}

/// The named segments of the path; none of them if one cannot be decoded.
async fn path<S: Send + Sync>(parts: &mut Parts, state: &S) -> HashMap<String, String> {
    Path::from_request_parts(parts, state).await.map(|Path(path)| path).unwrap_or_default()
}

fn nothing(parts: &Parts) -> Response {
    let error = not_found(
        "There is no such MCP server here: its id must be 1 to 63 lower-case letters, digits and hyphens, and its version a \
         semantic one.",
    );
    failed(&error.into(), parts.extensions.get())
}

/// The fields of a body; an empty body has none where that is `allowed`.
///
/// # Errors
/// `UnsupportedMediaType`, `TooLarge`, `Invalid`.
pub(super) async fn fields(parts: &Parts, body: Body, empty: Empty, example: &str) -> Result<Map<String, Value>> {
    if empty == Empty::Refused {
        json_body::check_content_type(&parts.headers)?;
    }
    let body = json_body::read(body, BODY_SIZE, "Shorten the tools.").await?;
    if body.is_empty() && empty == Empty::Allowed {
        return Ok(Map::new());
    }
    json_body::check_content_type(&parts.headers)?;
    json_body::object(&body, example)
}

/// Whether a body may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    Allowed,
    Refused,
}
