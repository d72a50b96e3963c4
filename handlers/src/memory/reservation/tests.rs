use serde_json::json;

use super::*;
use crate::{
    memory::{Source, tenant_environment},
    test_support::{MEMORY_TABLE, STATE_TABLE, dynamodb},
};

const KEY_AGE: Duration = Duration::from_secs(600);

async fn reservations(age: Duration) -> Reservations {
    let client = dynamodb().await;
    let memory = Memory::new(client.clone(), MEMORY_TABLE);
    Reservations::new(client, memory, STATE_TABLE, age)
}

fn wish(environment: &str, tenant: Option<&str>) -> Deployment {
    let now = iso(Timestamp::now());
    Deployment {
        execution_id: uuid::Uuid::now_v7().to_string(),
        environment: environment.into(),
        tenant_id: tenant.map(Into::into),
        tenant_environment: tenant.map(|tenant| tenant_environment(tenant, environment)),
        pipeline_type: "compute".into(),
        status: Status::Starting,
        started_at: now.clone(),
        updated_at: now,
        session_id: None,
        requested_by: None,
        agent: None,
        source: Source::Executed,
        details: Map::new(),
        web_url: None,
    }
}

fn outcome(status: Status) -> Outcome {
    Outcome { status, web_url: None, details: Map::new() }
}

fn held(deployment: &Deployment) -> Reserved {
    Reserved::Held(Box::new(deployment.clone()))
}

#[tokio::test]
async fn fifty_at_once_give_one_fresh_reservation() {
    let reservations = reservations(KEY_AGE).await;
    let racers = (0..50).map(|_| {
        let reservations = reservations.clone();
        tokio::spawn(async move { reservations.reserve(&wish("dev", Some("acme")), Some("key")).await.unwrap() })
    });
    let mut fresh = 0;
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Reserved::Fresh => fresh += 1,
            Reserved::Same(first) => assert_eq!(first.status, Status::Starting),
            Reserved::Held(holder) => panic!("the same wish is answered, not refused: {holder:?}"),
        }
    }
    assert_eq!(fresh, 1);
}

#[tokio::test]
async fn another_wish_in_the_same_slot_learns_of_the_holder() {
    let reservations = reservations(KEY_AGE).await;
    let first = wish("dev", Some("acme"));
    assert_eq!(reservations.reserve(&first, Some("one")).await.unwrap(), Reserved::Fresh);
    for key in [Some("two"), None] {
        assert_eq!(reservations.reserve(&wish("dev", Some("acme")), key).await.unwrap(), held(&first));
    }
    for other in [wish("dev", None), wish("test", Some("acme")), wish("dev", Some("globex")), wish("dev", Some("-"))] {
        assert_eq!(reservations.reserve(&other, None).await.unwrap(), Reserved::Fresh, "{other:?}");
    }
}

#[tokio::test]
async fn a_success_frees_the_slot_and_answers_the_same_wish_for_a_while() {
    let reservations = reservations(KEY_AGE).await;
    let first = wish("dev", None);
    reservations.reserve(&first, Some("key")).await.unwrap();
    let settled = reservations.settle(&first, &outcome(Status::Succeeded)).await.unwrap();
    assert_eq!(settled.status, Status::Succeeded);
    assert_eq!(reservations.reserve(&wish("dev", None), Some("key")).await.unwrap(), Reserved::Same(Box::new(settled)));
    assert_eq!(reservations.reserve(&wish("dev", None), Some("another")).await.unwrap(), Reserved::Fresh);
}

#[tokio::test]
async fn after_the_key_age_or_a_failure_the_same_wish_starts_anew() {
    for (age, status) in [(Duration::ZERO, Status::Succeeded), (KEY_AGE, Status::Failed), (KEY_AGE, Status::Cancelled)]
    {
        let reservations = reservations(age).await;
        let first = wish("dev", None);
        reservations.reserve(&first, Some("key")).await.unwrap();
        reservations.settle(&first, &outcome(status)).await.unwrap();
        let second = wish("dev", None);
        assert_eq!(reservations.reserve(&second, Some("key")).await.unwrap(), Reserved::Fresh);
        assert_eq!(
            reservations.reserve(&wish("dev", None), Some("key")).await.unwrap(),
            Reserved::Same(Box::new(second))
        );
    }
}

#[tokio::test]
async fn an_open_status_keeps_the_slot_and_a_final_one_is_never_overwritten() {
    let reservations = reservations(KEY_AGE).await;
    let first = wish("dev", None);
    reservations.reserve(&first, None).await.unwrap();
    let running = Outcome {
        web_url: Some("https://gitlab.test/1".into()),
        details: json!({ "server": { "pipeline_id": 7 } }).as_object().unwrap().clone(),
        ..outcome(Status::Running)
    };
    let running = reservations.settle(&first, &running).await.unwrap();
    assert_eq!(reservations.get(&first.execution_id).await.unwrap(), Some(running.clone()));
    assert_eq!(reservations.reserve(&wish("dev", None), None).await.unwrap(), held(&running));
    let failed = reservations.settle(&running, &outcome(Status::Failed)).await.unwrap();
    assert_eq!(failed.web_url.as_deref(), Some("https://gitlab.test/1"));
    let late = reservations.settle(&running, &outcome(Status::Succeeded)).await.unwrap();
    assert_eq!(late.status, Status::Failed, "a late answer changes nothing");
}

#[tokio::test]
async fn settling_leaves_a_slot_that_is_another_s_by_now() {
    let reservations = reservations(KEY_AGE).await;
    let (first, second) = (wish("dev", None), wish("dev", None));
    reservations.reserve(&first, None).await.unwrap();
    reservations.free(&slot_key(&first), &first.execution_id).await.unwrap();
    assert_eq!(reservations.reserve(&second, None).await.unwrap(), Reserved::Fresh);
    assert_eq!(reservations.settle(&first, &outcome(Status::Failed)).await.unwrap().status, Status::Failed);
    assert_eq!(reservations.reserve(&wish("dev", None), None).await.unwrap(), held(&second));
}

#[tokio::test]
async fn a_reservation_never_stands_in_its_own_way() {
    let reservations = reservations(KEY_AGE).await;
    let first = wish("dev", None);
    assert_eq!(reservations.reserve(&first, Some("key")).await.unwrap(), Reserved::Fresh);
    // As when the answer to the transaction was lost and it is sent again.
    assert_eq!(reservations.reserve(&first, Some("key")).await.unwrap(), Reserved::Fresh);
}

#[test]
fn request_keys_keep_their_parts_apart() {
    let none = Map::new();
    let one = json!({ "a": 1, "b": 2 }).as_object().unwrap().clone();
    let same = json!({ "b": 2, "a": 1 }).as_object().unwrap().clone();
    assert_eq!(request_key("s", "x", "t", &one), request_key("s", "x", "t", &same));
    let keys = [
        request_key("s", "x", "t", &none),
        request_key("sx", "", "t", &none),
        request_key("s", "xt", "", &none),
        request_key("s", "x", "t", &one),
        request_key("s2", "x", "t", &none),
    ];
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[index + 1..].contains(key), "{index}");
    }
}
