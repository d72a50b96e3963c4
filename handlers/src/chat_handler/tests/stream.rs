//! The answer as server-sent events.

use super::*;

/// Names and data of server-sent events; comments are left out.
pub(super) fn read_events(body: &[u8]) -> Vec<(String, Value)> {
    std::str::from_utf8(body)
        .unwrap()
        .split("\n\n")
        .filter(|block| !block.is_empty() && !block.starts_with(':'))
        .map(|block| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            (field("event:").to_owned(), serde_json::from_str(field("data:")).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_ends_with_the_whole_answer() {
    let bedrock = FakeBedrock::streaming(deployment()).await;
    let (parts, body) = send_within(chat(&bedrock, ResponseMode::Stream), &events(event(HELLO)), MINUTE).await;
    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(parts.headers[CONTENT_TYPE], "text/event-stream");
    let read = read_events(&body);
    let names: Vec<_> = read.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["step", "step", "step", "text", "text", "done"]);
    assert_eq!(read[2].1["agent"], "bootstrap");
    assert_eq!(read[3].1, json!({ "text": "The pipeline is " }));
    let done = &read[5].1;
    assert_eq!(done["reply"], "The pipeline is running: 0198.");
    assert_eq!(done["session_id"], "s-1");
    assert_eq!(done["steps"], json!(read[..3].iter().map(|(_, step)| step).collect::<Vec<_>>()));
    assert_eq!(bedrock.asked()[0].body["streamingConfigurations"], json!({ "streamFinalResponse": true }));
}

#[tokio::test]
async fn text_is_passed_on_before_the_run_has_ended() {
    let bedrock = FakeBedrock::streaming([chunk("first"), Part::Pause(MINUTE), chunk("second")]).await;
    let request = request(&events(event(HELLO)), MINUTE).map(Body::new);
    let response = chat(&bedrock, ResponseMode::Stream).oneshot(request).await.unwrap();
    let frame =
        tokio::time::timeout(Duration::from_secs(10), response.into_body().frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(read_events(&frame.into_data().unwrap()), [("text".to_owned(), json!({ "text": "first" }))]);
}

#[tokio::test]
async fn an_error_after_the_head_comes_in_the_stream() {
    let failing = vec![
        called("t", "invoke-specialized-agent", "invoke_agent", &[]),
        answered("t", "done"),
        exception("throttlingException", &json!({})),
    ];
    let bedrock = FakeBedrock::streaming(failing).await;
    let (parts, body) = send_within(chat(&bedrock, ResponseMode::Stream), &events(event(HELLO)), MINUTE).await;
    assert_eq!(parts.status, StatusCode::OK);
    let read = read_events(&body);
    assert_eq!(read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["step", "error"]);
    check_problem(&read[1].1, 429);
    assert!(read[1].1["detail"].as_str().unwrap().contains("Something may have been started"));
}

#[tokio::test]
async fn a_run_that_begins_late_keeps_the_client_waiting_with_comments() {
    let start = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Err(crate::error::timeout("The time is over."))
    };
    let message = Message { text: String::new(), session_id: "s-1".to_owned() };
    let record = Record::of(request(&event(HELLO), MINUTE).extensions().get::<Invocation>());
    let response =
        crate::chat_handler::stream::respond(start.boxed(), Answer::to(&message), record, Duration::from_millis(200));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(std::str::from_utf8(&body).unwrap().matches(": keep-alive").count(), 2);
    let problem = &read_events(&body)[0].1;
    check_problem(problem, 504);
    assert_eq!((&problem["session_id"], &problem["steps"]), (&json!("s-1"), &json!([])));
}
