//! Changes of an entry: what is said about a server, and its definition.

use super::*;

const FAR: &str = "https://weather.example.com/mcp";

#[tokio::test]
async fn what_is_said_about_a_server_is_changed_at_once() {
    let office = Office::with(&weather("active", FAR)).await;
    let before = office.entry().await;
    let answer = office
        .patch(json!({"server_name": "Sky", "description": "Tells the weather.", "metadata": {"team": "a"}, "health_check_interval": 300}))
        .await;
    assert_eq!(answer.is(200)["held"], false);
    let after = office.entry().await;
    assert_eq!((after.server_name.as_str(), after.health_check_interval), ("Sky", Some(300)));
    assert_eq!(after.definition_hash, before.definition_hash);
    office.patch(json!({"health_check_interval": null, "description": null, "metadata": null})).await.is(200);
    let after = office.entry().await;
    assert_eq!((after.health_check_interval, after.description.as_str(), after.metadata.len()), (None, "", 0));
    let same = office.patch(json!({"server_name": "Sky"})).await;
    assert_eq!(same.is(200)["message"], "Nothing of it is different.");
    assert_eq!(office.told().await.len(), 3);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_patch_is_told_at_its_place() {
    let office = Office::with(&weather("active", FAR)).await;
    let before = office.entry().await;
    let answer = office
        .patch(json!({
            "server_name": null, "description": 1, "endpoint_url": "https://169.254.169.254/", "protocol_type": "soap",
            "authentication_type": "trust", "health_check_url": "ftp://x", "health_check_interval": 5, "metadata": [],
            "configuration": {"x": "y".repeat(9000)}, "available_tools": [{"name": 1}], "owner": "me", "status": "active",
        }))
        .await;
    assert_eq!(
        answer.places(),
        [
            "/authentication_type",
            "/available_tools/0/inputSchema",
            "/available_tools/0/name",
            "/configuration",
            "/description",
            "/endpoint_url",
            "/health_check_interval",
            "/health_check_url",
            "/metadata",
            "/owner",
            "/protocol_type",
            "/server_name",
            "/status"
        ]
    );
    let hidden = json!({ "server_name": "gp\u{202e}fdp", "description": "a\u{1b}[31m" });
    assert_eq!(office.patch(hidden).await.places(), ["/description", "/server_name"]);
    // Rules over several fields are checked once each of them can be read.
    let object = json!({"type": "object"});
    let wrong = json!({
        "available_tools": [{"name": "run", "inputSchema": object}, {"name": "run", "inputSchema": {"type": "array"}}],
        "configuration": {"status_tool": "gone", "environment_argument": "environment", "read_only_tools": ["run", "nor"]},
    });
    assert_eq!(
        office.patch(wrong).await.places(),
        [
            "/available_tools/1/inputSchema",
            "/available_tools/1/name",
            "/configuration/environment_argument",
            "/configuration/read_only_tools/1",
            "/configuration/status_tool"
        ]
    );
    // No key is sent to a function, and no role is there to sign for it.
    let wrong = office.patch(json!({"authentication_type": "iam"})).await;
    assert_eq!(wrong.places(), ["/endpoint_url"]);
    assert_eq!(office.entry().await, before);
}

#[tokio::test]
async fn a_changed_definition_serves_only_once_it_is_approved() {
    let office = Office::with(&weather("active", FAR)).await;
    let before = office.entry().await;
    let change = json!({"endpoint_url": "https://new.example.com/mcp", "server_name": "New"});
    let answer = office.patch(change.clone()).await;
    assert_eq!(answer.is(202)["held"], true);
    assert_eq!(office.entry().await, before, "also the name waits: nothing is half done");
    office.patch(change).await.is(202);
    assert_eq!(office.notices().await.len(), 1, "the same wish is told once");
    assert!(office.notices().await[0].contains("switchyard servers approve weather@1.0.0"));
    let held = office.get(&format!("{ENTRY}/held")).await;
    let held = held.is(200);
    assert_eq!(held["changed"], json!(["server_name", "endpoint_url"]));
    assert_eq!((&held["before"]["server_name"], &held["after"]["server_name"]), (&json!("Weather"), &json!("New")));
    assert_eq!(
        (&held["outdated"], &held["proposed_by"], &held["source"]),
        (&json!(false), &json!(ADMIN), &json!("patch"))
    );
    let hash = held["proposed"]["definition_hash"].clone();
    office.post(&format!("{ENTRY}/approve"), json!({"definition_hash": before.definition_hash})).await.is(409);
    let approved = office.post(&format!("{ENTRY}/approve"), json!({"definition_hash": hash, "reason": "Moved."})).await;
    assert_eq!(approved.is(200)["definition_hash"], hash);
    let after = office.entry().await;
    assert_eq!((after.endpoint_url.as_str(), after.server_name.as_str()), ("https://new.example.com/mcp", "New"));
    office.get(&format!("{ENTRY}/held")).await.is(404);
    let actions: Vec<_> = office.told().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["approved", "held", "registered"]);
}

#[tokio::test]
async fn a_refused_definition_is_gone_and_the_approved_one_stays() {
    let office = Office::with(&weather("maintenance", FAR)).await;
    let before = office.entry().await;
    office.patch(json!({"endpoint_url": "https://new.example.com/mcp"})).await.is(202);
    office.post(&format!("{ENTRY}/reject"), json!({"reason": "Not ours."})).await.is(200);
    office.get(&format!("{ENTRY}/held")).await.is(404);
    assert_eq!(office.entry().await, before);
    office.post(&format!("{ENTRY}/approve"), json!({})).await.is(409);
}

#[tokio::test]
async fn what_is_not_approved_yet_is_changed_and_goes_on_waiting() {
    let office = Office::with(&weather("pending", FAR)).await;
    let answer = office.patch(json!({"endpoint_url": "https://new.example.com/mcp"})).await;
    assert_eq!((&answer.is(200)["status"], &answer.body["held"]), (&json!("pending"), &json!(false)));
    let after = office.entry().await;
    assert_eq!(after.definition_hash, after.compute_hash());
    for (what, body) in [("reject", json!({"reason": "x"})), ("decommission", json!({}))] {
        office.post(&format!("{ENTRY}/{what}"), body).await.is(200);
        office.patch(json!({"server_name": "Late"})).await.is(409);
    }
}
