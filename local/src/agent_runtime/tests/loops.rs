//! The loop: events to Lambda, and what becomes of its answers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::BoxFuture;

use super::{
    super::{
        error::Result,
        model::{Call, Decision, Next, Prompt},
    },
    *,
};

#[tokio::test]
async fn the_event_is_bedrocks() {
    let runtime = Runtime::start(willing).await;
    read(runtime.ask("s-1", "show the last 5 deployments in dev")).await;
    let events = runtime.events().await;
    let (function, event) = &events[0];
    assert_eq!(function, "switchyard-local-memory_manager");
    let expected = json!({
        "messageVersion": "1.0",
        "agent": { "name": "switchyard-local-orchestrator", "id": "ORCHESTRAT", "alias": "LOCAL", "version": "1" },
        "inputText": "show the last 5 deployments in dev",
        "sessionId": "s-1",
        "actionGroup": "memory-operations",
        "function": "query_deployments",
        "parameters": [
            { "name": "environment", "type": "string", "value": "dev" },
            { "name": "limit", "type": "integer", "value": "5" },
        ],
        "sessionAttributes": {},
        "promptSessionAttributes": {},
    });
    assert_eq!(*event, expected);
}

#[tokio::test]
async fn a_bad_answer_of_a_function_ends_the_request_and_not_the_session() {
    type Spoil = fn(&Request) -> ResponseTemplate;
    let cases: [(Spoil, &str); 8] = [
        (
            |_| {
                ResponseTemplate::new(404)
                    .insert_header("x-amzn-errortype", "ResourceNotFoundException")
                    .set_body_json(json!({ "Message": "no such function" }))
            },
            "cannot be invoked",
        ),
        (
            |_| {
                ResponseTemplate::new(200)
                    .insert_header("x-amz-function-error", "Unhandled")
                    .set_body_json(json!({ "errorMessage": "it broke" }))
            },
            "it broke",
        ),
        (|_| ResponseTemplate::new(200).set_body_string("null"), "error processing the Lambda response"),
        (
            |_| ResponseTemplate::new(200).set_body_json(json!({ "message": "hello" })),
            "error processing the Lambda response",
        ),
        (
            |request| {
                let mut answer = reply(request, &json!({}));
                answer["response"]["function"] = "other".into();
                ResponseTemplate::new(200).set_body_json(answer)
            },
            "::other",
        ),
        (
            |request| {
                let mut answer = reply(request, &json!({}));
                answer["messageVersion"] = "2.0".into();
                ResponseTemplate::new(200).set_body_json(answer)
            },
            "messageVersion",
        ),
        (
            |request| {
                let mut answer = reply(request, &json!({}));
                answer["response"]["functionResponse"]["responseBody"] = json!({ "JSON": { "body": "" } });
                ResponseTemplate::new(200).set_body_json(answer)
            },
            "no TEXT",
        ),
        (
            |request| {
                let mut answer = reply(request, &json!({ "message": "the table is gone" }));
                answer["response"]["functionResponse"]["responseState"] = "FAILURE".into();
                ResponseTemplate::new(200).set_body_json(answer)
            },
            "the table is gone",
        ),
    ];
    for (spoil, part) in cases {
        let runtime = Runtime::start(spoil).await;
        let answer = read(runtime.ask("s-1", "what is in dev?").enable_trace(true)).await;
        let exception = answer.exception.unwrap_or_default();
        assert!(exception.starts_with("DependencyFailedException") && exception.contains(part), "{part}: {exception}");
        assert!(exception.contains("switchyard-local-memory_manager"), "the resource is named: {exception}");
        let failure = answer.traces.last().and_then(|part| part.trace.clone());
        assert!(matches!(failure, Some(aws_sdk_bedrockagentruntime::types::Trace::FailureTrace(_))), "{failure:?}");
        assert!(!read(runtime.ask("s-1", "hello")).await.text().is_empty());
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_a_failed_dependency() {
    let slow = |request: &Request| willing(request).set_delay(Duration::from_secs(20));
    let runtime = Runtime::start_with(Box::new(Offline), Duration::from_millis(300), slow).await;
    let exception = read(runtime.ask("s-1", "what is in dev?")).await.exception.unwrap_or_default();
    assert!(
        exception.starts_with("DependencyFailedException") && exception.contains("cannot be invoked"),
        "{exception}"
    );
}

#[tokio::test]
async fn attributes_of_the_answer_replace_the_sessions() {
    let runtime = Runtime::start(|request: &Request| {
        let mut answer = reply(request, &json!({ "message": "Nothing." }));
        answer["sessionAttributes"] = json!({ "seen": "yes" });
        ResponseTemplate::new(200).set_body_json(answer)
    })
    .await;
    read(runtime.ask("s-1", "what is in dev?")).await;
    read(runtime.ask("s-1", "what is in prod?")).await;
    assert_eq!(runtime.events().await[1].1["sessionAttributes"], json!({ "seen": "yes" }));
}

#[tokio::test]
async fn a_reprompt_goes_back_to_the_model() {
    let runtime = Runtime::start(|request: &Request| {
        let mut answer = reply(request, &json!({ "message": "Name an environment." }));
        answer["response"]["functionResponse"]["responseState"] = "REPROMPT".into();
        ResponseTemplate::new(200).set_body_json(answer)
    })
    .await;
    let answer = read(runtime.ask("s-1", "what is deployed?").enable_trace(true)).await;
    assert_eq!((answer.text().as_str(), answer.exception), ("Name an environment.", None));
}

#[tokio::test]
async fn one_request_at_a_time_for_a_session_many_for_all() {
    let runtime = Runtime::start(|request: &Request| willing(request).set_delay(Duration::from_millis(600))).await;
    let started = std::time::Instant::now();
    let first = tokio::spawn(read(runtime.ask("s-1", "what is in dev?")));
    let others: Vec<_> =
        (2..22).map(|n| tokio::spawn(read(runtime.ask(&format!("s-{n}"), "what is in dev?")))).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = runtime.ask("s-1", "what is in prod?").send().await;
    assert!(second.unwrap_err().into_service_error().is_conflict_exception());
    assert_eq!(first.await.unwrap().exception, None);
    for other in others {
        assert_eq!(other.await.unwrap().exception, None);
    }
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "twenty sessions wait for each other: {:?}",
        started.elapsed()
    );
    assert_eq!(read(runtime.ask("s-1", "what is in prod?")).await.exception, None, "the session is free again");
}

/// Calls the same function for ever, or one that does not exist.
struct Endless {
    function: &'static str,
    asked: Arc<AtomicUsize>,
}

impl Model for Endless {
    fn name(&self) -> &str {
        "endless"
    }

    fn next<'a>(&'a self, _: Prompt<'a>) -> BoxFuture<'a, Result<Decision>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let parameters = attributes(&[("environment", "dev")]);
        let call = Call { action_group: "memory-operations".into(), function: self.function.into(), parameters };
        Box::pin(std::future::ready(Ok(Decision { rationale: None, next: Next::Calls(vec![call]) })))
    }
}

#[tokio::test]
async fn a_model_that_never_ends_is_stopped() {
    for (function, calls) in [("query_deployments", 10), ("fly_to_the_moon", 0)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let model = Box::new(Endless { function, asked: Arc::clone(&asked) });
        let runtime = Runtime::start_with(model, Duration::from_secs(30), willing).await;
        let answer = read(runtime.ask("s-1", "go")).await;
        let exception = answer.exception.unwrap_or_default();
        assert!(
            exception.starts_with("InternalServerException") && exception.contains("Max iterations"),
            "{exception}"
        );
        assert_eq!((runtime.events().await.len(), asked.load(Ordering::SeqCst)), (calls, 11), "{function}");
    }
}
