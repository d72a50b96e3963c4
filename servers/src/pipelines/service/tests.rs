use handlers::error::Kind;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

use super::*;
use crate::pipelines::{
    execution::Outcome,
    testing::{CONFIG, call, gitlab_pipeline, pipelines, with_inputs},
};

const PROJECT: &str = "/api/v4/projects/platform%2Finfrastructure";

fn arguments(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn dev() -> Map<String, Value> {
    arguments(json!({ "environment": "dev" }))
}

fn now() -> String {
    Timestamp::now().to_string()
}

async fn creates(server: &MockServer, status: u16) {
    let answer = ResponseTemplate::new(status).set_body_json(gitlab_pipeline(61, "created", &now(), None));
    Mock::given(method("POST")).and(path(format!("{PROJECT}/pipeline"))).respond_with(answer).mount(server).await;
}

async fn lists(server: &MockServer, list: Value) {
    Mock::given(path(format!("{PROJECT}/pipelines")))
        .respond_with(ResponseTemplate::new(200).set_body_json(list))
        .mount(server)
        .await;
}

async fn posted(server: &MockServer) -> Vec<Value> {
    let requests: Vec<Request> = server.received_requests().await.unwrap();
    requests.iter().filter(|request| request.method == "POST").map(|request| request.body_json().unwrap()).collect()
}

fn id_of_age(seconds: u64) -> Uuid {
    let at = u64::try_from(Timestamp::now().as_second()).unwrap() - seconds;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, at, 0))
}

#[tokio::test]
async fn a_pipeline_with_variables() {
    let server = MockServer::start().await;
    creates(&server, 201).await;
    let id = Uuid::now_v7();
    let execution = pipelines(&server, CONFIG).execute("bootstrap", dev(), Some(id), &call()).await.unwrap();
    assert_eq!((execution.execution_id, execution.status), (id, Status::Running));
    assert!(execution.message.contains("GitLab pipeline 61 (bootstrap, dev) is under way"), "{}", execution.message);
    let details = execution.details.unwrap();
    assert_eq!(
        (details.project.as_str(), details.pipeline_id, details.gitlab_status.as_str()),
        ("platform/infrastructure", 61, "created")
    );
    let variables = json!([
        { "key": "ENVIRONMENT", "value": "dev" }, { "key": "EXECUTION_ID", "value": id.to_string() },
        { "key": "PIPELINE_TYPE", "value": "bootstrap" }, { "key": "REGION", "value": "us-east-1" },
    ]);
    assert_eq!(posted(&server).await, [json!({ "ref": "main", "variables": variables })]);
}

#[tokio::test]
async fn a_pipeline_with_inputs() {
    let server = MockServer::start().await;
    creates(&server, 201).await;
    let execution = pipelines(&server, &with_inputs()).execute("bootstrap", dev(), None, &call()).await.unwrap();
    assert_eq!(execution.execution_id.get_version_num(), 7);
    let inputs = json!({ "environment": "dev", "execution_id": execution.execution_id.to_string(),
                         "pipeline_type": "bootstrap", "region": "us-east-1" });
    assert_eq!(posted(&server).await, [json!({ "ref": "main", "inputs": inputs })]);
}

#[tokio::test]
async fn wrong_calls_never_reach_gitlab() {
    let server = MockServer::start().await;
    let service = pipelines(&server, CONFIG);
    for (name, arguments, id, kind, expected) in [
        ("database", dev(), None, Kind::NotFound, "there are app, bootstrap, compute"),
        ("bootstrap", Map::new(), None, Kind::Invalid, "environment: is required"),
        ("bootstrap", dev(), Some(id_of_age(3600)), Kind::Invalid, "was made 3600 seconds ago"),
    ] {
        let failure = service.execute(name, arguments, id, &call()).await.unwrap_err();
        assert_eq!((failure.outcome, failure.error.kind()), (Outcome::NotStarted, kind));
        assert!(failure.error.message().contains(expected), "{}", failure.error);
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_a_success_when_the_pipeline_is_found() {
    let server = MockServer::start().await;
    creates(&server, 502).await;
    let id = Uuid::now_v7();
    lists(&server, json!([gitlab_pipeline(61, "running", &now(), Some(&format!("bootstrap {id}")))])).await;
    Mock::given(path(format!("{PROJECT}/pipelines/61/variables")))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .mount(&server)
        .await;
    let execution = pipelines(&server, CONFIG).execute("bootstrap", dev(), Some(id), &call()).await.unwrap();
    assert_eq!((execution.status, execution.environment.as_deref()), (Status::Running, Some("dev")));
    assert_eq!(posted(&server).await.len(), 1, "a creation is never repeated after an answer like that");
}

#[tokio::test]
async fn a_lost_answer_without_a_pipeline_is_unknown() {
    let server = MockServer::start().await;
    creates(&server, 500).await;
    lists(&server, json!([])).await;
    let id = Uuid::now_v7();
    let failure = pipelines(&server, CONFIG).execute("bootstrap", dev(), Some(id), &call()).await.unwrap_err();
    assert_eq!((failure.outcome, failure.execution_id), (Outcome::Unknown, Some(id)));
    assert!(failure.error.message().contains(&format!("status of execution {id}")), "{}", failure.error);
    assert_eq!(posted(&server).await.len(), 1);
}

#[tokio::test]
async fn an_id_that_arrives_late_is_looked_up_first() {
    let id = id_of_age(60);
    let server = MockServer::start().await;
    creates(&server, 201).await;
    lists(&server, json!([gitlab_pipeline(44, "success", &now(), Some(&format!("{id}")))])).await;
    let variables = json!([{ "key": "PIPELINE_TYPE", "value": "bootstrap" }, { "key": "ENVIRONMENT", "value": "dev" }]);
    Mock::given(path(format!("{PROJECT}/pipelines/44/variables")))
        .respond_with(ResponseTemplate::new(200).set_body_json(variables))
        .mount(&server)
        .await;
    let execution = pipelines(&server, CONFIG).execute("bootstrap", dev(), Some(id), &call()).await.unwrap();
    assert_eq!((execution.status, execution.details.unwrap().pipeline_id), (Status::Succeeded, 44));
    assert!(posted(&server).await.is_empty());
    // Not there: it is the first copy after all.
    let server = MockServer::start().await;
    creates(&server, 201).await;
    lists(&server, json!([])).await;
    assert!(pipelines(&server, CONFIG).execute("bootstrap", dev(), Some(id), &call()).await.is_ok());
    // It cannot be said: then no second pipeline.
    let server = MockServer::start().await;
    creates(&server, 201).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(403)).mount(&server).await;
    let failure = pipelines(&server, CONFIG).execute("bootstrap", dev(), Some(id), &call()).await.unwrap_err();
    assert_eq!(failure.outcome, Outcome::Unknown);
    assert!(posted(&server).await.is_empty());
}

fn details(project: &str) -> Details {
    serde_json::from_value(
        json!({ "project": project, "pipeline_id": 61, "gitlab_status": "created", "pipeline_type": "bootstrap",
                                   "environment": "dev" }),
    )
    .unwrap()
}

#[tokio::test]
async fn a_status_with_details_is_one_request_and_names_the_failed_job() {
    let server = MockServer::start().await;
    let failed = ResponseTemplate::new(200).set_body_json(gitlab_pipeline(61, "failed", &now(), None));
    Mock::given(path(format!("{PROJECT}/pipelines/61"))).respond_with(failed).mount(&server).await;
    let jobs = json!([{ "name": "apply", "failure_reason": "script_failure" }]);
    Mock::given(path(format!("{PROJECT}/pipelines/61/jobs")))
        .respond_with(ResponseTemplate::new(200).set_body_json(jobs))
        .mount(&server)
        .await;
    let service = pipelines(&server, CONFIG);
    let execution = service.status(Uuid::now_v7(), Some(details("platform/infrastructure")), &call()).await.unwrap();
    assert_eq!((execution.status, execution.environment.as_deref()), (Status::Failed, Some("dev")));
    assert!(execution.message.contains("failed in the job apply (script_failure)"), "{}", execution.message);
    assert_eq!(execution.details.unwrap().gitlab_status, "failed");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn details_of_another_project_are_refused() {
    let server = MockServer::start().await;
    let service = pipelines(&server, CONFIG);
    let failure = service.status(Uuid::now_v7(), Some(details("finance/payroll")), &call()).await.unwrap_err();
    assert_eq!(failure.error.kind(), Kind::Invalid);
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_status_by_id_searches_every_project() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .expect(3)
        .mount(&server)
        .await;
    let execution = pipelines(&server, CONFIG).status(Uuid::now_v7(), None, &call()).await.unwrap();
    assert_eq!((execution.status, execution.found), (Status::Unknown, Some(false)));
}

#[tokio::test]
async fn a_hidden_execution_id_is_no_proof_of_absence() {
    let server = MockServer::start().await;
    lists(&server, json!([gitlab_pipeline(61, "running", &now(), None)])).await;
    let hidden = json!([{ "key": "EXECUTION_ID", "value": null }]);
    Mock::given(path(format!("{PROJECT}/pipelines/61/variables")))
        .respond_with(ResponseTemplate::new(200).set_body_json(hidden))
        .mount(&server)
        .await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_json(json!([]))).mount(&server).await;
    let failure = pipelines(&server, CONFIG).status(Uuid::now_v7(), None, &call()).await.unwrap_err();
    assert_eq!(failure.outcome, Outcome::Unknown);
    assert!(failure.error.message().contains("$EXECUTION_ID"), "{}", failure.error);
}

/// GitLab's answer about one pipeline, with the time at which it finished.
async fn ended(server: &MockServer, status: &str) {
    let mut pipeline = gitlab_pipeline(61, status, &now(), None);
    pipeline["finished_at"] = json!("2026-11-04T09:40:13.747Z");
    Mock::given(path(format!("{PROJECT}/pipelines/61")))
        .respond_with(ResponseTemplate::new(200).set_body_json(pipeline))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_status_says_when_the_pipeline_finished() {
    for (gitlab, finished_at) in [
        ("success", Some("2026-11-04T09:40:13.747Z")),
        ("failed", Some("2026-11-04T09:40:13.747Z")),
        ("canceled", Some("2026-11-04T09:40:13.747Z")),
        // Started again after its first end.
        ("running", None),
    ] {
        let server = MockServer::start().await;
        ended(&server, gitlab).await;
        let details = details("platform/infrastructure");
        let execution = pipelines(&server, CONFIG).status(Uuid::now_v7(), Some(details), &call()).await.unwrap();
        let answer = serde_json::to_value(execution).unwrap();
        assert_eq!(answer.get("finished_at").map(|time| time.as_str().unwrap()), finished_at, "{gitlab}: {answer}");
    }
}

#[tokio::test]
async fn a_pipeline_that_was_searched_for_is_as_complete_and_of_the_same_tenant() {
    let id = Uuid::now_v7();
    let server = MockServer::start().await;
    let mut listed = gitlab_pipeline(61, "success", &now(), Some(&id.to_string()));
    listed.as_object_mut().unwrap().remove("finished_at");
    lists(&server, json!([listed])).await;
    ended(&server, "success").await;
    let variables = json!([{ "key": "TENANT_ID", "value": "ACME" }]);
    Mock::given(path(format!("{PROJECT}/pipelines/61/variables")))
        .respond_with(ResponseTemplate::new(200).set_body_json(variables))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .with_priority(9)
        .mount(&server)
        .await;
    let execution = pipelines(&server, CONFIG).status(id, None, &call()).await.unwrap();
    assert_eq!(execution.finished_at, Some("2026-11-04T09:40:13.747Z".parse().unwrap()));
    assert_eq!(execution.tenant_id.as_deref(), Some("acme"));
    assert_eq!(execution.details.unwrap().tenant_id.as_deref(), Some("acme"));
}
