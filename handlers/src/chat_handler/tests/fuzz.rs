//! Whatever a client sends to `POST /chat`, a fault of its own is answered with a problem document that says what to change.

use proptest::test_runner::TestCaseError;

use super::*;
use crate::fuzz::{Source, explore, readable};

/// The longest `detail`: the ARN of a caller that is not served is repeated in it.
const LONGEST_DETAIL: usize = 600;

const METHODS: &[&str] = &["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "TRACE"];
const PATHS: &[&str] = &["/", "/chats", "/chat/", "/Chat", "//chat", "/chat?x=1", "/%63hat", "/dev/prod/chat", "/é"];
const MEDIA_TYPES: &[&str] = &[
    "application/json; charset=utf-8",
    "Application/JSON;CHARSET=\"UTF-8\"",
    "application/json;charset=latin1",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json,application/json",
    "",
    ";",
    "*/*",
];
const CALLERS: &[&str] = &[
    "arn:aws:sts::123456789012:assumed-role/deployer/session",
    "arn:aws:iam::123456789012:root",
    "arn:aws:iam::123456789012:user/",
    "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann",
    "arn:aws:sts::123456789012:federated-user/x",
    "arn:aws:sts::123456789012:assumed-role/x",
    "arn:aws-cn:iam::123456789012:user/a/b",
    "arn:aws:iam::12345678901:user/ann",
];

/// An event as API Gateway builds it: the client chooses path, method, headers and body; the caller is whoever signed.
fn any_event(source: &mut Source) -> Value {
    let body = any_body(source);
    let mut event = match String::from_utf8(body) {
        Ok(text) if source.chance(80) => event(&text),
        text => {
            let body = text.map_or_else(|error| error.into_bytes(), String::into_bytes);
            let mut encoded = event(&STANDARD.encode(body));
            encoded["isBase64Encoded"] = json!(true);
            encoded
        }
    };
    if source.chance(10) {
        event["httpMethod"] = json!(source.pick(METHODS));
    }
    if source.chance(5) {
        event["path"] = json!(source.pick(PATHS));
    }
    if source.chance(20) {
        let media_type = if source.chance(80) { (*source.pick(MEDIA_TYPES)).to_owned() } else { source.text() };
        event = header(event, "Content-Type", &media_type);
    }
    if source.chance(30) {
        let accept = if source.chance(50) { "text/event-stream;q=0.5, */*".to_owned() } else { source.text() };
        event = header(event, "Accept", &accept);
    }
    match source.below(10) {
        0 => {
            let arn = if source.chance(70) { (*source.pick(CALLERS)).to_owned() } else { source.text() };
            caller(event, Some(arn.as_str()).filter(|arn| !arn.is_empty()))
        }
        _ => event,
    }
}

fn any_body(source: &mut Source) -> Vec<u8> {
    let valid = [
        json!({ "message": "Deploy bootstrap in dev" }),
        json!({ "message": "x", "session_id": "s-1" }),
        json!({ "message": "And in test?", "session_id": null }),
    ];
    match source.below(16) {
        0..8 => source.like(&valid).to_string().into_bytes(),
        8 => json!({ "message": source.text(), "session_id": source.text() }).to_string().into_bytes(),
        9 => source.json(4).to_string().into_bytes(),
        10 => source.text().into_bytes(),
        11 => (0..source.below(60)).map(|_| source.number() as u8).collect(),
        // What a parser would have to recurse into, or to hold.
        12 => source.pick(&["[", "{\"a\":", "{\"message\":[", "\"\\ud800"]).repeat(source.below(10_000)).into_bytes(),
        13 => {
            let number =
                *source.pick(&["1e999", "-0", "1e-999", "01", "0x1", "+1", "1.", "99999999999999999999999", "NaN"]);
            format!(r#"{{"message":"x","session_id":{number}}}"#).into_bytes()
        }
        14 => json!({ "message": "ß".repeat(24_990 + source.below(20)) }).to_string().into_bytes(),
        _ => {
            let mut body = valid[0].to_string().into_bytes();
            let at = source.below(body.len());
            body[at] = source.number() as u8;
            body.truncate(1 + source.below(2 * body.len()));
            body
        }
    }
}

/// What the answer says about the input.
fn judge(parts: &axum::http::response::Parts, body: &[u8]) -> Result<&'static str, TestCaseError> {
    let status = parts.status.as_u16();
    prop_assert_eq!(&parts.headers[CONTENT_TYPE], "application/problem+json");
    let body: Value = serde_json::from_slice(body).map_err(|error| TestCaseError::fail(error.to_string()))?;
    check_problem(&body, status);
    readable(body["detail"].as_str().unwrap_or_default(), LONGEST_DETAIL)?;
    let asked = body.get("session_id").is_some();
    prop_assert!(asked || (400..500).contains(&status), "the fault of the client became ours: {}", body);
    let outcome = match status {
        _ if asked => "handed to the agent",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        413 => "413",
        415 => "415",
        _ => return Err(TestCaseError::fail(format!("unexpected: {body}"))),
    };
    Ok(outcome)
}

#[test]
fn every_request_is_handed_on_or_refused_with_a_reason() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Nobody listens there: what is valid ends at the agent that cannot be reached.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = env::ChatHandler { orchestrator_agent: "A/B".to_owned(), response_mode: ResponseMode::Stream };
    let app = app(Chat::new(&config, &crate::test_support::sdk_config(&endpoint)).unwrap());
    let outcomes = explore(file!(), 1000, 1, any_event, |event| {
        // What is no header or no method never gets past API Gateway.
        let Ok(request) = lambda_http::request::from_str(&event.to_string()) else { return Ok("no request") };
        let (parts, body) = runtime.block_on(exchange(app.clone(), invoked(request, MINUTE)));
        judge(&parts, &body)
    });
    outcomes.include(&["handed to the agent", "400", "401", "403", "404", "405", "413", "415"]);
}
