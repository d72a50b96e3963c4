//! Operators look after the registry through the admin API.

use std::process::Command;

use http::Method;
use serde_json::{Value, json};

use super::{ENDPOINT, get, patch, post, send};
use crate::support::{aws, cloudformation, run, stack, unique};

/// Prints what the guide's own debugging code finds: an item by its key, and ids by a scan over the status.
const GUIDE: &str = r#"
import json, sys, boto3
from boto3.dynamodb.conditions import Attr
table = boto3.resource("dynamodb").Table("MCPServerRegistry-local")
server = table.get_item(Key={"server_id": sys.argv[1], "version": "1.0.0"})["Item"]
found = [server["server_name"], server["status"], server["endpoint_url"], [t["name"] for t in server.get("available_tools", [])]]
ids, page = [], {}
while True:
    page = table.scan(FilterExpression=Attr("status").eq("active"), **page)
    ids += [item["server_id"] for item in page["Items"]]
    if "LastEvaluatedKey" not in page:
        break
    page = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
print(json.dumps([found, sys.argv[1] in ids]))
"#;

/// Registers a server by hand that has to be asked for its tools; returns its id and the path of its entry.
async fn registered(name: &str) -> (String, String) {
    let server_id = unique(name);
    let body = json!({"server_id": server_id, "server_name": name, "endpoint_url": ENDPOINT});
    let answer = post("servers", body, 201).await;
    assert_eq!((&answer["status"], &answer["version"]), (&json!("pending"), &json!("1.0.0")));
    let path = format!("servers/{server_id}/versions/1.0.0");
    (server_id, path)
}

#[test]
fn an_operator_takes_a_server_through_its_life() {
    run(async {
        let (server_id, path) = registered("life").await;
        post(&format!("{path}/status"), json!({"status": "maintenance"}), 409).await;
        let seen = get(&path).await;
        post(&format!("{path}/approve"), json!({"definition_hash": "0".repeat(64)}), 409).await;
        let approved = post(&format!("{path}/approve"), json!({"definition_hash": seen["definition_hash"]}), 200).await;
        assert_eq!(approved["status"], "active");

        let tested = post(&format!("{path}/test"), json!({}), 200).await;
        assert_eq!((&tested["ok"], &tested["tools"]["same"]), (&json!(true), &json!(true)), "{tested}");
        assert!(tested["latency_ms"].is_u64() && tested["mcp_version"].is_string(), "{tested}");
        let refreshed = post(&format!("{path}/refresh"), json!({}), 200).await;
        assert_eq!(refreshed["held"], false);

        patch(&path, json!({"description": "For a test."}), 200).await;
        let change = json!({"configuration": {"environment_argument": "environment"}});
        assert_eq!(patch(&path, change.clone(), 202).await["held"], true);
        assert_eq!(get(&path).await["configuration"], json!({}));
        assert_eq!(get(&format!("{path}/held")).await["changed"], json!(["configuration"]));
        post(&format!("{path}/reject"), json!({"reason": "Not yet."}), 200).await;
        patch(&path, change, 202).await;
        post(&format!("{path}/approve"), json!({}), 200).await;
        let entry = get(&format!("servers/{server_id}")).await;
        assert_eq!(entry["configuration"]["environment_argument"], "environment");
        assert_eq!(entry["description"], "For a test.");

        for (status, code) in [("inactive", 200), ("maintenance", 409), ("active", 200), ("decommissioned", 200)] {
            post(&format!("{path}/status"), json!({"status": status}), code).await;
        }
        post(&format!("{path}/decommission"), json!({}), 409).await;
        let audit = get(&format!("{path}/audit")).await;
        let records = audit["records"].as_array().unwrap();
        let actions: Vec<_> = records.iter().map(|record| record["action"].as_str().unwrap()).collect();
        assert_eq!(
            actions,
            [
                "decommissioned",
                "status_changed",
                "status_changed",
                "approved",
                "held",
                "rejected",
                "held",
                "patched",
                "approved",
                "registered",
            ]
        );
        let who = records[0]["who"].as_str().unwrap();
        assert!(who.starts_with("arn:aws:") && records.iter().all(|record| record["who"] == who), "{audit}");
    });
}

/// What a stack of another account wants, by an event as CloudFormation sends it. The emulator has one account and nobody else's
/// stacks, and takes an answer that nobody waits for.
async fn deployed_abroad(kind: &str, server_id: &str, more: Value) {
    let tools = json!([{ "name": "look", "inputSchema": { "type": "object" } }]).to_string();
    let mut properties =
        json!({ "ServerId": server_id, "ServerName": "Abroad", "EndpointUrl": ENDPOINT, "AvailableTools": tools });
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut event = json!({
        "RequestType": kind,
        "ResponseURL": format!("{}/_ministack/cfn-response/nobody", stack().await.aws_url()),
        "StackId": "arn:aws:cloudformation:us-east-1:999999999999:stack/Abroad/1",
        "RequestId": unique("request"),
        "ResourceType": "Custom::SwitchyardMcpServer",
        "LogicalResourceId": "Server",
        "ResourceProperties": properties,
    });
    if kind != "Create" {
        event["PhysicalResourceId"] = json!(format!("{server_id}@1.0.0"));
    }
    let answer = aws::invoke("registration", &event).await.unwrap();
    assert_eq!(answer["Status"], "SUCCESS", "{kind}: {answer}");
}

#[test]
fn what_another_accounts_stack_changes_waits_for_an_operator() {
    run(async {
        let server_id = unique("abroad");
        let path = format!("servers/{server_id}/versions/1.0.0");
        deployed_abroad("Create", &server_id, json!({})).await;
        let seen = get(&path).await;
        assert_eq!(seen["status"], "pending");
        post(&format!("{path}/status"), json!({"status": "active"}), 409).await;
        post(&format!("{path}/approve"), json!({"definition_hash": seen["definition_hash"]}), 200).await;
        let harmless = json!({ "Configuration": json!({ "read_only_tools": ["look"] }).to_string() });
        deployed_abroad("Update", &server_id, harmless).await;
        assert_eq!(get(&path).await["definition_hash"], seen["definition_hash"]);
        assert_eq!(get(&format!("{path}/held")).await["changed"], json!(["available_tools", "configuration"]));
        // As it was, which is what a rollback deploys.
        deployed_abroad("Update", &server_id, json!({})).await;
        let (status, _) = send(Method::GET, &format!("{path}/held"), None).await;
        assert_eq!(status, 404);
        deployed_abroad("Delete", &server_id, json!({})).await;
        let audit = get(&format!("{path}/audit")).await;
        let records = audit["records"].as_array().unwrap();
        let actions: Vec<_> = records.iter().map(|record| record["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["decommissioned", "withdrawn", "held", "approved", "registered"]);
    });
}

#[test]
fn servers_are_found_by_filters_and_page_by_page() {
    run(async {
        let marker = unique("listed");
        let mut ids = Vec::new();
        for n in 0..3 {
            let server_id = format!("{marker}-{n}");
            let body = json!({"server_id": server_id, "server_name": "Listed", "endpoint_url": ENDPOINT});
            post("servers", body, 201).await;
            ids.push(server_id);
        }
        let mut found = Vec::new();
        let mut path = format!("servers?text={marker}&status=pending&limit=2");
        loop {
            let page = get(&path).await;
            let servers = page["servers"].as_array().unwrap();
            assert!(servers.len() <= 2 && servers.iter().all(|one| one.get("available_tools").is_none()));
            found.extend(servers.iter().map(|one| one["server_id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("servers?text={marker}&status=pending&limit=2&cursor={cursor}");
        }
        found.sort_unstable();
        assert_eq!(found, ids);
        let (status, _) = send(Method::GET, "servers?cursor=0123456789abcdef00", None).await;
        assert_eq!(status, 400);
        let of_stack = get("servers?stack=Switchyard-local-service&protocol=jsonrpc").await;
        assert!(
            of_stack["servers"].as_array().unwrap().iter().any(|one| one["server_id"] == "pipelines"),
            "{of_stack}"
        );
        let by_protocol = get("servers?protocol=graphql&limit=1").await;
        assert!(by_protocol["servers"].is_array());
        for server_id in ids {
            post(&format!("servers/{server_id}/versions/1.0.0/reject"), json!({"reason": "Listed."}), 200).await;
        }
    });
}

#[test]
fn the_guides_own_debugging_code_finds_a_server() {
    run(async {
        let (server_id, path) = registered("guided").await;
        post(&format!("{path}/approve"), json!({}), 200).await;
        let python = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
        let output = Command::new(python)
            .args(["-c", GUIDE, &server_id])
            .env("AWS_ENDPOINT_URL", stack().await.aws_url().as_str())
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&found[0][0], &found[0][1], &found[0][2]), (&json!("guided"), &json!("active"), &json!(ENDPOINT)));
        assert!(found[0][3].as_array().is_some_and(|tools| !tools.is_empty()) && found[1] == true, "{found}");
        post(&format!("{path}/decommission"), json!({"reason": "Guided."}), 200).await;
    });
}

#[test]
fn a_stack_may_leave_its_server_to_an_approver() {
    run(async {
        let (server_id, stack) = (unique("left"), unique("team"));
        let template = json!({ "Resources": { "Left": {
            "Type": "Custom::SwitchyardMcpServer",
            "Properties": {
                "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration",
                "ServerId": server_id, "ServerName": "Left", "EndpointUrl": ENDPOINT, "Status": "pending",
            },
        } } });
        let (outcome, _) = cloudformation::change("CreateStack", &stack, &template.to_string()).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", cloudformation::events(&stack).await);
        let path = format!("servers/{server_id}/versions/1.0.0");
        let audit = get(&format!("{path}/audit")).await;
        assert!(audit["records"][0]["who"].as_str().unwrap().ends_with("#Left"), "{audit}");
        post(&format!("{path}/approve"), json!({}), 200).await;
        assert_eq!(aws::text(&aws::server(&server_id, "1.0.0").await.unwrap(), "status"), "active");
        cloudformation::delete(&stack).await;
    });
}
