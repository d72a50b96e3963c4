mod list;
mod owners;
mod people;

use serde_json::json;

use super::*;
use crate::test_support::{REGISTRY_TABLE, STATE_TABLE, dynamodb};

const ALPHA: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha/1";
const BETA: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/Beta/2";

fn server(version: &str, status: &str, owner: &str) -> Server {
    serde_json::from_value(json!({
        "server_id": "pipelines", "version": version, "server_name": "Pipelines", "status": status, "owner": owner,
        "endpoint_url": "https://example.com/mcp", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "available_tools": [{"name": "run", "inputSchema": {"type": "object", "maximum": 1.0}, "annotations": {"readOnlyHint": true}}],
        "configuration": {"environment_argument": "environment", "status_tool": "run"},
    }))
    .unwrap()
}

async fn registry() -> Registry {
    Registry::new(dynamodb().await, REGISTRY_TABLE, STATE_TABLE)
}

async fn status(registry: &Registry, version: &str) -> Option<Status> {
    registry.get("pipelines", version).await.unwrap().map(|server| server.status)
}

fn alpha(logical_id: &str) -> String {
    stack_owner(ALPHA, logical_id)
}

/// The resource A of the stack Alpha has the id by version 1.0.0.
fn holding(live: bool) -> Holding {
    Holding { id: "pipelines@1.0.0".to_owned(), owner: alpha("A"), live }
}

#[tokio::test]
async fn the_highest_active_semantic_version_is_used() {
    let registry = registry().await;
    assert_eq!(registry.active("pipelines").await.unwrap(), None);
    for (version, status) in [
        ("1.9.0", "active"),
        ("1.10.0", "active"),
        ("1.10.0-rc.1", "active"),
        ("2.0.0", "pending"),
        ("3.0.0", "decommissioned"),
    ] {
        assert_eq!(registry.register(&server(version, status, &alpha("A"))).await.unwrap(), Claim::Registered);
    }
    let found = registry.active("pipelines").await.unwrap().unwrap();
    assert_eq!(found.version, "1.10.0");
    assert!(found.tool("run").unwrap().read_only());
    assert_eq!(found.environment_argument(), Some("environment"));
    assert_eq!(found.status_tool().map(|tool| tool.name.as_str()), Some("run"));
}

#[tokio::test]
async fn an_entry_made_by_hand_needs_only_the_essentials() {
    let registry = registry().await;
    let item = json!({"server_id": "by-hand", "version": "1.0.0", "server_name": "By hand", "status": "active",
        "endpoint_url": "https://example.com/mcp", "protocol_type": "jsonrpc",
        "available_tools": [{"name": "run", "description": "Runs.", "inputSchema": {"type": "object"}}]});
    let item: Item = serde_dynamo::to_item(item).unwrap();
    registry.client.put_item().table_name(REGISTRY_TABLE).set_item(Some(item.clone())).send().await.unwrap();
    let found = registry.active("by-hand").await.unwrap().unwrap();
    assert_eq!(found.authentication_type, AuthenticationType::None);
    assert!(!found.tool("run").unwrap().read_only(), "a missing readOnlyHint is no read-only tool");

    let mut bad = item;
    bad.insert("status".to_owned(), AttributeValue::S("active".to_owned()));
    bad.insert("protocol_type".to_owned(), AttributeValue::S("soap".to_owned()));
    registry.client.put_item().table_name(REGISTRY_TABLE).set_item(Some(bad)).send().await.unwrap();
    let error = registry.active("by-hand").await.unwrap_err();
    assert!(error.message().contains("by-hand@1.0.0") && error.message().contains("soap"), "{error}");

    let claim = Server { server_id: "by-hand".to_owned(), ..server("2.0.0", "active", &alpha("A")) };
    assert!(matches!(registry.register(&claim).await.unwrap(), Claim::Taken(by) if by.owner.is_empty()));
}

#[tokio::test]
async fn another_stacks_server_cannot_be_taken_over_in_any_version() {
    let registry = registry().await;
    registry.register(&server("1.0.0", "active", &alpha("A"))).await.unwrap();
    let before = registry.get("pipelines", "1.0.0").await.unwrap();
    for version in ["1.0.0", "2.0.0"] {
        let claim = registry.register(&server(version, "active", &stack_owner(BETA, "A"))).await.unwrap();
        assert_eq!(claim, Claim::Taken(holding(true)));
    }
    assert_eq!(registry.release("pipelines", "1.0.0", &stack_owner(BETA, "A")).await.unwrap(), Release::Nothing);
    assert_eq!(registry.get("pipelines", "1.0.0").await.unwrap(), before);
    assert_eq!(status(&registry, "2.0.0").await, None);
}

#[tokio::test]
async fn a_decommissioned_server_is_free_for_its_stack_alone() {
    let registry = registry().await;
    registry.register(&server("1.0.0", "active", &alpha("A"))).await.unwrap();
    assert_eq!(registry.release("pipelines", "1.0.0", &alpha("A")).await.unwrap(), Release::Decommissioned);
    assert_eq!(status(&registry, "1.0.0").await, Some(Status::Decommissioned));
    assert_eq!(registry.release("pipelines", "1.0.0", &alpha("A")).await.unwrap(), Release::Nothing);
    let again = stack_owner("arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha/created-again", "B");
    for stranger in [
        BETA,
        "arn:aws:cloudformation:us-east-1:999999999999:stack/Alpha/1",
        "arn:aws:cloudformation:eu-west-1:123456789012:stack/Alpha/1",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/Alphabet/1",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/Al/1",
    ] {
        for version in ["1.0.0", "2.0.0"] {
            let claim = registry.register(&server(version, "active", &stack_owner(stranger, "A"))).await.unwrap();
            assert_eq!(claim, Claim::Taken(holding(false)), "{stranger} {version}");
        }
    }
    assert_eq!(registry.standing("pipelines", &again).await.unwrap(), Standing::Free);
    assert_eq!(registry.register(&server("1.0.0", "active", &again)).await.unwrap(), Claim::Registered);
    assert_eq!(registry.standing("pipelines", &again).await.unwrap(), Standing::Own);
    assert_eq!(registry.release("pipelines", "1.0.0", &again).await.unwrap(), Release::Decommissioned);
}

#[tokio::test]
async fn what_others_left_behind_does_not_hinder_the_present_owner() {
    let registry = registry().await;
    registry.register(&server("1.0.0", "active", &alpha("A"))).await.unwrap();
    // An operator hands the id over: Beta has a live version, and Alpha's is decommissioned.
    let beta = stack_owner(BETA, "B");
    let item: Item = serde_dynamo::to_item(server("2.0.0", "active", &beta)).unwrap();
    registry.client.put_item().table_name(REGISTRY_TABLE).set_item(Some(item)).send().await.unwrap();
    registry.release("pipelines", "1.0.0", &alpha("A")).await.unwrap();
    assert_eq!(registry.register(&server("1.0.0", "active", &beta)).await.unwrap(), Claim::Registered);
}

#[tokio::test]
async fn a_renamed_resource_takes_over_and_the_old_one_lets_go() {
    let registry = registry().await;
    registry.register(&server("1.0.0", "active", &alpha("Old"))).await.unwrap();
    registry.register(&server("1.0.0", "active", &alpha("New"))).await.unwrap();
    assert_eq!(registry.release("pipelines", "1.0.0", &alpha("Old")).await.unwrap(), Release::LetGo);
    let entry = registry.get("pipelines", "1.0.0").await.unwrap().unwrap();
    assert_eq!((entry.status, entry.owner.as_str(), entry.superseded), (Status::Active, alpha("New").as_str(), None));
    assert_eq!(registry.release("pipelines", "1.0.0", &alpha("New")).await.unwrap(), Release::Decommissioned);
}

#[tokio::test]
async fn a_rename_that_is_rolled_back_restores_the_old_definition() {
    let registry = registry().await;
    registry.register(&server("1.0.0", "active", &alpha("Old"))).await.unwrap();
    let new =
        Server { endpoint_url: "https://new.example.com/".to_owned(), ..server("1.0.0", "active", &alpha("New")) };
    registry.register(&new).await.unwrap();
    registry.register(&new).await.unwrap();
    assert_eq!(registry.release("pipelines", "1.0.0", &alpha("New")).await.unwrap(), Release::Restored);
    let entry = registry.active("pipelines").await.unwrap().unwrap();
    assert_eq!((entry.endpoint_url.as_str(), entry.owner), ("https://example.com/mcp", alpha("Old")));
}

#[tokio::test]
async fn of_those_that_race_for_an_id_exactly_one_wins() {
    let registry = registry().await;
    let claims = (0..50).map(|n| {
        let registry = registry.clone();
        // Stacks, tokens and principals, each with one of several versions.
        let owner = match n % 3 {
            0 => stack_owner(&format!("arn:aws:cloudformation:us-east-1:123456789012:stack/S{n}/x"), "A"),
            1 => token_owner(&format!("team-{n}")),
            _ => principal_owner(&format!("arn:aws:iam::123456789012:user/u{n}")),
        };
        let wish = server(&format!("{}.0.0", n % 7), "active", &owner);
        tokio::spawn(async move {
            if n % 3 == 0 {
                registry.register(&wish).await.unwrap() == Claim::Registered
            } else {
                registry.create_owned(&wish, &wish.owner).await.unwrap() == Creation::Registered
            }
        })
    });
    let mut winners = 0;
    for claim in claims.collect::<Vec<_>>() {
        winners += usize::from(claim.await.unwrap());
    }
    assert_eq!((winners, registry.versions("pipelines").await.unwrap().len()), (1, 1));
    assert_eq!(registry.audit().read("pipelines", None, 100, None).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn what_dynamodb_cannot_store_is_the_callers_to_mend() {
    let registry = registry().await;
    let mut huge = server("1.0.0", "active", &alpha("A"));
    huge.description = "x".repeat(450 * 1024);
    let error = registry.register(&huge).await.unwrap_err();
    assert_eq!(error.kind(), crate::error::Kind::Invalid, "{error}");
}

#[test]
fn the_hash_follows_the_meaning_and_not_the_spelling() {
    let one = server("1.0.0", "active", "a");
    let mut same = server("2.0.0", "pending", "b");
    same.available_tools[0].input_schema = json!({"maximum": 1, "type": "object"});
    assert_eq!(one.compute_hash(), same.compute_hash());
    let mut other = one.clone();
    other.available_tools[0].annotations.read_only_hint = None;
    assert_ne!(one.compute_hash(), other.compute_hash());
    let mut elsewhere = one.clone();
    elsewhere.endpoint_url.push('x');
    assert_ne!(one.compute_hash(), elsewhere.compute_hash());
    let mut setting = one.clone();
    setting.configuration.clear();
    assert_ne!(one.compute_hash(), setting.compute_hash());
}

#[test]
fn server_ids_fit_into_secret_names() {
    for good in ["your-mcp-server-prod", "a", "9", &"a".repeat(63)] {
        assert!(valid_server_id(good), "{good}");
    }
    for bad in ["", "-a", "a-", "A", "a_b", "a/b", "../a", "a b", "ä", &"a".repeat(64)] {
        assert!(!valid_server_id(bad), "{bad}");
    }
}
