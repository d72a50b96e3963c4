//! Who may share a server.

use serde_json::{Value, json};
use tests::{environments::Environments, function_url::FunctionUrl, runtime_api::Invocation};

use crate::support::{hostile, message, start, text};

/// A door to one environment with a server of its own isolation.
async fn door(isolation: &str) -> (FunctionUrl, tests::hosted::Hosted) {
    let hosted = hostile(&[], json!({ "isolation": isolation })).await;
    let environments = Environments::start(hosted.function.clone(), 1).await.unwrap();
    (FunctionUrl::open(environments, 0).await.unwrap(), hosted)
}

/// What a tool says to this person, or to nobody in particular.
async fn says(door: &FunctionUrl, person: Option<&str>, tool: &str, word: &str) -> String {
    let mut request = reqwest::Client::new().post(format!("{}/mcp", door.url()));
    request =
        request.header("accept", "application/json, text/event-stream").header("mcp-protocol-version", "2025-11-25");
    if let Some(person) = person {
        request = request.header("authorization", format!("IAM-User {person}"));
    }
    let answer = request.json(&message(tool, &json!({ "text": word }))).send().await.unwrap();
    let (status, body) = (answer.status(), answer.text().await.unwrap());
    let json = body.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&body);
    let response: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {body}"));
    assert_eq!(status, 200, "{body}");
    response["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{response}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_meets_an_environment_shares_its_server() {
    let (door, _hosted) = door("environment").await;
    says(&door, Some("ann"), "remember", "secret").await;
    assert_eq!(says(&door, Some("bob"), "recall", "").await, "secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_caller_leaves_is_not_there_for_another() {
    let (door, _hosted) = door("caller").await;
    for other in [Some("bob"), None] {
        says(&door, Some("ann"), "remember", "secret").await;
        assert_eq!(says(&door, Some("ann"), "recall", "").await, "secret", "one's own server is kept");
        assert_eq!(says(&door, other, "recall", "").await, "", "{other:?}");
        assert_eq!(says(&door, Some("ann"), "recall", "").await, "", "the server that she had is gone");
    }
    // Whoever is nobody in particular is not the same as another nobody.
    says(&door, None, "remember", "secret").await;
    assert_eq!(says(&door, None, "recall", "").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_by_a_call_whose_server_is_its_own() {
    let (door, _hosted) = door("call").await;
    says(&door, Some("ann"), "remember", "secret").await;
    assert_eq!(says(&door, Some("ann"), "recall", "").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_a_caller() {
    let mut environment = start(hostile(&[], json!({ "isolation": "caller" })).await).await;
    for (tenant, tool, said) in [
        ("acme", "remember", "remembered"),
        ("acme", "recall", "secret"),
        ("other", "recall", ""),
        ("acme", "recall", ""),
    ] {
        let message = message(tool, &json!({ "text": "secret" }));
        let invocation = Invocation { tenant: Some(tenant.to_owned()), ..Invocation::of(message.to_string()) };
        let response = environment.call(invocation).await.unwrap().json();
        assert_eq!(text(&response), said, "{tenant} {tool}");
    }
}
