//! Client credentials, and to whom they and their tokens go.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, body_string, header, header_exists, method, path},
};

use super::*;

const CLIENT: &str = r#"{"client_id": "the id", "client_secret": "s3cret:/"}"#;

fn oauth(url: &str, settings: Value) -> Server {
    let mut server = server(url, None);
    server.protocol_type = ProtocolType::Rest;
    server.authentication_type = AuthenticationType::OAuth;
    server.configuration.insert("oauth".to_owned(), settings);
    server
}

/// A token endpoint that gives `token-0`, `token-1`, … and counts.
async fn tokens(expires_in: Value) -> MockServer {
    let mock = MockServer::start().await;
    let given = AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let token = format!("token-{}", given.fetch_add(1, Ordering::SeqCst));
        let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
        ResponseTemplate::new(200).set_body_json(body).set_delay(Duration::from_millis(50))
    };
    Mock::given(method("POST")).and(path("/token")).respond_with(answer).mount(&mock).await;
    mock
}

/// A server that lets in whoever has this token.
async fn letting_in(token: &str) -> MockServer {
    let mock = MockServer::start().await;
    let ok = ResponseTemplate::new(200).set_body_string("ok");
    Mock::given(header("authorization", format!("Bearer {token}"))).respond_with(ok).mount(&mock).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&mock).await;
    mock
}

async fn count(mock: &MockServer) -> usize {
    mock.received_requests().await.unwrap().len()
}

fn at(tokens: &MockServer) -> Value {
    json!({ "token_url": format!("{}/token", tokens.uri()) })
}

#[tokio::test]
async fn many_callers_share_one_token() {
    let (aws, tokens, api) =
        (secret("tools", "oauth", CLIENT).await, tokens(json!(3600)).await, letting_in("token-0").await);
    let client = client_with(&aws.uri(), open_guard());
    let server = oauth(&api.uri(), at(&tokens));
    let calls = (0..20).map(|_| call(&client, &server, "echo"));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap().text, "ok");
    }
    assert_eq!((count(&aws).await, count(&tokens).await, count(&api).await), (1, 1, 20));
}

#[tokio::test]
async fn the_request_for_a_token_is_as_the_rfc_has_it() {
    let aws = secret("tools", "oauth", CLIENT).await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "access_token": "t", "token_type": "bearer" }));
    let api = letting_in("t").await;
    let basic = MockServer::start().await;
    Mock::given(header("authorization", "Basic dGhlK2lkOnMzY3JldCUzQSUyRg=="))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string("grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fapi"))
        .respond_with(answer.clone())
        .expect(1)
        .mount(&basic)
        .await;
    let settings = json!({ "token_url": basic.uri(), "scope": "a b", "audience": "https://api" });
    call(&client_with(&aws.uri(), open_guard()), &oauth(&api.uri(), settings), "echo").await.unwrap();

    let post = MockServer::start().await;
    Mock::given(body_string("grant_type=client_credentials&client_id=the+id&client_secret=s3cret%3A%2F"))
        .respond_with(answer)
        .expect(1)
        .mount(&post)
        .await;
    let settings = json!({ "token_url": post.uri(), "token_endpoint_auth_method": "client_secret_post" });
    call(&client_with(&aws.uri(), open_guard()), &oauth(&api.uri(), settings), "echo").await.unwrap();
    assert!(!post.received_requests().await.unwrap()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_token_that_has_ended_or_is_refused_is_fetched_again_once() {
    let aws = secret("tools", "oauth", CLIENT).await;
    let (short, api) = (tokens(json!(0)).await, letting_in("token-1").await);
    let client = client_with(&aws.uri(), open_guard());
    assert_eq!(call(&client, &oauth(&api.uri(), at(&short)), "echo").await.unwrap().text, "ok");
    assert_eq!((count(&short).await, count(&api).await), (2, 2));

    let (long, api) = (tokens(json!(3600)).await, letting_in("token-1").await);
    let server = oauth(&api.uri(), at(&long));
    for _ in 0..3 {
        assert_eq!(call(&client, &server, "echo").await.unwrap().text, "ok");
    }
    assert_eq!((count(&long).await, count(&api).await), (2, 4));

    let (long, never) = (tokens(json!(3600)).await, letting_in("no such token").await);
    let error = call(&client, &oauth(&never.uri(), at(&long)), "echo").await.unwrap_err();
    assert!(error.to_string().contains("switchyard/test/mcp/tools/oauth") && !error.may_have_run(), "{error}");
    assert_eq!((count(&long).await, count(&never).await), (2, 2));
}

#[tokio::test]
async fn mcp_servers_get_the_token_too() {
    let (aws, tokens) = (secret("tools", "oauth", CLIENT).await, tokens(json!(3600)).await);
    let mcp = MockServer::start().await;
    let success = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let result = json!({ "resultType": "complete", "content": [{ "type": "text", "text": "ok" }] });
        ResponseTemplate::new(200).set_body_json(json!({ "jsonrpc": "2.0", "id": body["id"], "result": result }))
    };
    Mock::given(header("authorization", "Bearer token-0")).respond_with(success).expect(1).mount(&mcp).await;
    let mut server = oauth(&mcp.uri(), at(&tokens));
    (server.protocol_type, server.mcp_version) = (ProtocolType::JsonRpc, Some("2026-07-28".to_owned()));
    assert_eq!(call(&client_with(&aws.uri(), open_guard()), &server, "echo").await.unwrap().text, "ok");
}

#[tokio::test]
async fn without_a_token_nothing_is_called_and_nothing_secret_is_told() {
    let api = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&api).await;
    let elsewhere = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let aws = secret("tools", "oauth", CLIENT).await;
    let echo = |request: &Request| {
        let told =
            json!({ "error": request.headers["authorization"].to_str().unwrap(), "error_description": "s3cret" });
        ResponseTemplate::new(401).set_body_json(told)
    };
    let (echoing, redirecting) = (MockServer::start().await, MockServer::start().await);
    Mock::given(any()).respond_with(echo).mount(&echoing).await;
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    Mock::given(any()).respond_with(redirect).mount(&redirecting).await;
    for (tokens, part) in [(&echoing, "it answered HTTP 401."), (&redirecting, "it answered HTTP 307.")] {
        let client = client_with(&aws.uri(), open_guard());
        let error = call(&client, &oauth(&api.uri(), at(tokens)), "echo").await.unwrap_err();
        assert!(error.to_string().contains(part) && !error.may_have_run(), "{error}");
        let all = format!("{error:?} {error} {client:?}");
        assert!(!all.contains("s3cret") && !all.contains("Basic") && !all.contains("the id"), "{all}");
    }
    for value in ["not json s3cret", "{\"client_id\": \"s3cret\"}", "{\"client_id\": 1, \"client_secret\": \"s3cret\"}"]
    {
        let aws = secret("tools", "oauth", value).await;
        let client = client_with(&aws.uri(), open_guard());
        let error = call(&client, &oauth(&api.uri(), at(&echoing)), "echo").await.unwrap_err();
        assert!(matches!(error.failure, Failure::SecretUnusable { .. }) && !error.may_have_run(), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

/// A name that leads inside, a literal address, plain http: the token endpoint is no way around the guard.
#[tokio::test]
async fn the_token_endpoint_is_under_the_guard() {
    let aws = secret("tools", "oauth", CLIENT).await;
    let guard = || Guard::new(&Reach { stage: STAGE.to_owned(), ..Reach::default() }).unwrap();
    let inside = guard().with_lookup(|_| vec!["10.0.0.7".parse().unwrap()]);
    for (guard, token_url) in [
        (inside, "https://id.example/token"),
        (guard(), "https://169.254.169.254/token"),
        (guard(), "http://id.example/token"),
        (guard(), "https://user:password@id.example/token"),
    ] {
        let server = oauth("https://api.example/", json!({ "token_url": token_url }));
        let error = call(&client_with(&aws.uri(), guard), &server, "echo").await.unwrap_err();
        assert!(matches!(error.failure, Failure::Refused(_)) && !error.may_have_run(), "{token_url}: {error}");
    }
}

/// Whatever a server's entry says, only the secret under its own id is read.
#[tokio::test]
async fn another_servers_credentials_are_never_read() {
    let aws = secret("victim", "oauth", CLIENT).await;
    let tokens = MockServer::start().await;
    Mock::given(header_exists("authorization")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&tokens).await;
    let client = client_with(&aws.uri(), open_guard());
    for settings in [
        at(&tokens),
        json!({ "token_url": tokens.uri(), "server_id": "victim" }),
        json!({ "token_url": tokens.uri(), "secret": "switchyard/test/mcp/victim/oauth" }),
    ] {
        assert!(call(&client, &oauth(&tokens.uri(), settings), "echo").await.is_err());
    }
    for server_id in ["tools", "victim/oauth", "../victim", "x/../victim", "VICTIM", ""] {
        let mut server = oauth(&tokens.uri(), at(&tokens));
        server.server_id = server_id.to_owned();
        assert!(call(&client, &server, "echo").await.is_err(), "{server_id}");
    }
    for request in aws.received_requests().await.unwrap() {
        assert!(!String::from_utf8_lossy(&request.body).contains("victim"), "{request:?}");
    }
}
