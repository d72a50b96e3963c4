//! What a server may do to its host, and what becomes of the call that it was doing and of the ones after it.

use std::{fs, time::Duration};

use serde_json::json;
use tests::runtime_api::Invocation;

use crate::support::{call, call_within, error, hostile, is_well, message, start, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_besides_an_answer_is_not_one() {
    let mut environment = start(hostile(&["--banner"], json!({})).await).await;
    for tool in ["echo", "noise", "duplicate", "split", "duplicate", "echo"] {
        let response = call(&mut environment, tool, json!({ "text": format!("{tool} says so") })).await;
        assert_eq!(text(&response), format!("{tool} says so"), "{tool}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_server_comes_as_it_is() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    let response = call(&mut environment, "error", json!({ "text": "no such city", "number": 7 })).await;
    assert_eq!(response["error"], json!({ "code": -32050, "message": "no such city", "data": { "number": 7 } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_server_dies_is_told_and_the_next_one_has_a_new_server() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    let before = call(&mut environment, "pid", json!({})).await;
    let response = call(&mut environment, "crash", json!({})).await;
    assert!(error(&response).contains("ended"), "{response}");
    is_well(&mut environment).await;
    assert_ne!(text(&before), text(&call(&mut environment, "pid", json!({})).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_none_ends_its_call_and_no_other() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    for tool in ["garbage", "invalid"] {
        let timeout = Duration::from_secs(3);
        let response = call_within(&mut environment, tool, json!({}), timeout).await;
        error(&response);
        is_well(&mut environment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hears_no_more_is_replaced() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    is_well(&mut environment).await;
    let response = call_within(&mut environment, "hang", json!({}), Duration::from_secs(2)).await;
    assert!(error(&response).contains("time"), "{response}");
    is_well(&mut environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_cancelled_and_its_late_answer_dropped() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    is_well(&mut environment).await;
    let release = environment.hosted.package().join("release");
    let held = json!({ "text": release });
    let response = call_within(&mut environment, "hold", held, Duration::from_millis(1500)).await;
    assert!(error(&response).contains("time"), "{response}");
    assert_eq!(text(&call(&mut environment, "cancellations", json!({})).await), "1");
    // The answer comes while other calls are made, and after it each still has its own.
    fs::write(&release, "").unwrap();
    while text(&call(&mut environment, "recall", json!({})).await) != "answered" {
        is_well(&mut environment).await;
    }
    is_well(&mut environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_complaints_stops_nothing_and_comes_as_lines_of_the_log() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    let response = call(&mut environment, "flood", json!({ "text": "flooded", "number": 40 })).await;
    assert_eq!(text(&response), "flooded");
    is_well(&mut environment).await;
    let log = environment.hosted.log();
    let said = log.lines().filter(|line| line.contains("nobody wants to read")).inspect(|line| {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    });
    assert!(said.count() > 0, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_whole_however_long_or_refused_with_a_reason() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    let response = call(&mut environment, "huge", json!({ "number": 5_000_000 })).await;
    assert!(text(&response).len() == 5_000_000 && text(&response).bytes().all(|byte| byte == b'x'));
    // Lambda passes on 6 MB, and stdio knows no limit.
    for number in [7_000_000, 60_000_000] {
        let message = message("huge", &json!({ "number": number }));
        let answer = environment.call(Invocation::of(message.to_string())).await.unwrap();
        let response = answer.json();
        assert_eq!(response["id"], message["id"], "{number}");
        assert!(response["error"]["message"].is_string(), "{number}");
    }
    is_well(&mut environment).await;
}
