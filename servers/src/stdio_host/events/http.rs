//! HTTP requests out of the events of API Gateway (REST and HTTP APIs) and function URLs.
//! Sources: API Gateway developer guide, "Lambda proxy integrations in API Gateway" (payload 1.0), "AWS Lambda proxy
//! integrations for HTTP APIs" (1.0 and 2.0); AWS Lambda developer guide, "Invoking Lambda function URLs" (2.0).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{
    callers,
    headers::Headers,
    refusal::{INVALID_REQUEST, PARSE_ERROR, Refusal},
};
use crate::stdio_host::ask::Caller;

/// The key that every HTTP event has, and no other event.
const MARK: &str = "requestContext";

/// One HTTP request.
#[derive(Debug)]
pub(super) struct HttpRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path without the stage, still percent-encoded.
    pub path: String,
    /// The headers.
    pub headers: Headers,
    /// The name under which AWS answered, with a port only on a local stage.
    pub domain: Option<String>,
    /// Who sent it, as AWS verified it.
    pub caller: Option<Caller>,
    body: Value,
    is_base64: bool,
}

/// Whether an event is one of HTTP, readable or not.
pub(super) fn is_http(event: &Value) -> bool {
    event.get(MARK).is_some()
}

impl HttpRequest {
    /// Reads an event.
    ///
    /// # Errors
    /// It is of no kind that is served.
    pub(super) fn read(mut event: Value, tenant: Option<&str>) -> Result<Self, Refusal> {
        let body = event["body"].take();
        let context = &event[MARK];
        let of_context = &context["http"];
        let (method, path) = if of_context.is_object() {
            (&of_context["method"], &event["rawPath"])
        } else if context.get("elb").is_none() {
            (&event["httpMethod"], &event["path"])
        } else {
            (&Value::Null, &Value::Null)
        };
        let (Some(method), Some(path)) = (method.as_str(), path.as_str()) else {
            return Err(Refusal::new(
                400,
                INVALID_REQUEST,
                "This kind of event is not served. Call through API Gateway (REST or HTTP API) or the function URL.",
            ));
        };
        Ok(Self {
            method: method.to_ascii_uppercase(),
            path: without_stage(path, context["stage"].as_str()).to_owned(),
            headers: Headers::of(&event),
            domain: context["domainName"].as_str().filter(|domain| !domain.is_empty()).map(str::to_owned),
            caller: callers::of_http(context, tenant),
            body,
            is_base64: event["isBase64Encoded"] == true,
        })
    }

    /// The body as it was sent.
    ///
    /// # Errors
    /// It is marked as Base64 and is none.
    pub(super) fn into_body(self) -> Result<Vec<u8>, Refusal> {
        let text = match self.body {
            Value::String(text) => text,
            Value::Null => String::new(),
            // No gateway parses a body; a test by hand may.
            other => other.to_string(),
        };
        if !self.is_base64 {
            return Ok(text.into_bytes());
        }
        BASE64_STANDARD
            .decode(text)
            .map_err(|error| Refusal::new(400, PARSE_ERROR, format!("Parse error: the body is not Base64: {error}.")))
    }
}

/// The stage is part of the path in payload 2.0, and in HTTP APIs with payload 1.0.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    stage
        .filter(|stage| !stage.is_empty() && *stage != "$default")
        .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_stage_is_no_part_of_the_path() {
        for (path, stage, expected) in [
            ("/prod/mcp", Some("prod"), "/mcp"),
            ("/prod", Some("prod"), ""),
            ("/production/mcp", Some("prod"), "/production/mcp"),
            ("/mcp", Some("prod"), "/mcp"),
            ("/mcp", Some("$default"), "/mcp"),
            ("/mcp", Some(""), "/mcp"),
            ("/mcp", None, "/mcp"),
            ("", Some("prod"), ""),
        ] {
            assert_eq!(without_stage(path, stage), expected, "{path} {stage:?}");
        }
    }

    #[test]
    fn bodies_come_as_text_or_base64() {
        let body = |body: Value, is_base64: Value| {
            let event = json!({ "requestContext": {}, "httpMethod": "post", "path": "/", "body": body, "isBase64Encoded": is_base64 });
            HttpRequest::read(event, None).unwrap().into_body().map_err(|refusal| refusal.error.code)
        };
        assert_eq!(body(json!("{}"), json!(false)), Ok(b"{}".to_vec()));
        assert_eq!(body(json!("e30="), json!(true)), Ok(b"{}".to_vec()));
        assert_eq!(body(json!("/w=="), json!(true)), Ok(vec![0xff]));
        assert_eq!(body(json!("{}"), json!(true)), Err(PARSE_ERROR));
        assert_eq!(body(json!(null), json!(null)), Ok(Vec::new()));
        assert_eq!(body(json!({ "a": 1 }), json!(null)), Ok(b"{\"a\":1}".to_vec()));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for event in [
            json!({ "requestContext": null }),
            json!({ "requestContext": { "eventType": "MESSAGE", "connectionId": "x" }, "body": "{}" }),
            json!({ "requestContext": { "elb": {} }, "httpMethod": "POST", "path": "/mcp" }),
            json!({ "requestContext": { "http": { "method": "POST" } } }),
        ] {
            assert!(is_http(&event));
            assert_eq!(HttpRequest::read(event, None).unwrap_err().status, 400);
        }
    }
}
