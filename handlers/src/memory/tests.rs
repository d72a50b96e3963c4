mod cost;

use super::*;
use crate::test_support::{MEMORY_TABLE, dynamodb};

fn deployment(minute: u32, environment: &str, tenant: Option<&str>, pipeline_type: &str) -> Deployment {
    let started_at = format!("2026-11-21T{:02}:{:02}:00.000Z", minute / 60, minute % 60);
    Deployment {
        execution_id: uuid::Uuid::now_v7().to_string(),
        environment: environment.into(),
        tenant_id: tenant.map(Into::into),
        tenant_environment: tenant.map(|tenant| tenant_environment(tenant, environment)),
        pipeline_type: pipeline_type.into(),
        status: Status::Succeeded,
        updated_at: started_at.clone(),
        started_at,
        session_id: None,
        requested_by: None,
        agent: None,
        source: Source::Executed,
        details: Map::new(),
        web_url: None,
    }
}

fn filter(environment: Option<&str>, tenant: Option<&str>, pipeline_type: Option<&str>) -> Filter {
    Filter {
        environment: environment.map(Into::into),
        tenant_id: tenant.map(Into::into),
        pipeline_type: pipeline_type.map(Into::into),
    }
}

async fn filled() -> Memory {
    let memory = Memory::new(dynamodb().await, MEMORY_TABLE);
    for minute in 0..6 {
        memory.report(&deployment(minute, "dev", None, "bootstrap")).await.unwrap();
    }
    for minute in 6..9 {
        memory.report(&deployment(minute, "dev", Some("acme"), "compute")).await.unwrap();
    }
    memory.report(&deployment(9, "prod", Some("acme"), "app")).await.unwrap();
    memory
}

#[tokio::test]
async fn the_three_ways_to_ask_each_use_their_index() {
    let memory = filled().await;
    for (wanted, count) in [
        (filter(Some("dev"), None, None), 9),
        (filter(None, Some("acme"), None), 4),
        (filter(Some("dev"), Some("acme"), None), 3),
        (filter(Some("dev"), None, Some("compute")), 3),
        (filter(Some("staging"), None, None), 0),
        (filter(Some("acme#dev"), None, None), 0),
    ] {
        let page = memory.query(&wanted, 50, None).await.unwrap();
        assert_eq!(page.deployments.len(), count, "{wanted:?}");
        assert!(page.deployments.is_sorted_by(|a, b| a.started_at >= b.started_at), "newest first");
        assert_eq!(page.cursor, None);
    }
}

#[tokio::test]
async fn pages_join_without_gap_or_repeat() {
    let memory = filled().await;
    for wanted in [filter(Some("dev"), None, None), filter(Some("dev"), None, Some("bootstrap"))] {
        let all = memory.query(&wanted, 50, None).await.unwrap().deployments;
        let (mut joined, mut cursor) = (Vec::new(), None);
        loop {
            let page = memory.query(&wanted, 2, cursor.as_deref()).await.unwrap();
            assert!(page.deployments.len() <= 2);
            joined.extend(page.deployments);
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(joined, all);
    }
}

#[tokio::test]
async fn a_cursor_is_checked_and_cannot_leave_its_partition() {
    let memory = filled().await;
    let dev = filter(Some("dev"), None, None);
    for cursor in ["", "x", "2026-11-21T00:00:00.000Z~x", "~", "a~b~c"] {
        let error = memory.query(&dev, 5, Some(cursor)).await.unwrap_err();
        assert!(error.message().contains("cursor"), "{error}");
    }
    let cursor = memory.query(&dev, 1, None).await.unwrap().cursor.unwrap();
    let page = memory.query(&filter(Some("prod"), None, None), 5, Some(&cursor)).await.unwrap();
    assert!(page.deployments.iter().all(|deployment| deployment.environment == "prod"));
}

#[tokio::test]
async fn neither_environment_nor_tenant_is_refused() {
    let error = filled().await.query(&filter(None, None, Some("app")), 5, None).await.unwrap_err();
    assert!(error.message().contains("environment or a tenant"));
}

#[tokio::test]
async fn a_report_never_replaces_a_record() {
    let memory = filled().await;
    let first = deployment(1, "dev", None, "bootstrap");
    memory.report(&first).await.unwrap();
    let mut second = deployment(2, "prod", None, "app");
    second.execution_id.clone_from(&first.execution_id);
    assert!(memory.report(&second).await.is_err());
    assert_eq!(memory.get(&first.execution_id).await.unwrap(), Some(first));
}

#[test]
fn times_have_one_width() {
    for text in ["2026-11-21T01:02:03Z", "2026-11-21T01:02:03.5Z", "2026-11-21T01:02:03.123456Z"] {
        assert_eq!(iso(text.parse().unwrap()).len(), 24);
    }
}
