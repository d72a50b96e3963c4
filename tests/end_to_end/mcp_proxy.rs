//! Never deploy twice, and always know what became of it.

use std::{fs, time::Duration};

use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::{Value, json};

use crate::support::{
    ask, aws,
    events::{api_call, body, call, state},
    eventually, execution_id, execution_ids, gitlab, run, stack, unique,
};

fn compute(tenant: &str, environment: &str) -> Value {
    call(
        "compute",
        "pipelines",
        "execute_compute_pipeline",
        &[("environment", "string", environment), ("tenant_id", "string", tenant), ("instance_count", "integer", "2")],
    )
}

fn status_of(id: &str) -> Value {
    call("compute", "pipelines", "get_pipeline_status", &[("execution_id", "string", id)])
}

/// The one execution of a tenant in dev, read from the table's index as anybody could.
async fn executions(tenant: &str) -> Vec<aws::Item> {
    let value = aws_sdk_dynamodb::types::AttributeValue::S(tenant.to_owned());
    let query = aws::dynamodb().await.query().table_name("DeploymentMemory-local").index_name("tenant-index");
    let query = query.key_condition_expression("tenant_id = :t").expression_attribute_values(":t", value);
    query.send().await.unwrap().items.unwrap_or_default()
}

#[test]
fn fifty_wishes_for_the_same_thing_start_one_pipeline() {
    run(async {
        // Long enough that the first run is still going on when the last wish arrives.
        let changed = gitlab::change(json!({ "duration_ms": 120_000 })).await;
        let tenant = unique("fifty");
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let message = format!("Provision two t3.small for tenant {tenant} in dev");
            asked.spawn(async move { ask(&message).await });
        }
        let answers = asked.join_all().await;
        let pipelines = gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await;
        assert_eq!(pipelines.len(), 1);
        let id = &pipelines[0].passed["EXECUTION_ID"];
        for answer in &answers {
            assert_eq!(&execution_ids(&answer.reply), std::slice::from_ref(id), "{}", answer.reply);
        }
        assert_eq!(executions(&tenant).await.len(), 1);
        changed.reset().await;
    });
}

#[test]
fn a_failed_deployment_can_be_tried_again() {
    run(async {
        let changed = gitlab::change(json!({ "duration_ms": 200, "fail_next": 1 })).await;
        let tenant = unique("again");
        let wish = format!("one t3.micro for tenant {tenant} in dev");
        let first = execution_id(&ask(&wish).await.reply);
        tokio::time::sleep(Duration::from_millis(400)).await;
        let second = ask(&wish).await;
        let pipelines = gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await;
        assert_eq!(pipelines.len(), 2, "{}", second.reply);
        assert_eq!(pipelines[0].passed["EXECUTION_ID"], first);
        assert!(second.reply.contains(&pipelines[1].passed["EXECUTION_ID"]), "{}", second.reply);
        let record = aws::record(&first).await.unwrap();
        assert_eq!(aws::text(&record, "status"), "failed");
        changed.reset().await;
    });
}

#[test]
fn a_proxy_killed_in_the_middle_leaves_a_record_that_settles() {
    run(async {
        let changed = gitlab::change(json!({ "duration_ms": 500, "delay_create_ms": 4_000 })).await;
        let tenant = unique("killed");
        let event = compute(&tenant, "dev");
        let calling = tokio::spawn(async move { aws::invoke("mcp_proxy", &event).await });
        // The pipeline exists, and its creation is not answered yet: the execution is reserved and not recorded.
        eventually("the pipeline to be created", || async {
            (!gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.is_empty()).then_some(())
        })
        .await;
        kill_bootstraps("mcp_proxy");
        let outcome = calling.await.unwrap();
        assert!(outcome.is_err(), "mcp_proxy was killed and still answered: {outcome:?}");

        let left = executions(&tenant).await;
        assert_eq!(left.len(), 1);
        assert_eq!(aws::text(&left[0], "status"), "starting");
        let id = aws::text(&left[0], "execution_id").to_owned();

        changed.also(json!({ "duration_ms": 500 })).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = aws::invoke("mcp_proxy", &status_of(&id)).await.unwrap();
        assert!(body(&answer)["message"].as_str().unwrap().contains("succeeded"), "{answer}");
        let record = aws::record(&id).await.unwrap();
        assert_eq!(aws::text(&record, "status"), "succeeded");
        assert_eq!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.len(), 1);
        changed.reset().await;
    });
}

/// Kills the running processes of a function: children of MiniStack that have its name in their environment.
fn kill_bootstraps(function: &str) {
    let wanted = format!("AWS_LAMBDA_FUNCTION_NAME=switchyard-local-{function}");
    let endpoint = format!("AWS_ENDPOINT_URL={}", stack_url());
    let mut killed = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        let has = |text: &str| environment.split(|byte| *byte == 0).any(|variable| variable == text.as_bytes());
        if variables.any(|variable| variable == wanted.as_bytes()) && has(&endpoint) {
            nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
            killed += 1;
        }
    }
    assert!(killed > 0, "no process of {function} found");
}

fn stack_url() -> String {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(async { stack().await.aws_url() }))
}

#[test]
fn a_protected_environment_is_refused_at_this_door_too() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("door");
        for environment in ["prod", "PROD", " prod "] {
            let answer = aws::invoke("mcp_proxy", &compute(&tenant, environment)).await.unwrap();
            let text = answer.to_string();
            assert!(text.contains("prod"), "{text}");
        }
        assert!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.is_empty());
        assert!(executions(&tenant).await.is_empty());
    });
}

#[test]
fn a_call_that_can_be_mended_is_sent_back_to_the_model() {
    run(async {
        let group = "pipelines";
        let function = "execute_compute_pipeline";
        let cases = [
            (vec![("environment", "string", "dev")], "tenant_id"),
            (vec![("environment", "string", "moon"), ("tenant_id", "string", "t")], "dev, test, staging, prod"),
            (
                vec![
                    ("environment", "string", "dev"),
                    ("tenant_id", "string", "t"),
                    ("instance_count", "integer", "many"),
                ],
                "instance_count",
            ),
        ];
        for (parameters, names) in cases {
            let answer = aws::invoke("mcp_proxy", &call("compute", group, function, &parameters)).await.unwrap();
            assert_eq!(state(&answer), "REPROMPT", "{answer}");
            let message = body(&answer)["message"].as_str().unwrap().to_owned();
            assert!(message.contains(names), "{message}");
        }
    });
}

#[test]
fn the_openapi_form_of_an_event_is_served_like_the_other() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("openapi");
        let properties = [("environment", "string", "dev"), ("tenant_id", "string", &*tenant)];
        let event = api_call("compute", "pipelines", "/execute_compute_pipeline", &properties);
        let answer = aws::invoke("mcp_proxy", &event).await.unwrap();
        let response = &answer["response"];
        assert_eq!(response["apiPath"], "/execute_compute_pipeline", "{answer}");
        assert_eq!(response["httpMethod"], "POST");
        assert_eq!(response["httpStatusCode"], 200);
        assert_eq!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.len(), 1, "{answer}");
    });
}

#[test]
fn refusals_of_gitlab_become_sentences_and_free_the_slot() {
    run(async {
        let tenant = unique("refused");
        let wish = format!("one t3.micro for tenant {tenant} in dev");
        let changed = gitlab::change(json!({ "refuse_variables": true })).await;
        let reply = ask(&wish).await.reply;
        assert!(reply.contains("pass_as"), "{reply}");
        changed.also(json!({ "status_code_next": 1, "status_code": 403, "body": { "message": "403 Forbidden" }, "only_post": true })).await;
        let reply = ask(&wish).await.reply;
        assert!(reply.contains("403") || reply.to_lowercase().contains("permission"), "{reply}");
        assert!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.is_empty());
        // Nothing was started, so nothing stands in the way.
        changed.also(json!({})).await;
        let reply = ask(&wish).await.reply;
        execution_id(&reply);
        assert_eq!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.len(), 1, "{reply}");
        changed.reset().await;
    });
}
