//! mcp_proxy through its door, the event of an action group: DynamoDB in memory, and a pipelines server behind a Lambda
//! endpoint that plays GitLab's part.

mod double;
mod tools;

use std::path::Path;

use double::{Behaviour, PipelinesDouble, wait_until};
use serde_json::json;

use super::*;
use crate::{
    env::Reach,
    memory::{Filter, Status},
    registry::Status as ServerStatus,
    test_support::{MEMORY_TABLE, REGISTRY_TABLE, STAGE, STATE_TABLE, dynamodb, sdk_config},
};

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:team-pipelines";
const SESSION: &str = "orchestrator-session";

/// A registry entry like the one of the pipelines server.
pub(super) fn server(endpoint_url: &str) -> Server {
    let tool = |name: &str, pipeline_type: Option<&str>, read_only: bool| {
        json!({
            "name": name, "description": name, "inputSchema": { "type": "object" },
            "annotations": { "readOnlyHint": read_only },
            "_meta": pipeline_type.map(|pipeline_type| json!({ "switchyard/pipeline_type": pipeline_type })),
        })
    };
    serde_json::from_value(json!({
        "server_id": "pipelines", "version": "1.0.0", "server_name": "Pipelines", "description": "Pipelines",
        "endpoint_url": endpoint_url, "protocol_type": "jsonrpc", "authentication_type": "none",
        "available_tools": [
            tool("execute_bootstrap_pipeline", Some("bootstrap"), false),
            tool("execute_compute_pipeline", Some("compute"), false),
            tool("get_pipeline_status", None, true),
        ],
        "definition_hash": "", "status": "active", "owner": "test", "created_by": "test", "mcp_version": "2026-07-28",
        "configuration": { "environment_argument": "environment", "status_tool": "get_pipeline_status" },
        "metadata": {}, "created_at": "2026-11-21T00:00:00.000Z", "updated_at": "2026-11-21T00:00:00.000Z",
    }))
    .unwrap()
}

struct Bench {
    proxy: McpProxy,
    pipelines: PipelinesDouble,
    memory: Memory,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl Bench {
    async fn new() -> Self {
        let bench = Self::without_server().await;
        bench.register(&server(ARN)).await;
        bench
    }

    async fn without_server() -> Self {
        let pipelines = PipelinesDouble::start().await;
        let dynamodb = dynamodb().await;
        let memory = Memory::new(dynamodb.clone(), MEMORY_TABLE);
        let sdk = sdk_config(&pipelines.endpoint());
        let reach = Reach { stage: STAGE.into(), ..Reach::default() };
        let known = ["dev", "test", "staging", "prod"].map(str::to_owned);
        let proxy = McpProxy {
            definitions: Arc::new(Definitions::of_zip(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()),
            registry: Registry::new(dynamodb.clone(), REGISTRY_TABLE, STATE_TABLE),
            catalog: Catalog::default(),
            client: McpClient::new(&sdk, Guard::new(&reach).unwrap()),
            reservations: Reservations::new(dynamodb.clone(), memory.clone(), STATE_TABLE, Duration::from_secs(600)),
            environments: Environments::new(&known, &["prod".to_owned()]),
        };
        Self { proxy, pipelines, memory, dynamodb }
    }

    async fn register(&self, server: &Server) {
        let item = serde_dynamo::to_item(server).unwrap();
        self.dynamodb.put_item().table_name(REGISTRY_TABLE).set_item(Some(item)).send().await.unwrap();
    }

    /// Counts a change of the registry, as those do that write to it.
    async fn count_a_change(&self) {
        let key = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        self.dynamodb
            .update_item()
            .table_name(STATE_TABLE)
            .key("pk", key("registry#changes"))
            .key("sk", key("counter"))
            .update_expression("ADD #number :one")
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":one", aws_sdk_dynamodb::types::AttributeValue::N("1".into()))
            .send()
            .await
            .unwrap();
    }

    async fn call_in(
        &self,
        session: Option<&str>,
        function: &str,
        parameters: &[(&str, &str)],
    ) -> (Option<String>, Value) {
        self.call_as("bootstrap", session, function, parameters).await
    }

    /// Calls a function as Bedrock does for an agent: the answer's state and its body.
    async fn call_as(
        &self,
        agent: &str,
        session: Option<&str>,
        function: &str,
        parameters: &[(&str, &str)],
    ) -> (Option<String>, Value) {
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| json!({ "name": name, "type": "string", "value": value })).collect();
        let mut event = json!({
            "messageVersion": "1.0", "actionGroup": "pipelines", "function": function, "parameters": parameters,
        });
        if let Some(session) = session {
            event["sessionAttributes"] =
                json!({ "requested_by": "arn:aws:iam::123456789012:user/ann", "session_id": session, "agent": agent });
        }
        let invocation = Invocation {
            request_id: "request".into(),
            deadline: Instant::now() + Duration::from_secs(9),
            function_arn: String::new(),
            client_context: None,
        };
        let answer = self.proxy.handle(event, invocation).await.unwrap();
        let response = &answer["response"]["functionResponse"];
        let body = response["responseBody"]["TEXT"]["body"].as_str().unwrap();
        (response["responseState"].as_str().map(str::to_owned), serde_json::from_str(body).unwrap())
    }

    async fn bootstrap(&self, environment: &str) -> Value {
        self.call_in(Some(SESSION), "execute_bootstrap_pipeline", &[("environment", environment)]).await.1
    }

    async fn status(&self, execution_id: &str) -> Value {
        self.call_in(Some(SESSION), "get_pipeline_status", &[("execution_id", execution_id)]).await.1
    }

    async fn record(&self, execution_id: &Value) -> crate::memory::Deployment {
        self.memory.get(execution_id.as_str().unwrap()).await.unwrap().unwrap()
    }

    async fn history(&self) -> Vec<crate::memory::Deployment> {
        let filter = Filter { environment: Some("dev".into()), ..Filter::default() };
        self.memory.query(&filter, 100, None).await.unwrap().deployments
    }

    /// Makes a record look older, as if time had passed.
    async fn age(&self, execution_id: &Value, seconds: i64) {
        let past = crate::memory::iso(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds));
        let past = aws_sdk_dynamodb::types::AttributeValue::S(past);
        self.dynamodb
            .update_item()
            .table_name(MEMORY_TABLE)
            .key("execution_id", aws_sdk_dynamodb::types::AttributeValue::S(execution_id.as_str().unwrap().into()))
            .update_expression("SET updated_at = :past, started_at = :past")
            .expression_attribute_values(":past", past)
            .send()
            .await
            .unwrap();
    }
}

fn message(body: &Value) -> &str {
    body["message"].as_str().unwrap()
}

#[tokio::test]
async fn a_wish_becomes_one_execution_with_its_record() {
    let bench = Bench::new().await;
    let body = bench.bootstrap("DEV").await;
    assert_eq!(body["status"], "running");
    let id = &body["execution_id"];
    assert!(message(&body).contains(id.as_str().unwrap()), "{body}");
    let calls = bench.pipelines.calls();
    assert_eq!(calls.len(), 1, "one request, no handshake: {calls:?}");
    assert_eq!(calls[0]["params"]["arguments"], json!({ "environment": "dev", "region": "us-east-1" }));
    assert_eq!(calls[0]["params"]["_meta"]["switchyard/execution_id"], *id);
    let record = bench.record(id).await;
    assert_eq!(record.status, Status::Running);
    assert_eq!(record.pipeline_type, "bootstrap");
    assert_eq!(record.agent.as_deref(), Some("bootstrap"));
    assert_eq!(record.session_id.as_deref(), Some(SESSION));
    assert_eq!(record.requested_by.as_deref(), Some("arn:aws:iam::123456789012:user/ann"));
    assert_eq!(record.details["server"]["pipeline_id"], 1);
    assert_eq!(record.web_url.as_deref(), Some("https://gitlab.test/pipelines/1"));
}

#[tokio::test]
async fn the_status_is_learned_from_the_server_and_recorded() {
    let bench = Bench::new().await;
    let id = bench.bootstrap("dev").await["execution_id"].clone();
    let body = bench.status(id.as_str().unwrap()).await;
    assert_eq!(body["status"], "running");
    let asked = bench.pipelines.calls().pop().unwrap();
    assert_eq!(asked["params"]["_meta"]["switchyard/details"]["pipeline_id"], 1);
    bench.pipelines.finish(1, "succeeded");
    assert_eq!(bench.status(id.as_str().unwrap()).await["status"], "succeeded");
    assert_eq!(bench.record(&id).await.status, Status::Succeeded);
    let before = bench.pipelines.calls().len();
    assert_eq!(bench.status(id.as_str().unwrap()).await["status"], "succeeded");
    assert_eq!(bench.pipelines.calls().len(), before, "what is over is told from the history");
}

#[tokio::test]
async fn fifty_identical_wishes_start_one_execution() {
    let bench = Bench::new().await;
    let wishes = futures_util::future::join_all((0..50).map(|_| bench.bootstrap("dev"))).await;
    let mut ids: Vec<_> = wishes.iter().map(|body| body["execution_id"].clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "everyone is told of the same execution");
    assert_eq!(bench.pipelines.started(), 1);
    assert_eq!(bench.history().await.len(), 1);
}

#[tokio::test]
async fn another_session_is_told_who_holds_the_place() {
    let bench = Bench::new().await;
    let first = bench.bootstrap("dev").await;
    let parameters = [("environment", "dev")];
    for session in [Some("another"), None] {
        let (state, body) = bench.call_in(session, "execute_bootstrap_pipeline", &parameters).await;
        assert_eq!(state, None);
        assert_eq!((&body["execution_id"], &body["started"]), (&first["execution_id"], &json!(false)));
        assert!(message(&body).contains("user/ann"), "{body}");
    }
    assert_eq!(bench.pipelines.started(), 1);
    assert_eq!(bench.bootstrap("test").await["status"], "running", "another environment is another place");
}

#[tokio::test]
async fn a_holder_that_is_over_is_settled_and_makes_way() {
    let bench = Bench::new().await;
    let wish =
        async |session| bench.call_in(Some(session), "execute_bootstrap_pipeline", &[("environment", "dev")]).await.1;
    for (status, session, next_session) in [("succeeded", "one", "two"), ("failed", "three", "three")] {
        let first = wish(session).await;
        bench.pipelines.finish(bench.pipelines.started(), status);
        bench.age(&first["execution_id"], 60).await;
        let second = wish(next_session).await;
        assert_eq!(second["status"], "running", "{second}");
        assert_ne!(first["execution_id"], second["execution_id"]);
        assert_eq!(bench.record(&first["execution_id"]).await.status.as_str(), status);
        bench.pipelines.finish(bench.pipelines.started(), "failed");
        bench.status(second["execution_id"].as_str().unwrap()).await;
    }
}

#[tokio::test]
async fn the_same_wish_after_a_success_is_answered_with_it() {
    let bench = Bench::new().await;
    let first = bench.bootstrap("dev").await;
    bench.pipelines.finish(1, "succeeded");
    bench.status(first["execution_id"].as_str().unwrap()).await;
    let again = bench.bootstrap("dev").await;
    assert_eq!((&again["execution_id"], &again["status"]), (&first["execution_id"], &json!("succeeded")));
    assert!(message(&again).starts_with("Nothing new was started"), "{again}");
    assert_eq!(bench.pipelines.started(), 1);
}

#[tokio::test]
async fn a_success_of_long_ago_is_not_a_short_while_ago() {
    let bench = Bench::new().await;
    let first = bench.bootstrap("dev").await;
    bench.pipelines.finish(1, "succeeded");
    bench.age(&first["execution_id"], 3600).await;
    let second = bench.bootstrap("dev").await;
    assert_eq!(second["status"], "running", "nobody had asked in between, and it is over for an hour: {second}");
    assert_ne!(first["execution_id"], second["execution_id"]);
}

#[tokio::test]
async fn a_place_is_not_lost_for_ever() {
    let bench = Bench::new().await;
    let first = bench.bootstrap("dev").await;
    // Its pipeline is still running, but nobody can be asked: the entry lost its status tool.
    let mut entry = server(ARN);
    entry.configuration.remove("status_tool");
    bench.register(&entry).await;
    bench.age(&first["execution_id"], 23 * 3600).await;
    assert_eq!(bench.bootstrap("dev").await["started"], false);
    bench.age(&first["execution_id"], 25 * 3600).await;
    assert_eq!(bench.bootstrap("dev").await["status"], "running");
    let given_up = bench.record(&first["execution_id"]).await;
    assert_eq!(given_up.status, Status::Failed);
    assert!(given_up.details["message"].as_str().unwrap().contains("nobody could tell"), "{given_up:?}");
}

#[tokio::test]
async fn a_tenant_has_one_spelling() {
    let bench = Bench::new().await;
    let call = async |tenant, session| {
        let parameters = [("environment", "dev"), ("tenant_id", tenant)];
        bench.call_as("compute", Some(session), "execute_compute_pipeline", &parameters).await.1
    };
    let first = call("ACME", "one").await;
    assert_eq!(bench.pipelines.calls()[0]["params"]["arguments"]["tenant_id"], "acme");
    assert_eq!(call("acme", "two").await["execution_id"], first["execution_id"]);
}

#[tokio::test]
async fn protected_and_unknown_environments_start_nothing() {
    let bench = Bench::new().await;
    let body = bench.bootstrap("prod").await;
    assert!(message(&body).contains("`prod` is protected"), "{body}");
    assert!(bench.pipelines.calls().is_empty());
    let (state, body) = bench.call_in(Some(SESSION), "execute_bootstrap_pipeline", &[("environment", "moon")]).await;
    assert_eq!(state.as_deref(), Some("REPROMPT"));
    assert!(message(&body).contains("dev, test, staging, prod"), "{body}");
}

#[tokio::test]
async fn a_refusal_of_the_tool_is_a_failure_and_the_next_wish_starts_anew() {
    let bench = Bench::new().await;
    bench.pipelines.behave(Behaviour::Refuse("GitLab refused the token. Put a valid one into the secret."));
    let body = bench.bootstrap("dev").await;
    assert_eq!(body["status"], "failed");
    assert!(message(&body).contains("Put a valid one into the secret"), "{body}");
    assert_eq!(bench.record(&body["execution_id"]).await.status, Status::Failed);
    bench.pipelines.behave(Behaviour::Run);
    assert_eq!(bench.bootstrap("dev").await["status"], "running");
}

#[tokio::test]
async fn a_lost_answer_is_unknown_until_the_status_is_asked() {
    let bench = Bench::new().await;
    bench.pipelines.behave(Behaviour::RunAndCrash);
    let body = bench.bootstrap("dev").await;
    assert_eq!(body["status"], "unknown");
    assert!(message(&body).contains("Ask for the status"), "{body}");
    bench.pipelines.behave(Behaviour::Run);
    let again = bench.bootstrap("dev").await;
    assert_eq!((&again["execution_id"], &again["started"]), (&body["execution_id"], &json!(false)));
    let status = bench.status(body["execution_id"].as_str().unwrap()).await;
    assert_eq!(status["status"], "running", "{status}");
    assert_eq!(bench.pipelines.started(), 1);
}

#[tokio::test]
async fn killed_between_reserve_and_record_the_record_settles() {
    let bench = Bench::new().await;
    bench.pipelines.behave(Behaviour::RunAndHang);
    // The first to come about ends the other: the call is dropped while the server still works.
    tokio::select! {
        body = bench.bootstrap("dev") => panic!("an answer came: {body}"),
        () = wait_until(|| bench.pipelines.started() == 1) => {}
    }
    bench.pipelines.behave(Behaviour::Run);
    let left = bench.history().await.remove(0);
    assert_eq!(left.status, Status::Starting);
    let id = json!(left.execution_id);
    assert_eq!(bench.status(&left.execution_id).await["status"], "running");
    assert_eq!(bench.record(&id).await.status, Status::Running);
    assert_eq!(bench.pipelines.started(), 1);
}

#[tokio::test]
async fn an_execution_that_never_started_fails_when_it_is_old_enough() {
    let bench = Bench::new().await;
    bench.pipelines.behave(Behaviour::CrashBefore);
    let id = bench.bootstrap("dev").await["execution_id"].clone();
    bench.pipelines.behave(Behaviour::Run);
    let young = bench.status(id.as_str().unwrap()).await;
    assert_eq!(young["status"], "unknown", "{young}");
    bench.age(&id, 17 * 60).await;
    let old = bench.status(id.as_str().unwrap()).await;
    assert_eq!(old["status"], "failed");
    assert!(message(&old).contains("never started"), "{old}");
    assert_eq!(bench.bootstrap("dev").await["status"], "running", "its place is free again");
}

#[tokio::test]
async fn servers_and_tools_that_are_not_there_have_their_own_answers() {
    let bench = Bench::without_server().await;
    let body = bench.bootstrap("dev").await;
    assert!(message(&body).contains("`pipelines` is not in the registry as active"), "{body}");
    let mut entry = server(ARN);
    entry.available_tools.remove(0);
    bench.register(&entry).await;
    assert!(message(&bench.bootstrap("dev").await).contains("has no tool `execute_bootstrap_pipeline`"));
    entry.status = ServerStatus::Maintenance;
    bench.register(&entry).await;
    assert!(message(&bench.bootstrap("dev").await).contains("not in the registry as active"));
    bench.register(&server("arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-mcp_proxy")).await;
    let body = bench.bootstrap("dev").await;
    assert_eq!(body["status"], "failed", "our own functions are never called: {body}");
    assert!(bench.pipelines.calls().is_empty());
}

#[tokio::test]
async fn the_highest_version_is_called() {
    let bench = Bench::new().await;
    for version in ["1.9.0", "1.10.0"] {
        let name = version.replace('.', "-");
        let entry = Server { version: version.into(), ..server(&format!("{ARN}-{name}")) };
        bench.register(&entry).await;
    }
    bench.bootstrap("dev").await;
    assert!(bench.pipelines.functions()[0].ends_with("team-pipelines-1-10-0"), "{:?}", bench.pipelines.functions());
}

#[tokio::test]
async fn a_status_question_for_something_unknown_has_an_answer() {
    let bench = Bench::new().await;
    let (state, body) = bench.call_in(Some(SESSION), "get_pipeline_status", &[("execution_id", "7")]).await;
    assert_eq!(state.as_deref(), Some("REPROMPT"));
    assert!(message(&body).contains("not an execution id"), "{body}");
    let body = bench.status("0198c0de-0000-7000-8000-000000000000").await;
    assert!(message(&body).contains("No pipeline carries"), "{body}");
}

#[tokio::test]
async fn too_little_time_starts_nothing() {
    let bench = Bench::new().await;
    let event = json!({
        "messageVersion": "1.0", "actionGroup": "pipelines", "function": "execute_bootstrap_pipeline",
        "parameters": [{ "name": "environment", "type": "string", "value": "dev" }],
    });
    let invocation = Invocation {
        request_id: "request".into(),
        deadline: Instant::now() + Duration::from_secs(4),
        function_arn: String::new(),
        client_context: None,
    };
    let answer = bench.proxy.handle(event, invocation).await.unwrap();
    assert!(answer.to_string().contains("too little time"), "{answer}");
    assert!(bench.history().await.is_empty());
}
