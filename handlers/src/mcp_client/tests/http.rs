//! Failures over https and what is made of them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, body_partial_json, header, header_exists, method},
};

use super::*;

const MODERN: Option<&str> = Some("2026-07-28");

fn success(request: &Request) -> ResponseTemplate {
    let body: serde_json::Value = request.body_json().unwrap();
    let result = json!({"resultType": "complete", "content": [{"type": "text", "text": "ok"}]});
    ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
}

pub(super) async fn answering(response: ResponseTemplate) -> MockServer {
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&mock).await;
    mock
}

/// A server that takes a request and then writes `answer` again and again.
pub(super) async fn raw(head: &'static str, answer: &'static [u8], endless: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                let _ = socket.read(&mut buffer).await;
                let _ = socket.write_all(head.as_bytes()).await;
                while socket.write_all(answer).await.is_ok() && endless {}
            });
        }
    });
    url
}

#[tokio::test]
async fn the_request_carries_the_headers_of_the_protocol() {
    let mock = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("mcp-protocol-version", "2026-07-28"))
        .and(header("mcp-method", "tools/call"))
        .and(header("mcp-name", "echo"))
        .and(header_exists("user-agent"))
        .and(body_partial_json(json!({"method": "tools/call", "params": {"name": "echo"}})))
        .respond_with(success)
        .expect(1)
        .mount(&mock)
        .await;
    assert_eq!(call(&client(), &server(&mock.uri(), MODERN), "echo").await.unwrap().text, "ok");
}

#[tokio::test]
async fn statuses_are_told_apart() {
    for (status, may_have_run) in
        [(404, false), (405, false), (413, false), (429, false), (500, true), (502, true), (504, true)]
    {
        let mock = answering(ResponseTemplate::new(status)).await;
        let found = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
        assert_eq!(found, (Failure::Status { status }, may_have_run));
        assert_eq!(mock.received_requests().await.unwrap().len(), 1, "{status} was sent again");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = MockServer::start().await;
    Mock::given(any()).respond_with(success).expect(0).mount(&target).await;
    for status in [301, 302, 307, 308] {
        let mock = answering(ResponseTemplate::new(status).insert_header("location", target.uri())).await;
        let (failure, may_have_run) = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
        assert_eq!(failure, Failure::Status { status });
        assert!(failure.to_string().contains("redirect") && !may_have_run);
    }
}

#[tokio::test]
async fn an_rpc_error_in_a_failed_status_keeps_its_words() {
    let error = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32603, "message": "database\nis down"}});
    let mock = answering(ResponseTemplate::new(500).set_body_json(error)).await;
    let (failure, may_have_run) = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
    assert_eq!(failure, Failure::Rpc { code: -32603, message: "database is down".to_owned(), status: Some(500) });
    assert!(may_have_run);
}

#[tokio::test]
async fn what_is_not_mcp_is_malformed() {
    for response in [
        ResponseTemplate::new(200).set_body_raw("<html>login</html>", "text/html"),
        ResponseTemplate::new(200).set_body_raw("{\"statusCode\": 200}", "application/json"),
        ResponseTemplate::new(200).set_body_raw("", "application/json"),
        ResponseTemplate::new(200).set_body_raw("data: nonsense\n\n", "text/event-stream"),
        ResponseTemplate::new(200).set_body_raw(": nothing\n\n", "text/event-stream"),
    ] {
        let mock = answering(response).await;
        let (failure, may_have_run) = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
        assert!(matches!(failure, Failure::Malformed(_)), "{failure:?}");
        assert!(may_have_run);
    }
}

#[tokio::test]
async fn endless_answers_are_cut_off() {
    for (head, part) in [
        ("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", &[b' '; 65536]),
        ("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", &[b':'; 65536]),
        ("HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\n\r\n", &[b' '; 65536]),
    ] {
        let url = raw(head, part, true).await;
        let (failure, _) = failure(&client(), &server(&url, MODERN), "echo").await;
        assert!(matches!(failure, Failure::Oversized { .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn a_broken_answer_may_have_run() {
    let url =
        raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n", b"{", false).await;
    let (failure, may_have_run) = failure(&client(), &server(&url, MODERN), "echo").await;
    assert!(matches!(failure, Failure::Interrupted(_)), "{failure:?}");
    assert!(may_have_run);
}

/// What goes wrong before a `tools/call` leaves starts nothing, however bad it looks.
#[tokio::test]
async fn a_failed_handshake_has_not_run_the_tool() {
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    const BROKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
    for version in [None, Some("2025-11-25")] {
        let mut urls = vec![raw(ENDLESS, &[b' '; 65536], true).await, raw(BROKEN, b"{", false).await];
        let mut mocks = Vec::new();
        for response in [
            ResponseTemplate::new(502),
            ResponseTemplate::new(200).set_body_raw("<html>login</html>", "text/html"),
            ResponseTemplate::new(200)
                .set_body_json(json!({"jsonrpc": "2.0", "id": 0, "error": {"code": -32603, "message": "no"}})),
        ] {
            mocks.push(answering(response).await);
        }
        urls.extend(mocks.iter().map(MockServer::uri));
        for url in urls {
            let error = call(&client(), &server(&url, version), "echo").await.unwrap_err();
            assert!(error.failure.may_have_run(), "the failure alone proves nothing: {error}");
            assert!(!error.sent && !error.may_have_run(), "{version:?}: {error}");
        }
    }
    let silent = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let deadline = Instant::now() + Duration::from_millis(300);
    let server = server(&silent.uri(), Some("2025-11-25"));
    let error = client().call_tool(&server, "echo", JsonObject::new(), JsonObject::new(), deadline).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Timeout { .. }) && !error.may_have_run(), "{error}");
    assert!(!error.to_string().contains("may still be running"), "{error}");
}

#[tokio::test]
async fn a_call_that_was_refused_does_not_count_when_its_repetition_never_leaves() {
    let mock = MockServer::start().await;
    let call_of = |name: &str| body_partial_json(json!({"method": name}));
    Mock::given(call_of("tools/call")).respond_with(ResponseTemplate::new(400)).expect(1).mount(&mock).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).with_priority(9).mount(&mock).await;
    let found = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
    assert_eq!(found, (Failure::Status { status: 500 }, false));
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    let mock = answering(
        ResponseTemplate::new(200)
            .insert_header("content-encoding", "gzip")
            .set_body_raw(vec![0x1f, 0x8b, 8, 0], "application/json"),
    )
    .await;
    assert!(matches!(failure(&client(), &server(&mock.uri(), MODERN), "echo").await.0, Failure::Malformed(_)));
    let request = &mock.received_requests().await.unwrap()[0];
    assert!(!request.headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn connections_that_cannot_be_made_are_told_apart() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (failure_, may_have_run) = failure(&client(), &server(&format!("http://{closed}/"), MODERN), "echo").await;
    assert!(matches!(failure_, Failure::Connect { .. }), "{failure_:?}");
    assert!(!may_have_run);

    let plain = MockServer::start().await;
    let url = plain.uri().replace("http:", "https:");
    let (failure_, may_have_run) = failure(&client(), &server(&url, MODERN), "echo").await;
    assert!(matches!(failure_, Failure::Tls { .. }), "{failure_:?}");
    assert!(!may_have_run);

    let nowhere = client_with("http://127.0.0.1:9", open_guard().with_lookup(|_| Vec::new()));
    let found = failure(&nowhere, &server("https://nowhere.example/mcp", MODERN), "echo").await;
    assert_eq!(found, (Failure::Unresolvable("nowhere.example".to_owned()), false));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let guard = Guard::new(&Reach { stage: STAGE.to_owned(), ..Reach::default() }).unwrap();
    let rebound = client_with("http://127.0.0.1:9", guard.with_lookup(|_| vec!["169.254.169.254".parse().unwrap()]));
    let (failure, may_have_run) = failure(&rebound, &server("https://metadata.example/", MODERN), "echo").await;
    assert!(matches!(&failure, Failure::Refused(reason) if reason.contains("metadata")), "{failure:?}");
    assert!(!may_have_run);
}

#[tokio::test]
async fn plain_http_goes_to_a_name_only_while_it_leads_into_the_allowed_networks() {
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(success).expect(1).mount(&mock).await;
    let registered = server(&format!("http://mcp.internal:{}/mcp", mock.address().port()), MODERN);
    let leading_to = |addresses: &'static [&'static str]| {
        let lookup = |host: &str| {
            assert_eq!(host, "mcp.internal");
            addresses.iter().map(|address| address.parse().unwrap()).collect()
        };
        client_with("http://127.0.0.1:9", open_guard().with_lookup(lookup))
    };
    assert_eq!(call(&leading_to(&["127.0.0.1"]), &registered, "echo").await.unwrap().text, "ok");
    for (addresses, reason) in [
        (&["10.20.0.7"][..], "10.20.0.7 is a private address; only allowedNetworks would admit it"),
        (&["93.184.215.14"], "plain http to 93.184.215.14 is only allowed inside allowedNetworks"),
        (&["127.0.0.1", "93.184.215.14"], "plain http to 93.184.215.14 is only allowed inside allowedNetworks"),
        (&["169.254.170.2"], "169.254.170.2 is a link-local or metadata address"),
    ] {
        let (failure, may_have_run) = failure(&leading_to(addresses), &registered, "echo").await;
        assert!(matches!(&failure, Failure::Refused(why) if why.contains(reason)), "{failure:?}");
        assert!(!may_have_run);
    }
}

#[tokio::test]
async fn the_local_stage_leads_calls_to_the_emulator() {
    let mock = MockServer::start().await;
    let host = "abc.lambda-url.us-east-1.on.aws";
    Mock::given(header("host", host)).respond_with(success).expect(1).mount(&mock).await;
    let to = mock.address().to_string();
    let connect_to = [(format!("{host}:443"), to)].into();
    let guard = Guard::new(&Reach { stage: "local".to_owned(), connect_to, ..Reach::default() }).unwrap();
    let client = client_with("http://127.0.0.1:9", guard);
    assert_eq!(call(&client, &server(&format!("https://{host}/mcp"), MODERN), "echo").await.unwrap().text, "ok");
}

#[tokio::test]
async fn what_a_lambda_function_is_not_asked_by_is_said() {
    let function = server("arn:aws:lambda:us-east-1:123456789012:function:team-tools", MODERN);
    let types = |protocol_type, authentication_type| Server { protocol_type, authentication_type, ..function.clone() };
    for (server, part) in [
        (types(ProtocolType::Rest, AuthenticationType::None), "the protocol type rest for a Lambda function"),
        (types(ProtocolType::GraphQl, AuthenticationType::None), "the protocol type graphql for a Lambda function"),
        (
            types(ProtocolType::JsonRpc, AuthenticationType::ApiKey),
            "the authentication type api_key for a Lambda function",
        ),
        (
            types(ProtocolType::JsonRpc, AuthenticationType::OAuth),
            "the authentication type oauth for a Lambda function",
        ),
        (types(ProtocolType::JsonRpc, AuthenticationType::Iam), "the authentication type iam for a Lambda function"),
    ] {
        let error = call(&client(), &server, "echo").await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.may_have_run());
    }
}

/// Secrets Manager that hands out the given keys, one after the other, and then the last one.
async fn secrets(keys: &[&str]) -> MockServer {
    let mock = MockServer::start().await;
    for (index, key) in keys.iter().enumerate() {
        let answer = json!({"Name": "switchyard/test/mcp/tools/api_key", "SecretString": key});
        let given = Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
            .and(body_partial_json(json!({"SecretId": "switchyard/test/mcp/tools/api_key"})))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer));
        let given = if index + 1 < keys.len() { given.up_to_n_times(1) } else { given };
        given.mount(&mock).await;
    }
    mock
}

fn with_key(url: &str) -> Server {
    let mut server = server(url, MODERN);
    server.authentication_type = AuthenticationType::ApiKey;
    server.api_key_header = Some("X-Team-Key".to_owned());
    server
}

#[tokio::test]
async fn an_api_key_is_read_once_and_renewed_after_a_401() {
    let aws = secrets(&["old", "new"]).await;
    let mock = MockServer::start().await;
    Mock::given(header("x-team-key", "new")).respond_with(success).expect(2).mount(&mock).await;
    Mock::given(header("x-team-key", "old")).respond_with(ResponseTemplate::new(401)).expect(1).mount(&mock).await;
    let client = client_with(&aws.uri(), open_guard());
    for _ in 0..2 {
        assert_eq!(call(&client, &with_key(&mock.uri()), "echo").await.unwrap().text, "ok");
    }
    assert_eq!(aws.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_named_and_not_shown() {
    let aws = secrets(&["very-secret"]).await;
    let mock = answering(ResponseTemplate::new(401)).await;
    let error = call(&client_with(&aws.uri(), open_guard()), &with_key(&mock.uri()), "echo").await.unwrap_err();
    assert!(error.to_string().contains("switchyard/test/mcp/tools/api_key"), "{error}");
    assert!(!format!("{error:?}").contains("very-secret") && !error.may_have_run());
    assert_eq!(mock.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_missing_key_stops_the_call() {
    let missing = json!({"__type": "ResourceNotFoundException", "Message": "no"});
    let aws = answering(ResponseTemplate::new(400).set_body_json(missing)).await;
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(success).expect(0).mount(&mock).await;
    let (failure, may_have_run) = failure(&client_with(&aws.uri(), open_guard()), &with_key(&mock.uri()), "echo").await;
    assert_eq!(failure, Failure::SecretMissing("switchyard/test/mcp/tools/api_key".to_owned()));
    assert!(!may_have_run);
}

#[test]
fn headers_that_http_or_mcp_needs_carry_no_key() {
    for name in
        ["Host", "content-type", "Mcp-Session-Id", "X-Amz-Security-Token", "bad header", "", "Switchyard-Execution-Id"]
    {
        assert!(api_key_header(name).is_err(), "{name}");
    }
    for name in ["X-API-Key", "Authorization", "X-Team-Key"] {
        assert!(api_key_header(name).is_ok(), "{name}");
    }
}
