//! The client against small servers.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use serde_json::{Value, json};
use url::Url;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header_exists, method, path},
};

use super::*;

fn client(server: &MockServer, path: &str) -> ChatClient {
    let url = Url::parse(&format!("{}{path}", server.uri())).unwrap();
    let credentials = Credentials::new("AKID", "secret", Some("token".to_owned()), None, "test");
    ChatClient::new(url, "eu-west-1".to_owned(), SharedCredentialsProvider::new(credentials)).unwrap()
}

fn answer() -> Value {
    json!({
        "session_id": "s1",
        "reply": "Done.",
        "steps": [{
            "agent": "orchestrator",
            "action_group": "memory-operations",
            "function": "query_deployments",
            "parameters": { "environment": "dev" },
            "result": "nothing",
        }],
    })
}

async fn server_with(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    server
}

/// Asks and writes down what is shown on the way.
async fn ask(server: &MockServer) -> (Result<Answer, ChatError>, Vec<String>) {
    let mut shown = Vec::new();
    let client = client(server, "/dev");
    let asked = client.ask("hello", None, |progress| {
        shown.push(match progress {
            Progress::Step(step) => step.function.clone(),
            Progress::Text(text) => text.to_owned(),
        });
    });
    let answer = asked.await;
    (answer, shown)
}

#[tokio::test]
async fn a_request_is_signed_and_its_answer_read() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/dev/chat"))
        .and(body_json(json!({ "message": "hello", "session_id": "s1" })))
        .and(header_exists("x-amz-date"))
        .and(header_exists("x-amz-security-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer()))
        .expect(3)
        .mount(&server)
        .await;
    for path in ["/dev", "/dev/", "/dev/chat"] {
        let answer = client(&server, path).ask("hello", Some("s1"), |_| {}).await.unwrap();
        assert_eq!((&*answer.session_id, &*answer.reply, answer.steps.len()), ("s1", "Done.", 1));
    }
    let requests = server.received_requests().await.unwrap();
    let authorization = requests[0].headers["authorization"].to_str().unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{authorization}");
    assert!(authorization.contains("/eu-west-1/execute-api/aws4_request"), "{authorization}");
    assert!(authorization.contains("SignedHeaders=accept;content-type;host;x-amz-date"), "{authorization}");
}

#[tokio::test]
async fn an_answer_at_once_shows_steps_before_text() {
    let server = server_with(ResponseTemplate::new(200).set_body_json(answer())).await;
    assert_eq!(ask(&server).await.1, ["query_deployments", "Done."]);
}

#[tokio::test]
async fn a_streamed_answer_is_shown_as_it_comes() {
    let step = answer()["steps"][0].clone();
    let body = format!(
        ": keep-alive\n\nevent: step\ndata: {step}\n\nevent: text\r\ndata: {{\"text\":\"Do\"}}\r\n\r\nevent: text\ndata: \
         {{\"text\":\"ne.\"}}\n\nevent: later\ndata: ?\n\nevent: done\ndata: {}\n\n",
        answer()
    );
    let server = server_with(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")).await;
    let (answer, shown) = ask(&server).await;
    assert_eq!(answer.unwrap().reply, "Done.");
    assert_eq!(shown, ["query_deployments", "Do", "ne."]);
}

#[tokio::test]
async fn a_stream_that_fails_or_breaks_is_an_error() {
    let problem = json!({ "status": 429, "title": "Too many requests", "detail": "Wait.", "request_id": "r1" });
    let cases = [
        (format!("event: error\ndata: {problem}\n\n"), "429 Too many requests: Wait. (request r1)"),
        ("event: step\ndata: {}\n\n".to_owned(), "event step"),
        ("event: text\ndata: {\"text\":\"Do\"}\n\n".to_owned(), "ended before"),
    ];
    for (body, expected) in cases {
        let server = server_with(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")).await;
        let error = ask(&server).await.0.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn errors_say_what_happened_whatever_their_shape() {
    let problem = json!({ "status": 400, "title": "Invalid request", "detail": "No message.", "request_id": "r1" });
    let cases = [
        (ResponseTemplate::new(400).set_body_json(problem), "400 Invalid request: No message. (request r1)"),
        (
            ResponseTemplate::new(403)
                .set_body_json(json!({ "message": "Forbidden" }))
                .insert_header("x-amzn-RequestId", "r2"),
            "403 Forbidden: Forbidden (request r2)",
        ),
        (ResponseTemplate::new(429).insert_header("retry-after", "3"), "429 Too Many Requests Try again in 3 s."),
        (ResponseTemplate::new(502).set_body_string("<html>"), "502 Bad Gateway: <html>"),
        (ResponseTemplate::new(200).set_body_string("<html>"), "the answer cannot be read"),
    ];
    for (response, expected) in cases {
        let server = server_with(response).await;
        let error = ask(&server).await.0.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    // The listener is gone at the end of this line, and with it whoever could answer.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = Url::parse(&format!("http://127.0.0.1:{port}/dev")).unwrap();
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let client = ChatClient::new(url, "eu-west-1".to_owned(), SharedCredentialsProvider::new(credentials)).unwrap();
    let error = client.ask("hello", None, |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("cannot be reached") && error.contains("127.0.0.1"), "{error}");
}
