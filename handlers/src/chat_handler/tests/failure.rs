//! What a failure tells about the work done before it.

use super::{stream::read_events, *};

const STARTED: &str = r#"{"message":"Started.","execution_id":"0198c0de-0000-7000-8000-000000000001"}"#;

/// A run that starts one execution, hands on work that is never answered, and then ends like that.
fn ending_in(end: Part) -> Vec<Part> {
    vec![
        called("t-0", "pipelines", "execute_bootstrap_pipeline", &[("environment", "dev")]),
        answered("t-0", STARTED),
        called("t-1", "invoke-specialized-agent", "invoke_agent", &[("agent_type", "compute")]),
        // What was sent has arrived when a connection breaks.
        Part::Pause(Duration::from_millis(50)),
        end,
    ]
}

fn check_what_was_done(problem: &Value) {
    assert_eq!(problem["session_id"], "s-1", "{problem}");
    let steps: Vec<_> =
        problem["steps"].as_array().unwrap().iter().map(|step| (&step["function"], &step["result"])).collect();
    assert_eq!(
        json!(steps),
        json!([
            ["execute_bootstrap_pipeline", STARTED],
            ["invoke_agent", "The agent reported no result of this call."]
        ])
    );
}

#[tokio::test]
async fn the_steps_until_a_failure_are_in_its_problem_document() {
    for (end, status) in [
        (exception("dependencyFailedException", &json!({})), 424),
        (exception("throttlingException", &json!({})), 429),
        (Part::Break, 502),
        (Part::Pause(MINUTE), 504),
    ] {
        let left = MARGIN + Duration::from_millis(if status == 504 { 300 } else { 30_000 });
        let bedrock = FakeBedrock::streaming(ending_in(end)).await;
        let (parts, body) = send_within(chat(&bedrock, ResponseMode::Buffered), &event(HELLO), left).await;
        assert_eq!(parts.status.as_u16(), status);
        assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
        let problem = serde_json::from_slice(&body).unwrap();
        check_problem(&problem, status);
        check_what_was_done(&problem);

        let (parts, body) = send_within(chat(&bedrock, ResponseMode::Stream), &events(event(HELLO)), left).await;
        assert_eq!(parts.status, StatusCode::OK);
        let read = read_events(&body);
        assert_eq!(read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["step", "step", "error"]);
        check_problem(&read[2].1, status);
        check_what_was_done(&read[2].1);
    }
}

#[tokio::test]
async fn a_new_session_is_known_also_when_nothing_was_answered() {
    let bedrock = FakeBedrock::start(Script::Refusal(429, "ThrottlingException", json!({}), None)).await;
    for event in [event(r#"{"message":"hi"}"#), events(event(r#"{"message":"hi"}"#))] {
        let (_, problem) = problem_of(chat(&bedrock, ResponseMode::Stream), &event, 429).await;
        assert_eq!(problem["steps"], json!([]));
        assert!(problem["session_id"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_has_done_nothing() {
    let bedrock = FakeBedrock::streaming([chunk("never")]).await;
    for (event, status) in [(event("{}"), 400), (caller(event(HELLO), None), 401)] {
        let (_, problem) = problem_of(chat(&bedrock, ResponseMode::Buffered), &event, status).await;
        assert!(problem.get("session_id").is_none() && problem.get("steps").is_none(), "{problem}");
    }
}
