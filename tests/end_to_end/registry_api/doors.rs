//! Which doors there are, and which of them want a signature.

use http::{Method, StatusCode};
use serde_json::Value;

use crate::support::{assert_problem, registry, run, stack};

/// Asks without a signature.
async fn unsigned(method: Method, path: &str) -> (StatusCode, Value) {
    let url = stack().await.registry_url().join(path).unwrap();
    let answer = reqwest::Client::new().request(method, url).body("{}").send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[test]
fn everything_but_a_registration_wants_a_signature() {
    run(async {
        for (method, path) in [
            (Method::GET, "openapi.json"),
            (Method::GET, "servers"),
            (Method::POST, "servers"),
            (Method::GET, "v0.1/servers"),
            (Method::POST, "servers/pipelines/versions/1.0.0/approve"),
            (Method::GET, "mcp/register"),
            (Method::POST, "v0.1/servers"),
        ] {
            let (status, problem) = unsigned(method.clone(), path).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {problem}");
            assert_problem(&problem, 403);
        }
    });
}

#[test]
fn a_registration_comes_to_the_function_without_a_signature_and_is_refused_without_a_token() {
    run(async {
        let (status, problem) = unsigned(Method::POST, "mcp/register").await;
        assert!(status.is_client_error() && status != StatusCode::FORBIDDEN, "{status} {problem}");
        assert_problem(&problem, status.as_u16());
    });
}

#[test]
fn a_signed_request_comes_to_the_function_under_every_path() {
    run(async {
        let api = registry().await;
        let answer = api.send(Method::GET, "openapi.json", &[], bytes::Bytes::new()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let document: Value = answer.json().await.unwrap();
        assert!(document["openapi"].is_string(), "{document}");
        // A slash inside of a name, which stays encoded on AWS and which MiniStack decodes.
        for path in ["no/such/path", "v0.1/servers/no.such%2Fserver/versions"] {
            let answer = api.send(Method::GET, path, &[], bytes::Bytes::new()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
            let problem: Value = answer.json().await.unwrap();
            assert_problem(&problem, 404);
        }
    });
}
