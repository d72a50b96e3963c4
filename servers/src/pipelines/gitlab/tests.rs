use aws_sdk_secretsmanager::{
    Client, Config as SecretsConfig,
    config::{BehaviorVersion, Credentials, Region},
};
use handlers::error::Kind;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_json, header, method, path, query_param},
};

use super::*;
use crate::pipelines::{
    config::PassAs,
    testing::{gitlab_pipeline, secret},
};

const CREATE: &str = "/api/v4/projects/platform%2Fone/pipeline";
const LIST: &str = "/api/v4/projects/platform%2Fone/pipelines";
const AT: &str = "2026-11-04T09:36:13.747Z";

fn client(server: &MockServer) -> GitLab {
    GitLab::new(Url::parse(&server.uri()).unwrap(), Some(secret("GITLAB_TOKEN", "glpat-test")))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn create(gitlab: &GitLab) -> Created {
    gitlab.create("platform/one", "main", &json!({ "ref": "main" }), soon()).await
}

async fn answers(status: u16, body: serde_json::Value) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("POST")).and(path(CREATE)).respond_with(answer).expect(1).mount(&server).await;
    server
}

#[tokio::test]
async fn a_created_pipeline() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(CREATE))
        .and(header("private-token", "glpat-test"))
        .and(header("user-agent", concat!("switchyard-pipelines/", env!("CARGO_PKG_VERSION"))))
        .and(body_json(json!({ "ref": "main" })))
        .respond_with(ResponseTemplate::new(201).set_body_json(gitlab_pipeline(61, "pending", AT, None)))
        .mount(&server)
        .await;
    let Created::Pipeline(pipeline) = create(&client(&server)).await else { panic!("not created") };
    assert_eq!((pipeline.id, pipeline.status.as_str()), (61, "pending"));
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    for (status, body, kind, expected) in [
        (
            403,
            json!({ "message": "403 Forbidden" }),
            Kind::Dependency,
            "may not run pipelines of platform/one on main (403)",
        ),
        (404, json!({ "message": "404 Project Not Found" }), Kind::Dependency, "GitLab knows no project platform/one"),
        (
            400,
            json!({ "message": { "base": ["Insufficient permissions to set pipeline variables"] } }),
            Kind::Dependency,
            "Set `pass_as: inputs`",
        ),
        (400, json!({ "message": { "base": ["Reference not found"] } }), Kind::Dependency, "has no branch or tag main"),
        (
            400,
            json!({ "message": { "base": ["Missing .gitlab-ci.yml file"] } }),
            Kind::Dependency,
            "Missing .gitlab-ci.yml file.",
        ),
        (
            422,
            json!({ "message": "inputs: unknown" }),
            Kind::Dependency,
            "refuses to create the pipeline in platform/one (422)",
        ),
        (418, json!({}), Kind::BadGateway, "unexpected status 418"),
    ] {
        let server = answers(status, body).await;
        let Created::NotCreated(error) = create(&client(&server)).await else { panic!("{status}: not NotCreated") };
        assert_eq!(error.kind(), kind, "{status}");
        assert!(error.message().contains(expected), "{status}: {error}");
        assert!(!error.message().contains("glpat-test"));
    }
}

#[tokio::test]
async fn the_refusal_of_variables_names_the_setting() {
    let body = json!({ "message": { "base": ["Insufficient permissions to set pipeline variables"] } });
    let server = answers(400, body).await;
    let Created::NotCreated(error) = create(&client(&server)).await else { panic!("not NotCreated") };
    assert!(error.message().contains("ci_pipeline_variables_minimum_override_role"), "{error}");
}

#[tokio::test]
async fn what_leaves_open_whether_a_pipeline_exists_is_unclear() {
    for status in [500, 502, 503, 504] {
        let server = answers(status, json!({ "message": "oops" })).await;
        assert!(matches!(create(&client(&server)).await, Created::Unclear(_)), "{status}");
    }
    // A success that cannot be read was a success all the same.
    let server = answers(201, json!({ "hello": "world" })).await;
    assert!(matches!(create(&client(&server)).await, Created::Unclear(_)));
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(201).set_delay(Duration::from_secs(5));
    Mock::given(method("POST")).respond_with(slow).mount(&server).await;
    let deadline = Instant::now() + TIME_TO_LOOK + Duration::from_millis(300);
    let Created::Unclear(error) = client(&server).create("platform/one", "main", &json!({}), deadline).await else {
        panic!("a time-out is not unclear")
    };
    assert_eq!(error.kind(), Kind::Timeout);
}

#[tokio::test]
async fn without_a_connection_nothing_was_created() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gitlab =
        GitLab::new(Url::parse(&format!("http://127.0.0.1:{port}")).unwrap(), Some(secret("GITLAB_TOKEN", "t")));
    let Created::NotCreated(error) = create(&gitlab).await else { panic!("not NotCreated") };
    assert!(error.message().contains("cannot be reached"), "{error}");
    assert!(error.causes().contains("refused"), "{}", error.causes());
}

#[tokio::test]
async fn a_lost_connection_is_unclear() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gitlab =
        GitLab::new(Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap(), Some(secret("T", "t")));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 64];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await;
    });
    assert!(matches!(create(&gitlab).await, Created::Unclear(_)));
    server.await.unwrap();
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(201)).expect(0).mount(&server).await;
    let gitlab = GitLab::new(Url::parse(&server.uri()).unwrap(), None);
    let Created::NotCreated(error) = create(&gitlab).await else { panic!("not NotCreated") };
    assert!(error.message().contains("GITLAB_TOKEN_SECRET"), "{error}");
}

#[tokio::test]
async fn a_limit_is_waited_for_if_there_is_time() {
    let server = MockServer::start().await;
    let limit = ResponseTemplate::new(429).insert_header("retry-after", "1");
    Mock::given(path(CREATE)).respond_with(limit).up_to_n_times(1).expect(1).mount(&server).await;
    let created = ResponseTemplate::new(201).set_body_json(gitlab_pipeline(7, "created", AT, None));
    Mock::given(path(CREATE)).respond_with(created).expect(1).mount(&server).await;
    let began = Instant::now();
    assert!(matches!(create(&client(&server)).await, Created::Pipeline(_)));
    assert!(began.elapsed() >= Duration::from_secs(1));

    let server = MockServer::start().await;
    let limit = ResponseTemplate::new(429).insert_header("retry-after", "120");
    Mock::given(path(CREATE)).respond_with(limit).expect(1).mount(&server).await;
    let Created::NotCreated(error) = create(&client(&server)).await else { panic!("not NotCreated") };
    assert_eq!((error.kind(), error.retry_after()), (Kind::Throttled, Some(Duration::from_secs(120))));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(201)).expect(0).mount(&other).await;
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(307).insert_header("location", format!("{}/x", other.uri()));
    Mock::given(method("POST")).respond_with(redirect).mount(&server).await;
    let Created::NotCreated(error) = create(&client(&server)).await else { panic!("not NotCreated") };
    assert!(error.message().contains("redirects to"), "{error}");
}

fn secrets(server: &MockServer) -> Client {
    Client::from_conf(
        SecretsConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .endpoint_url(server.uri())
            .build(),
    )
}

#[tokio::test]
async fn a_refused_token_is_read_again_once() {
    let manager = MockServer::start().await;
    let old = ResponseTemplate::new(200).set_body_json(json!({ "SecretString": "old" }));
    Mock::given(method("POST")).respond_with(old).up_to_n_times(1).mount(&manager).await;
    let new = ResponseTemplate::new(200).set_body_json(json!({ "SecretString": "new\n" }));
    Mock::given(method("POST")).respond_with(new).mount(&manager).await;
    let server = MockServer::start().await;
    let created = ResponseTemplate::new(201).set_body_json(gitlab_pipeline(7, "created", AT, None));
    Mock::given(header("private-token", "new")).respond_with(created).mount(&server).await;
    let refused = ResponseTemplate::new(401).set_body_json(json!({ "message": "401 Unauthorized" }));
    Mock::given(header("private-token", "old")).respond_with(refused).expect(1).mount(&server).await;
    let gitlab =
        GitLab::new(Url::parse(&server.uri()).unwrap(), Some(Secret::with_client("gitlab", secrets(&manager))));
    for _ in 0..2 {
        assert!(matches!(create(&gitlab).await, Created::Pipeline(_)));
    }
    assert_eq!(manager.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_that_stays_refused_names_its_source() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(401)).expect(1).mount(&server).await;
    let Created::NotCreated(error) = create(&client(&server)).await else { panic!("not NotCreated") };
    assert!(error.message().contains("Put a valid one in the environment variable GITLAB_TOKEN"), "{error}");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_or_used_is_named() {
    for (answer, expected) in [
        (
            ResponseTemplate::new(400).set_body_json(json!({ "__type": "ResourceNotFoundException" })),
            "The secret gitlab cannot be read",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({ "SecretString": "{\"a\":1}" })),
            "The secret gitlab cannot be used",
        ),
    ] {
        let manager = MockServer::start().await;
        Mock::given(method("POST")).respond_with(answer).mount(&manager).await;
        let url = Url::parse("http://127.0.0.1:9").unwrap();
        let Created::NotCreated(error) =
            create(&GitLab::new(url, Some(Secret::with_client("gitlab", secrets(&manager))))).await
        else {
            panic!("not NotCreated")
        };
        assert!(error.message().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn reading_is_repeated_when_gitlab_fails_in_passing() {
    let server = MockServer::start().await;
    let one = format!("{LIST}/61");
    Mock::given(path(one.as_str()))
        .respond_with(ResponseTemplate::new(502))
        .up_to_n_times(2)
        .expect(2)
        .mount(&server)
        .await;
    let pipeline = ResponseTemplate::new(200).set_body_json(gitlab_pipeline(61, "running", AT, None));
    Mock::given(path(one.as_str())).respond_with(pipeline).expect(1).mount(&server).await;
    assert_eq!(client(&server).pipeline("platform/one", 61, soon()).await.unwrap().status, "running");
}

#[tokio::test]
async fn the_failed_job_that_counts() {
    let server = MockServer::start().await;
    let jobs = json!([
        { "id": 1, "name": "lint", "status": "failed", "failure_reason": "script_failure", "allow_failure": true },
        { "id": 2, "name": "apply", "status": "failed", "failure_reason": "runner_system_failure", "allow_failure": false },
    ]);
    Mock::given(path(format!("{LIST}/61/jobs")))
        .and(query_param("scope[]", "failed"))
        .respond_with(ResponseTemplate::new(200).set_body_json(jobs))
        .mount(&server)
        .await;
    let job = client(&server).failed_job("platform/one", 61, soon()).await.unwrap();
    assert_eq!(job.as_deref(), Some("apply (runner_system_failure)"));
}

/// A project with these pipelines; `variables` answers for those with a number.
async fn project(pipelines: Vec<serde_json::Value>, variables: Option<(u64, serde_json::Value)>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path(LIST))
        .and(query_param("source", "api"))
        .and(query_param("order_by", "id"))
        .and(query_param("sort", "asc"))
        .respond_with(ResponseTemplate::new(200).set_body_json(pipelines))
        .mount(&server)
        .await;
    if let Some((id, variables)) = variables {
        Mock::given(path(format!("{LIST}/{id}/variables")))
            .respond_with(ResponseTemplate::new(200).set_body_json(variables))
            .with_priority(1)
            .mount(&server)
            .await;
    }
    let none = |request: &Request| match request.url.path().ends_with("/variables") {
        true => ResponseTemplate::new(200).set_body_json(json!([])),
        false => ResponseTemplate::new(404),
    };
    Mock::given(method("GET")).respond_with(none).with_priority(9).mount(&server).await;
    server
}

async fn search(server: &MockServer, pass_as: PassAs, id: Uuid) -> Search {
    client(server).find(&[("platform/one", pass_as)], id, soon()).await
}

fn seconds_from_now(seconds: i64) -> String {
    Timestamp::now().saturating_add(SignedDuration::from_secs(seconds)).unwrap().to_string()
}

#[tokio::test]
async fn found_by_variable_and_by_name() {
    let id = Uuid::now_v7();
    let list = vec![
        gitlab_pipeline(60, "running", &seconds_from_now(1), Some("nightly")),
        gitlab_pipeline(61, "running", &seconds_from_now(2), None),
    ];
    let variables =
        json!([{ "key": "ENVIRONMENT", "value": "dev" }, { "key": "EXECUTION_ID", "value": id.to_string() }]);
    let server = project(list, Some((61, variables))).await;
    let Search::Found(found) = search(&server, PassAs::Variables, id).await else { panic!("not found") };
    assert_eq!((found.pipeline.id, found.variable("ENVIRONMENT")), (61, Some("dev")));

    let name = format!("bootstrap dev {id}");
    let server = project(vec![gitlab_pipeline(62, "running", &seconds_from_now(1), Some(&name))], None).await;
    for pass_as in [PassAs::Variables, PassAs::Inputs] {
        let Search::Found(found) = search(&server, pass_as, id).await else { panic!("not found") };
        assert_eq!(found.pipeline.id, 62);
    }
}

#[tokio::test]
async fn not_there_is_said_only_when_everything_was_looked_at() {
    let id = Uuid::now_v7();
    let server = project(vec![], None).await;
    assert!(matches!(search(&server, PassAs::Inputs, id).await, Search::NotThere));
    // Outside the time of the id nothing is looked at, whatever GitLab made of the filters.
    let server = project(vec![gitlab_pipeline(1, "success", &seconds_from_now(-4000), None)], None).await;
    assert!(matches!(search(&server, PassAs::Inputs, id).await, Search::NotThere));
    // A pipeline with inputs and without a telling name may be the one.
    let server = project(vec![gitlab_pipeline(1, "success", &seconds_from_now(1), Some("deploy"))], None).await;
    assert!(matches!(search(&server, PassAs::Variables, id).await, Search::NotThere));
    let Search::Inconclusive(error) = search(&server, PassAs::Inputs, id).await else { panic!("not inconclusive") };
    assert!(error.message().contains("workflow: name"), "{error}");
    // One that names another execution is not.
    let other = format!("deploy-{}", Uuid::now_v7());
    let server = project(vec![gitlab_pipeline(1, "success", &seconds_from_now(1), Some(&other))], None).await;
    assert!(matches!(search(&server, PassAs::Inputs, id).await, Search::NotThere));
    // A project that cannot be read leaves it open.
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(403)).mount(&server).await;
    assert!(matches!(search(&server, PassAs::Variables, id).await, Search::Inconclusive(_)));
}

#[tokio::test]
async fn a_hidden_execution_id_leaves_it_open() {
    let id = Uuid::now_v7();
    let hidden = || json!([{ "key": "EXECUTION_ID", "value": null }]);
    let at = |name: Option<&str>| vec![gitlab_pipeline(61, "running", &seconds_from_now(1), name)];
    let server = project(at(None), Some((61, hidden()))).await;
    let Search::Inconclusive(error) = search(&server, PassAs::Variables, id).await else { panic!("not inconclusive") };
    assert_eq!(error.kind(), Kind::Dependency);
    assert!(error.message().contains("hides the value of EXECUTION_ID in 1 pipeline(s)"), "{error}");
    assert!(error.message().contains("workflow: name"), "{error}");
    // A name tells what the variable does not.
    let server = project(at(Some(&format!("deploy {}", Uuid::now_v7()))), Some((61, hidden()))).await;
    assert!(matches!(search(&server, PassAs::Variables, id).await, Search::NotThere));
    // One that is hidden does not hide another.
    let mut list = at(None);
    list.push(gitlab_pipeline(62, "running", &seconds_from_now(2), Some(&id.to_string())));
    let server = project(list, Some((61, hidden()))).await;
    assert!(matches!(search(&server, PassAs::Variables, id).await, Search::Found(_)));
}

#[tokio::test]
async fn the_pages_read_are_bounded() {
    let page: Vec<_> = (0..100).map(|id| gitlab_pipeline(id, "success", &seconds_from_now(-4000), None)).collect();
    let server = MockServer::start().await;
    Mock::given(path(LIST)).respond_with(ResponseTemplate::new(200).set_body_json(page)).expect(5).mount(&server).await;
    assert!(matches!(search(&server, PassAs::Variables, Uuid::now_v7()).await, Search::Inconclusive(_)));
}
