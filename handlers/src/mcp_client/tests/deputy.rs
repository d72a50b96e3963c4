//! No confused deputy: an entry of the registry cannot make this client use a right, a key or a signature that was meant for
//! somebody else. Tokens and roles are in `oauth.rs` and `iam.rs`, where keys go at registration in `registration/tests/trust.rs`.

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;

const KEY: &str = "key-of-the-victim";

/// A host of the registrant that hopes for something.
async fn hoping() -> MockServer {
    super::http::answering(ResponseTemplate::new(200).set_body_string("ok")).await
}

fn keyed(server_id: &str, url: &str) -> Server {
    let mut entry = server(url, None);
    entry.server_id = server_id.to_owned();
    entry.protocol_type = ProtocolType::Rest;
    entry.authentication_type = AuthenticationType::ApiKey;
    entry
}

/// Whatever an entry says, only the secret under its own id is asked for, and without it nothing is called.
#[tokio::test]
async fn another_servers_key_is_never_read() {
    let (aws, theirs) = (secret("victim", "api_key", KEY).await, hoping().await);
    let secrets = json!({ "secret": "switchyard/test/mcp/victim/api_key", "server_id": "victim", "api_key": "victim" });
    for server_id in [
        "tools",
        "victim/api_key",
        "../victim",
        "tools/../victim",
        "victim/",
        "/victim",
        "./victim",
        "victim%2Fapi_key",
        "victim\\",
        "victim\0",
        "VICTIM",
        "*",
        "v*",
        "",
        "../../gitlab_token",
        "../gitlab_token",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:switchyard/test/gitlab_token",
    ] {
        for settings in [json!({}), secrets.clone()] {
            let mut entry = keyed(server_id, &theirs.uri());
            entry.configuration = settings.as_object().unwrap().clone();
            entry.metadata = entry.configuration.clone();
            let error = call(&client_with(&aws.uri(), open_guard()), &entry, "echo").await.unwrap_err();
            assert!(!error.may_have_run() && !format!("{error:?}").contains(KEY), "{server_id}: {error}");
        }
    }
    assert_eq!(theirs.received_requests().await.unwrap().len(), 0);
    for request in aws.received_requests().await.unwrap() {
        let body: serde_json::Value = request.body_json().unwrap();
        assert_eq!(body["SecretId"], "switchyard/test/mcp/tools/api_key");
    }
}

/// A key in one of these would change what the request is, or whom the next hop takes it for.
#[tokio::test]
async fn a_key_is_put_into_no_header_that_means_something_else() {
    let (aws, theirs) = (secret("tools", "api_key", KEY).await, hoping().await);
    for header in [
        "Host",
        "HOST",
        "Content-Length",
        "Content-Type",
        "Content-Encoding",
        "Content-Range",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "HTTP2-Settings",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "Expect",
        "Range",
        "Via",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Amz-Security-Token",
        "X-Amz-Date",
        "Mcp-Session-Id",
        "Mcp-Protocol-Version",
        "Mcp-Param-Region",
        "Switchyard-Execution-Id",
        "Accept",
        "Last-Event-ID",
        "X-Key\r\nHost: evil.example",
        "X-Key: a\r\n",
        "X-Key\n",
        " X-Key",
        "X Key",
        "X-Schlüssel",
        ":authority",
        "",
    ] {
        let mut entry = keyed("tools", &theirs.uri());
        entry.api_key_header = Some(header.to_owned());
        let error = call(&client_with(&aws.uri(), open_guard()), &entry, "echo").await.unwrap_err();
        assert!(matches!(error.failure, Failure::Refused(_)) && !error.may_have_run(), "{header:?}: {error}");
    }
    assert_eq!(theirs.received_requests().await.unwrap().len(), 0);
    let mut entry = keyed("tools", &theirs.uri());
    entry.api_key_header = Some("Authorization".to_owned());
    call(&client_with(&aws.uri(), open_guard()), &entry, "echo").await.unwrap();
    let request = &theirs.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["authorization"], KEY, "a header as good as another for the server's own key");
}

#[tokio::test]
async fn a_key_with_a_line_break_writes_no_header_of_its_own() {
    let theirs = hoping().await;
    for key in ["a\r\nHost: evil.example", "a\nX-Admin: yes", "a\0b"] {
        let aws = secret("tools", "api_key", key).await;
        let error = call(&client_with(&aws.uri(), open_guard()), &keyed("tools", &theirs.uri()), "echo").await;
        let error = error.unwrap_err();
        assert!(matches!(error.failure, Failure::SecretUnusable { .. }) && !error.may_have_run(), "{error}");
        assert!(!error.to_string().contains("evil") && !error.to_string().contains("Admin"), "{error}");
    }
    assert_eq!(theirs.received_requests().await.unwrap().len(), 0);
}

/// The registrant's own words travel as arguments, and cannot become headers, hosts or paths of the request.
#[tokio::test]
async fn arguments_stay_arguments() {
    let theirs = MockServer::start().await;
    let answer = |request: &wiremock::Request| {
        let body: serde_json::Value = request.body_json().unwrap();
        let result = json!({"resultType": "complete", "content": []});
        ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
    };
    Mock::given(any()).respond_with(answer).mount(&theirs).await;
    let mut entry = server(&theirs.uri(), Some("2026-07-28"));
    entry.available_tools[0].input_schema = json!({
        "type": "object", "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
    });
    let arguments = json!({"region": "eu\r\nAuthorization: Bearer stolen", "host": "evil.example"});
    call_with(&client(), &entry, "echo", arguments).await.unwrap();
    let request = &theirs.received_requests().await.unwrap()[0];
    assert!(!request.headers.contains_key("authorization"));
    let wrapped = request.headers["mcp-param-region"].to_str().unwrap();
    assert!(wrapped.starts_with("=?base64?") && wrapped.ends_with("?="), "{wrapped}");
    assert_eq!(request.headers["host"], theirs.address().to_string());
}

/// A tool whose approved schema would give a header two meanings is not called at all.
#[tokio::test]
async fn a_tool_with_wrong_header_annotations_is_not_called() {
    let theirs = hoping().await;
    let mut entry = server(&theirs.uri(), Some("2026-07-28"));
    for header in ["", "a b", "A:B", "x\r\nHost"] {
        let property = json!({ "type": "string", "x-mcp-header": header });
        entry.available_tools[0].input_schema = json!({ "type": "object", "properties": { "a": property } });
        let error = call(&client(), &entry, "echo").await.unwrap_err();
        assert!(matches!(error.failure, Failure::Misdeclared(_)) && !error.may_have_run(), "{error}");
    }
    assert_eq!(theirs.received_requests().await.unwrap().len(), 0);
}

/// An endpoint that is a function of ours, or one of another kind, is refused before anything is invoked or asked for its tags.
#[tokio::test]
async fn our_own_functions_are_not_servers() {
    let aws = hoping().await;
    let client = client_with(&aws.uri(), closed_to_functions());
    for function in [
        "switchyard-test-mcp_proxy",
        "switchyard-test-registration:live",
        "switchyard-prod-registry_api",
        "switchyard-test-health_checker:$LATEST",
        "SWITCHYARD-TEST-CHAT_HANDLER",
    ] {
        let entry = server(&format!("arn:aws:lambda:us-east-1:123456789012:function:{function}"), None);
        for error in [
            client.check_endpoint(&entry, soon()).await.unwrap_err(),
            call(&client, &entry, "echo").await.unwrap_err(),
            client.discover(&entry, soon()).await.unwrap_err(),
        ] {
            assert!(matches!(error.failure, Failure::Refused(_)) && !error.may_have_run(), "{function}: {error}");
        }
    }
    assert_eq!(aws.received_requests().await.unwrap().len(), 0);
}

/// A guard that would let listed functions through: being listed does not make ours a server.
fn closed_to_functions() -> Guard {
    let function = |name: &str| format!("arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-{name}");
    let invocable_functions = vec![function("mcp_proxy"), function("registration")];
    Guard::new(&Reach { stage: STAGE.to_owned(), invocable_functions, ..Reach::default() }).unwrap()
}
