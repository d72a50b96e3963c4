//! The client against small servers.

use aws_credential_types::Credentials;
use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header_exists, method, path, query_param},
};

use super::*;

fn client(server: &MockServer) -> RegistryClient {
    let credentials = SharedCredentialsProvider::new(Credentials::new("AKID", "secret", None, None, "test"));
    let url = Url::parse(&format!("{}/dev", server.uri())).unwrap();
    RegistryClient::new(url, "eu-west-1".to_owned(), credentials).unwrap()
}

#[tokio::test]
async fn requests_are_signed_and_answers_read() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/dev/servers"))
        .and(query_param("text", "a&b=c"))
        .and(header_exists("authorization"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "servers": [] })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/dev/servers/weather/versions/1.0.0+x/approve"))
        .and(body_json(json!({})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "status": "active" })))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server);
    assert_eq!(client.get(&["servers"], &[("text", "a&b=c")]).await.unwrap(), json!({ "servers": [] }));
    let path = ["servers", "weather", "versions", "1.0.0+x", "approve"];
    assert_eq!(client.post(&path, &json!({})).await.unwrap(), json!({ "status": "active" }));
}

#[tokio::test]
async fn a_refusal_names_every_fault() {
    let server = MockServer::start().await;
    let problem = json!({
        "status": 400, "title": "Invalid request", "detail": "The body has 2 faults.", "request_id": "r1",
        "errors": [{ "pointer": "/version", "detail": "is no semantic version" }, { "pointer": "", "detail": "is too deep" }],
    });
    let answer = ResponseTemplate::new(400).set_body_json(problem);
    Mock::given(method("PATCH")).respond_with(answer).mount(&server).await;
    let error = client(&server).patch(&["servers"], &json!({})).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "400 Invalid request: The body has 2 faults. (request r1)\n  /version: is no semantic version\n  body: is too deep"
    );
}

#[tokio::test]
async fn what_is_no_json_is_told() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string("<html>")).mount(&server).await;
    let error = client(&server).get(&["servers"], &[]).await.unwrap_err().to_string();
    assert!(error.contains("cannot be read") && error.contains("<html>"), "{error}");
}

#[test]
fn segments_hold_any_characters() {
    assert_eq!(written(&["servers", "a/b c", "versions"], &[]).unwrap(), "servers/a%2Fb%20c/versions");
    assert_eq!(written(&["servers"], &[("status", "a b"), ("x", "%")]).unwrap(), "servers?status=a+b&x=%25");
}
