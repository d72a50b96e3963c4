//! The deployment history behind its action group.

use serde_json::json;

use crate::support::{
    aws,
    events::{api_call, body, call, state},
    run, unique,
};

const GROUP: &str = "memory-operations";

#[test]
fn a_reported_deployment_is_found_again_and_marked_as_reported() {
    run(async {
        let tenant = unique("reported");
        let report = call(
            "orchestrator",
            GROUP,
            "record_deployment",
            &[
                ("environment", "string", "staging"),
                ("pipeline_type", "string", "bootstrap"),
                ("status", "string", "succeeded"),
                ("tenant_id", "string", &tenant),
                ("details", "string", "by hand, in May"),
            ],
        );
        let noted = aws::invoke("memory_manager", &report).await.unwrap();
        let id = body(&noted)["execution_id"].as_str().unwrap().to_owned();
        let record = aws::record(&id).await.unwrap();
        assert_eq!(aws::text(&record, "source"), "reported");

        let properties = [("environment", "string", "staging"), ("tenant_id", "string", &*tenant)];
        let found = aws::invoke("memory_manager", &call("orchestrator", GROUP, "query_deployments", &properties)).await;
        assert_eq!(body(&found.unwrap())["deployments"][0]["execution_id"], *id);
        let event = api_call("orchestrator", GROUP, "/query_deployments", &properties);
        let answer = aws::invoke("memory_manager", &event).await.unwrap();
        let text = answer["response"]["responseBody"]["application/json"]["body"].as_str().unwrap();
        assert!(text.contains(&id), "{answer}");

        let one = call("orchestrator", GROUP, "get_deployment", &[("execution_id", "string", &id)]);
        let one = aws::invoke("memory_manager", &one).await.unwrap();
        assert_eq!(body(&one)["deployment"]["tenant_id"], *tenant);
    });
}

#[test]
fn pages_come_newest_first_and_end() {
    run(async {
        let tenant = unique("paged");
        let mut reported = Vec::new();
        for number in 0..5 {
            let report = call(
                "orchestrator",
                GROUP,
                "record_deployment",
                &[
                    ("environment", "string", "test"),
                    ("pipeline_type", "string", "app"),
                    ("status", "string", "failed"),
                    ("tenant_id", "string", &tenant),
                    ("details", "string", &format!("number {number}")),
                ],
            );
            let noted = aws::invoke("memory_manager", &report).await.unwrap();
            reported.insert(0, body(&noted)["execution_id"].as_str().unwrap().to_owned());
        }
        let mut seen = Vec::new();
        let mut cursor = String::new();
        for _ in 0..5 {
            let mut parameters = vec![("tenant_id", "string", &*tenant), ("limit", "integer", "2")];
            if !cursor.is_empty() {
                parameters.push(("cursor", "string", &cursor));
            }
            let page = call("orchestrator", GROUP, "query_deployments", &parameters);
            let page = body(&aws::invoke("memory_manager", &page).await.unwrap());
            let ids = page["deployments"].as_array().unwrap();
            assert!(ids.len() <= 2);
            seen.extend(ids.iter().map(|it| it["execution_id"].as_str().unwrap().to_owned()));
            match page["cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, reported);
    });
}

#[test]
fn nothing_deployed_is_an_answer_and_a_wrong_call_is_mended() {
    run(async {
        let tenant = unique("nobody");
        let query = call("orchestrator", GROUP, "query_deployments", &[("tenant_id", "string", &tenant)]);
        let answer = aws::invoke("memory_manager", &query).await.unwrap();
        assert_eq!((state(&answer), &body(&answer)["deployments"]), ("", &json!([])));

        let wrong = call("orchestrator", GROUP, "query_deployments", &[("environment", "string", "mars")]);
        let answer = aws::invoke("memory_manager", &wrong).await.unwrap();
        assert_eq!(state(&answer), "REPROMPT", "{answer}");
        let unknown = call("orchestrator", GROUP, "drop_everything", &[]);
        let answer = aws::invoke("memory_manager", &unknown).await.unwrap();
        assert_ne!(state(&answer), "", "{answer}");

        // What is no event of an agent is an error of the function, not an answer.
        assert!(aws::invoke("memory_manager", &json!({ "hello": "there" })).await.is_err());
    });
}
