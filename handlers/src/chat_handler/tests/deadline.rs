//! An answer of ours before anybody else gives up.

use super::*;

#[tokio::test]
async fn the_504_is_ours() {
    for script in [Script::Silence(MINUTE), Script::Stream(vec![chunk("I am "), Part::Pause(MINUTE)])] {
        let bedrock = FakeBedrock::start(script).await;
        let (parts, body) =
            send_within(chat(&bedrock, ResponseMode::Buffered), &event(HELLO), MARGIN + Duration::from_millis(200))
                .await;
        assert_eq!(parts.status, StatusCode::GATEWAY_TIMEOUT);
        check_problem(&serde_json::from_slice(&body).unwrap(), 504);
    }
}

#[tokio::test]
async fn an_answer_ends_before_api_gateway_gives_up() {
    let bedrock = FakeBedrock::streaming([]).await;
    let config = |response_mode| env::ChatHandler { orchestrator_agent: "A/B".to_owned(), response_mode };
    let left = |mode, events, seconds| {
        let chat = Chat::new(&config(mode), &crate::test_support::sdk_config(&bedrock.endpoint)).unwrap();
        let request = request(&event(HELLO), Duration::from_secs(seconds));
        let invocation = request.extensions().get::<Invocation>().unwrap();
        chat.deadline(invocation, events).saturating_duration_since(Instant::now()).as_secs_f64().round()
    };
    assert_eq!(left(ResponseMode::Buffered, false, 900), 28.0);
    assert_eq!(left(ResponseMode::Buffered, false, 10), 9.0);
    assert_eq!(left(ResponseMode::Stream, true, 900), 899.0);
    assert_eq!(left(ResponseMode::Stream, true, 0), 0.0);
    assert_eq!(left(ResponseMode::Stream, false, 900), 290.0);
    assert_eq!(left(ResponseMode::Stream, false, 100), 99.0);
}
