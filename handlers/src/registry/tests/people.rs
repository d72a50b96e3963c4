//! What people decide, what is held for them, and what the audit tells of it.

use super::*;
use crate::{
    audit::{Action, Record},
    error::Kind,
};

const ADMIN: &str = "arn:aws:iam::123456789012:user/admin";

async fn entry(registry: &Registry) -> Server {
    registry.get("pipelines", "1.0.0").await.unwrap().unwrap()
}

async fn with_entry(status: &str) -> (Registry, Server) {
    let registry = registry().await;
    registry.register(&server("1.0.0", status, &alpha("A"))).await.unwrap();
    let entry = entry(&registry).await;
    (registry, entry)
}

async fn told(registry: &Registry) -> Vec<Record> {
    registry.audit().read("pipelines", None, 100, None).await.unwrap().records
}

#[test]
fn statuses_change_only_along_the_allowed_ways() {
    use Status::{Active, Decommissioned, Inactive, Maintenance, Pending, Rejected, Unhealthy};
    let allowed = [
        (Pending, vec![Active, Rejected, Decommissioned]),
        (Active, vec![Inactive, Maintenance, Unhealthy, Decommissioned]),
        (Inactive, vec![Active, Decommissioned]),
        (Maintenance, vec![Active, Decommissioned]),
        (Unhealthy, vec![Active, Decommissioned]),
        (Rejected, vec![Decommissioned]),
        (Decommissioned, vec![]),
    ];
    assert_eq!(allowed.len(), Status::ALL.len());
    for (from, allowed) in allowed {
        for to in Status::ALL {
            assert_eq!(from.may_become(*to), allowed.contains(to), "{from} to {to}");
        }
    }
}

/// Changes the status of the entry as it is now.
async fn change(registry: &Registry, to: Status) -> Server {
    registry.put_status(&entry(registry).await, to, ADMIN, Some("why")).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_check_of_health_never_overwrites_what_a_person_did() {
    let (registry, seen) = with_entry("active").await;
    let kept = change(&registry, Status::Maintenance).await;
    assert_eq!(registry.put_health(&seen, true, "health_checker").await.unwrap(), None);
    assert_eq!(entry(&registry).await, kept);
    let active = change(&registry, Status::Active).await;
    let unhealthy = registry.put_health(&active, true, "health_checker").await.unwrap().unwrap();
    assert_eq!(entry(&registry).await, unhealthy);
    assert!(unhealthy.unhealthy_since.is_some());
    let told = told(&registry).await;
    assert_eq!(told.len(), 4, "what was not done is not told");
    assert_eq!((told[0].action, told[0].who.as_str()), (Action::StatusChanged, "health_checker"));
    assert_eq!((&told[2].before["status"], &told[2].after["status"]), (&json!("active"), &json!("maintenance")));
    // What a person set to unhealthy is not brought back by a check.
    change(&registry, Status::Active).await;
    let by_hand = change(&registry, Status::Unhealthy).await;
    assert_eq!(registry.put_health(&by_hand, false, "health_checker").await.unwrap(), None);
}

#[tokio::test]
async fn a_patch_of_what_was_changed_meanwhile_is_refused_and_what_people_added_stays() {
    let (registry, before) = with_entry("active").await;
    let note = registry.client.update_item().table_name(REGISTRY_TABLE);
    note.key("server_id", AttributeValue::S("pipelines".to_owned()))
        .key("version", AttributeValue::S("1.0.0".to_owned()))
        .update_expression("SET note_by_hand = :note")
        .expression_attribute_values(":note", AttributeValue::S("ask Kim".to_owned()))
        .send()
        .await
        .unwrap();
    let renamed = Server { server_name: "Renamed".to_owned(), health_check_interval: Some(60), ..before.clone() };
    assert!(registry.patch(&before, &renamed, ADMIN).await.unwrap().is_some());
    let late = Server { description: "Late".to_owned(), ..before.clone() };
    assert_eq!(registry.patch(&before, &late, ADMIN).await.unwrap(), None);
    let now = entry(&registry).await;
    assert_eq!((now.server_name.as_str(), now.description.as_str()), ("Renamed", ""));
    let shorter = Server { health_check_interval: None, ..now.clone() };
    assert!(registry.patch(&now, &shorter, ADMIN).await.unwrap().is_some());
    assert_eq!(entry(&registry).await.health_check_interval, None);
    let items = registry.client.scan().table_name(REGISTRY_TABLE).send().await.unwrap().items.unwrap();
    assert_eq!(items[0]["note_by_hand"].as_s().unwrap(), "ask Kim");
    let told = told(&registry).await;
    assert_eq!(told[1].before, json!({"server_name": "Pipelines"}).as_object().unwrap().clone());
    assert_eq!(
        told[1].after,
        json!({"server_name": "Renamed", "health_check_interval": 60}).as_object().unwrap().clone()
    );
}

#[tokio::test]
async fn an_entry_made_by_hand_can_be_changed_although_it_lacks_attributes() {
    let registry = registry().await;
    let item = json!({"server_id": "pipelines", "version": "1.0.0", "server_name": "By hand", "status": "active",
        "endpoint_url": "https://example.com/mcp"});
    let item: Item = serde_dynamo::to_item(item).unwrap();
    registry.client.put_item().table_name(REGISTRY_TABLE).set_item(Some(item)).send().await.unwrap();
    let before = entry(&registry).await;
    let after = Server { description: "Told".to_owned(), ..before.clone() };
    assert!(registry.patch(&before, &after, ADMIN).await.unwrap().is_some());
    assert_eq!(registry.patch(&before, &after, ADMIN).await.unwrap(), None);
    change(&registry, Status::Inactive).await;
    assert_eq!(registry.list(&Filter::default(), 10, None).await.unwrap().servers.len(), 1, "it is listed from now on");
}

fn proposal(entry: &Server) -> Held {
    let mut proposed = entry.clone();
    proposed.endpoint_url = "https://new.example.com/mcp".to_owned();
    proposed.available_tools[0].description = "Runs it twice.".to_owned();
    Held::new(entry, &proposed, Source::Patch, "arn:aws:iam::123456789012:user/dev").unwrap()
}

#[tokio::test]
async fn a_held_definition_serves_only_once_it_is_approved() {
    let (registry, before) = with_entry("active").await;
    let held = proposal(&before);
    assert_eq!(held.changed, ["endpoint_url", "available_tools"]);
    assert!(registry.hold(&before, &held).await.unwrap());
    assert!(!registry.hold(&before, &proposal(&before)).await.unwrap(), "the same one waits already");
    assert_eq!(entry(&registry).await, before);
    // What else changes meanwhile stays.
    let renamed = Server { server_name: "Renamed".to_owned(), ..before.clone() };
    assert!(registry.patch(&before, &renamed, ADMIN).await.unwrap().is_some());
    let (now, waiting) = (entry(&registry).await, registry.held("pipelines", "1.0.0").await.unwrap().unwrap());
    assert_eq!(waiting, held);
    let changes = registry.changes().await.unwrap();
    let approved = registry.approve_held(&now, &waiting, ADMIN, None).await.unwrap();
    let now = entry(&registry).await;
    assert_eq!((now.endpoint_url.as_str(), now.server_name.as_str()), ("https://new.example.com/mcp", "Renamed"));
    assert_eq!(now.definition_hash, approved.definition_hash);
    assert_eq!(now.definition_hash, now.compute_hash());
    assert_eq!(registry.held("pipelines", "1.0.0").await.unwrap(), None);
    assert!(registry.changes().await.unwrap() > changes);
    let told = told(&registry).await;
    assert_eq!(
        told.iter().map(|record| record.action).collect::<Vec<_>>(),
        [Action::Approved, Action::Patched, Action::Held, Action::Registered]
    );
    assert_eq!(told[0].before["available_tools"][0]["description"], "");
    assert_eq!(told[2].after["available_tools"][0]["description"], "Runs it twice.");
}

#[tokio::test]
async fn what_was_proposed_against_another_definition_cannot_be_approved() {
    let (registry, before) = with_entry("active").await;
    let held = proposal(&before);
    registry.hold(&before, &held).await.unwrap();
    let mut deployed = server("1.0.0", "active", &alpha("A"));
    deployed.endpoint_url = "https://deployed.example.com/mcp".to_owned();
    deployed.definition_hash = deployed.compute_hash();
    registry.register(&deployed).await.unwrap();
    let now = entry(&registry).await;
    assert_eq!(registry.approve_held(&now, &held, ADMIN, None).await.unwrap_err().kind(), Kind::Conflict);
    // With the entry as it was when the approver looked, the write itself is refused.
    assert_eq!(registry.approve_held(&before, &held, ADMIN, None).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(entry(&registry).await.endpoint_url, "https://deployed.example.com/mcp");
    registry.reject_held(&now, &held, Action::Rejected, ADMIN, Some("outdated")).await.unwrap();
    assert_eq!(registry.held("pipelines", "1.0.0").await.unwrap(), None);
    assert_eq!(
        registry.reject_held(&now, &held, Action::Rejected, ADMIN, None).await.unwrap_err().kind(),
        Kind::Conflict
    );
    let told = told(&registry).await;
    assert_eq!((told[0].action, told[0].reason.as_deref()), (Action::Rejected, Some("outdated")));
}

#[tokio::test]
async fn an_approval_is_of_the_proposal_that_was_seen() {
    let (registry, before) = with_entry("active").await;
    let seen = proposal(&before);
    registry.hold(&before, &seen).await.unwrap();
    let mut other = before.clone();
    other.endpoint_url = "https://evil.example.com/mcp".to_owned();
    let other = Held::new(&before, &other, Source::Refresh, "x").unwrap();
    assert!(registry.hold(&before, &other).await.unwrap());
    assert_eq!(registry.approve_held(&before, &seen, ADMIN, None).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(entry(&registry).await, before);
    // What is not in use keeps its definition.
    for status in [Status::Pending, Status::Rejected, Status::Decommissioned] {
        let gone = Server { status, ..before.clone() };
        assert_eq!(registry.approve_held(&gone, &other, ADMIN, None).await.unwrap_err().kind(), Kind::Conflict);
    }
}

#[tokio::test]
async fn a_decommissioned_server_has_nothing_that_waits() {
    for by_its_owner in [true, false] {
        let (registry, before) = with_entry("active").await;
        registry.hold(&before, &proposal(&before)).await.unwrap();
        if by_its_owner {
            registry.release("pipelines", "1.0.0", &alpha("A")).await.unwrap();
        } else {
            change(&registry, Status::Decommissioned).await;
        }
        assert_eq!(entry(&registry).await.status, Status::Decommissioned);
        assert_eq!(registry.held("pipelines", "1.0.0").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_proposal_is_outdated_by_what_people_change_in_a_console_too() {
    let (registry, before) = with_entry("active").await;
    let held = proposal(&before);
    registry.hold(&before, &held).await.unwrap();
    // They do not know the hash.
    let edited = Server { endpoint_url: "https://console.example.com/mcp".to_owned(), ..before.clone() };
    assert!(!held.is_current(&edited) && held.is_current(&before));
    assert_eq!(registry.approve_held(&edited, &held, ADMIN, None).await.unwrap_err().kind(), Kind::Conflict);
}

#[tokio::test]
async fn changes_are_counted_where_something_is_or_was_called() {
    let registry = registry().await;
    assert_eq!(registry.changes().await.unwrap(), 0);
    registry.register(&server("1.0.0", "pending", &alpha("A"))).await.unwrap();
    assert_eq!(registry.changes().await.unwrap(), 0);
    change(&registry, Status::Active).await;
    assert_eq!(registry.changes().await.unwrap(), 1);
    change(&registry, Status::Maintenance).await;
    assert_eq!(registry.changes().await.unwrap(), 2);
    change(&registry, Status::Active).await;
    registry.register(&server("1.0.0", "active", &alpha("A"))).await.unwrap();
    assert_eq!(registry.release("pipelines", "1.0.0", &alpha("A")).await.unwrap(), Release::Decommissioned);
    assert_eq!(registry.changes().await.unwrap(), 5);
}

#[tokio::test]
async fn the_audit_is_read_page_by_page_newest_first() {
    let (registry, _) = with_entry("active").await;
    for _ in 0..3 {
        change(&registry, Status::Inactive).await;
        change(&registry, Status::Active).await;
    }
    let (mut records, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = registry.audit().read("pipelines", None, 3, cursor.as_deref()).await.unwrap();
        records.extend(page.records);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(records.len(), 7);
    assert!(records.is_sorted_by(|a, b| a.at >= b.at));
    assert_eq!(records[6].action, Action::Registered);
    assert_eq!(records[6].after["owner"], json!(alpha("A")));
    for wrong in ["", "x", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z#x", "x#0191e5b0-0000-7000-8000-000000000000"] {
        let error = registry.audit().read("pipelines", None, 3, Some(wrong)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{wrong}");
    }
}

#[tokio::test]
async fn a_page_of_the_audit_fits_into_an_answer_however_large_its_records_are() {
    let (registry, mut before) = with_entry("active").await;
    for round in 0..20 {
        let mut after = before.clone();
        after.available_tools[0].description = format!("{round}").repeat(170_000 / format!("{round}").len());
        before = registry.patch(&before, &after, ADMIN).await.unwrap().unwrap();
    }
    let (mut read, mut pages, mut cursor) = (0, 0, None::<String>);
    loop {
        let page = registry.audit().read("pipelines", None, 50, cursor.as_deref()).await.unwrap();
        assert!(serde_json::to_string(&page).unwrap().len() < 4_000_000);
        (read, pages, cursor) = (read + page.records.len(), pages + 1, page.next_cursor);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(read, 21);
    assert!(pages > 1);
}
