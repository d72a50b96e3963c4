//! The protocol, against a server on the official SDK.

use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::method};

use super::*;
use crate::mcp_client::test_server::{Style, TestServer};

const MODERN: Option<&str> = Some("2026-07-28");
const LEGACY: Option<&str> = Some("2025-11-25");

fn object(value: serde_json::Value) -> JsonObject {
    value.as_object().cloned().unwrap()
}

#[tokio::test]
async fn a_known_modern_server_needs_one_request() {
    for style in [Style::Json, Style::Events] {
        let fixture = TestServer::start(style).await;
        let arguments = object(json!({"environment": "dev", "n": 3}));
        let meta = object(json!({"switchyard/execution_id": "e-1"}));
        let answer =
            client().call_tool(&server(&fixture.url, MODERN), "echo", arguments.clone(), meta, soon()).await.unwrap();
        assert_eq!(answer.text, "one\ntwo");
        assert!(!answer.is_error);
        assert_eq!(answer.structured, Some(json!({"arguments": arguments, "execution_id": "e-1"})));
        assert_eq!(fixture.requests(), 1, "{style:?}");
    }
}

#[tokio::test]
async fn older_servers_get_their_handshake() {
    for style in [Style::Json, Style::Events, Style::Sessions] {
        let fixture = TestServer::start(style).await;
        let answer = call(&client(), &server(&fixture.url, LEGACY), "echo").await;
        assert_eq!(answer.unwrap().text, "one\ntwo", "{style:?}");
    }
}

#[tokio::test]
async fn an_unknown_version_is_asked_for() {
    let fixture = TestServer::start(Style::Json).await;
    assert_eq!(call(&client(), &server(&fixture.url, None), "echo").await.unwrap().text, "one\ntwo");
    assert_eq!(fixture.requests(), 2);
}

#[tokio::test]
async fn discovery_reads_every_page() {
    for (style, version) in [(Style::Json, "2026-07-28"), (Style::Events, "2026-07-28")] {
        let fixture = TestServer::start(style).await;
        let found = client().discover(&server(&fixture.url, None), soon()).await.unwrap();
        assert_eq!(found.mcp_version, version);
        let names: Vec<_> = found.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["echo", "fail", "big", "slow"]);
        let echo = &found.tools[0];
        assert!(echo.read_only());
        assert_eq!(echo.pipeline_type(), Some("bootstrap"));
        assert_eq!(echo.annotations.title.as_deref(), Some("Echo"));
        assert!(!found.tools[1].read_only());
    }
}

#[tokio::test]
async fn a_failed_tool_is_an_answer() {
    let fixture = TestServer::start(Style::Json).await;
    let answer = call(&client(), &server(&fixture.url, MODERN), "fail").await.unwrap();
    assert!(answer.is_error);
    assert_eq!(answer.text, "GitLab is on fire");
}

#[tokio::test]
async fn a_tool_that_is_not_approved_is_not_called() {
    let fixture = TestServer::start(Style::Json).await;
    let (failure, may_have_run) = failure(&client(), &server(&fixture.url, MODERN), "delete_everything").await;
    assert!(matches!(&failure, Failure::UnknownTool { known, .. } if known.contains(&"echo".to_owned())), "{failure}");
    assert!(!may_have_run);
    assert_eq!(fixture.requests(), 0);
}

#[tokio::test]
async fn an_approved_tool_that_the_server_lost_is_an_rpc_error() {
    for style in [Style::Json, Style::Events] {
        let fixture = TestServer::start(style).await;
        let (failure, may_have_run) = failure(&client(), &server(&fixture.url, MODERN), "gone").await;
        assert!(
            matches!(&failure, Failure::Rpc { code: -32602, message, .. } if message.contains("gone")),
            "{failure}"
        );
        assert!(!may_have_run);
    }
}

#[tokio::test]
async fn an_oversized_answer_is_not_read() {
    for style in [Style::Json, Style::Events, Style::Sessions] {
        let fixture = TestServer::start(style).await;
        let version = if style == Style::Sessions { LEGACY } else { MODERN };
        let (failure, may_have_run) = failure(&client(), &server(&fixture.url, version), "big").await;
        assert!(matches!(failure, Failure::Oversized { .. }), "{style:?}: {failure}");
        assert!(may_have_run);
    }
}

#[tokio::test]
async fn a_slow_tool_ends_at_the_deadline() {
    for (style, version) in [(Style::Json, MODERN), (Style::Events, MODERN), (Style::Sessions, LEGACY)] {
        let fixture = TestServer::start(style).await;
        let started = Instant::now();
        let deadline = started + Duration::from_millis(700);
        let server = server(&fixture.url, version);
        let error =
            client().call_tool(&server, "slow", JsonObject::new(), JsonObject::new(), deadline).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Timeout { .. }), "{error}");
        assert!(error.may_have_run() && error.to_string().ends_with("may still be running."), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

/// A server that knows only MCP 2025-11-25 and refuses requests of newer versions as `refuse` says.
async fn legacy_only(refuse: ResponseTemplate) -> MockServer {
    let mock = MockServer::start().await;
    let answer = move |request: &Request| {
        let body: serde_json::Value = request.body_json().unwrap();
        let result = match body["method"].as_str().unwrap() {
            _ if request.headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28") => {
                return refuse.clone();
            }
            "initialize" => {
                json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}})
            }
            "tools/call" => json!({"content": [{"type": "text", "text": "old but well"}]}),
            "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
            _ => return ResponseTemplate::new(202),
        };
        ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
    };
    Mock::given(method("POST")).respond_with(answer).mount(&mock).await;
    mock
}

#[tokio::test]
async fn a_refused_version_is_negotiated_once() {
    let rpc = |code: i32| json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": "Bad Request: no valid session"}});
    for refuse in [
        ResponseTemplate::new(400).set_body_string("unsupported protocol version"),
        ResponseTemplate::new(400).set_body_json(rpc(-32000)),
        ResponseTemplate::new(400).set_body_json(rpc(-32022)),
    ] {
        let mock = legacy_only(refuse).await;
        assert_eq!(call(&client(), &server(&mock.uri(), MODERN), "echo").await.unwrap().text, "old but well");
        let found = client().discover(&server(&mock.uri(), MODERN), soon()).await.unwrap();
        assert_eq!(found.mcp_version, "2025-11-25");
    }
}

#[tokio::test]
async fn a_server_that_loops_its_pages_is_left() {
    let mock = MockServer::start().await;
    let answer = |request: &Request| {
        let body: serde_json::Value = request.body_json().unwrap();
        let result = match body["method"].as_str().unwrap() {
            "server/discover" => {
                json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"})
            }
            _ => {
                json!({"resultType": "complete", "tools": [], "nextCursor": "again", "ttlMs": 0, "cacheScope": "private"})
            }
        };
        ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
    };
    Mock::given(method("POST")).respond_with(answer).mount(&mock).await;
    let error = client().discover(&server(&mock.uri(), None), soon()).await.unwrap_err();
    assert!(matches!(&error.failure, Failure::Malformed(reason) if reason.contains("cursor")), "{error}");
}
