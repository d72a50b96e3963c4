//! The event that a function URL makes of an HTTP request: payload format 2.0.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use crate::runtime_api::ACCOUNT;

/// Who sends a request, instead of a signature: `Authorization: IAM-User ann`.
const IAM_USER: &str = "IAM-User ";

/// The event of a request.
pub(super) fn of(parts: &Parts, body: &[u8], domain: &str) -> Value {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&parts.headers),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "url",
            "domainName": domain,
            "domainPrefix": "url",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": agent,
            },
            "requestId": uuid::Uuid::new_v4().to_string(),
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_262_400_000_u64,
        },
        "isBase64Encoded": false,
    });
    if !query.is_empty() {
        let values = url::form_urlencoded::parse(query.as_bytes());
        event["queryStringParameters"] = values.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    }
    if let Some(user) = user(&parts.headers) {
        event["requestContext"]["accountId"] = json!(ACCOUNT);
        event["requestContext"]["authorizer"] = json!({ "iam": {
            "accessKey": "AKIA0000000000000000",
            "accountId": ACCOUNT,
            "callerId": user,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": format!("arn:aws:iam::{ACCOUNT}:user/{user}"),
            "userId": user,
        } });
    }
    if !body.is_empty() {
        match std::str::from_utf8(body) {
            Ok(text) if is_text(&parts.headers) => event["body"] = json!(text),
            _ => {
                event["body"] = json!(BASE64_STANDARD.encode(body));
                event["isBase64Encoded"] = json!(true);
            }
        }
    }
    event
}

fn user(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix(IAM_USER)
}

/// Names are in lower case, and several values of one name are one.
fn headers(headers: &HeaderMap) -> Value {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    Value::Object(all.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect::<Map<_, _>>())
}

/// Whether a body comes as it is; any other is encoded.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/") || kind.starts_with("application/json")
}
