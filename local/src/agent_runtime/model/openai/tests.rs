//! The requests an OpenAI-compatible endpoint gets, and what becomes of its answers.

use std::collections::BTreeMap;

use handlers::definitions::Definitions;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

use super::{
    super::{Call, CallResult, Message, Next},
    *,
};

fn definitions() -> Definitions {
    Definitions::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents")).unwrap()
}

async fn ask(server: &MockServer, history: &[Message]) -> Result<Decision> {
    let definitions = definitions();
    let url: Url = format!("{}/v1/", server.uri()).parse().unwrap();
    let model = OpenAi::new(&url, "small", Some(Secret::from("key-1".to_owned()))).unwrap();
    let prompt_attributes = BTreeMap::from([("today".to_owned(), "Saturday".to_owned())]);
    let agent = definitions.orchestrator().unwrap();
    model.next(Prompt { agent, definitions: &definitions, history, prompt_attributes: &prompt_attributes }).await
}

async fn serving(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", "Bearer key-1"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn says(message: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "choices": [{ "index": 0, "message": message }] }))
}

fn history() -> Vec<Message> {
    let parameters = BTreeMap::from([("environment".to_owned(), "dev".to_owned())]);
    vec![
        Message::User("What is in dev?".into()),
        Message::Call(Call {
            action_group: "memory-operations".into(),
            function: "query_deployments".into(),
            parameters,
        }),
        Message::Result(CallResult { body: "{\"message\":\"Nothing.\"}".into(), reprompt: false }),
    ]
}

#[tokio::test]
async fn the_request_carries_instruction_tools_and_history() {
    let server = serving(says(json!({ "role": "assistant", "content": "Nothing is there." }))).await;
    let decision = ask(&server, &history()).await.unwrap();
    assert_eq!(decision.next, Next::Answer("Nothing is there.".into()));
    let request: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(request["model"], "small");
    let messages = request["messages"].as_array().unwrap();
    let system = messages[0]["content"].as_str().unwrap();
    assert!(system.contains("- bootstrap: ") && system.contains("today: Saturday"));
    assert_eq!(messages[2]["tool_calls"][0]["id"], messages[3]["tool_call_id"]);
    assert_eq!(messages[2]["tool_calls"][0]["function"]["name"], "memory-operations__query_deployments");
    let tools = request["tools"].as_array().unwrap();
    let tool = |name: &str| tools.iter().map(|tool| &tool["function"]).find(|tool| tool["name"] == name).unwrap();
    let invoke = &tool("invoke-specialized-agent__invoke_agent")["parameters"];
    assert_eq!(invoke["properties"]["agent_type"]["enum"], json!(["app", "bootstrap", "compute", "tools"]));
    assert_eq!(invoke["required"], json!(["agent_type", "instruction", "environment"]));
    let query = &tool("memory-operations__query_deployments")["parameters"];
    assert_eq!(query["properties"]["limit"]["type"], "integer");
    assert_eq!(query["properties"]["limit"]["default"], 10);
}

#[tokio::test]
async fn tool_calls_become_calls_with_text_values() {
    let call = |name: &str, arguments: &str| json!({ "id": "c", "type": "function", "function": { "name": name, "arguments": arguments } });
    let server = serving(says(json!({ "content": "Let me look.", "tool_calls": [
        call("memory-operations__query_deployments", r#"{"environment":"dev","limit":5,"tenant_id":null}"#),
        call("fly_to_the_moon", ""),
    ] })))
    .await;
    let decision = ask(&server, &history()).await.unwrap();
    assert_eq!(decision.rationale.as_deref(), Some("Let me look."));
    let Next::Calls(calls) = decision.next else { panic!("no calls") };
    assert_eq!(calls[0].action_group, "memory-operations");
    assert_eq!(
        calls[0].parameters,
        BTreeMap::from([("environment".into(), "dev".into()), ("limit".into(), "5".into())])
    );
    assert_eq!((calls[1].action_group.as_str(), calls[1].function.as_str()), ("", "fly_to_the_moon"));
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let error = |status: u16| ResponseTemplate::new(status).set_body_json(json!({ "error": { "message": "No." } }));
    let cut = ResponseTemplate::new(200).set_body_string("{\"choices\":");
    for (response, fault, part) in [
        (error(401), Fault::AccessDenied, "OPENAI_API_KEY"),
        (error(404), Fault::ResourceNotFound, "--model-name"),
        (error(429), Fault::Throttling, "No."),
        (error(503), Fault::ModelNotReady, "loaded"),
        (error(500), Fault::BadGateway, "log"),
        (ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"), Fault::BadGateway, "302"),
        (cut, Fault::BadGateway, "cannot be read"),
        (says(json!({ "content": "" })), Fault::BadGateway, "neither text nor a tool call"),
        (
            says(json!({ "tool_calls": [{ "function": { "name": "x", "arguments": "[" } }] })),
            Fault::BadGateway,
            "arguments of x",
        ),
    ] {
        let server = serving(response).await;
        let error = ask(&server, &history()).await.unwrap_err();
        assert_eq!(error.fault, fault, "{error}");
        assert!(error.message.contains(part) && !error.message.contains("key-1"), "{error}");
    }
}

#[test]
fn only_https_or_this_machine() {
    for (url, allowed) in [
        ("https://models.example.com/v1", true),
        ("http://127.0.0.1:11434/v1", true),
        ("http://localhost:11434/v1", true),
        ("http://[::1]:11434/v1", true),
        ("http://models.example.com/v1", false),
        ("http://10.0.0.7/v1", false),
        ("ftp://127.0.0.1/v1", false),
    ] {
        assert_eq!(OpenAi::new(&url.parse().unwrap(), "small", None).is_ok(), allowed, "{url}");
    }
}
