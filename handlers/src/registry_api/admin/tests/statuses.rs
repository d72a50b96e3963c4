//! Statuses, and who may see that they changed.

use super::*;

const FAR: &str = "https://weather.example.com/mcp";

#[tokio::test]
async fn a_status_changes_along_the_allowed_ways_and_is_told() {
    let office = Office::with(&weather("pending", FAR)).await;
    let change = async |status: &str| {
        office.post(&format!("{ENTRY}/status"), json!({"status": status, "reason": "because"})).await
    };
    for (decision, route) in [("active", "approve"), ("rejected", "reject")] {
        let answer = change(decision).await;
        let detail = answer.is(409)["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("by POST {ENTRY}/{route} only")), "{detail}");
        assert_eq!(office.entry().await.status, Status::Pending);
    }
    change("maintenance").await.is(409);
    office.post(&format!("{ENTRY}/approve"), json!({"reason": "because"})).await.is(200);
    for (status, code) in [
        ("active", 409),
        ("pending", 409),
        ("rejected", 409),
        ("maintenance", 200),
        ("inactive", 409),
        ("active", 200),
        ("unhealthy", 200),
        ("active", 200),
        ("inactive", 200),
        ("decommissioned", 200),
        ("active", 409),
        ("decommissioned", 409),
    ] {
        let before = office.entry().await.status;
        let answer = change(status).await;
        let after = office.entry().await.status;
        assert_eq!(answer.status, code, "{before} to {status}: {}", answer.body);
        assert_eq!(after.as_str(), if code == 200 { status } else { before.as_str() });
    }
    let detail = change("active").await.is(409)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("is decommissioned and cannot become active. That is final"), "{detail}");
    let told = office.told().await;
    let actions: Vec<_> = told.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "decommissioned",
            "status_changed",
            "status_changed",
            "status_changed",
            "status_changed",
            "status_changed",
            "approved",
            "registered"
        ]
    );
    assert!(told.iter().take(7).all(|(_, who)| who == ADMIN));
    let notices = office.notices().await;
    assert_eq!(notices.len(), 7);
    assert!(
        notices[0].contains("weather@1.0.0 was approved")
            && notices[0].contains(ADMIN)
            && notices[0].contains("because")
    );
}

#[tokio::test]
async fn what_waits_is_approved_or_rejected_as_it_was_seen() {
    let office = Office::with(&weather("pending", FAR)).await;
    let seen = office.entry().await.definition_hash;
    let other = json!({"definition_hash": "0".repeat(64)});
    office.post(&format!("{ENTRY}/approve"), other).await.is(409);
    let approved = office.post(&format!("{ENTRY}/approve"), json!({"definition_hash": seen})).await;
    assert_eq!(approved.is(200)["status"], "active");
    let nothing = office.post(&format!("{ENTRY}/approve"), json!({})).await;
    assert!(nothing.is(409)["detail"].as_str().unwrap().contains("no changed definition of it waits"));
    office.post(&format!("{ENTRY}/reject"), json!({"reason": "x"})).await.is(409);

    let office = Office::with(&weather("pending", FAR)).await;
    let answer = office.post(&format!("{ENTRY}/reject"), json!({"reason": "No owner."})).await;
    assert_eq!(answer.is(200)["status"], "rejected");
    let audit = office.get(&format!("{ENTRY}/audit")).await;
    assert_eq!(audit.is(200)["records"][0]["reason"], "No owner.");
    // No body at all will do where nothing has to be said.
    office.send(&event("POST", &format!("{ENTRY}/decommission"), None)).await.is(200);
}

#[tokio::test]
async fn a_notice_that_cannot_be_sent_changes_nothing() {
    let office = Office::with(&weather("active", FAR)).await;
    office.topic.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(403)).mount(&office.topic).await;
    office.post(&format!("{ENTRY}/status"), json!({"status": "inactive"})).await.is(200);
    assert_eq!(office.entry().await.status, Status::Inactive);
}

#[tokio::test]
async fn the_audit_tells_of_all_versions_or_of_one() {
    let office = Office::with(&weather("active", FAR)).await;
    office.registry.register(&Server { version: "2.0.0".to_owned(), ..weather("active", FAR) }).await.unwrap();
    for status in ["inactive", "active"] {
        office.post(&format!("{ENTRY}/status"), json!({"status": status})).await.is(200);
    }
    assert_eq!(office.told().await.len(), 4);
    let one = office.get("/servers/weather/versions/2.0.0/audit").await;
    assert_eq!(one.is(200)["records"].as_array().unwrap().len(), 1);
    let page = office.get("/servers/weather/audit?limit=3").await;
    let cursor = page.is(200)["next_cursor"].as_str().unwrap().replace('#', "%23");
    let rest = office.get(&format!("/servers/weather/audit?cursor={cursor}")).await;
    assert_eq!(rest.is(200)["records"].as_array().unwrap().len(), 1);
    office.get("/servers/weather/audit?cursor=x").await.is(400);
    office.get("/servers/weather/audit?limit=51").await.is(400);
}
