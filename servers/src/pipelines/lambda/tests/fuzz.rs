//! Whatever event reaches the function: an answer in the sender's protocol, and no pipeline without the key.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;
use crate::fuzz::{Source, explore, readable};

/// The longest sentence in an answer.
const LONGEST: usize = 3000;

fn any_event(source: &mut Source) -> Value {
    let key = if source.chance(70) { Some(KEY) } else { None };
    let call = message("execute_bootstrap_pipeline", source.chance(50));
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {} });
    let mut wrong = call.clone();
    wrong["params"]["arguments"]["environment"] = json!(source.text());
    let message = source.like(&[call, list, wrong]);
    let body = if source.chance(10) { source.text() } else { message.to_string() };
    let (path, body) = if source.chance(50) { ("/mcp", json!(body)) } else { ("/execute", execute()) };
    let mut event = match source.below(8) {
        0..4 => message,
        4 => rest("POST", path, headers(key), body),
        5 => v2("POST", path, "$default", headers(key), body),
        6 => {
            source.like(&[rest("POST", path, headers(key), body.clone()), v2("POST", path, "prod", headers(key), body)])
        }
        _ => source.json(3),
    };
    // AWS encodes the body itself; addresses have a test of their own, before the library reads them.
    for fixed in ["isBase64Encoded", "rawQueryString"] {
        event.as_object_mut().map(|fields| fields.remove(fixed));
    }
    event.pointer_mut("/requestContext").and_then(Value::as_object_mut).map(|context| context.remove("domainName"));
    for headers in ["headers", "multiValueHeaders"] {
        event.pointer_mut(&format!("/{headers}")).and_then(Value::as_object_mut).map(|headers| headers.remove("Host"));
    }
    event
}

fn judge(status: u16, body: &Value) -> Result<&'static str, TestCaseError> {
    if let Some(error) = body.get("error") {
        prop_assert!(error["code"].is_i64(), "{}", body);
        // The library's own sentence for a method that it does not know is the method's name, as it came.
        if error["code"] == -32601 {
            return Ok("an error of JSON-RPC");
        }
        let message = error["message"].as_str().unwrap_or_default();
        return readable(message, LONGEST).map(|()| "an error of JSON-RPC");
    }
    if let Some(result) = body.get("result") {
        if result["isError"] == true {
            readable(result["content"][0]["text"].as_str().unwrap_or_default(), LONGEST)?;
            return Ok("a tool's refusal");
        }
        return Ok("a result");
    }
    if status >= 400 {
        prop_assert!(status < 500 || body["outcome"].is_string(), "our own fault: {}", body);
        return readable(body["detail"].as_str().unwrap_or_default(), LONGEST).map(|()| "a problem");
    }
    Ok("another answer")
}

#[test]
fn every_event_is_answered_in_its_protocol() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (gitlab, doors) = runtime.block_on(async {
        let gitlab = gitlab().await;
        let doors = doors(&gitlab);
        (gitlab, doors)
    });
    let outcomes = explore(file!(), 300, 100, any_event, |document| {
        let response = runtime.block_on(doors.answer(from_str(&document.to_string()).unwrap()));
        let status = response.status().as_u16();
        let text = String::from_utf8(response.into_body().to_vec()).unwrap();
        match serde_json::from_str(&text) {
            Ok(body) => judge(status, &body),
            // A notification: there is nothing to answer.
            Err(_) if status == 202 && text.is_empty() => Ok("taken note of"),
            // What is no JSON-RPC at all is answered by the library in plain text.
            Err(_) if (400..500).contains(&status) => readable(&text, LONGEST).map(|()| "a plain refusal"),
            Err(_) => Err(TestCaseError::fail(format!("{status}: {text:?}"))),
        }
    });
    outcomes.include(&["a result", "a tool's refusal", "an error of JSON-RPC", "a problem"]);
    drop(gitlab);
}
