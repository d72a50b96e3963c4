//! Requests, headers, frames and exceptions.

use aws_sdk_bedrockagentruntime::types::{OrchestrationTrace, SessionState, StreamingConfigurations, Trace};

use super::*;

#[tokio::test]
async fn one_chunk_by_default_and_several_when_streamed() {
    let runtime = Runtime::start(willing).await;
    let answer = read(runtime.ask("s-1", "hello")).await;
    assert_eq!((answer.session_id.as_str(), answer.content_type.as_str()), ("s-1", "application/json"));
    assert_eq!((answer.chunks.len(), answer.traces.len()), (1, 0));
    let streaming = StreamingConfigurations::builder().stream_final_response(true).build();
    let streamed = read(runtime.ask("s-1", "hello").streaming_configurations(streaming)).await;
    assert!(streamed.chunks.len() > 5);
    assert_eq!(streamed.text(), answer.text());
}

#[tokio::test]
async fn traces_tell_each_step() {
    let runtime = Runtime::start(willing).await;
    let answer =
        read(runtime.ask("s-1", "Deploy bootstrap infrastructure for dev environment").enable_trace(true)).await;
    assert_eq!(answer.text(), "Started execution 7.");
    let mut kinds = Vec::new();
    for part in &answer.traces {
        assert_eq!((part.agent_id.as_deref(), part.session_id.as_deref()), (Some("ORCHESTRAT"), Some("s-1")));
        assert!(part.event_time.is_some());
        let Some(Trace::OrchestrationTrace(trace)) = &part.trace else { panic!("{part:?}") };
        kinds.push(match trace {
            OrchestrationTrace::ModelInvocationInput(_) => "model",
            OrchestrationTrace::Rationale(_) => "rationale",
            OrchestrationTrace::InvocationInput(_) => "invocation",
            OrchestrationTrace::Observation(observation) if observation.final_response.is_some() => "final",
            OrchestrationTrace::Observation(_) => "observation",
            other => panic!("{other:?}"),
        });
    }
    let call = ["model", "rationale", "invocation", "observation"];
    assert_eq!(kinds, [&call[..], &call[..], &["model", "final"]].concat());
    let Some(Trace::OrchestrationTrace(OrchestrationTrace::InvocationInput(input))) = &answer.traces[6].trace else {
        panic!()
    };
    let input = input.action_group_invocation_input.as_ref().unwrap();
    assert_eq!(input.function.as_deref(), Some("invoke_agent"));
    let parameters: Vec<_> =
        input.parameters().iter().map(|p| (p.name.as_deref().unwrap(), p.value.as_deref().unwrap())).collect();
    assert!(
        parameters.contains(&("agent_type", "bootstrap")) && parameters.contains(&("environment", "dev")),
        "{parameters:?}"
    );
}

async fn post(runtime: &Runtime, path: &str, body: Value, header: Option<(&str, &str)>) -> (u16, String, Value) {
    let mut request = reqwest::Client::new().post(format!("{}{path}", runtime.address)).json(&body);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let response = request.send().await.unwrap();
    let kind =
        response.headers().get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), kind, response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn what_is_wrong_is_said_before_the_stream() {
    let runtime = Runtime::start(willing).await;
    let path = |agent: &str, alias: &str, session: &str| {
        format!("/agents/{agent}/agentAliases/{alias}/sessions/{session}/text")
    };
    let good = path("ORCHESTRAT", "LOCAL", "s-1");
    let hello = json!({ "inputText": "hello" });
    let long = "x".repeat(101);
    for (path, body, status, kind) in [
        (path("ORCHESTRAT", "TSTALIASID", "s-1"), hello.clone(), 200, ""),
        (path("NOBODY", "LOCAL", "s-1"), hello.clone(), 404, "ResourceNotFoundException"),
        (path("ORCHESTRAT", "OTHER", "s-1"), hello.clone(), 404, "ResourceNotFoundException"),
        (path("TOOLONGANID", "LOCAL", "s-1"), hello.clone(), 400, "ValidationException"),
        (path("ORCHESTRAT", "LOCAL", "s"), hello.clone(), 400, "ValidationException"),
        (path("ORCHESTRAT", "LOCAL", &long), hello.clone(), 400, "ValidationException"),
        (path("ORCHESTRAT", "LOCAL", "a%20b"), hello.clone(), 400, "ValidationException"),
        (good.clone(), json!({}), 400, "ValidationException"),
        (good.clone(), json!({ "inputText": " " }), 400, "ValidationException"),
        (good.clone(), json!({ "inputText": 7 }), 400, "ValidationException"),
        (good.clone(), json!({ "inputText": "hi", "memoryId": "!" }), 400, "ValidationException"),
        (good.clone(), json!({ "inputText": "x".repeat(1_000_001) }), 400, "ValidationException"),
        (
            good.clone(),
            json!({ "inputText": "hi", "sessionState": { "sessionAttributes": { "a": 1 } } }),
            400,
            "ValidationException",
        ),
        (
            good.clone(),
            json!({ "sessionState": { "returnControlInvocationResults": [{}] } }),
            400,
            "ValidationException",
        ),
        ("/models".to_owned(), hello.clone(), 404, "UnknownOperationException"),
    ] {
        let (got, got_kind, body) = post(&runtime, &path, body, None).await;
        assert_eq!((got, got_kind.as_str()), (status, kind), "{path} {body}");
        assert_eq!(body["message"].is_string(), status != 200, "{path} {body}");
    }
    for header in [("origin", "https://example.com"), ("host", "rebound.example.com")] {
        let (status, kind, _) = post(&runtime, &good, hello.clone(), Some(header)).await;
        assert_eq!((status, kind.as_str()), (403, "AccessDeniedException"), "{header:?}");
    }
    let unknown =
        runtime.client.invoke_agent().agent_id("NOBODY").agent_alias_id("LOCAL").session_id("s-1").input_text("hi");
    assert!(unknown.send().await.unwrap_err().into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn health_names_the_agents() {
    let runtime = Runtime::start(willing).await;
    let health: Value = reqwest::get(format!("{}/health", runtime.address)).await.unwrap().json().await.unwrap();
    assert_eq!((&health["status"], &health["model"]), (&json!("ok"), &json!("offline")));
    let ids: Vec<_> =
        health["agents"].as_array().unwrap().iter().map(|agent| agent["agent_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["APP", "BOOTSTRAP", "COMPUTE", "ORCHESTRAT", "TOOLS"]);
}

#[tokio::test]
async fn an_ended_session_is_forgotten() {
    let runtime = Runtime::start(willing).await;
    read(runtime.ask("s-1", "launch three servers in dev")).await;
    let ended = read(
        runtime
            .client
            .invoke_agent()
            .agent_id("ORCHESTRAT")
            .agent_alias_id("LOCAL")
            .session_id("s-1")
            .end_session(true),
    )
    .await;
    assert!(ended.text().contains("ended"));
    read(runtime.ask("s-1", "acme")).await;
    assert!(runtime.events().await.is_empty(), "the open question was forgotten with the session");
}

#[tokio::test]
async fn attributes_stay_and_prompt_attributes_do_not() {
    let runtime = Runtime::start(willing).await;
    let state = SessionState::builder()
        .session_attributes("requested_by", "arn:aws:iam::1:user/a")
        .prompt_session_attributes("today", "Saturday");
    read(runtime.ask("s-1", "what is in dev?").session_state(state.build())).await;
    read(runtime.ask("s-1", "what is in prod?")).await;
    let events = runtime.events().await;
    let wanted = json!(attributes(&[("requested_by", "arn:aws:iam::1:user/a")]));
    assert_eq!(events.iter().map(|(_, event)| &event["sessionAttributes"]).collect::<Vec<_>>(), [&wanted, &wanted]);
    assert_eq!(events[0].1["promptSessionAttributes"], json!({ "today": "Saturday" }));
    assert_eq!(events[1].1["promptSessionAttributes"], json!({}));
}
