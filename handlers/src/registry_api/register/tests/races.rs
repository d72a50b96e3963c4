//! Many at once.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::*;

const RACERS: usize = 50;

/// How often each status was the answer.
async fn race(office: &Office, requests: impl Iterator<Item = (&'static str, Value)>) -> BTreeMap<u16, usize> {
    let answers = join_all(requests.map(|(token, body)| async move { office.register(token, &body).await })).await;
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.status).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn of_many_equal_requests_one_is_new_and_all_are_answered() {
    for body in
        [guide(), with(json!({ "server_id": "raced" })), with(json!({ "server_id": "raced-too", "version": "2.0.0" }))]
    {
        let office = Office::open(Approval::Required, 1).await;
        let counts = race(&office, (0..RACERS).map(|_| (OURS, body.clone()))).await;
        assert_eq!(counts, BTreeMap::from([(200, RACERS - 1), (201, 1)]));
        assert_eq!((office.counted().await, office.notices().await.len()), (1, 1));
    }
}

#[tokio::test]
async fn of_many_contents_for_one_version_one_gets_it() {
    let office = Office::open(Approval::Auto, 1000).await;
    let body =
        |number: usize| with(json!({ "server_id": "raced", "version": "1.0.0", "description": number.to_string() }));
    let counts = race(&office, (0..RACERS).map(|number| (OURS, body(number)))).await;
    assert_eq!(counts, BTreeMap::from([(201, 1), (409, RACERS - 1)]));
}

#[tokio::test]
async fn an_id_that_two_teams_want_goes_to_one_of_them() {
    for round in 0..10 {
        let office = Office::open(Approval::Auto, 1000).await;
        let body = |number: usize| with(json!({ "server_id": "raced", "version": format!("1.0.{number}") }));
        let counts =
            race(&office, (0..8).map(|number| (if number % 2 == round % 2 { OURS } else { THEIRS }, body(number))))
                .await;
        assert_eq!(counts, BTreeMap::from([(201, 4), (403, 4)]), "round {round}");
        let versions = office.registry.versions("raced").await.unwrap();
        assert!(versions.iter().all(|version| version.owner == versions[0].owner), "{versions:?}");
    }
}

#[tokio::test]
async fn names_that_meet_get_ids_of_their_own() {
    for _ in 0..10 {
        let office = Office::open(Approval::Required, 10).await;
        let counts = race(&office, [(OURS, guide()), (THEIRS, guide())].into_iter()).await;
        assert_eq!(counts, BTreeMap::from([(201, 2)]));
    }
}

#[tokio::test]
async fn no_more_are_registered_at_once_than_the_limit_lets_through() {
    let office = Office::open(Approval::Required, 10).await;
    let body = |number: usize| with(json!({ "server_id": format!("raced-{number}") }));
    let counts = race(&office, (0..RACERS).map(|number| (OURS, body(number)))).await;
    assert_eq!(counts, BTreeMap::from([(201, 10), (429, RACERS - 10)]));
}
