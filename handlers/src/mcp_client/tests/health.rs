//! Health checks: what is asked, what counts as healthy, and who gets to see a key.

use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, header, method, path},
};

use super::{
    http::{answering, raw},
    *,
};
use crate::mcp_client::test_server::{Style, TestServer, older};

const MODERN: Option<&str> = Some("2026-07-28");
const LEGACY: Option<&str> = Some("2025-11-25");

fn of(protocol_type: ProtocolType, url: &str) -> Server {
    Server { protocol_type, ..server(url, None) }
}

fn with_url(server: Server, url: &str) -> Server {
    Server { health_check_url: Some(url.to_owned()), ..server }
}

fn with_key(server: Server) -> Server {
    Server { authentication_type: AuthenticationType::ApiKey, ..server }
}

async fn check(server: &Server) -> Result<Health, Failure> {
    client().check_health(server, soon()).await.map_err(|error| error.failure)
}

/// Methods of the JSON-RPC requests that a server got.
async fn methods(mock: &MockServer) -> Vec<String> {
    let requests = mock.received_requests().await.unwrap();
    requests
        .iter()
        .filter_map(|request| Some(request.body_json::<serde_json::Value>().ok()?["method"].as_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn an_mcp_server_is_asked_in_its_own_version() {
    for (style, stored, expected) in [
        (Style::Json, MODERN, "2026-07-28"),
        (Style::Events, MODERN, "2026-07-28"),
        (Style::Json, None, "2026-07-28"),
        (Style::Json, LEGACY, "2025-11-25"),
        (Style::Sessions, LEGACY, "2025-11-25"),
        (Style::Sessions, None, "2026-07-28"),
    ] {
        let fixture = TestServer::start(style).await;
        let health = check(&server(&fixture.url, stored)).await.unwrap();
        assert_eq!(health.mcp_version.as_deref(), Some(expected), "{style:?} {stored:?}");
        if expected == "2026-07-28" {
            assert_eq!(fixture.requests(), 1, "{style:?} {stored:?}");
        }
    }
}

#[tokio::test]
async fn an_older_server_is_pinged_and_need_not_know_ping() {
    for (ping, healthy) in [
        (json!({ "result": {} }), true),
        (json!({ "error": { "code": -32601, "message": "Method not found" } }), true),
        (json!({ "error": { "code": -32603, "message": "out of order" } }), false),
    ] {
        let mock = older(ping).await;
        let found = check(&server(&mock.uri(), LEGACY)).await;
        assert_eq!(found.is_ok(), healthy, "{found:?}");
        assert_eq!(methods(&mock).await, ["initialize", "notifications/initialized", "ping"]);
    }
}

#[tokio::test]
async fn a_server_that_went_back_to_an_older_version_is_found_to_speak_it() {
    let discovers = ["server/discover", "initialize", "notifications/initialized", "ping"];
    for stored in [MODERN, None] {
        let mock = older(json!({ "result": {} })).await;
        let health = check(&server(&mock.uri(), stored)).await.unwrap();
        assert_eq!(health.mcp_version.as_deref(), LEGACY);
        assert_eq!(methods(&mock).await, discovers, "{stored:?}");
    }
}

#[tokio::test]
async fn an_mcp_server_that_fails_is_asked_no_more() {
    for (status, requests) in [(500, 1), (503, 1), (401, 1)] {
        let mock = answering(ResponseTemplate::new(status)).await;
        check(&server(&mock.uri(), MODERN)).await.unwrap_err();
        assert_eq!(mock.received_requests().await.unwrap().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn a_health_url_speaks_for_its_server() {
    let json = |body: &str| ResponseTemplate::new(200).set_body_raw(body, "application/json");
    for (answer, healthy) in [
        (ResponseTemplate::new(200).set_body_string("fine"), true),
        (ResponseTemplate::new(204), true),
        (json(r#"{"status": "healthy", "timestamp": "2024-01-01T00:00:00Z"}"#), true),
        (json(r#"{"status": "something else"}"#), true),
        (json(r#"{"status": 0}"#), true),
        (json("[]"), true),
        (json("not JSON"), true),
        (json(r#"{"status": "unhealthy"}"#), false),
        (json(r#"{"status": "Unhealthy"}"#), false),
        (json(r#"{"status": "DOWN"}"#), false),
        (
            ResponseTemplate::new(200).set_body_raw(r#"{"status": "fail"}"#, "application/health+json; charset=utf-8"),
            false,
        ),
        (ResponseTemplate::new(200).set_body_raw(r#"{"status": "unhealthy"}"#, "text/plain"), true),
        (ResponseTemplate::new(503).set_body_raw(r#"{"status": "healthy"}"#, "application/json"), false),
        (ResponseTemplate::new(404), false),
        (ResponseTemplate::new(302).insert_header("location", "https://example.com/"), false),
    ] {
        let mock = answering(answer.clone()).await;
        for protocol in [ProtocolType::JsonRpc, ProtocolType::Rest, ProtocolType::GraphQl] {
            let server = with_url(of(protocol, "http://127.0.0.1:9/mcp"), &format!("{}/health?deep=1", mock.uri()));
            let found = check(&server).await;
            assert_eq!(found.is_ok(), healthy, "{protocol}, {answer:?}: {found:?}");
        }
        for request in mock.received_requests().await.unwrap() {
            assert_eq!(
                (request.method.as_str(), request.url.path(), request.url.query()),
                ("GET", "/health", Some("deep=1"))
            );
        }
    }
}

#[tokio::test]
async fn a_redirecting_health_url_leads_nowhere() {
    let target = MockServer::start().await;
    let mock = answering(ResponseTemplate::new(307).insert_header("location", target.uri())).await;
    let found = check(&with_url(server(&mock.uri(), None), &mock.uri())).await;
    assert_eq!(found, Err(Failure::Unhealthy("its health URL answered HTTP 307".to_owned())));
    assert!(target.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let url = raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", &[b' '; 65536], true).await;
    assert!(matches!(check(&with_url(server(&url, None), &url)).await, Err(Failure::Oversized { .. })));
    let url = raw("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n", &[b' '; 65536], true).await;
    check(&with_url(server(&url, None), &url)).await.unwrap();
    check(&of(ProtocolType::Rest, &url)).await.unwrap();
    let url = raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", &[b' '; 65536], true).await;
    assert!(matches!(check(&of(ProtocolType::GraphQl, &url)).await, Err(Failure::Oversized { .. })));
}

#[tokio::test]
async fn a_key_goes_to_a_health_url_of_the_same_origin_and_to_no_other() {
    let aws = secret("tools", "api_key", "s3cret").await;
    let client = client_with(&aws.uri(), open_guard());
    let own = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/health"))
        .and(header("x-api-key", "s3cret"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&own)
        .await;
    let other = answering(ResponseTemplate::new(200)).await;
    let server = |endpoint: &str, health: &str| with_url(with_key(of(ProtocolType::Rest, endpoint)), health);

    let endpoint = format!("{}/mcp", own.uri());
    client.check_health(&server(&endpoint, &format!("{}/health", own.uri())), soon()).await.unwrap();
    client.check_health(&server(&endpoint, &format!("{}/health", other.uri())), soon()).await.unwrap();
    let requests = other.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    for name in ["x-api-key", "authorization"] {
        assert!(!requests[0].headers.contains_key(name), "{name} was sent to another origin");
    }
}

#[tokio::test]
async fn who_is_not_let_in_learns_which_secret_to_look_at_only_where_one_was_sent() {
    let aws = secret("tools", "api_key", "s3cret").await;
    let client = client_with(&aws.uri(), open_guard());
    let mock = answering(ResponseTemplate::new(401)).await;
    let other = answering(ResponseTemplate::new(401)).await;
    let server = with_key(of(ProtocolType::Rest, &mock.uri()));
    let named = Failure::Unauthorized { status: 401, secret: Some("switchyard/test/mcp/tools/api_key".to_owned()) };
    let unnamed = Failure::Unauthorized { status: 401, secret: None };
    for (health_url, expected) in [(None, &named), (Some(mock.uri()), &named), (Some(other.uri()), &unnamed)] {
        let server = Server { health_check_url: health_url, ..server.clone() };
        assert_eq!(&client.check_health(&server, soon()).await.unwrap_err().failure, expected);
    }
}

#[tokio::test]
async fn the_health_url_of_a_lambda_function_is_asked_without_invoking_it() {
    let aws = MockServer::start().await;
    let mock = answering(ResponseTemplate::new(200)).await;
    let server = with_url(server("arn:aws:lambda:us-east-1:123456789012:function:tools", None), &mock.uri());
    client_with(&aws.uri(), open_guard()).check_health(&server, soon()).await.unwrap();
    assert!(aws.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_guard_watches_health_urls() {
    let closed = Guard::new(&Reach { stage: STAGE.to_owned(), ..Reach::default() }).unwrap();
    let client = client_with("http://127.0.0.1:9", closed);
    for url in ["https://169.254.169.254/latest/meta-data/", "https://127.0.0.1/health", "http://example.com/health"] {
        let failure = client.check_health(&with_url(server("https://example.com/mcp", None), url), soon()).await;
        let failure = failure.unwrap_err().failure;
        assert!(
            matches!(&failure, Failure::Refused(reason) if reason.starts_with("health_check_url: ")),
            "{failure:?}"
        );
    }
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:tools";
    let failure = client.check_health(&with_url(server("https://example.com/mcp", None), arn), soon()).await;
    assert!(matches!(failure.unwrap_err().failure, Failure::Misdeclared(_)));
}

#[tokio::test]
async fn a_graphql_service_has_to_answer_the_smallest_query() {
    for (answer, healthy) in [
        (ResponseTemplate::new(200).set_body_json(json!({ "data": { "__typename": "Query" } })), true),
        (ResponseTemplate::new(200).set_body_json(json!({ "errors": [{ "message": "out of order" }] })), false),
        (ResponseTemplate::new(200).set_body_json(json!({ "data": {} })), false),
        (ResponseTemplate::new(200).set_body_string("welcome"), false),
        (ResponseTemplate::new(404), false),
        (ResponseTemplate::new(500), false),
    ] {
        let mock = MockServer::start().await;
        Mock::given(method("POST"))
            .and(body_partial_json(json!({ "query": "{__typename}" })))
            .respond_with(answer.clone())
            .mount(&mock)
            .await;
        let found = check(&of(ProtocolType::GraphQl, &mock.uri())).await;
        assert_eq!(found.is_ok(), healthy, "{answer:?}: {found:?}");
    }
}

#[tokio::test]
async fn of_a_rest_server_only_life_is_asked() {
    for (status, healthy) in
        [(200, true), (302, true), (401, true), (403, true), (404, true), (405, true), (500, false), (503, false)]
    {
        let mock = answering(ResponseTemplate::new(status)).await;
        let found = check(&of(ProtocolType::Rest, &mock.uri())).await;
        assert_eq!(found.is_ok(), healthy, "{status}: {found:?}");
    }
    let gone = check(&of(ProtocolType::Rest, "http://127.0.0.1:9/")).await;
    assert!(matches!(gone, Err(Failure::Connect { .. })), "{gone:?}");
}

#[tokio::test]
async fn a_check_ends_at_its_deadline() {
    let mock = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    for server in [
        with_url(server(&mock.uri(), None), &mock.uri()),
        server(&mock.uri(), MODERN),
        of(ProtocolType::Rest, &mock.uri()),
    ] {
        let start = Instant::now();
        let failure = client().check_health(&server, start + Duration::from_millis(300)).await.unwrap_err().failure;
        assert!(matches!(failure, Failure::Timeout { .. }), "{failure:?}");
        assert!(start.elapsed() < Duration::from_secs(3));
    }
}
