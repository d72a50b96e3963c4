use std::time::Duration;

use serde_json::{Value, json};

use super::{
    fake::{FakeBedrock, Part, Script, answered, called, chunk, event, exception, trace},
    *,
};
use crate::error::Kind;

fn ask() -> Ask {
    Ask {
        agent: AgentRef::parse("ORCHESTRATOR_AGENT", "ORCHESTRAT/LOCAL").unwrap(),
        name: "orchestrator".to_owned(),
        session_id: "session-1".to_owned(),
        text: "hello".to_owned(),
        attributes: BTreeMap::from([("requested_by".to_owned(), "arn:aws:iam::123456789012:user/a".to_owned())]),
        in_pieces: false,
        deadline: Instant::now() + Duration::from_secs(10),
    }
}

async fn run(bedrock: &FakeBedrock, ask: Ask) -> (Result<()>, Answer) {
    let mut answer = Answer::default();
    let result = match bedrock.agents().ask(ask).await {
        Ok(run) => run.read(&mut answer).await,
        Err(error) => Err(error),
    };
    (result, answer)
}

async fn stream(parts: Vec<Part>) -> (Result<()>, Answer) {
    run(&FakeBedrock::streaming(parts).await, ask()).await
}

#[tokio::test]
async fn a_run_gives_text_and_steps_as_they_happen() {
    let bedrock = FakeBedrock::streaming([
        trace(&json!({ "orchestrationTrace": { "rationale": { "traceId": "t-0", "text": "thinking" } } })),
        called("t-0", "memory-operations", "query_deployments", &[("environment", "dev")]),
        answered("t-0", r#"{"message":"Nothing is deployed."}"#),
        event("somethingNew", &json!({ "a": 1 })),
        event("files", &json!({ "files": [{ "name": "a.txt", "type": "text/plain", "bytes": "YQ==" }] })),
        chunk("Nothing "),
        chunk("is there."),
    ])
    .await;
    let mut run = bedrock.agents().ask(ask()).await.unwrap();
    let step = Step {
        agent: "orchestrator".into(),
        action_group: "memory-operations".into(),
        function: "query_deployments".into(),
        parameters: BTreeMap::from([("environment".into(), "dev".into())]),
        result: r#"{"message":"Nothing is deployed."}"#.into(),
    };
    assert_eq!(run.next().await.unwrap(), Some(Progress::Step(step)));
    assert_eq!(run.next().await.unwrap(), Some(Progress::Text("Nothing ".into())));
    assert_eq!(run.next().await.unwrap(), Some(Progress::Text("is there.".into())));
    assert_eq!(run.next().await.unwrap(), None);
    assert_eq!(run.next().await.unwrap(), None);

    let asked = bedrock.asked().remove(0);
    assert_eq!(
        (asked.agent.as_str(), asked.alias.as_str(), asked.session.as_str()),
        ("ORCHESTRAT", "LOCAL", "session-1")
    );
    assert_eq!(
        asked.body,
        json!({ "enableTrace": true, "inputText": "hello",
                "sessionState": { "sessionAttributes": { "requested_by": "arn:aws:iam::123456789012:user/a" } } })
    );
}

#[tokio::test]
async fn pieces_are_asked_for_only_when_wanted() {
    let bedrock = FakeBedrock::streaming([chunk("x")]).await;
    run(&bedrock, Ask { in_pieces: true, ..ask() }).await.0.unwrap();
    assert_eq!(bedrock.asked()[0].body["streamingConfigurations"], json!({ "streamFinalResponse": true }));
}

#[tokio::test]
async fn calls_of_an_openapi_schema_are_steps_too() {
    let call = trace(&json!({ "orchestrationTrace": { "invocationInput": {
        "traceId": "t-1", "invocationType": "ACTION_GROUP",
        "actionGroupInvocationInput": {
            "actionGroupName": "memory", "apiPath": "/deployments/{id}", "verb": "post",
            "parameters": [{ "name": "id", "type": "string", "value": "7" }],
            "requestBody": { "content": { "application/json": [{ "name": "status", "type": "string", "value": "failed" }] } },
        },
    } } }));
    let (result, answer) = stream(vec![call, answered("t-1", "ok"), chunk("done")]).await;
    result.unwrap();
    assert_eq!(answer.steps[0].function, "POST /deployments/{id}");
    assert_eq!(
        answer.steps[0].parameters,
        BTreeMap::from([("id".into(), "7".into()), ("status".into(), "failed".into())])
    );
}

#[tokio::test]
async fn answers_find_their_calls() {
    let reprompt = trace(&json!({ "orchestrationTrace": { "observation": {
        "traceId": "t-2", "type": "REPROMPT", "repromptResponse": { "source": "ACTION_GROUP", "text": "say which" },
    } } }));
    let parser = trace(&json!({ "orchestrationTrace": { "observation": {
        "traceId": "t-9", "type": "REPROMPT", "repromptResponse": { "source": "PARSER", "text": "no" },
    } } }));
    let knowledge = trace(&json!({ "orchestrationTrace": { "observation": { "traceId": "t-1", "type": "FINISH",
        "finalResponse": { "text": "x" } } } }));
    let (result, answer) = stream(vec![
        called("t-1", "g", "first", &[]),
        called("t-2", "g", "second", &[]),
        parser,
        knowledge,
        reprompt,
        answered("t-1", "one"),
        called("t-3", "g", "third", &[]),
        chunk("done"),
    ])
    .await;
    result.unwrap();
    let steps: Vec<_> = answer.steps.iter().map(|s| (s.function.as_str(), s.result.as_str())).collect();
    assert_eq!(
        steps,
        [("second", "say which"), ("first", "one"), ("third", "The agent reported no result of this call.")]
    );
}

#[tokio::test]
async fn a_character_cut_between_chunks_is_whole() {
    let bytes = "fertig ✓".as_bytes();
    let (result, answer) = stream(vec![chunk(&bytes[..8]), chunk(&bytes[8..])]).await;
    result.unwrap();
    assert_eq!(answer.reply, "fertig ✓");
}

#[tokio::test]
async fn a_run_without_a_word_is_an_error() {
    for parts in [vec![], vec![chunk(" \n")]] {
        let error = stream(parts).await.0.unwrap_err();
        assert_eq!(error.kind(), Kind::BadGateway);
        assert!(error.message().contains("without an answer"), "{error}");
    }
    let failure = trace(
        &json!({ "failureTrace": { "traceId": "t", "failureReason": "Max iterations exceeded", "failureCode": 400 } }),
    );
    let error = stream(vec![failure]).await.0.unwrap_err();
    assert!(error.message().ends_with("It reported: Max iterations exceeded"), "{error}");
}

const HINT: &str = "Something may have been started";

fn table() -> Vec<(&'static str, Value, Kind, Kind)> {
    let plain = |name| json!({ "message": format!("secret detail of {name}") });
    vec![
        ("accessDeniedException", plain("a"), Kind::Internal, Kind::Internal),
        ("badGatewayException", plain("b"), Kind::BadGateway, Kind::BadGateway),
        ("conflictException", plain("c"), Kind::Conflict, Kind::Conflict),
        (
            "dependencyFailedException",
            json!({ "message": "d", "resourceName": "mcp_proxy" }),
            Kind::Dependency,
            Kind::Dependency,
        ),
        ("internalServerException", json!({ "message": "e", "reason": "r" }), Kind::BadGateway, Kind::BadGateway),
        ("modelNotReadyException", plain("f"), Kind::Dependency, Kind::Dependency),
        ("resourceNotFoundException", plain("g"), Kind::Internal, Kind::Internal),
        ("serviceQuotaExceededException", plain("h"), Kind::Throttled, Kind::Throttled),
        ("throttlingException", plain("i"), Kind::Throttled, Kind::Throttled),
        ("validationException", plain("j"), Kind::Internal, Kind::Internal),
        ("brandNewException", plain("k"), Kind::BadGateway, Kind::BadGateway),
    ]
}

#[tokio::test]
async fn exceptions_in_the_stream_keep_their_meaning() {
    for (name, payload, kind, _) in table() {
        let (result, _) = stream(vec![exception(name, &payload)]).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}");
        assert!(!error.message().contains("secret detail"), "{error}");
        assert!(!error.message().contains(HINT), "{name}: {error}");

        let (result, answer) =
            stream(vec![called("t", "pipelines", "execute", &[]), chunk("I sta"), exception(name, &payload)]).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}");
        assert!(error.message().contains(HINT), "{name}: {error}");
        assert_eq!(answer.steps.len(), 1, "{name}: the call is not forgotten");
    }
}

#[tokio::test]
async fn refusals_before_the_stream_have_the_same_meaning_and_are_not_retried() {
    for (name, payload, _, kind) in table() {
        let kind_header: &'static str = Box::leak((name[..1].to_uppercase() + &name[1..]).into_boxed_str());
        let bedrock = FakeBedrock::start(Script::Refusal(500, kind_header, payload, None)).await;
        let error = run(&bedrock, ask()).await.0.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}");
        assert!(!error.message().contains("secret detail"), "{error}");
        assert!(!error.causes().is_empty(), "{name}: the log has the cause");
        assert_eq!(bedrock.asked().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn messages_name_what_has_to_be_mended() {
    let denied = |script| async { run(&FakeBedrock::start(script).await, ask()).await.0.unwrap_err().to_string() };
    let text = denied(Script::Refusal(403, "AccessDeniedException", json!({}), None)).await;
    assert!(text.contains("bedrock:InvokeAgent on agent-alias/ORCHESTRAT/LOCAL"), "{text}");
    let text = stream(vec![exception("accessDeniedException", &json!({}))]).await.0.unwrap_err().to_string();
    assert!(text.contains("bedrock:InvokeModel "), "{text}");
    let text = denied(Script::Refusal(404, "ResourceNotFoundException", json!({}), None)).await;
    assert!(text.contains("not deployed"), "{text}");
    let text = stream(vec![exception("dependencyFailedException", &json!({ "resourceName": "mcp_proxy" }))]).await.0;
    assert!(text.unwrap_err().message().contains("(mcp_proxy)"));
}

#[tokio::test]
async fn throttling_says_when_to_try_again() {
    for (header, seconds) in [
        (Some(("retry-after", "7")), 7),
        (Some(("retry-after", "soon")), 15),
        (None, 15),
        (Some(("retry-after", "99999")), 300),
    ] {
        let bedrock = FakeBedrock::start(Script::Refusal(429, "ThrottlingException", json!({}), header)).await;
        let error = run(&bedrock, ask()).await.0.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
    }
}

#[tokio::test]
async fn waiting_ends_at_the_deadline() {
    let soon = || Ask { deadline: Instant::now() + Duration::from_millis(150), ..ask() };
    let minute = Duration::from_secs(60);
    for script in [Script::Silence(minute), Script::Stream(vec![chunk("I am wor"), Part::Pause(minute), chunk("king")])]
    {
        let started = Instant::now();
        let error = run(&FakeBedrock::start(script).await, soon()).await.0.unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
        assert!(error.message().contains(HINT), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_no_answer() {
    let Part::Bytes(whole) = chunk("half of this is lost") else { unreachable!() };
    let half = Part::Bytes(whole[..whole.len() / 2].to_vec());
    for parts in [
        vec![chunk("I started it"), half],
        vec![chunk("I started it"), Part::Pause(Duration::from_millis(100)), Part::Break],
        vec![Part::Bytes(vec![7; 40])],
    ] {
        let error = stream(parts).await.0.unwrap_err();
        assert_eq!(error.kind(), Kind::BadGateway, "{error}");
        assert!(error.message().contains("broke off") && error.message().contains(HINT), "{error}");
    }
}

#[tokio::test]
async fn return_of_control_is_not_served() {
    let parts = vec![event("returnControl", &json!({ "invocationId": "i", "invocationInputs": [] }))];
    let error = stream(parts).await.0.unwrap_err();
    assert_eq!(error.kind(), Kind::BadGateway);
    assert!(error.message().contains("return of control"), "{error}");
}

#[tokio::test]
async fn nobody_listening_started_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let agents = Agents::new(&crate::test_support::sdk_config(&endpoint));
    let error = agents.ask(ask()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::BadGateway);
    assert!(!error.message().contains(HINT), "{error}");
}

#[test]
fn an_agent_is_two_ids_and_the_error_names_the_variable() {
    assert_eq!(
        AgentRef::parse("X", "ABCDEF1234/TSTALIASID").unwrap(),
        AgentRef { agent_id: "ABCDEF1234".into(), alias_id: "TSTALIASID".into() }
    );
    for bad in ["", "A", "A/", "/B", "A/B/C", "ABCDEF12345/B", "A_/B", "Ä/B", "A/B "] {
        let error = AgentRef::parse("ORCHESTRATOR_AGENT", bad).unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert!(error.message().starts_with("ORCHESTRATOR_AGENT must be"), "{error}");
    }
}
