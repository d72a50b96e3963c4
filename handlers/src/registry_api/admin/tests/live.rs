//! What a server says now.

use super::*;
use crate::{
    mcp_client::test_server::{Style, TestServer},
    registry::AuthenticationType,
};

async fn dead_endpoint() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/mcp", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_server_that_is_as_approved_is_well_and_not_changed() {
    let server = TestServer::start(Style::Json).await;
    let office = Office::with(&weather("active", &server.url)).await;
    let before = office.entry().await;
    let answer = office.post(&format!("{ENTRY}/test"), json!({})).await;
    let tested = answer.is(200);
    assert_eq!((&tested["ok"], &tested["mcp_version"]), (&json!(true), &json!("2026-07-28")));
    assert!(tested["latency_ms"].as_u64().is_some_and(|latency| latency < 5000), "{tested}");
    assert_eq!(tested["tools"], json!({"same": true, "added": [], "removed": [], "changed": []}));
    let refreshed = office.post(&format!("{ENTRY}/refresh"), json!({})).await;
    assert_eq!(refreshed.is(200)["held"], false);
    assert_eq!(office.entry().await, before);
    assert!(office.notices().await.is_empty());
}

#[tokio::test]
async fn what_differs_is_named_and_waits_for_approval() {
    let server = TestServer::start(Style::Json).await;
    let mut approved = weather("active", &server.url);
    approved.available_tools[1].description = "Fails.".to_owned();
    approved.available_tools[2].name = "gone".to_owned();
    approved.definition_hash = approved.compute_hash();
    let office = Office::with(&approved).await;
    let before = office.entry().await;
    let tested = office.post(&format!("{ENTRY}/test"), json!({})).await;
    let difference = json!({"same": false, "added": ["big"], "removed": ["gone"], "changed": ["fail"]});
    assert_eq!(tested.is(200)["tools"], difference);
    assert!(office.notices().await.is_empty(), "a test changes nothing");
    let refreshed = office.post(&format!("{ENTRY}/refresh"), json!({})).await;
    assert_eq!(refreshed.is(202)["held"], true);
    assert_eq!(office.entry().await, before);
    assert!(office.notices().await[0].contains("by the server's own word"));
    office.post(&format!("{ENTRY}/approve"), json!({})).await.is(200);
    let after = office.entry().await;
    let names: Vec<_> = after.available_tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["echo", "fail", "big", "slow"]);
    assert!(after.tool("echo").unwrap().read_only(), "the approval of the tool that stayed stays");
    assert!(!after.tool("big").unwrap().read_only());
    assert_eq!(after.mcp_version.as_deref(), Some("2026-07-28"));
    assert_eq!(office.post(&format!("{ENTRY}/test"), json!({})).await.body["tools"]["same"], true);
}

#[tokio::test]
async fn a_server_that_lost_a_tool_its_settings_name_is_not_refreshed() {
    let server = TestServer::start(Style::Json).await;
    let mut approved = weather("active", &server.url);
    approved.available_tools[1].name = "status".to_owned();
    approved.configuration.insert("status_tool".to_owned(), json!("status"));
    approved.definition_hash = approved.compute_hash();
    let office = Office::with(&approved).await;
    let answer = office.post(&format!("{ENTRY}/refresh"), json!({})).await;
    assert_eq!(answer.places_at(424), ["/configuration/status_tool"]);
}

#[tokio::test]
async fn a_server_that_is_down_is_told_to_be() {
    let office = Office::with(&weather("active", &dead_endpoint().await)).await;
    let tested = office.post(&format!("{ENTRY}/test"), json!({})).await;
    assert_eq!(tested.is(200)["ok"], false);
    assert!(tested.body["error"].as_str().unwrap().contains("no connection"), "{}", tested.body);
    office.post(&format!("{ENTRY}/refresh"), json!({})).await.is(424);
}

#[tokio::test]
async fn credentials_are_not_used_for_what_nobody_has_approved() {
    let server = TestServer::start(Style::Json).await;
    for status in ["pending", "rejected", "decommissioned"] {
        let entry = Server { authentication_type: AuthenticationType::ApiKey, ..weather(status, &server.url) };
        let office = Office::with(&entry).await;
        for what in ["test", "refresh"] {
            let answer = office.post(&format!("{ENTRY}/{what}"), json!({})).await;
            assert!(answer.is(409)["detail"].as_str().unwrap().contains("credentials are used only"));
        }
    }
    assert_eq!(server.requests(), 0);
    // Without credentials there is nothing to lose, so an approver may look.
    let office = Office::with(&weather("pending", &server.url)).await;
    assert_eq!(office.post(&format!("{ENTRY}/test"), json!({})).await.is(200)["ok"], true);
}

#[tokio::test]
async fn servers_without_mcp_are_asked_for_their_health() {
    let rest = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&rest).await;
    let entry = Server { protocol_type: crate::registry::ProtocolType::Rest, ..weather("active", &rest.uri()) };
    let office = Office::with(&entry).await;
    let tested = office.post(&format!("{ENTRY}/test"), json!({})).await;
    assert_eq!((&tested.is(200)["ok"], &tested.body["asked"]), (&json!(true), &json!("its health")));
    assert!(tested.body.get("tools").is_none());
    let refresh = office.post(&format!("{ENTRY}/refresh"), json!({})).await;
    assert!(refresh.is(409)["detail"].as_str().unwrap().contains("cannot be asked for its tools"));
}
