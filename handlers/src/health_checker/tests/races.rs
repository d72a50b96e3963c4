//! Two runs at once, a run that died, and people who change entries while they are checked.

use super::*;

#[tokio::test]
async fn two_runs_at_once_check_each_server_once() {
    let stage = Stage::new().await;
    let mock = MockServer::start().await;
    answer(&mock, ResponseTemplate::new(200).set_delay(Duration::from_millis(50))).await;
    // More than one request to DynamoDB can hold.
    for number in 0..130 {
        stage.register(&format!("s{number}"), &format!("{}/s{number}", mock.uri()), &[]).await;
    }
    let (one, other) = tokio::join!(stage.run(start()), stage.run(start()));
    assert_eq!(one.checked + other.checked, 130);
    let mut asked: Vec<String> =
        mock.received_requests().await.unwrap().iter().map(|request| request.url.path().to_owned()).collect();
    asked.sort();
    asked.dedup();
    assert_eq!((asked.len(), mock.received_requests().await.unwrap().len()), (130, 130));
}

#[tokio::test]
async fn what_a_run_claimed_that_died_is_checked_when_the_claim_ends() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    stage.register("tools", &mock.uri(), &[]).await;
    let claim = Claim { from: start(), until: start() + CLAIM };
    assert!(stage.checker.states.claim("tools@1.0.0", None, claim).await.unwrap());
    assert!(!stage.checker.states.claim("tools@1.0.0", None, claim).await.unwrap());
    assert_eq!(stage.run(after(1)).await.checked, 0);
    assert_eq!(stage.run(after(2)).await.checked, 1);
    // The one that died comes to life again and has nothing to say any more.
    assert!(!stage.checker.states.record("tools@1.0.0", &State::default(), claim).await.unwrap());
    assert_eq!(stage.state("tools").await.unwrap().condition, Some(Condition::Healthy));
}

/// Two checks have failed; during the third a person changes the entry. The status is then what the person made it.
async fn changed_during_the_check(name: &str, value: &str) -> (Server, State) {
    let stage = Stage::new().await;
    let mock = MockServer::start().await;
    answer(&mock, ResponseTemplate::new(500).set_delay(Duration::from_millis(400))).await;
    stage.register("tools", &mock.uri(), &[]).await;
    stage.run(after(0)).await;
    stage.run(after(5)).await;
    let person = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        stage.change("tools", name, value).await;
    };
    let (report, ()) = tokio::join!(stage.run(after(10)), person);
    assert_eq!((report.failed, report.unhealthy.len()), (1, 0));
    (stage.entry("tools").await, stage.state("tools").await.unwrap())
}

#[tokio::test]
async fn a_check_never_overwrites_what_a_person_changed_meanwhile() {
    for status in [Status::Maintenance, Status::Inactive, Status::Decommissioned] {
        let (entry, _) = changed_during_the_check("status", status.as_str()).await;
        assert_eq!((entry.status, entry.unhealthy_since), (status, None));
    }
}

#[tokio::test]
async fn what_was_found_at_an_old_endpoint_says_nothing_of_the_new_one() {
    let (entry, state) = changed_during_the_check("endpoint_url", NOWHERE).await;
    assert_eq!((entry.status, entry.endpoint_url.as_str()), (Status::Active, NOWHERE));
    assert!(is_due(Some(&state), &entry.updated_at, after(11)), "the new one is checked in the next run");
}

#[tokio::test]
async fn a_server_comes_back_only_as_it_was_when_it_was_checked() {
    let stage = Stage::new().await;
    let mock = MockServer::start().await;
    answer(&mock, ResponseTemplate::new(200).set_delay(Duration::from_millis(400))).await;
    let since = S("2026-11-21T11:30:00.000Z".to_owned());
    stage.register("tools", &mock.uri(), &[("status", S("unhealthy".to_owned())), ("unhealthy_since", since)]).await;
    let person = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        stage.change("tools", "status", "maintenance").await;
    };
    let (report, ()) = tokio::join!(stage.run(after(0)), person);
    assert!(report.healthy_again.is_empty(), "{:?}", report.healthy_again);
    assert_eq!(stage.entry("tools").await.status, Status::Maintenance);
}
