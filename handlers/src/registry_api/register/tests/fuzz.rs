//! Whatever a client sends to `POST /mcp/register`, it is registered as it is told, or every fault is told with its place.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;
use crate::fuzz::{Source, explore, readable};

/// The longest `detail` of a fault and of the whole.
const LONGEST: usize = 700;

const ENDPOINTS: &[&str] = &[
    "https://tools.example.com/mcp",
    "https://user:password@tools.example.com/mcp?key=1",
    "http://tools.example.com/mcp",
    "https://127.0.0.1/mcp",
    "https://[::ffff:169.254.169.254]/",
    "https://0x7f.1/",
    "https://ex%61mple.com",
    "arn:aws:lambda:us-east-1:123456789012:function:team-tools:live",
    "file:///etc/passwd",
    "https://",
];

fn any_body(source: &mut Source) -> Value {
    let mut body = guide();
    body["health_check_url"] = json!(*source.pick(ENDPOINTS));
    if source.chance(80) {
        body["health_check_url"] = Value::Null;
    }
    if source.chance(30) {
        body["server_id"] = json!(if source.chance(60) { "x".repeat(source.below(66)) } else { source.text() });
    }
    if source.chance(30) {
        body["version"] =
            json!(*source.pick(&["1.0.0", "2.0.0-rc.1+b", "01.0.0", "1", "18446744073709551616.0.0", ""]));
    }
    for name in [
        "server_name",
        "description",
        "protocol_type",
        "authentication_type",
        "api_key_header",
        "health_check_interval",
    ] {
        if source.chance(8) {
            body[name] = if source.chance(70) { json!(source.text()) } else { source.json(2) };
        }
    }
    if source.chance(20) {
        body["available_tools"][0]["inputSchema"] = source.json(5);
    }
    for name in ["metadata", "configuration", "available_tools"] {
        if source.chance(15) {
            body[name] = source.json(5);
        }
    }
    if source.chance(15) {
        body["endpoint_url"] = json!(*source.pick(ENDPOINTS));
    }
    if source.chance(40) { source.like(&[body]) } else { body }
}

/// Whether a pointer leads to a place in the document, or to one that could be in an object or list there.
fn is_place(document: &Value, pointer: &str) -> bool {
    document.pointer(pointer).is_some()
        || pointer
            .rsplit_once('/')
            .and_then(|(parent, _)| document.pointer(parent))
            .is_some_and(|parent| parent.is_object())
}

fn check_faults(document: &Value, faults: &Value) -> Result<(), TestCaseError> {
    for fault in faults.as_array().into_iter().flatten() {
        let pointer = fault["pointer"].as_str().unwrap_or_default();
        // A place with a very long name is told by its beginning.
        prop_assert!(pointer.ends_with('…') || is_place(document, pointer), "{} in {}", fault, document);
        readable(fault["detail"].as_str().unwrap_or_default(), LONGEST)?;
    }
    Ok(())
}

#[test]
fn every_body_is_taken_or_each_fault_has_its_place() {
    let guard = Guard::new(&Reach { stage: "test".to_owned(), ..Reach::default() }).unwrap();
    let outcomes = explore(file!(), 1000, 1, any_body, |body| {
        let Value::Object(fields) = &body else { return Ok("no object") };
        match Submission::parse(fields.clone(), &guard, Endpoints::Https) {
            Ok(submission) => {
                prop_assert!(submission.hash_at("some-server", "1.0.0").is_ok());
                Ok("taken")
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                let refusal = Refusal::of_body(faults);
                readable(refusal.error.message(), LONGEST)?;
                check_faults(&body, &json!(refusal.faults)).map(|()| "refused")
            }
        }
    });
    outcomes.include(&["taken", "refused", "no object"]);
}

#[test]
fn what_is_taken_can_be_stored_and_what_is_not_is_the_clients_fault() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let office = runtime.block_on(Office::open(Approval::Required, 1_000_000));
    let outcomes = explore(file!(), 60, 1000, any_body, |body| {
        let answer = runtime.block_on(office.register(OURS, &body));
        if answer.status < 300 {
            let again = runtime.block_on(office.register(OURS, &body));
            prop_assert_eq!(again.status, 200, "{}", again.body);
            prop_assert_eq!(&again.body["server_id"], &answer.body["server_id"]);
            prop_assert_eq!(&again.body["version"], &answer.body["version"]);
            return Ok("registered");
        }
        // 424: it has to be asked for its tools, and is not there.
        prop_assert!([400, 409, 424].contains(&answer.status), "{}", answer.body);
        readable(answer.body["detail"].as_str().unwrap_or_default(), LONGEST)?;
        check_faults(&body, &answer.body["errors"])?;
        Ok("refused")
    });
    outcomes.include(&["registered", "refused"]);
}
