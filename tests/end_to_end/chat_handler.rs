//! `POST /chat`: the whole path of a sentence, and every error door.

use std::time::Instant;

use http::{Method, header};
use local::chat_client::{ChatError, Progress};
use serde_json::{Value, json};

use crate::support::{
    self, ask, assert_problem, aws, calls, eventually, execution_id, gitlab, owner, parameters, problem, run, stack,
    unique,
};

#[test]
fn a_sentence_becomes_a_pipeline_an_answer_and_a_record() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let answer = ask("Deploy bootstrap infrastructure for dev environment").await;
        assert_eq!(
            calls(&answer),
            ["orchestrator/query_deployments", "orchestrator/invoke_agent", "bootstrap/execute_bootstrap_pipeline"]
        );
        assert_eq!(parameters(&answer, "invoke_agent")["agent_type"], "bootstrap");
        assert_eq!(parameters(&answer, "execute_bootstrap_pipeline")["environment"], "dev");
        let id = execution_id(&answer.reply);

        let pipelines = gitlab::pipelines("platform/infrastructure", &[("EXECUTION_ID", &id)]).await;
        assert_eq!(pipelines.len(), 1);
        let passed = &pipelines[0].passed;
        assert_eq!(passed["PIPELINE_TYPE"], "bootstrap");
        assert_eq!(passed["ENVIRONMENT"], "dev");
        assert_eq!(passed["REGION"], "us-east-1");
        assert!(answer.reply.contains(&pipelines[0].web_url), "{}", answer.reply);

        let record = aws::record(&id).await.expect("the execution is recorded");
        for (name, value) in
            [("environment", "dev"), ("pipeline_type", "bootstrap"), ("source", "executed"), ("agent", "bootstrap")]
        {
            assert_eq!(aws::text(&record, name), value, "{name}");
        }
        assert_eq!(aws::text(&record, "web_url"), pipelines[0].web_url);
        assert!(aws::text(&record, "requested_by").starts_with("arn:aws:"), "{record:?}");

        let history = ask("What is deployed in dev?").await;
        assert!(history.reply.contains(&id), "{}", history.reply);

        // Asking for its status settles the record once the pipeline has ended.
        eventually("the status of the execution to settle", || async {
            let answer = ask(&format!("What is the status of execution {id}?")).await;
            answer.reply.contains("succeeded").then_some(())
        })
        .await;
        let record = aws::record(&id).await.unwrap();
        assert_eq!(aws::text(&record, "status"), "succeeded");
    });
}

#[test]
fn other_words_tenants_and_counts_reach_the_pipeline() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("acme");
        let answer = ask(&format!("three t3.large for tenant {tenant} in dev")).await;
        let id = execution_id(&answer.reply);
        let pipelines = gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await;
        assert_eq!(pipelines.len(), 1, "{}", answer.reply);
        let passed = &pipelines[0].passed;
        assert_eq!(passed["EXECUTION_ID"], id);
        assert_eq!(passed["INSTANCE_TYPE"], "t3.large");
        assert_eq!(passed["INSTANCE_COUNT"], "3");

        let answer = ask(&format!("Please release the app webshop in version 2.4.1 to test for tenant {tenant}")).await;
        let pipelines = gitlab::pipelines("platform/applications", &[("TENANT_ID", &tenant)]).await;
        assert_eq!(pipelines.len(), 1, "{}", answer.reply);
        assert_eq!(pipelines[0].passed["APP_NAME"], "webshop");
        assert_eq!(pipelines[0].passed["APP_VERSION"], "2.4.1");
        assert_eq!(pipelines[0].passed["ENVIRONMENT"], "test");
    });
}

#[test]
fn a_protected_environment_is_refused_with_its_reason() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("globex");
        let answer = ask(&format!("three t3.large for tenant {tenant} in prod")).await;
        assert!(answer.reply.contains("prod") && answer.reply.contains("approv"), "{}", answer.reply);
        assert!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.is_empty());
        let history = ask(&format!("what is running in prod for {tenant}?")).await;
        assert_eq!(support::execution_ids(&history.reply), Vec::<String>::new(), "{}", history.reply);
    });
}

#[test]
fn what_is_missing_or_not_offered_is_said_and_nothing_starts() {
    run(async {
        let _usual = gitlab::as_usual().await;
        for message in
            ["Deploy the bootstrap infrastructure", "Deploy version 1.2.3 of the app in dev", "Order me a pizza"]
        {
            let answer = ask(message).await;
            assert!(calls(&answer).iter().all(|call| !call.contains("/execute_")), "{message}: {:?}", calls(&answer));
            assert_eq!(support::execution_ids(&answer.reply), Vec::<String>::new(), "{message}: {}", answer.reply);
            assert!(!answer.reply.trim().is_empty());
        }
    });
}

#[test]
fn a_conversation_goes_on_with_its_session() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let client = owner().await;
        let tenant = unique("initech");
        let first = client.ask("Provision two t3.small in test", None, |_| {}).await.unwrap();
        assert!(first.reply.to_lowercase().contains("tenant"), "{}", first.reply);
        let second = client.ask(&tenant, Some(&first.session_id), |_| {}).await.unwrap();
        assert_eq!(second.session_id, first.session_id);
        let pipelines = gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await;
        assert_eq!(pipelines.len(), 1, "{}", second.reply);
        assert_eq!(pipelines[0].passed["INSTANCE_COUNT"], "2");
    });
}

#[test]
fn steps_come_before_the_reply() {
    run(async {
        let mut seen = Vec::new();
        let client = owner().await;
        let answer = client.ask("What is running in staging?", None, |progress| {
            seen.push(matches!(progress, Progress::Step(_)));
        });
        let answer = answer.await.unwrap();
        assert_eq!(calls(&answer), ["orchestrator/query_deployments"]);
        assert_eq!(seen, [true, false]);
    });
}

#[test]
fn each_wrong_request_is_told_what_to_change() {
    run(async {
        let json = "application/json";
        let long = json!({ "message": "x".repeat(25_001) }).to_string();
        let cases: [(&str, &str, &str, u16, &str); 10] = [
            ("POST", json, "{}", 400, "message is missing"),
            ("POST", json, r#"{"message": ""}"#, 400, "empty"),
            ("POST", json, r#"{"message": "   "}"#, 400, "empty"),
            ("POST", json, r#"{"message": 7}"#, 400, "string"),
            ("POST", json, r#"{"message": "hi", "seson_id": "x"}"#, 400, "seson_id"),
            ("POST", json, r#"{"message": "hi", "session_id": "a b"}"#, 400, "session_id"),
            ("POST", json, "{", 400, "JSON"),
            ("POST", json, "[]", 400, "object"),
            ("POST", json, &long, 413, "25000"),
            ("POST", "text/plain", r#"{"message": "hi"}"#, 415, "application/json"),
        ];
        for (method, media_type, body, status, detail) in cases {
            let (got, problem) = raw(method, "chat", media_type, body).await;
            assert_eq!(got, status, "{body}: {problem}");
            assert_problem(&problem, status);
            let said = problem["detail"].as_str().unwrap();
            assert!(said.contains(detail), "{body}: {said}");
        }
    });
}

#[test]
fn paths_and_methods_that_are_not_there_answer_in_the_same_shape() {
    run(async {
        for (method, path) in [("GET", "chat"), ("POST", "chats"), ("DELETE", "chat")] {
            let (status, problem) = raw(method, path, "application/json", "").await;
            assert!((400..500).contains(&status), "{method} {path}: {status}");
            assert_problem(&problem, status);
        }
    });
}

#[test]
fn an_unsigned_request_is_refused_in_the_same_shape() {
    run(async {
        let url = stack().await.api_url().join("chat").unwrap();
        let request = reqwest::Client::new().post(url).json(&json!({ "message": "hello" }));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 403);
        let problem: Value = answer.json().await.unwrap();
        assert_problem(&problem, 403);
    });
}

#[test]
fn twenty_chats_at_once_are_all_answered() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let start = Instant::now();
        let tenants: Vec<String> = (0..20).map(|_| unique("crowd")).collect();
        let mut asked = tokio::task::JoinSet::new();
        for tenant in tenants.clone() {
            asked.spawn(async move { (ask(&format!("one t3.micro for tenant {tenant} in dev")).await, tenant) });
        }
        while let Some(answered) = asked.join_next().await {
            let (answer, tenant) = answered.unwrap();
            let id = execution_id(&answer.reply);
            let pipelines = gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await;
            assert_eq!(pipelines.len(), 1, "{tenant}: {}", answer.reply);
            assert_eq!(pipelines[0].passed["EXECUTION_ID"], id);
        }
        assert!(start.elapsed().as_secs() < 60, "twenty chats took {:?}", start.elapsed());
    });
}

#[test]
fn a_failing_dependency_is_a_problem_document_or_an_answer_never_silence() {
    run(async {
        let client = owner().await;
        // The session id is fine for Bedrock and unknown to it: a new conversation begins.
        let answer = client.ask("What is running in staging?", Some("never-seen-before"), |_| {}).await.unwrap();
        assert_eq!(answer.session_id, "never-seen-before");
        let refused = problem(client.ask("hello", Some("x"), |_| {}).await);
        assert_eq!(refused.status, 400, "{refused}");
        assert!(refused.request_id.is_some(), "{refused}");
    });
}

async fn raw(method: &str, path: &str, media_type: &str, body: &str) -> (u16, Value) {
    let client = owner().await;
    let method: Method = method.parse().unwrap();
    let headers = [(header::CONTENT_TYPE, media_type)];
    let answer: Result<_, ChatError> = client.send(method, path, &headers, body.to_owned().into()).await;
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {status} with no JSON: {text}")))
}
