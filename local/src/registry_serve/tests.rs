//! Requests as editors, and as pages that should not, make them.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use serde_json::Value;
use tokio::net::TcpListener;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;

/// A registry that answers everything the same, and this in front of it.
async fn served() -> (MockServer, String) {
    let registry = MockServer::start().await;
    let answer = ResponseTemplate::new(200)
        .set_body_json(json!({ "servers": [], "metadata": { "count": 0 } }))
        .insert_header("etag", "\"1\"")
        .insert_header("access-control-allow-origin", "*")
        .insert_header("x-amzn-requestid", "r1");
    Mock::given(any()).respond_with(answer).mount(&registry).await;
    let address = start(&registry.uri(), Credentials::new("AKID", "secret", None, None, "test")).await;
    (registry, format!("http://{address}"))
}

async fn start(registry: &str, credentials: Credentials) -> SocketAddr {
    let url = Url::parse(&format!("{registry}/dev")).unwrap();
    let client = RegistryClient::new(url, "eu-west-1".to_owned(), SharedCredentialsProvider::new(credentials)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = app(client, address, vec![HeaderValue::from_static(EDITOR)], Terminal::plain());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

#[tokio::test]
async fn an_unsigned_request_leaves_signed() {
    let (registry, url) = served().await;
    let path = "/v0.1/servers/switchyard.dev%2Fweather/versions/latest?include_deleted=true";
    let answer = reqwest::Client::new()
        .get(format!("{url}{path}"))
        .header("if-none-match", "\"0\"")
        .header("cookie", "a=b")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["etag"], "\"1\"");
    assert!(!answer.headers().contains_key("access-control-allow-origin"), "there was no page to allow");
    assert_eq!(answer.json::<Value>().await.unwrap()["metadata"]["count"], 0);
    let requests = registry.received_requests().await.unwrap();
    let [sent] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(sent.url.path(), "/dev/v0.1/servers/switchyard.dev%2Fweather/versions/latest");
    assert_eq!(sent.url.query(), Some("include_deleted=true"));
    assert!(sent.headers["authorization"].to_str().unwrap().starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
    assert_eq!(sent.headers["if-none-match"], "\"0\"");
    assert!(!sent.headers.contains_key("cookie"));
}

#[tokio::test]
async fn an_editor_may_read_and_other_pages_may_not() {
    let (registry, url) = served().await;
    let http = reqwest::Client::new();
    let preflight = |origin: &'static str| {
        http.request(Method::OPTIONS, format!("{url}/v0.1/servers"))
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "content-type,x-any")
            .header("access-control-request-private-network", "true")
            .send()
    };
    let allowed = preflight(EDITOR).await.unwrap();
    assert_eq!(allowed.status(), 200);
    for (name, value) in [
        ("access-control-allow-origin", EDITOR),
        ("access-control-allow-methods", "GET,HEAD"),
        ("access-control-allow-headers", "content-type,x-any"),
        ("access-control-allow-private-network", "true"),
    ] {
        assert_eq!(allowed.headers()[name], value);
    }
    let read = http.get(format!("{url}/v0.1/servers")).header("origin", EDITOR).send().await.unwrap();
    assert_eq!(
        (read.status().as_u16(), &read.headers()["access-control-allow-origin"]),
        (200, &EDITOR.parse().unwrap())
    );
    assert_eq!(registry.received_requests().await.unwrap().len(), 1, "a preflight is answered here");

    for origin in ["https://evil.example", "null", "http://localhost:3000"] {
        let refused = http.get(format!("{url}/v0.1/servers")).header("origin", origin).send().await.unwrap();
        assert_eq!(refused.status(), 403, "{origin}");
        assert!(!refused.headers().contains_key("access-control-allow-origin"));
        let text = refused.text().await.unwrap();
        assert!(text.contains("--allow-origin"), "{text}");
        assert_eq!(preflight(origin).await.unwrap().status(), 403, "{origin}");
    }
    assert_eq!(registry.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_names_of_this_address_are_answered() {
    let (registry, url) = served().await;
    let port = url.rsplit(':').next().unwrap().to_owned();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("LocalHost:{port}"), 200),
        (format!("evil.example:{port}"), 403),
        (format!("127.0.0.1.nip.io:{port}"), 403),
        ("127.0.0.1".to_owned(), 403),
        ("127.0.0.1:1".to_owned(), 403),
    ] {
        let request = reqwest::Client::new().get(format!("{url}/v0.1/servers")).header("host", &host);
        assert_eq!(request.send().await.unwrap().status(), status, "{host}");
    }
    assert_eq!(registry.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn nothing_but_the_read_only_api_is_reached() {
    let (registry, url) = served().await;
    let http = reqwest::Client::new();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = http.request(method.clone(), format!("{url}/v0.1/servers")).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers()["allow"], "GET, HEAD");
    }
    for path in ["/", "/servers", "/openapi.json", "/v0.1", "/v0.10/servers", "/V0.1/servers", "//v0.1x/servers"] {
        assert_eq!(http.get(format!("{url}{path}")).send().await.unwrap().status(), 404, "{path}");
    }
    assert!(registry.received_requests().await.unwrap().is_empty());
}

#[test]
fn a_path_does_not_climb_out() {
    let api = Url::parse("https://a1.execute-api.eu-west-1.amazonaws.com/dev/").unwrap();
    let read = |text: &str| path(&api, &text.parse().unwrap());
    assert_eq!(read("/v0.1/servers?search=../x").as_deref(), Some("v0.1/servers?search=../x"));
    assert_eq!(read("/v0.1/servers/a.b%2Fc/versions").as_deref(), Some("v0.1/servers/a.b%2Fc/versions"));
    assert_eq!(read("//v0.1/servers").as_deref(), Some("v0.1/servers"));
    for bad in [
        "/v0.1/../servers",
        "/v0.1/%2e%2e/servers",
        "/v0.1/%2E./servers",
        "/v0.1/..%2fservers",
        "/v0.1/..%2Fservers",
        "/v0.1/x/..%5c..%5cservers",
        "/v0.1/.%2e/servers",
        "/v0.1",
        "/servers/v0.1/x",
        "https://evil.example/servers",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn what_goes_wrong_behind_is_told() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address =
        start(&format!("http://127.0.0.1:{port}"), Credentials::new("AKID", "secret", None, None, "test")).await;
    let answer = reqwest::get(format!("http://{address}/v0.1/servers")).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("cannot be reached"));
}
