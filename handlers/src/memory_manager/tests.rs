use std::{path::Path, time::Duration};

use super::*;
use crate::test_support::{MEMORY_TABLE, dynamodb};

mod fuzz;

type Parameters<'a> = Vec<(&'a str, &'a str)>;

async fn manager() -> MemoryManager {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let memory = Memory::new(dynamodb().await, MEMORY_TABLE);
    MemoryManager { definitions: Definitions::of_zip(&root).unwrap(), memory }
}

/// Calls a function as Bedrock does; the answer's state and its body.
async fn call(manager: &MemoryManager, function: &str, parameters: &[(&str, &str)]) -> (Option<String>, Value) {
    let parameters: Vec<_> =
        parameters.iter().map(|(name, value)| json!({ "name": name, "type": "string", "value": value })).collect();
    let event = json!({
        "messageVersion": "1.0", "agent": { "name": "switchyard-dev-orchestrator", "id": "A", "alias": "B", "version": "1" },
        "inputText": "x", "sessionId": "session-1", "actionGroup": "memory-operations", "function": function,
        "parameters": parameters, "sessionAttributes": { "requested_by": "arn:aws:iam::123456789012:user/ann" },
        "promptSessionAttributes": {},
    });
    let invocation = Invocation {
        request_id: "r".into(),
        deadline: tokio::time::Instant::now() + Duration::from_secs(5),
        function_arn: String::new(),
        client_context: None,
    };
    let answer = manager.handle(event, invocation).await.unwrap();
    let response = &answer["response"]["functionResponse"];
    let body = response["responseBody"]["TEXT"]["body"].as_str().unwrap();
    (response["responseState"].as_str().map(str::to_owned), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn nothing_deployed_is_an_answer() {
    let manager = manager().await;
    let (state, body) = call(&manager, "query_deployments", &[("environment", "DEV")]).await;
    assert_eq!((state, body["message"].as_str()), (None, Some("There are no deployments in dev.")));
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    let (state, body) = call(&manager, "get_deployment", &[("execution_id", unknown)]).await;
    assert_eq!(state, None);
    assert!(body["message"].as_str().unwrap().contains(&format!("no deployment with the execution id `{unknown}`")));
}

#[tokio::test]
async fn a_cursor_that_would_fit_into_no_key_is_sent_back() {
    let time = format!("2026-11-21T10:00:00Z{}", "[u-ca=iso8601]".repeat(100));
    assert!(time.parse::<Timestamp>().is_ok(), "a time with annotations is a time");
    let cursor = format!("{time}~0198c0de-0000-7000-8000-000000000000");
    let (state, _) = call(&manager().await, "query_deployments", &[("environment", "dev"), ("cursor", &cursor)]).await;
    assert_eq!(state.as_deref(), Some("REPROMPT"));
}

#[tokio::test]
async fn a_report_is_kept_apart_and_found_again() {
    let manager = manager().await;
    let report = [
        ("environment", "prod"),
        ("pipeline_type", "app"),
        ("status", "succeeded"),
        ("tenant_id", "acme"),
        ("details", "by hand"),
    ];
    let (state, noted) = call(&manager, "record_deployment", &report).await;
    assert_eq!(state, None);
    let id = noted["execution_id"].as_str().unwrap();
    let (_, found) = call(&manager, "get_deployment", &[("execution_id", id)]).await;
    let deployment = &found["deployment"];
    assert_eq!(deployment["source"], "reported");
    assert_eq!(deployment["requested_by"], "arn:aws:iam::123456789012:user/ann");
    assert_eq!(deployment["details"]["note"], "by hand");
    for filter in [
        vec![("environment", "prod")],
        vec![("tenant_id", "ACME")],
        vec![("environment", "prod"), ("tenant_id", "acme"), ("pipeline_type", "app")],
    ] {
        let (_, list) = call(&manager, "query_deployments", &filter).await;
        assert_eq!(list["deployments"][0]["execution_id"], id, "{filter:?}");
        assert!(list["message"].as_str().unwrap().contains("succeeded (reported)"), "{list}");
    }
}

#[tokio::test]
async fn lists_go_on_with_the_cursor() {
    let manager = manager().await;
    for _ in 0..3 {
        let report = [("environment", "dev"), ("pipeline_type", "app"), ("status", "failed")];
        call(&manager, "record_deployment", &report).await;
    }
    let (_, first) = call(&manager, "query_deployments", &[("environment", "dev"), ("limit", "2")]).await;
    assert_eq!(first["deployments"].as_array().unwrap().len(), 2);
    let cursor = first["cursor"].as_str().unwrap();
    let more = [("environment", "dev"), ("limit", "2"), ("cursor", cursor)];
    let (_, second) = call(&manager, "query_deployments", &more).await;
    assert_eq!(second["deployments"].as_array().unwrap().len(), 1);
    assert!(second.get("cursor").is_none());
}

#[tokio::test]
async fn wrong_calls_are_reprompted_with_what_to_mend() {
    let manager = manager().await;
    let long = "x".repeat(2001);
    let cases: [(&str, Parameters<'_>, &str); 10] = [
        ("query_deployments", vec![], "environment or a tenant"),
        ("query_deployments", vec![("environment", "moon")], "one of dev, test, staging, prod"),
        ("query_deployments", vec![("environment", "dev"), ("limit", "0")], "`limit` must be 1 to 50"),
        ("query_deployments", vec![("environment", "dev"), ("limit", "ten")], "type integer"),
        ("query_deployments", vec![("environment", "dev"), ("cursor", "abc")], "cursor"),
        ("record_deployment", vec![("environment", "dev")], "`pipeline_type` is missing"),
        (
            "record_deployment",
            vec![("environment", "dev"), ("pipeline_type", "app"), ("status", "failed"), ("details", &long)],
            "longer than 2000",
        ),
        ("get_deployment", vec![("execution_id", "7")], "not an execution id"),
        ("query_deployments", vec![("tenant_id", &long)], "longer than 64"),
        ("drop_table", vec![], "no function `drop_table`"),
    ];
    for (function, parameters, expected) in cases {
        let (state, body) = call(&manager, function, &parameters).await;
        assert_eq!(state.as_deref(), Some("REPROMPT"), "{function} {parameters:?}");
        assert!(body["message"].as_str().unwrap().contains(expected), "{body}");
    }
}

#[tokio::test]
async fn an_event_of_something_else_is_an_error() {
    let invocation = Invocation {
        request_id: "r".into(),
        deadline: tokio::time::Instant::now(),
        function_arn: String::new(),
        client_context: None,
    };
    assert!(manager().await.handle(json!({ "Records": [] }), invocation).await.is_err());
}
