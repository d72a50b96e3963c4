//! The registry over HTTP, through its API in front of registry_api.

mod admin;
mod doors;
mod official;
mod register;

use http::{Method, header::CONTENT_TYPE};
use serde_json::Value;

use crate::support::{assert_problem, registry};

/// A function of the stack that speaks MCP and may be registered.
pub(crate) const ENDPOINT: &str = "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-pipelines";

/// Sends a signed request; an error has to be a problem document.
pub(crate) async fn send(method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let api = registry().await;
    let answer = api.send(method, path, &[(CONTENT_TYPE, "application/json")], body.into()).await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    if status >= 400 {
        assert_problem(&body, status);
    }
    (status, body)
}

/// What is there.
pub(crate) async fn get(path: &str) -> Value {
    let (status, body) = send(Method::GET, path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Posts, and expects this status.
pub(crate) async fn post(path: &str, body: Value, status: u16) -> Value {
    let (answered, answer) = send(Method::POST, path, Some(body)).await;
    assert_eq!(answered, status, "{path}: {answer}");
    answer
}

/// Patches, and expects this status.
pub(crate) async fn patch(path: &str, body: Value, status: u16) -> Value {
    let (answered, answer) = send(Method::PATCH, path, Some(body)).await;
    assert_eq!(answered, status, "{path}: {answer}");
    answer
}
