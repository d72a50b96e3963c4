//! The HTTP answer that a function URL makes of what a function posts.

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use crate::environments::Answering;

/// What separates the head of a streamed answer from its body.
const SEPARATOR: [u8; 8] = [0; 8];
/// Where the head has to be complete.
const LONGEST_HEAD: usize = 16 * 1024;

pub(super) async fn of(mut answering: Answering) -> Result<Response<Body>, String> {
    let headers = &answering.headers;
    let has = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let streams = has("lambda-runtime-function-response-mode", "streaming");
    if streams && has("content-type", "application/vnd.awslambda.http-integration-response") {
        return streamed(answering).await;
    }
    let mut body = BytesMut::new();
    while let Some(piece) = answering.next().await? {
        body.extend_from_slice(&piece);
    }
    if answering.failed {
        return Err(String::from_utf8_lossy(&body).into_owned());
    }
    buffered(&body)
}

/// An answer that comes in pieces: a head, a separator, and the body as it is.
async fn streamed(mut answering: Answering) -> Result<Response<Body>, String> {
    let mut begun = BytesMut::new();
    let end = loop {
        if let Some(end) = begun.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
            break end;
        }
        if begun.len() > LONGEST_HEAD {
            return Err("there is no end of the head in the first 16 KB".to_owned());
        }
        let piece = answering.next().await?.ok_or("the answer ended in its head")?;
        begun.extend_from_slice(&piece);
    };
    let head: Value =
        serde_json::from_slice(&begun[..end]).map_err(|error| format!("the head is not JSON: {error}"))?;
    let rest = begun.split_off(end + SEPARATOR.len()).freeze();
    let first = futures_util::stream::iter((!rest.is_empty()).then_some(Ok::<Bytes, std::io::Error>(rest)));
    let others = futures_util::stream::unfold(answering, |mut answering| async {
        let piece = answering.next().await.map_err(std::io::Error::other).transpose()?;
        Some((piece, answering))
    });
    respond(&head, Body::from_stream(futures_util::StreamExt::chain(first, others)))
}

/// An answer in one piece. What names no status is the body itself.
fn buffered(body: &[u8]) -> Result<Response<Body>, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| format!("the answer is not JSON: {error}"))?;
    if answer.get("statusCode").is_none() {
        let head = json!({ "statusCode": 200, "headers": { "content-type": "application/json" } });
        return respond(&head, Body::from(body.to_vec()));
    }
    let text = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        BASE64_STANDARD.decode(text).map_err(|error| format!("the body is not base64: {error}"))?
    } else {
        text.as_bytes().to_vec()
    };
    respond(&answer, Body::from(body))
}

fn respond(head: &Value, body: Body) -> Result<Response<Body>, String> {
    let status = head["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = Response::builder().status(status.ok_or_else(|| format!("the head has no status: {head}"))?);
    for (name, value) in head["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().ok_or_else(|| format!("the header {name} is no text"))?);
    }
    for cookie in head["cookies"].as_array().into_iter().flatten() {
        response = response.header(header::SET_COOKIE, cookie.as_str().unwrap_or_default());
    }
    response.body(body).map_err(|error| format!("the head is wrong: {error}"))
}
