//! Whom API keys go to, and whose word about tools counts.

use wiremock::matchers::{body_partial_json, header};

use super::*;

const STRANGER: Sender = Sender { stack: BETA, logical_id: "Server" };
const ABROAD: Sender =
    Sender { stack: "arn:aws:cloudformation:us-east-1:999999999999:stack/Abroad/1", logical_id: "Server" };
const ID: &str = "team-tools@1.0.0";

/// Secrets Manager that holds the key of team-tools.
async fn secrets() -> MockServer {
    let secrets = MockServer::start().await;
    let name = json!({"SecretId": "switchyard/test/mcp/team-tools/api_key"});
    Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
        .and(body_partial_json(&name))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"SecretString": "very-secret"})))
        .mount(&secrets)
        .await;
    secrets
}

/// A server with an API key whose tools are left to be discovered.
fn keyed(endpoint: &str) -> Value {
    let mut wish = with(&properties(endpoint), json!({"AuthenticationType": "api_key"}));
    wish.as_object_mut().unwrap().remove("AvailableTools");
    wish
}

async fn asked(secrets: &MockServer) -> usize {
    secrets.received_requests().await.unwrap().len()
}

/// The key of a server goes to nobody who declares the same id: not while it is live, and not afterwards.
#[tokio::test]
async fn a_strangers_endpoint_never_hears_from_a_held_id() {
    let (secrets, own, theirs) =
        (secrets().await, TestServer::start(Style::Json).await, TestServer::start(Style::Json).await);
    let desk = Desk::open(&secrets.uri()).await;
    succeeded(&desk.create(FIRST, &keyed(&own.url)).await);
    assert!(own.requests() > 0, "the owner's own endpoint is asked with the key");
    assert_eq!(asked(&secrets).await, 1);
    let tools = properties(&theirs.url)["AvailableTools"].clone();
    for live in [true, false] {
        if !live {
            succeeded(&desk.delete(FIRST, ID).await);
        }
        for sender in [STRANGER, ABROAD] {
            for more in [json!({}), json!({"Version": "9.0.0"}), json!({"AvailableTools": tools})] {
                let reason = failed(&desk.create(sender, &with(&keyed(&theirs.url), more)).await);
                assert!(reason.contains("Server of the stack") && reason.contains(ID), "{reason}");
                assert_eq!(theirs.requests(), 0, "live: {live}");
            }
        }
    }
    assert_eq!(asked(&secrets).await, 1);
}

#[tokio::test]
async fn a_key_is_sent_only_for_what_is_active_here_or_held_already() {
    let (secrets, server) = (secrets().await, TestServer::start(Style::Json).await);
    let desk = Desk::open(&secrets.uri()).await;
    let wish = keyed(&server.url);
    let tools = properties(&server.url)["AvailableTools"].clone();
    for (sender, more, id) in [
        (ABROAD, json!({}), "from-abroad"),
        (FIRST, json!({"Status": "pending"}), "waiting"),
        (FIRST, json!({"Status": "inactive"}), "resting"),
    ] {
        let reason = failed(&desk.create(sender, &with(&wish, more.clone())).await);
        assert!(reason.contains("credentials are used only") && reason.contains("AvailableTools"), "{reason}");
        let given = with(&with(&wish, more), json!({"AvailableTools": tools, "ServerId": id}));
        succeeded(&desk.create(sender, &given).await);
        assert_eq!((server.requests(), asked(&secrets).await), (0, 0));
    }
    // An id that nobody has, with a key that was stored for it beforehand.
    succeeded(&desk.create(FIRST, &wish).await);
    assert!(server.requests() > 0);
    // Held already.
    succeeded(&desk.event(FIRST, "Update", Some(ID), &with(&wish, json!({"Status": "inactive"}))).await);
    assert!(server.requests() > 0);
}

#[tokio::test]
async fn a_servers_own_word_makes_no_tool_read_only() {
    let server = TestServer::start(Style::Json).await;
    let desk = Desk::open("http://127.0.0.1:9").await;
    let mut wish = properties(&server.url);
    wish.as_object_mut().unwrap().remove("AvailableTools");
    for (configuration, read_only) in [
        (json!({}), vec![]),
        (json!({"read_only_tools": ["echo", "slow"]}), vec!["echo", "slow"]),
        (json!({"read_only_tools": ["fail"], "status_tool": "big"}), vec!["fail", "big"]),
    ] {
        let wish = with(&wish, json!({"Configuration": configuration.to_string()}));
        succeeded(&desk.create(FIRST, &wish).await);
        let entry = desk.entry("1.0.0").await.unwrap();
        let found: Vec<_> =
            entry.available_tools.iter().filter(|tool| tool.read_only()).map(|tool| tool.name.as_str()).collect();
        assert_eq!(found, read_only, "{configuration}");
        assert_eq!(entry.tool("echo").unwrap().annotations.title.as_deref(), Some("Echo"));
        assert_eq!(entry.definition_hash, entry.compute_hash());
    }
}

#[tokio::test]
async fn tools_in_the_template_are_the_owners_word() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let object = json!({"type": "object"});
    let tools = json!([
        {"name": "list", "inputSchema": object, "annotations": {"readOnlyHint": true}},
        {"name": "status", "inputSchema": object},
        {"name": "add", "inputSchema": object, "annotations": {"destructiveHint": false}},
    ]);
    let more = json!({
        "AvailableTools": tools.to_string(), "Configuration": json!({"status_tool": "status"}).to_string(),
    });
    succeeded(&desk.create(FIRST, &with(&properties(&dead_endpoint().await), more)).await);
    let entry = desk.entry("1.0.0").await.unwrap();
    let read_only = |name: &str| entry.tool(name).unwrap().read_only();
    assert!(read_only("list") && read_only("status") && !read_only("add"));
    assert_eq!(entry.tool("add").unwrap().annotations.destructive_hint, Some(false));
}

#[test]
fn only_the_favourable_part_of_a_servers_word_is_dropped() {
    let declared = json!({"name": "a", "inputSchema": {}, "annotations": {
        "title": "A", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false}});
    let honest =
        json!({"name": "b", "inputSchema": {}, "annotations": {"readOnlyHint": false, "destructiveHint": true}});
    let mut tools: Vec<registry::Tool> = serde_json::from_value(json!([declared, honest])).unwrap();
    rules::distrust(&mut tools);
    assert_eq!(
        serde_json::to_value([&tools[0].annotations, &tools[1].annotations]).unwrap(),
        json!([
            {"title": "A", "idempotentHint": true, "openWorldHint": false},
            {"readOnlyHint": false, "destructiveHint": true},
        ])
    );
}
