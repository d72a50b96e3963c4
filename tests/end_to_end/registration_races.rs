//! Stacks that claim the same server id at the same moment.

use std::fs;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    aws,
    cloudformation::{change, delete, events},
    run, unique,
};

const RACERS: usize = 6;

/// A template that registers one version of a server.
fn claim(server_id: &str, version: &str) -> String {
    json!({ "Resources": { "Claim": {
        "Type": "Custom::SwitchyardMcpServer",
        "Properties": {
            "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration",
            "ServerId": server_id,
            "ServerName": "Raced for",
            "Version": version,
            "EndpointUrl": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-pipelines",
            "AvailableTools": json!([{ "name": "look", "description": "Looks.", "inputSchema": { "type": "object" } }]).to_string(),
        },
    } } })
    .to_string()
}

/// Whether two claims met: then the transaction of one of them was refused, which is only to be seen in the record of AWS
/// calls.
fn a_claim_was_refused() -> bool {
    let record = concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/test/logs/aws_calls.jsonl");
    let record = fs::read_to_string(record).unwrap();
    let calls = record.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    calls.filter(|call| call["request"] == "DynamoDB_20120810.TransactWriteItems" && call["status"] == 400).any(
        |call| {
            let checks = call["checks"].as_array().into_iter().flatten();
            checks
                .filter_map(|check| check["resource"].as_str())
                .any(|table| table.ends_with("table/MCPServerRegistry-local"))
        },
    )
}

#[test]
fn of_stacks_that_claim_an_id_at_once_at_most_one_gets_it() {
    run(async {
        for _ in 0..30 {
            let server_id = unique("raced");
            let mut claims = JoinSet::new();
            for number in 0..RACERS {
                let (stack, version) = (unique("racer"), format!("1.{number}.0"));
                let template = claim(&server_id, &version);
                claims.spawn(async move { (change("CreateStack", &stack, &template).await.0, stack, version) });
            }
            let mut winners = Vec::new();
            for (outcome, stack, version) in claims.join_all().await {
                let entry = aws::server(&server_id, &version).await;
                if outcome == "CREATE_COMPLETE" {
                    assert_eq!(entry.as_ref().map(|entry| aws::text(entry, "status")), Some("active"));
                    winners.push(stack);
                } else {
                    let said = events(&stack).await;
                    assert!(said.contains(&format!("The server id {server_id} belongs to")), "{said}");
                    assert_eq!(entry, None, "{stack} lost, and left its claim");
                }
            }
            assert!(winners.len() <= 1, "{server_id} belongs to {winners:?}");
            for winner in winners {
                delete(&winner).await;
            }
            if a_claim_was_refused() {
                return;
            }
        }
        panic!("no two claims met");
    });
}
