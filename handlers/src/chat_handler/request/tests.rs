use axum::http::HeaderValue;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn kind(body: &[u8]) -> Kind {
    Message::parse(body).unwrap_err().kind()
}

fn detail(body: &Value) -> String {
    Message::parse(body.to_string().as_bytes()).unwrap_err().to_string()
}

fn headers(pairs: &[(axum::http::HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_valid_body_is_taken() {
    let message = Message::parse(json!({ "message": " hi ", "session_id": "s-1" }).to_string().as_bytes()).unwrap();
    assert_eq!((message.text.as_str(), message.session_id.as_str()), (" hi ", "s-1"));
    for absent in [json!({ "message": "hi" }), json!({ "message": "hi", "session_id": null })] {
        assert_eq!(Message::parse(absent.to_string().as_bytes()).unwrap().session_id.len(), 36);
    }
}

#[test]
fn each_fault_says_what_to_change() {
    assert!(detail(&json!([])).contains("JSON object"));
    assert!(detail(&json!({})).contains("message is missing"));
    assert!(detail(&json!({ "message": null })).contains("message must be a string"));
    assert!(detail(&json!({ "message": 7 })).contains("message must be a string"));
    assert!(detail(&json!({ "message": "" })).contains("empty"));
    assert!(detail(&json!({ "message": " \n\t" })).contains("empty"));
    assert!(detail(&json!({ "message": "x", "session_id": 1 })).contains("session_id must be a string"));
    assert!(detail(&json!({ "message": "x", "session_id": "a/b" })).contains("session_id must have"));
    assert!(detail(&json!({ "message": "x", "user": "root" })).contains("no field \"user\""));
    let error = Message::parse(b"{\n  message").unwrap_err();
    assert!(error.message().contains("not JSON (line 2, column 3)"), "{error}");
    assert_eq!(kind(b""), Kind::Invalid);
    assert_eq!(kind(b"\xff\xfe"), Kind::Invalid);
    assert_eq!(kind("[".repeat(100_000).as_bytes()), Kind::Invalid);
}

#[test]
fn the_limit_counts_characters() {
    let longest = "🚀".repeat(MESSAGE_LENGTH);
    assert!(Message::parse(json!({ "message": longest }).to_string().as_bytes()).is_ok());
    assert_eq!(kind(json!({ "message": longest + "!" }).to_string().as_bytes()), Kind::TooLarge);
    // Every character escaped as two surrogates still fits.
    assert!(r#"{"message":""}"#.len() + MESSAGE_LENGTH * r"\ud83d\ude80".len() <= BODY_SIZE);
}

#[test]
fn events_are_sent_to_who_names_them() {
    for yes in ["text/event-stream", "application/json, Text/Event-Stream", "text/event-stream;q=0.5"] {
        assert!(accepts_events(&headers(&[(ACCEPT, yes)])), "{yes}");
    }
    for no in ["*/*", "text/*", "application/json", "text/event-stream;q=0", "text/event-stream; Q = 0.000", ""] {
        assert!(!accepts_events(&headers(&[(ACCEPT, no)])), "{no}");
    }
    assert!(accepts_events(&headers(&[(ACCEPT, "application/json"), (ACCEPT, "text/event-stream")])));
    assert!(!accepts_events(&HeaderMap::new()));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&body);
    }

    #[test]
    fn any_headers_are_answered(value in "[ -~]{0,60}") {
        let _ = accepts_events(&headers(&[(ACCEPT, &value)]));
    }

    #[test]
    fn any_object_is_a_message_or_an_invalid_request(
        message in "\\PC{0,30}", session in proptest::option::of("\\PC{0,30}"), more in proptest::option::of("[a-z_]{1,12}"),
    ) {
        let mut body = json!({ "message": message });
        if let Some(session) = &session { body["session_id"] = json!(session); }
        let known = more.as_deref().is_none_or(|name| ["message", "session_id"].contains(&name));
        if let (Some(name), false) = (&more, known) { body[name] = json!(true); }
        match Message::parse(body.to_string().as_bytes()) {
            Ok(read) => {
                prop_assert!(known);
                prop_assert_eq!(read.text, message);
                if let Some(session) = session { prop_assert_eq!(read.session_id, session); }
            }
            Err(error) => prop_assert_eq!(error.kind(), Kind::Invalid),
        }
    }
}
