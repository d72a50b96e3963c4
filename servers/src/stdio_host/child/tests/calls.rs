//! One call: whose messages are whose.

use super::*;

#[tokio::test]
async fn results_and_errors_come_as_they_are() {
    let mut server = server("well");
    assert_eq!(call(&mut server, "echo", json!({ "text": "ä\n\u{0}" })).await.unwrap(), json!({ "text": "ä\n\u{0}" }));
    let said = event(&mut server, None, "fail", json!({}), soon()).await.unwrap();
    let error = RpcError { code: -32602, message: "no such tool".to_owned(), data: Some(json!({ "name": "x" })) };
    assert_eq!(said, [Said::Answer(Err(error))]);
}

#[tokio::test]
async fn unknown_and_repeated_ids_reach_no_call() {
    let mut server = server("well");
    for _ in 0..3 {
        assert_eq!(call(&mut server, "strangers", json!({})).await.unwrap(), "mine");
    }
    assert_eq!(call(&mut server, "echo", json!({ "a": 1 })).await.unwrap(), json!({ "a": 1 }));
}

#[tokio::test]
async fn ids_are_never_used_twice_even_by_another_child() {
    let mut server = server("well");
    let mut before = 0;
    for _ in 0..3 {
        let id = call(&mut server, "facts", json!({})).await.unwrap()["id"].as_i64().unwrap();
        assert!(id > before, "{id} after {before}");
        before = id;
        call(&mut server, "die", json!({})).await.unwrap_err();
    }
}

#[tokio::test]
async fn progress_carries_the_token_of_the_client_and_only_its_own() {
    let mut server = server("well");
    let params = json!({ "_meta": { "progressToken": "mine", "other": 1 } });
    let said = event(&mut server, None, "progress", params, soon()).await.unwrap();
    let [Said::Notification(progress), Said::Notification(log), Said::Answer(Ok(token))] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!(progress["params"], json!({ "progressToken": "mine", "progress": 1 }));
    assert_eq!(log["params"]["data"], "half");
    assert!(token.is_u64(), "the server saw {token}");
}

#[tokio::test]
async fn what_the_host_can_answer_it_answers_and_the_rest_is_asked() {
    let mut server = server_with("asking", json!({ "roots": ["/tmp"] }));
    let deadline = soon();
    server.event_begins("request");
    let session = server.session(None, deadline).await.unwrap();
    let mut call = session.begin("ask", None, deadline).await.unwrap();
    let asked = call.next().await.unwrap();
    let method = "sampling/createMessage".to_owned();
    assert_eq!(asked, Said::Request { id: json!("s"), method, params: json!({ "maxTokens": 1 }) });
    call.answer(json!("s"), Ok(json!("sampled"))).await.unwrap();
    let expected = json!({ "p": {}, "r": { "roots": [{ "uri": "file:///tmp", "name": "tmp" }] }, "s": "sampled" });
    assert_eq!(call.next().await.unwrap(), Said::Answer(Ok(expected)));
}

#[tokio::test]
async fn large_messages_pass_in_both_directions_at_once() {
    let mut server = server("well");
    let text = "x".repeat(5_000_000);
    let result = call(&mut server, "echo", json!({ "text": text })).await.unwrap();
    assert_eq!(result["text"].as_str().unwrap().len(), 5_000_000);
}

#[tokio::test]
async fn a_late_answer_is_dropped_and_the_server_was_told() {
    let mut server = server("well");
    let before = pid(&mut server).await;
    let late = event(&mut server, None, "slow", json!({ "seconds": 0.3 }), within(100)).await;
    assert_eq!(late, Err(Failure::Deadline));
    let facts = call(&mut server, "facts", json!({})).await.unwrap();
    // The call before, the one that was cancelled, the ping, this one.
    let id = facts["id"].as_i64().unwrap();
    assert_eq!((facts["pid"].as_i64().unwrap(), &facts["cancelled"]), (before, &json!([id - 2])));
}

#[tokio::test]
async fn a_call_that_is_dropped_or_cancelled_is_over_for_the_server_too() {
    let mut server = server("well");
    for cancel in [true, false] {
        server.event_begins("request");
        let session = server.session(None, soon()).await.unwrap();
        let mut call = session.begin("slow", Some(json!({ "seconds": 0.1 })), soon()).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(20), call.next()).await.is_err());
        if cancel {
            call.cancel("enough").await;
        } else {
            drop(call);
        }
        server.event_ends().await;
    }
    let facts = call(&mut server, "facts", json!({})).await.unwrap();
    assert_eq!(facts["cancelled"].as_array().unwrap().len(), 2, "{facts}");
}

#[tokio::test]
async fn a_question_of_a_call_that_was_given_up_reaches_no_other_call() {
    for (client_requests, cancel) in [("refuse", true), ("refuse", false), ("rendezvous", true)] {
        let mut server = server_with("well", json!({ "client_requests": client_requests }));
        server.event_begins("request");
        let mut asking = server.session(None, soon()).await.unwrap().begin("insist", None, soon()).await.unwrap();
        assert!(matches!(asking.next().await.unwrap(), Said::Request { .. }));
        if cancel {
            asking.cancel("The client is asked.").await;
        } else {
            drop(asking);
        }
        server.event_ends().await;
        let said = event(&mut server, None, "slow", json!({ "seconds": 0.5 }), soon()).await.unwrap();
        assert_eq!(said, [Said::Answer(Ok(json!("too late")))], "{client_requests} {cancel}");
    }
}

#[tokio::test]
async fn a_server_that_was_told_that_it_may_ask_is_replaced_after_a_call_was_given_up() {
    for (client_requests, replaced) in [("refuse", false), ("rendezvous", true)] {
        let mut server = server_with("well", json!({ "client_requests": client_requests }));
        let before = pid(&mut server).await;
        let late = event(&mut server, None, "slow", json!({ "seconds": 0.3 }), within(100)).await;
        assert_eq!(late, Err(Failure::Deadline));
        assert_eq!(pid(&mut server).await != before, replaced, "{client_requests}");
    }
}

#[tokio::test]
async fn a_server_that_talks_without_end_is_held_to_the_deadline() {
    let mut server = server("well");
    pid(&mut server).await;
    let result = event(&mut server, None, "flood", json!({}), within(300)).await;
    assert_eq!(result, Err(Failure::Deadline));
    // It still talks, so that it is replaced.
    assert_eq!(call(&mut server, "echo", json!({})).await.unwrap(), json!({}));
}
