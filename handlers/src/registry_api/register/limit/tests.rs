use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use crate::{
    error::Kind,
    test_support::{STATE_TABLE, dynamodb},
};

const HOME: &str = "192.0.2.1";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn limit(most: u32) -> Limit {
    Limit::new(dynamodb().await, STATE_TABLE, most)
}

#[tokio::test]
async fn the_same_content_counts_once() {
    let limit = limit(2).await;
    let now = at("2026-11-21T10:59:30Z");
    for content in ["a", "a", "b", "a", "b"] {
        limit.count("ci", address(HOME), content, now).await.unwrap();
    }
    let error = limit.count("ci", address(HOME), "c", now).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (Kind::Throttled, Some(Duration::from_secs(30))));
    limit.count("ci", address(HOME), "b", now).await.unwrap();
}

#[tokio::test]
async fn each_token_and_each_address_has_its_own_count() {
    let limit = limit(1).await;
    let now = at("2026-11-21T10:00:00Z");
    for (token, from) in [("ci", HOME), ("cd", HOME), ("ci", "192.0.2.2"), ("ci", "2001:db8::1")] {
        limit.count(token, address(from), "a", now).await.unwrap();
    }
    for from in [HOME, "::ffff:192.0.2.1", "2001:db8::2", "2001:db8:0:0:ffff::"] {
        let error = limit.count("ci", address(from), "b", now).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_hours(1)), "{from}");
    }
    limit.count("ci", address("2001:db8:0:1::1"), "b", now).await.unwrap();
}

#[tokio::test]
async fn a_new_hour_begins_anew_although_the_old_record_is_still_there() {
    let limit = limit(1).await;
    limit.count("ci", address(HOME), "a", at("2026-11-21T10:59:59Z")).await.unwrap();
    assert!(limit.count("ci", address(HOME), "b", at("2026-11-21T10:59:59.9Z")).await.is_err());
    limit.count("ci", address(HOME), "b", at("2026-11-21T11:00:00Z")).await.unwrap();
    let records = limit.client.scan().table_name(STATE_TABLE).send().await.unwrap().items.unwrap();
    let of = |name: &str| {
        let mut all: Vec<_> = records.iter().map(|record| record[name].clone()).collect();
        all.sort_by_key(|value| format!("{value:?}"));
        all
    };
    assert_eq!(of("pk"), vec![S("registrations#ci#192.0.2.1".to_owned()); 2]);
    assert_eq!(of("sk"), ["2026-11-21T10", "2026-11-21T11"].map(|hour| S(hour.to_owned())));
    let ttl = |time| AttributeValue::N(at(time).as_second().to_string());
    assert_eq!(of("ttl"), [ttl("2026-11-21T12:00:00Z"), ttl("2026-11-21T13:00:00Z")]);
}

#[tokio::test]
async fn of_many_at_once_no_more_get_through_than_may() {
    let limit = limit(10).await;
    let now = at("2026-11-21T10:00:00Z");
    let all = futures_util::future::join_all((0..50).map(|number| {
        let limit = limit.clone();
        async move { limit.count("ci", address(HOME), &number.to_string(), now).await.is_ok() }
    }));
    assert_eq!(all.await.into_iter().filter(|counted| *counted).count(), 10);
}

#[tokio::test]
async fn none_at_all_is_no_matter_of_waiting() {
    let error = limit(0).await.count("ci", address(HOME), "a", at("2026-11-21T10:00:00Z")).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (Kind::Refused, None));
}
