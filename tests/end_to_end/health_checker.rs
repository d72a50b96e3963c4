//! The deployed health_checker: a server that dies goes out of use, and comes back when it is well again. Its schedule runs
//! meanwhile, so that any of the checks may be one of those.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};

use crate::support::{
    aws::{self, Item, text},
    cloudformation::{change, delete, events},
    eventually, run, unique,
};

/// Somebody's server with a health URL that says what it is told to.
async fn server() -> (SocketAddr, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&well);
    let health = async move || {
        if says.load(Ordering::SeqCst) {
            (StatusCode::OK, Json(json!({ "status": "healthy" })))
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unhealthy", "why": "words of the server" })))
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/health", get(health));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, well)
}

fn template(server_id: &str, address: SocketAddr) -> String {
    let tools = json!([{
        "name": "look", "inputSchema": { "type": "object" }, "annotations": { "readOnlyHint": true },
    }]);
    json!({ "Resources": { "Server": { "Type": "Custom::SwitchyardMcpServer", "Properties": {
        "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration",
        "ServerId": server_id, "ServerName": "Frail", "ProtocolType": "rest",
        "EndpointUrl": format!("http://{address}/api"), "HealthCheckUrl": format!("http://{address}/health"),
        "HealthCheckInterval": "86400", "AvailableTools": tools.to_string(),
    } } } })
    .to_string()
}

fn key(server_id: &str) -> Item {
    let pair = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
    Item::from([pair("pk", format!("health#{server_id}@1.0.0")), pair("sk", "state".to_owned())])
}

async fn state(server_id: &str) -> Item {
    aws::health(server_id, "1.0.0").await.unwrap()
}

fn failures(state: &Item) -> u32 {
    state.get("failures").map_or(0, |failures| failures.as_n().unwrap().parse().unwrap())
}

/// Has the next check of a server made now, by this run or by one of the schedule.
async fn check(server_id: &str) -> Item {
    let update = aws::dynamodb().await.update_item().table_name("SwitchyardState-local").set_key(Some(key(server_id)));
    let long_ago = AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned());
    update.update_expression("SET due_at = :past").expression_attribute_values(":past", long_ago).send().await.unwrap();
    let summary = aws::invoke("health_checker", &json!({})).await.unwrap();
    assert!(summary["checked"].is_u64() && summary["failed"].is_u64(), "{summary}");
    eventually("the check to be over", || async {
        let state = state(server_id).await;
        let is_over = text(&state, "due_at") > "2026-01-01T00:00:00.000Z" && !state.contains_key("claimed_until");
        is_over.then_some(state)
    })
    .await
}

async fn entry(server_id: &str) -> Item {
    aws::server(server_id, "1.0.0").await.unwrap()
}

/// Who changed a server to what, newest first.
async fn audit(server_id: &str) -> Vec<(String, Value)> {
    let query = aws::dynamodb().await.query().table_name("SwitchyardState-local").scan_index_forward(false);
    let partition = AttributeValue::S(format!("audit#{server_id}"));
    let records = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", partition);
    let records = records.send().await.unwrap().items.unwrap();
    let after = |record: &Item| serde_json::from_str::<Value>(text(record, "after")).unwrap();
    records.iter().map(|record| (text(record, "who").to_owned(), after(record)["status"].clone())).collect()
}

#[test]
fn a_dead_server_goes_out_of_use_after_three_checks_and_comes_back_with_one() {
    run(async {
        let (address, well) = server().await;
        let (server_id, stack) = (unique("frail"), unique("frail-stack"));
        let (outcome, _) = change("CreateStack", &stack, &template(&server_id, address)).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&stack).await);

        let mut seen = Vec::new();
        for _ in 0..6 {
            let state = check(&server_id).await;
            let entry = entry(&server_id).await;
            seen.push((failures(&state), text(&entry, "status").to_owned()));
            assert_eq!(text(&state, "condition"), "failing");
            assert_eq!(text(&state, "last_error"), "it is not healthy: its health URL answered HTTP 503.");
            if text(&entry, "status") == "unhealthy" {
                break;
            }
        }
        assert!(seen.iter().all(|(failures, status)| (*failures >= 3) == (status == "unhealthy")), "{seen:?}");
        assert_eq!(seen.last().unwrap().1, "unhealthy", "{seen:?}");
        assert_eq!(
            text(&state(&server_id).await, "unhealthy_since"),
            text(&entry(&server_id).await, "unhealthy_since")
        );

        well.store(true, Ordering::SeqCst);
        let state = check(&server_id).await;
        assert_eq!((text(&state, "condition"), failures(&state)), ("healthy", 0));
        let entry = entry(&server_id).await;
        assert_eq!((text(&entry, "status"), entry.get("unhealthy_since")), ("active", None));
        let told = audit(&server_id).await;
        let by_checks = |status: &str| ("health_checker".to_owned(), json!(status));
        assert_eq!(told[..2], [by_checks("active"), by_checks("unhealthy")], "{told:?}");
        delete(&stack).await;
    });
}

#[test]
fn its_schedule_runs_it() {
    run(async {
        crate::support::stack().await;
        let record = concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/test/logs/aws_calls.jsonl");
        let is_scheduled = |line: &str| line.contains("switchyard-local-health_checker") && line.contains("\"rule\"");
        // Once a minute.
        for _ in 0..90 {
            if std::fs::read_to_string(record).unwrap().lines().any(is_scheduled) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("the schedule did not run health_checker for a minute and a half");
    });
}
