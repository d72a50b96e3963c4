//! What a server is told by its environment.

use std::collections::BTreeMap;

use serde_json::json;
use tests::hosted::Hosted;

use crate::support::{Started, call, hostile, start, text};

async fn of_server(hosted: Hosted) -> (BTreeMap<String, String>, Started) {
    let mut environment = start(hosted).await;
    let variables = serde_json::from_str(text(&call(&mut environment, "environment", json!({})).await)).unwrap();
    (variables, environment)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gets_what_was_meant_for_it_and_nothing_else() {
    let file = json!({ "env": { "CITY": "Paris", "DATA": "${LAMBDA_TASK_ROOT}/data" }, "secrets": ["API_KEY"] });
    let mut hosted = hostile(&[], file).await;
    hosted.secrets(&[("API_KEY", "s3cr3t")]).await.unwrap();
    let (variables, Started { hosted, .. }) = of_server(hosted).await;
    let data = hosted.package().join("data").display().to_string();
    for (name, value) in
        [("CITY", "Paris"), ("DATA", data.as_str()), ("API_KEY", "s3cr3t"), ("HOME", "/tmp"), ("TMPDIR", "/tmp")]
    {
        assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
    }
    let known = ["CITY", "DATA", "API_KEY", "HOME", "TMPDIR", "PATH", "LD_LIBRARY_PATH", "LANG", "TZ"];
    let others: Vec<_> = variables.keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(!hosted.log().contains("s3cr3t"), "a secret is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_that_needs_them_gets_credentials_and_none_the_runtime_api() {
    let mut hosted = hostile(&[], json!({ "aws_credentials": true })).await;
    for (name, value) in [("AWS_SESSION_TOKEN", "token"), ("AWS_DEFAULT_REGION", "us-east-1")] {
        hosted.set(name, value);
    }
    let (variables, _) = of_server(hosted).await;
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ] {
        assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!variables.contains_key("AWS_LAMBDA_RUNTIME_API"));
    assert!(!variables.contains_key("SIGNING_KEY_SECRET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_is_named() {
    let hosted = hostile(&[], json!({ "secrets": ["API_KEY"] })).await;
    let mut environment = start(hosted).await;
    let response = call(&mut environment, "echo", json!({})).await;
    assert!(response["error"]["message"].as_str().unwrap().contains("cannot start"), "{response}");
    assert!(environment.hosted.log().contains("env/API_KEY"), "{}", environment.hosted.log());
}
