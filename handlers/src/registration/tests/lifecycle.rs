//! Create, update, delete, and the rollback of each.

use super::*;
use crate::{
    audit::Action,
    registry::{ProtocolType, stack_owner},
};

const SECOND: Sender = Sender { stack: ALPHA, logical_id: "Renamed" };
const STRANGER: Sender = Sender { stack: BETA, logical_id: "Server" };
const ID: &str = "team-tools@1.0.0";

#[tokio::test]
async fn a_server_with_given_tools_is_registered_with_its_version() {
    let fixture = TestServer::start(Style::Json).await;
    let desk = Desk::open("http://127.0.0.1:9").await;
    let answer = desk.create(FIRST, &with(&properties(&fixture.url), json!({"HealthCheckInterval": "300"}))).await;
    assert_eq!(succeeded(&answer), ID);
    let entry = desk.entry("1.0.0").await.unwrap();
    assert_eq!(entry.health_check_interval, Some(300));
    assert_eq!(answer["Data"]["Status"], "active");
    assert_eq!(answer["Data"]["DefinitionHash"], json!(entry.definition_hash));
    assert_eq!(entry.mcp_version.as_deref(), Some("2026-07-28"));
    assert_eq!(entry.definition_hash, entry.compute_hash());
    assert_eq!(entry.owner, stack_owner(ALPHA, "Server"));
    assert_eq!(
        (entry.deployment_stack.as_deref(), entry.deployment_region.as_deref()),
        (Some("Alpha"), Some("us-east-1"))
    );
    assert_eq!(entry.available_tools.len(), 1);
    assert!(entry.created_at.starts_with("20") && entry.created_at == entry.updated_at);
}

#[tokio::test]
async fn tools_that_are_not_given_are_discovered() {
    let fixture = TestServer::start(Style::Events).await;
    let desk = Desk::open("http://127.0.0.1:9").await;
    let mut wish = properties(&fixture.url);
    wish.as_object_mut().unwrap().remove("AvailableTools");
    let configuration = json!({"environment_argument": "environment", "status_tool": "echo"}).to_string();
    let answer = desk.create(FIRST, &with(&wish, json!({"Configuration": configuration}))).await;
    succeeded(&answer);
    assert_eq!((&answer["Data"]["ToolCount"], &answer["Data"]["McpVersion"]), (&json!("4"), &json!("2026-07-28")));
    let entry = desk.registration.registry.active("team-tools").await.unwrap().unwrap();
    assert_eq!(entry.status_tool().unwrap().pipeline_type(), Some("bootstrap"));
    assert!(entry.status_tool().unwrap().read_only(), "the owner names it, so it is approved");
    assert_eq!(entry.definition_hash, entry.compute_hash(), "the hash survives DynamoDB");
}

/// An MCP server with one tool.
fn newcomer(request: &wiremock::Request) -> ResponseTemplate {
    let message: Value = request.body_json().unwrap();
    let result = match message["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "new", "version": "1"},
        }),
        "tools/list" => json!({"tools": [{"name": "look", "inputSchema": {"type": "object"}}]}),
        _ if message.get("id").is_none() => return ResponseTemplate::new(202),
        _ => {
            let error = json!({"code": -32601, "message": "Method not found"});
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
            return ResponseTemplate::new(200).set_body_json(answer);
        }
    };
    ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
}

/// As API Gateway does while a new key is not known everywhere, and Lambda while a new tag or right is not.
#[tokio::test]
async fn a_server_that_does_not_let_us_in_yet_is_asked_again() {
    let server = MockServer::start().await;
    let tags = ResponseTemplate::new(200).set_body_json(json!({"Tags": {"switchyard-mcp": STAGE}}));
    Mock::given(wiremock::matchers::method("GET")).respond_with(tags).mount(&server).await;
    let denied = ResponseTemplate::new(403).insert_header("x-amzn-errortype", "AccessDeniedException");
    let posted = || Mock::given(wiremock::matchers::method("POST"));
    for endpoint in [&server.uri(), "arn:aws:lambda:us-east-1:123456789012:function:team-tools"] {
        let desk = Desk::open(&server.uri()).await;
        let refusal = posted().respond_with(denied.clone()).up_to_n_times(1).expect(1).mount_as_scoped(&server).await;
        let welcome = posted().respond_with(newcomer).mount_as_scoped(&server).await;
        let mut wish = properties(endpoint);
        wish.as_object_mut().unwrap().remove("AvailableTools");
        succeeded(&desk.create(FIRST, &wish).await);
        assert_eq!(desk.entry("1.0.0").await.unwrap().available_tools[0].name, "look", "{endpoint}");
        drop((refusal, welcome));
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_registered_if_its_tools_are_given() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let wish = properties(&dead_endpoint().await);
    succeeded(&desk.create(FIRST, &wish).await);
    assert_eq!(desk.entry("1.0.0").await.unwrap().mcp_version, None);

    let mut unknown = with(&wish, json!({"Version": "2.0.0"}));
    unknown.as_object_mut().unwrap().remove("AvailableTools");
    let reason = failed(&desk.create(FIRST, &unknown).await);
    assert!(reason.contains("cannot be discovered") && reason.contains("no connection"), "{reason}");
    assert_eq!(desk.entry("2.0.0").await, None);
}

#[tokio::test]
async fn the_guides_raw_properties_work() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let guide = json!({
        "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-registration",
        "TableName": REGISTRY_TABLE,
        "ServerId": "your-mcp-server-prod",
        "ServerName": "Your MCP Server",
        "EndpointUrl": dead_endpoint().await,
        "ProtocolType": "jsonrpc",
        "AuthenticationType": "api_key",
        "AvailableTools": json!([{"name": "your_tool_1", "description": "What it does", "inputSchema": {
            "type": "object", "properties": {"param1": {"type": "string"}}, "required": ["param1"]}}]).to_string(),
        "Status": "active",
        "DeploymentStack": "YourMCPServerStack",
        "DeploymentRegion": "us-east-1",
        "Version": "1.0.0",
    });
    assert_eq!(succeeded(&desk.create(FIRST, &guide).await), "your-mcp-server-prod@1.0.0");
    let entry = desk.registration.registry.active("your-mcp-server-prod").await.unwrap().unwrap();
    assert_eq!(
        (entry.protocol_type, entry.deployment_stack.as_deref()),
        (ProtocolType::JsonRpc, Some("YourMCPServerStack"))
    );
}

#[tokio::test]
async fn deletion_decommissions_and_is_harmless_when_repeated() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    succeeded(&desk.create(FIRST, &properties(&dead_endpoint().await)).await);
    for _ in 0..2 {
        assert_eq!(succeeded(&desk.delete(FIRST, ID).await), ID);
        assert_eq!(desk.entry("1.0.0").await.unwrap().status, Status::Decommissioned);
    }
    for unknown in ["team-tools@9.0.0", "not-registered-r-1", "made-up"] {
        assert_eq!(succeeded(&desk.delete(FIRST, unknown).await), unknown);
    }
    // An answer without an id would be none.
    assert_eq!(succeeded(&desk.delete(FIRST, "").await), "not-registered-r-1");
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one_and_the_rollback_returns_to_it() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let old = properties(&dead_endpoint().await);
    let new = with(&old, json!({"Version": "1.10.0"}));
    succeeded(&desk.create(FIRST, &old).await);
    let id = succeeded(&desk.event(FIRST, "Update", Some(ID), &new).await);
    assert_eq!(id, "team-tools@1.10.0");
    let active = async || desk.registration.registry.active("team-tools").await.unwrap().unwrap().version;
    assert_eq!(active().await, "1.10.0");
    // The stack fails elsewhere: CloudFormation updates back and deletes the new id.
    assert_eq!(succeeded(&desk.event(FIRST, "Update", Some(&id), &old).await), ID);
    succeeded(&desk.delete(FIRST, &id).await);
    assert_eq!(active().await, "1.0.0");
    // Or it succeeds and deletes the old id.
    succeeded(&desk.event(FIRST, "Update", Some(ID), &new).await);
    succeeded(&desk.delete(FIRST, ID).await);
    assert_eq!(active().await, "1.10.0");
    assert_eq!(desk.entry("1.0.0").await.unwrap().status, Status::Decommissioned);
}

#[tokio::test]
async fn a_failed_update_keeps_the_physical_id_and_the_entry() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let old = properties(&dead_endpoint().await);
    succeeded(&desk.create(FIRST, &old).await);
    let before = desk.entry("1.0.0").await;
    let broken = with(&old, json!({"Version": "2.0.0", "EndpointUrl": "https://10.0.0.1/"}));
    let answer = desk.event(FIRST, "Update", Some(ID), &broken).await;
    failed(&answer);
    assert_eq!(answer["PhysicalResourceId"], ID);
    assert_eq!(desk.entry("1.0.0").await, before);
    assert_eq!(desk.entry("2.0.0").await, None);
}

#[tokio::test]
async fn an_update_keeps_since_when_the_server_exists() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let old = properties(&dead_endpoint().await);
    succeeded(&desk.create(FIRST, &old).await);
    let before = desk.entry("1.0.0").await.unwrap();
    succeeded(&desk.event(FIRST, "Update", Some(ID), &with(&old, json!({"ServerName": "Better name"}))).await);
    let after = desk.entry("1.0.0").await.unwrap();
    assert_eq!((after.created_at, after.server_name.as_str()), (before.created_at, "Better name"));
    assert_eq!(after.definition_hash, before.definition_hash, "a name is no part of the definition");
}

#[tokio::test]
async fn nobody_takes_over_or_removes_another_stacks_server() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let wish = properties(&dead_endpoint().await);
    succeeded(&desk.create(FIRST, &wish).await);
    let before = desk.entry("1.0.0").await;
    for wish in [wish.clone(), with(&wish, json!({"Version": "9.0.0"}))] {
        let answer = desk.create(STRANGER, &wish).await;
        let reason = failed(&answer);
        assert!(
            reason.contains("Server of the stack") && reason.contains("stack/Alpha") && reason.contains(ID),
            "{reason}"
        );
        // CloudFormation deletes what it failed to create.
        succeeded(&desk.delete(STRANGER, answer["PhysicalResourceId"].as_str().unwrap()).await);
    }
    succeeded(&desk.delete(STRANGER, ID).await);
    assert_eq!(desk.entry("1.0.0").await, before);
    assert_eq!(desk.entry("9.0.0").await, None);
}

#[tokio::test]
async fn a_renamed_resource_takes_over_and_its_rollback_gives_back() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let old = properties(&dead_endpoint().await);
    let new = with(&old, json!({"ServerName": "Renamed"}));
    succeeded(&desk.create(FIRST, &old).await);
    succeeded(&desk.create(SECOND, &new).await);
    succeeded(&desk.delete(SECOND, ID).await);
    let entry = desk.entry("1.0.0").await.unwrap();
    assert_eq!(
        (entry.status, entry.server_name.as_str(), entry.owner),
        (Status::Active, "Team tools", stack_owner(ALPHA, "Server"))
    );

    succeeded(&desk.create(SECOND, &new).await);
    succeeded(&desk.delete(FIRST, ID).await);
    let entry = desk.entry("1.0.0").await.unwrap();
    assert_eq!((entry.status, entry.server_name.as_str()), (Status::Active, "Renamed"));
    succeeded(&desk.delete(SECOND, ID).await);
    assert_eq!(desk.entry("1.0.0").await.unwrap().status, Status::Decommissioned);
}

#[tokio::test]
async fn a_stack_that_is_created_again_gets_its_server_back_and_others_do_not() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let wish = properties(&dead_endpoint().await);
    succeeded(&desk.create(FIRST, &wish).await);
    succeeded(&desk.delete(FIRST, ID).await);
    let reason = failed(&desk.create(STRANGER, &with(&wish, json!({"Version": "2.0.0"}))).await);
    assert!(reason.contains("belonged to") && reason.contains("delete that secret"), "{reason}");
    let again = Sender { stack: "arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha/9", ..FIRST };
    succeeded(&desk.create(again, &wish).await);
    assert_eq!(desk.entry("1.0.0").await.unwrap().status, Status::Active);
}

#[tokio::test]
async fn the_same_event_twice_is_one_registration() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let wish = properties(&dead_endpoint().await);
    succeeded(&desk.create(FIRST, &wish).await);
    succeeded(&desk.create(FIRST, &wish).await);
    succeeded(&desk.delete(FIRST, ID).await);
    assert_eq!(desk.entry("1.0.0").await.unwrap().status, Status::Decommissioned);
}

#[tokio::test]
async fn another_accounts_server_waits_for_approval() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let abroad = Sender { stack: "arn:aws:cloudformation:us-east-1:999999999999:stack/Abroad/1", logical_id: "Server" };
    let answer = desk.create(abroad, &properties(&dead_endpoint().await)).await;
    succeeded(&answer);
    assert_eq!(answer["Data"]["Status"], "pending");
    assert_eq!(desk.registration.registry.active("team-tools").await.unwrap(), None);
}

#[tokio::test]
async fn another_accounts_change_of_what_was_approved_is_held() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let abroad = Sender { stack: "arn:aws:cloudformation:us-east-1:999999999999:stack/Abroad/1", logical_id: "Server" };
    let registry = &desk.registration.registry;
    let first = properties(&dead_endpoint().await);
    let id = succeeded(&desk.create(abroad, &first).await);
    let pending = desk.entry("1.0.0").await.unwrap();
    let approved = registry.put_status(&pending, Status::Active, "approver", None).await.unwrap().unwrap();
    let moved = with(&first, json!({"EndpointUrl": dead_endpoint().await, "ServerName": "Moved"}));
    let answer = desk.event(abroad, "Update", Some(&id), &moved).await;
    assert_eq!(succeeded(&answer), id);
    assert_eq!(
        (&answer["Data"]["Status"], &answer["Data"]["DefinitionHash"]),
        (&json!("active"), &json!(approved.definition_hash))
    );
    assert_eq!(desk.entry("1.0.0").await.unwrap(), approved);
    let held = registry.held("team-tools", "1.0.0").await.unwrap().unwrap();
    assert_eq!(held.changed, ["server_name", "endpoint_url"]);
    // Rolled back, with another name: the name counts at once, and nothing waits.
    let renamed = with(&first, json!({"ServerName": "Renamed"}));
    succeeded(&desk.event(abroad, "Update", Some(&id), &renamed).await);
    let entry = desk.entry("1.0.0").await.unwrap();
    assert_eq!((entry.status, entry.server_name.as_str()), (Status::Active, "Renamed"));
    assert_eq!(entry.definition_hash, approved.definition_hash);
    assert_eq!(registry.held("team-tools", "1.0.0").await.unwrap(), None);
    let told = registry.audit().read("team-tools", None, 10, None).await.unwrap().records;
    let told: Vec<_> = told.iter().map(|record| record.action).collect();
    assert_eq!(told, [Action::Patched, Action::Withdrawn, Action::Held, Action::Approved, Action::Registered]);
}
