//! Servers behind `lambda:Invoke`.

use tokio::io::AsyncReadExt as _;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, body_partial_json, method, path, query_param},
};

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:team-tools";
const MODERN: Option<&str> = Some("2026-07-28");

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A")
}

async fn invoking(response: ResponseTemplate) -> MockServer {
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&mock).await;
    mock
}

fn rejection(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("x-amzn-errortype", code)
        .set_body_json(json!({"Type": "User", "Message": "no"}))
}

#[tokio::test]
async fn a_call_is_one_invocation_with_the_raw_message() {
    let mock = MockServer::start().await;
    let answer = |request: &Request| {
        let body: serde_json::Value = request.body_json().unwrap();
        let result = json!({"resultType": "complete", "content": [{"type": "text", "text": "ok"}], "structuredContent": {"a": 1}});
        ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
    };
    Mock::given(method("POST"))
        .and(path(format!("/2015-03-31/functions/{}/invocations", encoded(ARN))))
        .and(query_param("Qualifier", "live"))
        .and(body_partial_json(json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "echo", "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28"
        }}})))
        .respond_with(answer)
        .expect(1)
        .mount(&mock)
        .await;
    let server = server(&format!("{ARN}:live"), MODERN);
    let result = call(&client_with(&mock.uri(), open_guard()), &server, "echo").await.unwrap();
    assert_eq!((result.text.as_str(), result.structured), ("ok", Some(json!({"a": 1}))));
}

#[tokio::test]
async fn a_legacy_function_is_discovered_by_its_handshake() {
    let mock = MockServer::start().await;
    let answer = |request: &Request| {
        let body: serde_json::Value = request.body_json().unwrap();
        let result = match body["method"].as_str().unwrap() {
            "initialize" => {
                json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}})
            }
            "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
            _ => {
                return ResponseTemplate::new(200)
                    .insert_header("x-amz-function-error", "Unhandled")
                    .set_body_json(json!({"errorMessage": "unknown method"}));
            }
        };
        ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
    };
    Mock::given(method("POST")).respond_with(answer).mount(&mock).await;
    let found = client_with(&mock.uri(), open_guard()).discover(&server(ARN, None), soon()).await.unwrap();
    assert_eq!((found.mcp_version.as_str(), found.tools.len()), ("2025-06-18", 1));
}

#[tokio::test]
async fn each_failure_of_an_invocation_is_its_own() {
    let failed = ResponseTemplate::new(200)
        .insert_header("x-amz-function-error", "Unhandled")
        .set_body_json(json!({"errorMessage": "Task timed out after 3.00 seconds", "errorType": "Sandbox.Timedout"}));
    let denied = Failure::FunctionDenied { arn: ARN.to_owned(), stage: STAGE.to_owned() };
    let invoke = |code: &str, may_have_run| Failure::Invoke { code: code.to_owned(), may_have_run };
    for (response, expected) in [
        (failed, Failure::Function("Task timed out after 3.00 seconds".to_owned())),
        (rejection(404, "ResourceNotFoundException"), Failure::FunctionMissing(ARN.to_owned())),
        (rejection(403, "AccessDeniedException"), denied),
        (rejection(429, "TooManyRequestsException"), Failure::FunctionThrottled),
        (rejection(413, "RequestTooLargeException"), invoke("RequestTooLargeException", false)),
        (rejection(500, "ServiceException"), invoke("ServiceException", true)),
    ] {
        let mock = invoking(response).await;
        let found = failure(&client_with(&mock.uri(), open_guard()), &server(ARN, MODERN), "echo").await;
        assert_eq!(found.1, expected.may_have_run());
        assert_eq!(found.0, expected);
        assert_eq!(mock.received_requests().await.unwrap().len(), 1, "invoked again after {expected}");
    }
}

#[tokio::test]
async fn answers_that_are_not_mcp_or_too_large_or_late_are_refused() {
    let http_shape = invoking(ResponseTemplate::new(200).set_body_json(json!({"statusCode": 200, "body": "{}"}))).await;
    let (found, _) = failure(&client_with(&http_shape.uri(), open_guard()), &server(ARN, MODERN), "echo").await;
    assert!(matches!(found, Failure::Malformed(_)), "{found:?}");

    let large = invoking(ResponseTemplate::new(200).set_body_string("x".repeat(5 * 1024 * 1024))).await;
    let (found, _) = failure(&client_with(&large.uri(), open_guard()), &server(ARN, MODERN), "echo").await;
    assert!(matches!(found, Failure::Oversized { .. }), "{found:?}");

    let late = invoking(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let client = client_with(&late.uri(), open_guard());
    let deadline = Instant::now() + Duration::from_millis(300);
    let error = client
        .call_tool(&server(ARN, MODERN), "echo", JsonObject::new(), JsonObject::new(), deadline)
        .await
        .unwrap_err();
    assert!(matches!(error.failure, Failure::Timeout { .. }) && error.may_have_run(), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_after_the_request_may_have_run_and_one_never_made_has_not() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closing = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 64 * 1024]).await;
        }
    });
    let (found, may_have_run) = failure(&client_with(&closing, open_guard()), &server(ARN, MODERN), "echo").await;
    assert!(matches!(found, Failure::Interrupted(_)) && may_have_run, "{found:?}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (found, may_have_run) =
        failure(&client_with(&format!("http://{closed}"), open_guard()), &server(ARN, MODERN), "echo").await;
    assert!(matches!(found, Failure::Invoke { .. }) && !may_have_run, "{found:?}");
}

#[tokio::test]
async fn a_function_that_fails_the_handshake_has_not_run_the_tool() {
    for version in [None, Some("2025-11-25")] {
        let crashing = invoking(
            ResponseTemplate::new(200)
                .insert_header("x-amz-function-error", "Unhandled")
                .set_body_json(json!({"errorMessage": "cannot start"})),
        )
        .await;
        let client = client_with(&crashing.uri(), open_guard());
        let found = failure(&client, &server(ARN, version), "echo").await;
        assert_eq!(found, (Failure::Function("cannot start".to_owned()), false), "{version:?}");
    }
}

#[tokio::test]
async fn our_own_handlers_are_never_invoked() {
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&mock).await;
    let own = ARN.replace("team-tools", "switchyard-test-memory_manager:live");
    let (found, may_have_run) = failure(&client_with(&mock.uri(), open_guard()), &server(&own, MODERN), "echo").await;
    assert!(matches!(found, Failure::Refused(_)), "{found:?}");
    assert!(!may_have_run);
}

#[tokio::test]
async fn a_function_needs_the_tag_or_the_operators_word() {
    for (tags, expected) in
        [(json!({"switchyard-mcp": STAGE}), true), (json!({"switchyard-mcp": "prod"}), false), (json!({}), false)]
    {
        let mock = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path(format!("/2017-03-31/tags/{}", encoded(ARN))))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"Tags": tags})))
            .expect(1)
            .mount(&mock)
            .await;
        let checked =
            client_with(&mock.uri(), open_guard()).check_endpoint(&server(&format!("{ARN}:live"), None), soon()).await;
        assert_eq!(checked.is_ok(), expected, "{tags}");
    }
    let reach = Reach { stage: STAGE.to_owned(), invocable_functions: vec![ARN.to_owned()], ..Reach::default() };
    let listed = client_with("http://127.0.0.1:9", Guard::new(&reach).unwrap());
    assert!(listed.check_endpoint(&server(ARN, None), soon()).await.is_ok());
}
