//! The stand-in through its public door, compared with what GitLab's documentation shows.

use axum::{Router, body::Body, http::Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

const BOOTSTRAP: &str = "/api/v4/projects/platform%2Finfrastructure";

fn app() -> Router {
    let project = |id, path: &str| Project { id, path: path.to_owned(), refs: vec!["main".to_owned()] };
    let projects = vec![project(1, "platform/applications"), project(2, "platform/infrastructure")];
    router(Store::new(projects, "http://gitlab.test".to_owned()), "secret")
}

/// Sends a request with the token and reads status, headers and JSON.
async fn send(app: &Router, method: &str, path: &str, body: &Value) -> (u16, axum::http::HeaderMap, Value) {
    let request = Request::builder().method(method).uri(path).header("private-token", "secret");
    let request = if body.is_null() {
        request.body(Body::empty())
    } else {
        request.header("content-type", "application/json").body(Body::from(body.to_string()))
    };
    answer(app, request.unwrap()).await
}

async fn answer(app: &Router, request: Request<Body>) -> (u16, axum::http::HeaderMap, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let json = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    (parts.status.as_u16(), parts.headers, json)
}

async fn create(app: &Router, kind: &str) -> Value {
    let body = json!({ "ref": "main", "variables": [{ "key": "PIPELINE_TYPE", "value": kind }] });
    let (status, _, pipeline) = send(app, "POST", &format!("{BOOTSTRAP}/pipeline"), &body).await;
    assert_eq!(status, 201, "{pipeline}");
    pipeline
}

async fn set(app: &Router, settings: Value) {
    let (status, _, answer) = send(app, "PUT", "/_stand_in/settings", &settings).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_created_pipeline_has_the_documented_fields() {
    let app = app();
    let pipeline = create(&app, "bootstrap").await;
    assert_eq!(pipeline["id"], 1);
    assert_eq!(pipeline["iid"], 1);
    assert_eq!(pipeline["project_id"], 2);
    assert_eq!(pipeline["status"], "created");
    assert_eq!(pipeline["source"], "api");
    assert_eq!(pipeline["ref"], "main");
    assert_eq!(pipeline["sha"].as_str().unwrap().len(), 40);
    assert_eq!(pipeline["web_url"], "http://gitlab.test/platform/infrastructure/-/pipelines/1");
    assert_eq!(pipeline["user"]["username"], "switchyard");
    assert_eq!(pipeline["finished_at"], Value::Null);
    assert!(pipeline["created_at"].as_str().unwrap().ends_with('Z'));

    let (_, _, variables) = send(&app, "GET", &format!("{BOOTSTRAP}/pipelines/1/variables"), &Value::Null).await;
    assert_eq!(variables, json!([{ "key": "PIPELINE_TYPE", "value": "bootstrap", "variable_type": "env_var" }]));
}

#[tokio::test]
async fn a_pipeline_goes_through_its_states_in_time() {
    let store = Store::new(
        vec![Project { id: 7, path: "a/b".to_owned(), refs: vec!["main".to_owned()] }],
        "http://gitlab.test".to_owned(),
    );
    store.change_settings(Change { duration_ms: Some(20_000), fail_next: Some(1), ..Change::default() });
    let project = store.project("7").unwrap().clone();
    let start: jiff::Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let new = parameters::NewPipeline::default;
    let failing = store.create(&project, "main".to_owned(), new(), start);
    let passing = store.create(&project, "main".to_owned(), new(), start);
    let at = |seconds| start + jiff::SignedDuration::from_secs(seconds);
    let states = |pipeline: &store::Pipeline| [0, 1, 3, 19, 20].map(|seconds| pipeline.at(at(seconds)).status);
    assert_eq!(states(&failing), ["created", "pending", "running", "running", "failed"]);
    assert_eq!(states(&passing), ["created", "pending", "running", "running", "success"]);
    assert_eq!(passing.at(at(60)).finished_at, Some(at(20)));
    assert_eq!(passing.at(at(60)).updated_at, at(20));
}

#[tokio::test]
async fn form_and_query_parameters_are_read_like_json() {
    let app = app();
    let request = Request::post(format!("{BOOTSTRAP}/pipeline?ref=main"))
        .header("authorization", "Bearer secret")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("variables[][key]=A&variables[][value]=1+2&inputs[region]=eu-west-1"))
        .unwrap();
    let (status, _, pipeline) = answer(&app, request).await;
    assert_eq!(status, 201, "{pipeline}");
    let (_, _, variables) = send(&app, "GET", &format!("{BOOTSTRAP}/pipelines/1/variables"), &Value::Null).await;
    assert_eq!(variables, json!([{ "key": "A", "value": "1 2", "variable_type": "env_var" }]));
    let (_, _, all) = send(&app, "GET", "/_stand_in/pipelines", &Value::Null).await;
    assert_eq!(all[0]["project"], "platform/infrastructure");
    assert_eq!(all[0]["variables"], json!({ "A": "1 2" }));
    assert_eq!(all[0]["inputs"], json!({ "region": "eu-west-1" }));
}

#[tokio::test]
async fn refusals_have_the_shapes_of_gitlab() {
    let app = app();
    let request = Request::get("/api/v4/version").header("private-token", "wrong").body(Body::empty()).unwrap();
    let (status, _, body) = answer(&app, request).await;
    assert_eq!((status, body), (401, json!({ "message": "401 Unauthorized" })));

    let cases = [
        ("GET", "/api/v4/projects/nobody%2Fhere", Value::Null, 404, json!({ "message": "404 Project Not Found" })),
        ("GET", "/api/v4/projects/2/pipelines/99", Value::Null, 404, json!({ "message": "404 Not found" })),
        ("GET", "/api/v4/projects/2/pipelines/x", Value::Null, 400, json!({ "error": "pipeline_id is invalid" })),
        ("GET", "/api/v4/nothing", Value::Null, 404, json!({ "message": "404 Not Found" })),
        ("POST", "/api/v4/projects/2/pipeline", json!({}), 400, json!({ "error": "ref is missing" })),
        (
            "POST",
            "/api/v4/projects/2/pipeline",
            json!({ "ref": "other" }),
            400,
            json!({ "message": { "base": ["Reference not found"] } }),
        ),
        (
            "GET",
            "/api/v4/projects/2/pipelines?status=done",
            Value::Null,
            400,
            json!({ "error": "status does not have a valid value" }),
        ),
    ];
    for (method, path, body, status, answer) in cases {
        let (got, _, shown) = send(&app, method, path, &body).await;
        assert_eq!((got, &shown), (status, &answer), "{method} {path}");
    }

    set(&app, json!({ "refuse_variables": true })).await;
    let body = json!({ "ref": "main", "variables": [{ "key": "A", "value": "1" }] });
    let (status, _, refused) = send(&app, "POST", "/api/v4/projects/2/pipeline", &body).await;
    assert_eq!(status, 400);
    assert_eq!(refused, json!({ "message": { "base": ["Insufficient permissions to set pipeline variables"] } }));
    let body = json!({ "ref": "main", "inputs": { "region": "us-east-1" } });
    assert_eq!(send(&app, "POST", "/api/v4/projects/2/pipeline", &body).await.0, 201);
}

#[tokio::test]
async fn lists_filter_order_and_page() {
    let app = app();
    for _ in 0..5 {
        create(&app, "bootstrap").await;
    }
    let list = format!("{BOOTSTRAP}/pipelines");
    let (status, headers, page) =
        send(&app, "GET", &format!("{list}?per_page=2&page=2&source=api"), &Value::Null).await;
    assert_eq!(status, 200);
    let ids: Vec<_> = page.as_array().unwrap().iter().map(|pipeline| pipeline["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [3, 2]);
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!((header("x-total"), header("x-total-pages")), ("5", "3"));
    assert_eq!((header("x-page"), header("x-next-page"), header("x-prev-page")), ("2", "3", "1"));
    assert!(header("link").contains("page=3&per_page=2>; rel=\"next\""), "{}", header("link"));

    let (_, _, oldest) = send(&app, "GET", &format!("{list}?sort=asc&per_page=1"), &Value::Null).await;
    assert_eq!(oldest[0]["id"], 1);
    for nothing in ["status=success", "source=push", "ref=other", "updated_after=2126-01-01T00:00:00Z"] {
        let (_, _, found) = send(&app, "GET", &format!("{list}?{nothing}"), &Value::Null).await;
        assert_eq!(found, json!([]), "{nothing}");
    }
}

#[tokio::test]
async fn failures_happen_as_ordered_and_then_end() {
    let app = app();
    set(&app, json!({ "duration_ms": 0, "fail_next": 1, "fail_types": ["compute"] })).await;
    for (kind, end) in [("bootstrap", "failed"), ("bootstrap", "success"), ("compute", "failed")] {
        let id = create(&app, kind).await["id"].clone();
        let (_, _, pipeline) = send(&app, "GET", &format!("{BOOTSTRAP}/pipelines/{id}"), &Value::Null).await;
        assert_eq!(pipeline["status"], end, "pipeline {id}");
        let failed = format!("{BOOTSTRAP}/pipelines/{id}/jobs?scope[]=failed");
        let (_, _, jobs) = send(&app, "GET", &failed, &Value::Null).await;
        assert_eq!(jobs.as_array().unwrap().len(), usize::from(end == "failed"));
    }

    set(&app, json!({ "rate_limit_next": 1, "retry_after_seconds": 7, "status_code_next": 1, "status_code": 503 }))
        .await;
    let (status, headers, _) = send(&app, "GET", BOOTSTRAP, &Value::Null).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(send(&app, "GET", BOOTSTRAP, &Value::Null).await.0, 503);
    assert_eq!(send(&app, "GET", BOOTSTRAP, &Value::Null).await.0, 200);
}

#[tokio::test]
async fn a_delayed_creation_makes_the_pipeline_first() {
    let app = app();
    set(&app, json!({ "delay_create_ms": 60_000 })).await;
    let body = json!({ "ref": "main" });
    let path = format!("{BOOTSTRAP}/pipeline");
    let creation = send(&app, "POST", &path, &body);
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(100), creation).await;
    assert!(given_up.is_err(), "the answer should be held back");
    let (_, _, list) = send(&app, "GET", &format!("{BOOTSTRAP}/pipelines"), &Value::Null).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn unknown_or_senseless_settings_are_refused() {
    let app = app();
    for settings in [json!({ "fail_nxt": 1 }), json!({ "status_code": 200 }), json!({ "duration_ms": 86_400_001 })] {
        let (status, _, body) = send(&app, "PUT", "/_stand_in/settings", &settings).await;
        assert_eq!(status, 400, "{settings}: {body}");
    }
}

#[test]
fn projects_come_from_the_pipeline_types() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pipelines.yaml");
    let text = "pipelines:\n  a: { project: group/one, ref: main, tenant: none }\n  \
                b: { project: group/one, ref: release }\n  c: { project: 42, ref: main }\n";
    std::fs::write(&file, text).unwrap();
    let projects = read_projects(&file).unwrap();
    let one = Project { id: 1, path: "group/one".to_owned(), refs: vec!["main".to_owned(), "release".to_owned()] };
    let numbered = Project { id: 42, path: "projects/project-42".to_owned(), refs: vec!["main".to_owned()] };
    assert_eq!(projects, [one, numbered]);

    for wrong in ["pipelines: {}", "pipelines: [1]", "nothing: 1"] {
        std::fs::write(&file, wrong).unwrap();
        let error = read_projects(&file).unwrap_err().to_string();
        assert!(error.contains("pipelines.yaml: "), "{error}");
    }
}
