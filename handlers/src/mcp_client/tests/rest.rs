//! Servers that speak REST.

use serde_json::Value;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, body_json, header, header_exists, method, path, query_param},
};

use super::{
    http::{answering, raw},
    *,
};

fn rest(url: &str, meta: Value) -> Server {
    let schema = json!({ "type": "object" });
    let look = tool(json!({ "name": "look", "inputSchema": schema, "_meta": { "switchyard/http": meta } }));
    let plain = tool(json!({ "name": "add_city", "inputSchema": schema }));
    Server { protocol_type: ProtocolType::Rest, available_tools: vec![look, plain], ..server(url, None) }
}

fn forecast(url: &str) -> Server {
    rest(url, json!({ "method": "GET", "path": "/cities/{city}/forecast", "query": ["days", "units"] }))
}

/// What a call with a city makes of an answer.
async fn asked(mock: &MockServer) -> Result<ToolResult, CallError> {
    call_with(&client(), &forecast(&mock.uri()), "look", json!({ "city": "Bern" })).await
}

#[tokio::test]
async fn arguments_go_to_their_places() {
    let mock = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/v1/cities/a%2Fb%3Fx%3D1/forecast"))
        .and(query_param("key", "of the endpoint"))
        .and(query_param("days", "3"))
        .and(query_param("units", "a&b=c"))
        .and(header("switchyard-execution-id", "0198c0de-0000-7000-8000-000000000000"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "message": "sunny" })))
        .expect(1)
        .mount(&mock)
        .await;
    let server = forecast(&format!("{}/v1/?key=of+the+endpoint", mock.uri()));
    let arguments = json!({ "city": "a/b?x=1", "days": 3, "units": "a&b=c" });
    let result = call_with(&client(), &server, "look", arguments).await.unwrap();
    assert_eq!(result.structured, Some(json!({ "message": "sunny" })));
    assert_eq!((result.text.as_str(), result.is_error), (r#"{"message":"sunny"}"#, false));
    assert!(mock.received_requests().await.unwrap()[0].body.is_empty());
}

#[tokio::test]
async fn a_tool_without_a_declaration_is_a_post_to_its_name() {
    let mock = MockServer::start().await;
    let arguments = json!({ "name": "Bern", "at": { "lat": 47 } });
    Mock::given(method("POST"))
        .and(path("/v1/add_city"))
        .and(body_json(&arguments))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&mock)
        .await;
    let server = rest(&format!("{}/v1", mock.uri()), json!({}));
    let result = call_with(&client(), &server, "add_city", arguments).await.unwrap();
    assert_eq!((result.text.as_str(), result.structured), ("HTTP 204 without content", None));
}

#[tokio::test]
async fn what_is_not_in_path_or_query_is_the_body() {
    let mock = MockServer::start().await;
    Mock::given(method("PATCH"))
        .and(path("/cities/7"))
        .and(query_param("dry", "true"))
        .and(body_json(json!({ "name": "Bern" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([1, 2])))
        .expect(1)
        .mount(&mock)
        .await;
    let server = rest(&mock.uri(), json!({ "method": "PATCH", "path": "/cities/{id}", "query": ["dry", "tag"] }));
    let arguments = json!({ "id": 7, "dry": true, "name": "Bern", "tag": null });
    let result = call_with(&client(), &server, "look", arguments).await.unwrap();
    assert_eq!(result.structured, Some(json!([1, 2])));
}

#[tokio::test]
async fn arguments_that_fit_nowhere_stop_the_call() {
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&mock).await;
    for (arguments, name) in [
        (json!({}), "city"),
        (json!({ "city": null }), "city"),
        (json!({ "city": ".." }), "city"),
        (json!({ "city": "../../admin" }), "city"),
        (json!({ "city": ["a"] }), "city"),
        (json!({ "city": "a", "days": { "x": 1 } }), "days"),
        (json!({ "city": "a", "days": [[1]] }), "days"),
        (json!({ "city": "a", "other": 1 }), "other"),
    ] {
        let error = call_with(&client(), &forecast(&mock.uri()), "look", arguments.clone()).await.unwrap_err();
        assert!(
            matches!(&error.failure, Failure::Argument { name: found, .. } if found == name),
            "{arguments}: {error}"
        );
        assert!(!error.may_have_run());
    }
}

#[tokio::test]
async fn answers_of_all_kinds() {
    for (media_type, body, text, structured) in [
        ("text/plain; charset=utf-8", "sunny", "sunny", None),
        ("application/problem+json", "{\"a\":1}", "{\"a\":1}", Some(json!({ "a": 1 }))),
        ("application/json", "null", "null", None),
        ("application/json;charset=utf-8", "\"x\"", "\"x\"", Some(json!("x"))),
        ("image/png", "....", "[4 bytes of image/png]", None),
    ] {
        let mock = answering(ResponseTemplate::new(200).set_body_raw(body, media_type)).await;
        let result = asked(&mock).await.unwrap();
        assert_eq!((result.text.as_str(), result.structured), (text, structured), "{media_type}");
    }
    let broken = answering(ResponseTemplate::new(200).set_body_raw("<html>", "application/json")).await;
    let error = asked(&broken).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Unreadable(_)) && error.may_have_run(), "{error}");
}

#[tokio::test]
async fn refusals_keep_their_words_and_say_whether_the_tool_may_have_run() {
    for (status, may_have_run) in
        [(400, false), (404, false), (409, false), (422, false), (429, false), (500, true), (503, true)]
    {
        let mock = answering(ResponseTemplate::new(status).set_body_string("no\n such  city")).await;
        let error = asked(&mock).await.unwrap_err();
        assert_eq!(error.failure, Failure::Http { status, message: "no such city".to_owned() });
        assert_eq!(error.may_have_run(), may_have_run, "{status}");
        assert_eq!(mock.received_requests().await.unwrap().len(), 1, "{status} was sent again");
    }
    let long = answering(ResponseTemplate::new(400).set_body_string("x".repeat(5000))).await;
    assert!(asked(&long).await.unwrap_err().to_string().chars().count() < 600);
    let target = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&target).await;
    for status in [301, 307] {
        let mock =
            answering(ResponseTemplate::new(status).insert_header("location", target.uri()).set_body_string("x")).await;
        assert_eq!(asked(&mock).await.unwrap_err().failure, Failure::Status { status });
    }
}

#[tokio::test]
async fn endless_and_broken_answers_end() {
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
    let url = raw(ENDLESS, &[b'x'; 65536], true).await;
    let error = call_with(&client(), &forecast(&url), "look", json!({ "city": "a" })).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Oversized { .. }) && error.may_have_run(), "{error}");
    let refused = raw("HTTP/1.1 400 No\r\ncontent-type: text/plain\r\n\r\n", &[b'x'; 65536], true).await;
    let error = call_with(&client(), &forecast(&refused), "look", json!({ "city": "a" })).await.unwrap_err();
    assert_eq!(error.failure, Failure::Status { status: 400 });
    let cut = raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", b"{", false).await;
    let error = call_with(&client(), &forecast(&cut), "look", json!({ "city": "a" })).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Interrupted(_)) && error.may_have_run(), "{error}");
}

#[tokio::test]
async fn the_api_key_goes_along_and_is_renewed() {
    let aws = secret("tools", "api_key", "the-key").await;
    let mock = MockServer::start().await;
    let accepted = ResponseTemplate::new(200).set_body_string("ok");
    Mock::given(header("x-api-key", "the-key")).respond_with(accepted).expect(1).mount(&mock).await;
    let keyed = |url: &str| Server { authentication_type: AuthenticationType::ApiKey, ..forecast(url) };
    let client = client_with(&aws.uri(), open_guard());
    call_with(&client, &keyed(&mock.uri()), "look", json!({ "city": "a" })).await.unwrap();

    let other = MockServer::start().await;
    Mock::given(header_exists("x-api-key")).respond_with(ResponseTemplate::new(401)).expect(1).mount(&other).await;
    let error = call_with(&client, &keyed(&other.uri()), "look", json!({ "city": "a" })).await.unwrap_err();
    assert!(error.to_string().contains("switchyard/test/mcp/tools/api_key") && !error.may_have_run(), "{error}");
}
