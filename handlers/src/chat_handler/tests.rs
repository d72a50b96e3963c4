use axum::{
    body::Body,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::agents::{
    Report,
    fake::{FakeBedrock, Part, Script, answered, called, chunk, exception},
};

mod deadline;
mod failure;
mod fuzz;
mod log;
mod stream;

const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
const BOB: &str = "arn:aws:iam::123456789012:user/bob";

/// The event of a REST API with Lambda proxy integration and IAM authorisation, with the fields AWS documents.
fn event(body: &str) -> Value {
    json!({
        "resource": "/chat", "path": "/chat", "httpMethod": "POST",
        "headers": { "Content-Type": "application/json", "Host": "abcdef1234.execute-api.us-east-1.amazonaws.com" },
        "multiValueHeaders": {
            "Content-Type": ["application/json"], "Host": ["abcdef1234.execute-api.us-east-1.amazonaws.com"],
        },
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": null, "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012", "resourceId": "a1b2c3", "stage": "prod", "requestId": "gateway-request",
            "resourcePath": "/chat", "path": "/prod/chat", "httpMethod": "POST", "apiId": "abcdef1234", "protocol": "HTTP/1.1",
            "requestTime": "20/Nov/2026:10:00:00 +0000", "requestTimeEpoch": 1_795_168_800_000_u64,
            "identity": {
                "accountId": "123456789012", "caller": "AIDACKCEVSQ6C2EXAMPLE", "user": "AIDACKCEVSQ6C2EXAMPLE",
                "userArn": ALICE, "accessKey": "AKIAIOSFODNN7EXAMPLE", "sourceIp": "192.0.2.1", "userAgent": "curl/8",
                "cognitoIdentityId": null, "apiKey": null,
            },
        },
        "body": body, "isBase64Encoded": false,
    })
}

fn header(mut event: Value, name: &str, value: &str) -> Value {
    event["headers"][name] = json!(value);
    event["multiValueHeaders"][name] = json!([value]);
    event
}

fn caller(mut event: Value, arn: Option<&str>) -> Value {
    event["requestContext"]["identity"]["userArn"] = json!(arn);
    event
}

fn events(event: Value) -> Value {
    header(event, "Accept", "text/event-stream")
}

/// The application before `bedrock`, in a mode.
fn chat(bedrock: &FakeBedrock, mode: ResponseMode) -> Router {
    let config = env::ChatHandler { orchestrator_agent: "ORCHESTRAT/LOCAL".to_owned(), response_mode: mode };
    app(Chat::new(&config, &crate::test_support::sdk_config(&bedrock.endpoint)).unwrap())
}

/// What the event becomes on its way through lambda_http and the runtime.
fn request(event: &Value, left: Duration) -> axum::http::Request<lambda_http::Body> {
    invoked(lambda_http::request::from_str(&event.to_string()).unwrap(), left)
}

/// The request with what the runtime adds.
fn invoked(mut request: lambda_http::Request, left: Duration) -> lambda_http::Request {
    request.extensions_mut().insert(Invocation {
        request_id: "lambda-request".to_owned(),
        deadline: Instant::now() + left,
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-chat_handler".to_owned(),
        client_context: None,
    });
    request
}

const MINUTE: Duration = Duration::from_secs(60);

async fn send_within(app: Router, event: &Value, left: Duration) -> (axum::http::response::Parts, Vec<u8>) {
    exchange(app, request(event, left)).await
}

async fn exchange(app: Router, request: lambda_http::Request) -> (axum::http::response::Parts, Vec<u8>) {
    let response = app.oneshot(request.map(Body::new)).await.unwrap();
    let (parts, body) = response.into_parts();
    assert_eq!(parts.headers.get_all(CACHE_CONTROL).iter().collect::<Vec<_>>(), ["no-store"]);
    assert_eq!(parts.headers.len(), parts.headers.keys_len(), "no header is repeated");
    (parts, body.collect().await.unwrap().to_bytes().to_vec())
}

async fn send(app: Router, event: &Value) -> (axum::http::response::Parts, Value) {
    let (parts, body) = send_within(app, event, MINUTE).await;
    (parts, serde_json::from_slice(&body).unwrap())
}

/// Sends, and checks that the answer is a problem document of this status.
async fn problem_of(app: Router, event: &Value, status: u16) -> (axum::http::HeaderMap, Value) {
    let (parts, body) = send(app, event).await;
    assert_eq!(parts.status.as_u16(), status, "{body}");
    check_problem(&body, status);
    assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
    (parts.headers, body)
}

fn check_problem(body: &Value, status: u16) {
    assert_eq!(body["status"], status, "{body}");
    assert_eq!(body["request_id"], "lambda-request");
    assert_eq!(body["type"], "about:blank");
    for member in ["title", "detail"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
}

const HELLO: &str = r#"{"message":"Deploy bootstrap in dev","session_id":"s-1"}"#;

/// A run in which the orchestrator asks the history and has the bootstrap specialist work.
fn deployment() -> Vec<Part> {
    let inner = Step {
        agent: "bootstrap".to_owned(),
        action_group: "pipelines".to_owned(),
        function: "execute_bootstrap_pipeline".to_owned(),
        parameters: BTreeMap::from([("environment".to_owned(), "dev".to_owned())]),
        result: r#"{"message":"Started 0198."}"#.to_owned(),
    };
    let report = Report { message: "I started it.".to_owned(), agent: "bootstrap".to_owned(), steps: vec![inner] };
    vec![
        called("t-0", "memory-operations", "query_deployments", &[("environment", "dev")]),
        answered("t-0", r#"{"message":"Nothing is deployed in dev."}"#),
        called("t-1", "invoke-specialized-agent", "invoke_agent", &[("agent_type", "bootstrap")]),
        answered("t-1", &json!(report).to_string()),
        chunk("The pipeline is "),
        chunk("running: 0198."),
    ]
}

#[tokio::test]
async fn a_message_is_answered_with_reply_and_steps() {
    for mode in [ResponseMode::Buffered, ResponseMode::Stream] {
        let bedrock = FakeBedrock::streaming(deployment()).await;
        let (parts, body) = send(chat(&bedrock, mode), &event(HELLO)).await;
        assert_eq!(parts.status, StatusCode::OK);
        assert_eq!(parts.headers[CONTENT_TYPE], "application/json");
        assert_eq!(body["session_id"], "s-1");
        assert_eq!(body["reply"], "The pipeline is running: 0198.");
        let steps: Vec<_> =
            body["steps"].as_array().unwrap().iter().map(|s| (&s["agent"], &s["function"], &s["result"])).collect();
        assert_eq!(
            json!(steps),
            json!([
                ["orchestrator", "query_deployments", r#"{"message":"Nothing is deployed in dev."}"#],
                ["orchestrator", "invoke_agent", "I started it."],
                ["bootstrap", "execute_bootstrap_pipeline", r#"{"message":"Started 0198."}"#],
            ])
        );
        let asked = bedrock.asked().remove(0);
        assert_eq!(asked.body["inputText"], "Deploy bootstrap in dev");
        assert_eq!(
            asked.body["sessionState"]["sessionAttributes"],
            json!({ "requested_by": ALICE, "session_id": asked.session })
        );
        assert!(asked.body.get("streamingConfigurations").is_none());
    }
}

#[tokio::test]
async fn the_same_session_id_of_two_callers_is_two_sessions() {
    let bedrock = FakeBedrock::streaming([chunk("ok")]).await;
    for arn in [ALICE, BOB, ALICE] {
        send(chat(&bedrock, ResponseMode::Buffered), &caller(event(HELLO), Some(arn))).await;
    }
    let sessions: Vec<_> = bedrock.asked().into_iter().map(|asked| asked.session).collect();
    assert_eq!(sessions[0], sessions[2]);
    assert_ne!(sessions[0], sessions[1]);
    assert!(sessions.iter().all(|session| session != "s-1"));
}

#[tokio::test]
async fn without_a_session_id_there_is_a_new_one_to_go_on_with() {
    let bedrock = FakeBedrock::streaming([chunk("ok")]).await;
    let new = event(r#"{"message":"hi"}"#);
    let (_, first) = send(chat(&bedrock, ResponseMode::Buffered), &new).await;
    let (_, second) = send(chat(&bedrock, ResponseMode::Buffered), &new).await;
    assert_ne!(first["session_id"], second["session_id"]);
    let again = event(&json!({ "message": "hi", "session_id": first["session_id"] }).to_string());
    send(chat(&bedrock, ResponseMode::Buffered), &again).await;
    let asked = bedrock.asked();
    assert_eq!(asked[0].session, asked[2].session);
}

#[tokio::test]
async fn a_base64_body_and_a_path_without_stage_work() {
    let bedrock = FakeBedrock::streaming([chunk("ok")]).await;
    let mut encoded = event(&STANDARD.encode(HELLO));
    encoded["isBase64Encoded"] = json!(true);
    let mut bare = event(HELLO);
    bare["requestContext"]["stage"] = json!("$default");
    assert_eq!(request(&encoded, MINUTE).uri().path(), "/prod/chat");
    assert_eq!(request(&bare, MINUTE).uri().path(), "/chat");
    for event in [encoded, bare] {
        assert_eq!(send(chat(&bedrock, ResponseMode::Buffered), &event).await.1["reply"], "ok");
    }
}

#[tokio::test]
async fn each_door_says_what_is_wrong() {
    let bedrock = FakeBedrock::streaming([chunk("never")]).await;
    let app = || chat(&bedrock, ResponseMode::Stream);
    for accept in ["*/*", "text/event-stream"] {
        let good = header(event(HELLO), "Accept", accept);
        let mut get = good.clone();
        get["httpMethod"] = json!("GET");
        let (headers, _) = problem_of(app(), &get, 405).await;
        assert_eq!(headers[ALLOW], "POST");
        let mut elsewhere = good.clone();
        elsewhere["path"] = json!("/chats");
        problem_of(app(), &elsewhere, 404).await;
        problem_of(app(), &caller(good.clone(), None), 401).await;
        problem_of(app(), &caller(good.clone(), Some("arn:aws:sts::123456789012:federated-user/x")), 403).await;
        problem_of(app(), &header(good.clone(), "Content-Type", "text/plain"), 415).await;
        let mut body = good;
        body["body"] = json!("x".repeat(400_000));
        problem_of(app(), &body, 413).await;
        body["body"] = json!(json!({ "message": "x".repeat(25_001) }).to_string());
        problem_of(app(), &body, 413).await;
        for wrong in [
            "",
            "hello",
            "[]",
            "{}",
            r#"{"message":" "}"#,
            r#"{"message":"x","a":1}"#,
            r#"{"message":"x","session_id":"#,
        ] {
            body["body"] = json!(wrong);
            problem_of(app(), &body, 400).await;
        }
        body["body"] = json!(r#"{"message":"x","session_id":"not allowed"}"#);
        problem_of(app(), &body, 400).await;
        body["body"] = Value::Null;
        problem_of(app(), &body, 400).await;
    }
    assert!(bedrock.asked().is_empty());
}

#[tokio::test]
async fn failures_of_bedrock_have_their_status_in_every_mode() {
    for (kind, status) in [
        ("ThrottlingException", 429),
        ("DependencyFailedException", 424),
        ("BadGatewayException", 502),
        ("AccessDeniedException", 500),
        ("ConflictException", 409),
    ] {
        let bedrock = FakeBedrock::start(Script::Refusal(400, kind, json!({ "message": "inside" }), None)).await;
        for (mode, event) in [(ResponseMode::Buffered, event(HELLO)), (ResponseMode::Stream, events(event(HELLO)))] {
            let (headers, body) = problem_of(chat(&bedrock, mode), &event, status).await;
            assert_eq!(headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap()), (status == 429).then_some("15"));
            assert!(!body.to_string().contains("inside"), "{body}");
        }
    }
    let name = |kind: &str| exception(kind, &json!({ "message": "inside" }));
    for (parts, status) in [
        (vec![chunk("I st"), name("throttlingException")], 429),
        (vec![name("dependencyFailedException")], 424),
        (vec![], 502),
    ] {
        let bedrock = FakeBedrock::streaming(parts).await;
        let (headers, _) = problem_of(chat(&bedrock, ResponseMode::Buffered), &event(HELLO), status).await;
        assert_eq!(headers.contains_key(RETRY_AFTER), status == 429);
    }
}

#[tokio::test]
async fn a_buffered_integration_gets_json_whatever_it_accepts() {
    let bedrock = FakeBedrock::streaming([chunk("ok")]).await;
    let (parts, body) = send(chat(&bedrock, ResponseMode::Buffered), &events(event(HELLO))).await;
    assert_eq!(parts.headers[CONTENT_TYPE], "application/json");
    assert_eq!(body["reply"], "ok");
}

#[tokio::test]
async fn a_request_without_an_invocation_is_our_fault() {
    let bedrock = FakeBedrock::streaming([]).await;
    let request = axum::http::Request::post("/chat").body(Body::empty()).unwrap();
    let response = chat(&bedrock, ResponseMode::Buffered).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn an_orchestrator_that_is_no_agent_is_found_at_the_start() {
    let config =
        env::ChatHandler { orchestrator_agent: "orchestrator".to_owned(), response_mode: ResponseMode::Buffered };
    let error = Chat::new(&config, &crate::test_support::sdk_config("http://127.0.0.1:9")).unwrap_err();
    assert!(error.message().starts_with("ORCHESTRATOR_AGENT"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_sent_is_answered_with_a_problem_document(
        body in "\\PC{0,80}|\\{\"message\":[ -~]{0,30}\\}", method in "GET|PUT|POST|DELETE|OPTIONS", media in "application/json|[ -~]{0,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // Nobody listens there, so that even a valid message ends in a problem.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            drop(listener);
            let config = env::ChatHandler {
                orchestrator_agent: "A/B".to_owned(), response_mode: ResponseMode::Stream,
            };
            let app = app(Chat::new(&config, &crate::test_support::sdk_config(&endpoint)).unwrap());
            let mut event = header(event(&body), "Content-Type", &media);
            event["httpMethod"] = json!(method);
            let (parts, body) = send(app, &event).await;
            assert!(parts.status.is_client_error() || parts.status.is_server_error());
            check_problem(&body, parts.status.as_u16());
        });
    }
}
