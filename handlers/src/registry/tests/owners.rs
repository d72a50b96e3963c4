//! Tokens and principals as owners, beside stacks.

use super::*;

const WHO: &str = "token:payments";

#[tokio::test]
async fn the_same_content_again_is_the_same_and_other_content_is_refused() {
    let registry = registry().await;
    let entry = server("1.0.0", "pending", &token_owner("payments"));
    assert_eq!(registry.create_owned(&entry, WHO).await.unwrap(), Creation::Registered);
    let again = Server { created_at: now(), updated_at: now(), status: Status::Active, ..entry.clone() };
    assert!(
        matches!(registry.create_owned(&again, WHO).await.unwrap(), Creation::Same(live) if live.status == Status::Pending)
    );
    let changes: [fn(&mut Server); 6] = [
        |entry| entry.endpoint_url.push('x'),
        |entry| entry.server_name.push('x'),
        |entry| entry.description.push('x'),
        |entry| entry.health_check_interval = Some(60),
        |entry| drop(entry.metadata.insert("team".to_owned(), json!("b"))),
        |entry| entry.available_tools[0].description.push('x'),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut other = entry.clone();
        change(&mut other);
        assert!(matches!(registry.create_owned(&other, WHO).await.unwrap(), Creation::Conflict(_)), "{index}");
    }
    let next = Server { version: "1.1.0".to_owned(), endpoint_url: "https://new.example.com/".to_owned(), ..entry };
    assert_eq!(registry.create_owned(&next, WHO).await.unwrap(), Creation::Registered);
}

#[tokio::test]
async fn an_owner_is_that_owner_and_nobody_whose_name_begins_alike() {
    let owners = [
        token_owner("payments"),
        token_owner("payments-2"),
        token_owner("payments#2"),
        token_owner("payments/2"),
        principal_owner("arn:aws:iam::123456789012:user/payments"),
        principal_owner("arn:aws:iam::123456789012:user/team/payments"),
        alpha("A"),
        stack_owner(BETA, "A"),
    ];
    for (index, owner) in owners.iter().enumerate() {
        let registry = registry().await;
        let create = async |owner: &str, version: &str| {
            registry.create_owned(&server(version, "active", owner), owner).await.unwrap()
        };
        assert_eq!(create(owner, "1.0.0").await, Creation::Registered);
        for (_, other) in owners.iter().enumerate().filter(|(other, _)| *other != index) {
            for version in ["1.0.0", "2.0.0"] {
                assert!(matches!(create(other, version).await, Creation::Taken(_)), "{owner} {other}");
            }
            assert_eq!(registry.release("pipelines", "1.0.0", other).await.unwrap(), Release::Nothing);
        }
        let entry = registry.get("pipelines", "1.0.0").await.unwrap().unwrap();
        assert!(registry.put_status(&entry, Status::Decommissioned, "admin", None).await.unwrap().is_some());
        for (_, other) in owners.iter().enumerate().filter(|(other, _)| *other != index) {
            assert!(matches!(create(other, "1.0.0").await, Creation::Taken(by) if !by.live), "{owner} {other}");
        }
        assert_eq!(create(owner, "1.0.0").await, Creation::Registered, "a new registration takes its own again");
    }
}

#[tokio::test]
async fn an_id_that_was_just_claimed_and_cleared_is_not_had_by_a_latecomer_at_once() {
    let registry = registry().await;
    registry.register(&server("1.0.0", "active", &alpha("A"))).await.unwrap();
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let cleared = Item::from([key("server_id", "pipelines"), key("version", "1.0.0")]);
    registry.client.delete_item().table_name(REGISTRY_TABLE).set_key(Some(cleared)).send().await.unwrap();
    let wish = server("2.0.0", "active", WHO);
    assert_eq!(registry.create_owned(&wish, WHO).await.unwrap_err().kind(), crate::error::Kind::Conflict);
    let claim = Item::from([key("pk", "claim#pipelines"), key("sk", "owner")]);
    let old = AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned());
    registry
        .client
        .update_item()
        .table_name(STATE_TABLE)
        .set_key(Some(claim))
        .update_expression("SET claimed_at = :old")
        .expression_attribute_values(":old", old)
        .send()
        .await
        .unwrap();
    assert_eq!(registry.create_owned(&wish, WHO).await.unwrap(), Creation::Registered);
}
