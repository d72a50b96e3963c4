//! Registrations that want Switchyard to do something with its own rights for somebody else: none of them gets an entry, and
//! nothing is sent. Entries that somebody wrote into the table past every check still get no right of ours; what IAM would say to
//! them is in `tests/least_privilege`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    aws,
    cloudformation::{change, delete, events},
    events::{body, call},
    run, unique,
};

const METADATA: &str = "https://169.254.169.254/latest/meta-data/iam/security-credentials/";

/// A host of the registrant: its address, and how often anybody connected to it.
async fn their_host() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let connected = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&connected);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, connected)
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")
}

/// A stack's template that registers a server with one tool, and `more`.
fn template(server_id: &str, endpoint: &str, more: &Value) -> String {
    let tools =
        json!([{ "name": "look", "inputSchema": { "type": "object" }, "annotations": { "readOnlyHint": true } }]);
    let mut properties = json!({
        "ServiceToken": function("switchyard-local-registration"),
        "ServerId": server_id,
        "ServerName": "Deputy",
        "EndpointUrl": endpoint,
        "AvailableTools": tools.to_string(),
    });
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "Resources": { "Server": { "Type": "Custom::SwitchyardMcpServer", "Properties": properties } } })
        .to_string()
}

/// A wish to register, refused with these words and without an entry.
async fn refused(server_id: &str, endpoint: &str, more: Value, words: &str) {
    let stack = unique("deputy");
    let (outcome, _) = change("CreateStack", &stack, &template(server_id, endpoint, &more)).await;
    let said = events(&stack).await;
    assert_ne!(outcome, "CREATE_COMPLETE", "{endpoint} {more}");
    assert!(said.contains(words), "{endpoint} {more}: {words} is not in {said}");
    assert_eq!(aws::server(server_id, "1.0.0").await, None, "{endpoint} {more}");
    delete(&stack).await;
}

#[test]
fn what_would_use_our_rights_for_others_is_not_registered() {
    run(async {
        let (theirs, connected) = their_host().await;
        let id = unique("deputy");
        for own in [
            "mcp_proxy",
            "registration",
            "registry_api",
            "chat_handler",
            "agent_invoker",
            "memory_manager",
            "health_checker",
        ] {
            let name = format!("switchyard-local-{own}");
            refused(&id, &function(&name), json!({}), "is a function of Switchyard itself").await;
        }
        aws::create_function("untagged-tools", &[]).await;
        aws::create_function("tools-of-another-stage", &[("switchyard-mcp", "prod")]).await;
        for name in ["untagged-tools", "tools-of-another-stage"] {
            refused(&id, &function(name), json!({}), "is not allowed. Tag the function").await;
        }
        let elsewhere = function("tools").replace("000000000000", "111122223333");
        refused(&id, &elsewhere, json!({}), "is not in this region and account").await;
        refused(&id, METADATA, json!({}), "link-local or metadata address").await;
        refused(&id, &theirs, json!({ "HealthCheckUrl": METADATA }), "HealthCheckUrl").await;
        let token_url = |url: &str| json!({ "AuthenticationType": "oauth", "Configuration": json!({ "oauth": { "token_url": url } }).to_string() });
        refused(&id, &theirs, token_url(METADATA), "token_url").await;
        refused(&id, &theirs, token_url(&function("switchyard-local-mcp_proxy")), "token_url").await;
        for header in ["Host", "X-Amz-Security-Token", "Proxy-Authorization", "Transfer-Encoding"] {
            let more = json!({ "AuthenticationType": "api_key", "ApiKeyHeader": header });
            refused(&id, &theirs, more, "is reserved and cannot carry an API key").await;
        }
        let signed = json!({
            "aws_auth": { "service": "execute-api", "region": "us-east-1", "role_arn": "arn:aws:iam::000000000000:role/admin" },
        });
        let more = json!({ "AuthenticationType": "iam", "Configuration": signed.to_string() });
        refused(&id, &theirs, more, "role_arn").await;
        let more = json!({ "AuthenticationType": "iam", "Configuration": json!({ "aws_auth": { "service": "sts", "region": "us-east-1" } }).to_string() });
        refused(&id, &theirs, more, "is none of").await;
        for traversal in ["../gitlab_token", "pipelines/api_key", "x/../../gitlab_token", "PIPELINES"] {
            let more = json!({ "AuthenticationType": "api_key" });
            refused(traversal, &theirs, more, "ServerId").await;
        }
        assert_eq!(connected.load(Ordering::SeqCst), 0, "the registrant's host heard something");
    });
}

/// The server whose key they want has an owner; another version of it is still the owner's.
#[test]
fn a_second_owner_of_an_id_gets_neither_an_entry_nor_its_key() {
    run(async {
        let (theirs, connected) = their_host().await;
        let (id, owner) = (unique("owned"), unique("owner"));
        aws::create_secret(&format!("switchyard/local/mcp/{id}/api_key"), "key-of-the-owner").await;
        let more = json!({ "AuthenticationType": "api_key" });
        let (outcome, _) = change("CreateStack", &owner, &template(&id, "https://tools.example.com/mcp", &more)).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&owner).await);
        let before = aws::server(&id, "1.0.0").await;
        for version in ["1.0.0", "2.0.0", "1.0.1"] {
            let thief = unique("thief");
            let more = json!({ "AuthenticationType": "api_key", "Version": version });
            let mut wish: Value = serde_json::from_str(&template(&id, &theirs, &more)).unwrap();
            // Without tools of its own it would have to be asked for them, with the key.
            wish["Resources"]["Server"]["Properties"].as_object_mut().unwrap().remove("AvailableTools");
            let (outcome, _) = change("CreateStack", &thief, &wish.to_string()).await;
            assert_ne!(outcome, "CREATE_COMPLETE");
            let said = events(&thief).await;
            assert!(said.contains(&format!("The server id {id} belongs to")), "{said}");
            delete(&thief).await;
        }
        assert_eq!(aws::server(&id, "1.0.0").await, before);
        for version in ["2.0.0", "1.0.1"] {
            assert_eq!(aws::server(&id, version).await, None);
        }
        assert_eq!(connected.load(Ordering::SeqCst), 0, "the thief's host heard something");
        delete(&owner).await;
    });
}

/// Whoever writes into the table is past the checks of registration, but not past those of mcp_proxy and of IAM.
#[test]
fn an_entry_written_by_hand_opens_no_function_and_no_address() {
    run(async {
        let (id, version) = (unique("deputy"), "1.0.0");
        for (endpoint, words) in [
            (function("switchyard-local-registration"), "is a function of Switchyard itself"),
            (function("switchyard-local-mcp_proxy:live"), "is a function of Switchyard itself"),
            (METADATA.to_owned(), "link-local or metadata address"),
            ("https://[::ffff:169.254.169.254]/".to_owned(), "link-local or metadata address"),
        ] {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let tool = [("name".to_owned(), text("look")), ("description".to_owned(), text("Checks."))];
            let schema = [("type".to_owned(), text("object"))].into();
            let read_only = [("readOnlyHint".to_owned(), AttributeValue::Bool(true))].into();
            let more = [("inputSchema", AttributeValue::M(schema)), ("annotations", AttributeValue::M(read_only))];
            let tool = tool.into_iter().chain(more.map(|(name, value)| (name.to_owned(), value))).collect();
            let put = aws::dynamodb().await.put_item().table_name("MCPServerRegistry-local");
            put.item("server_id", text(&id))
                .item("version", text(version))
                .item("server_name", text("By hand"))
                .item("endpoint_url", text(&endpoint))
                .item("status", text("active"))
                .item("available_tools", AttributeValue::L(vec![AttributeValue::M(tool)]))
                .send()
                .await
                .unwrap();
            let arguments =
                [("server_id", "string", id.as_str()), ("tool", "string", "look"), ("arguments_json", "string", "{}")];
            let wish = call("tools", "mcp-tools", "call_tool", &arguments);
            let answer = body(&aws::invoke("mcp_proxy", &wish).await.unwrap());
            assert!(answer.to_string().contains(words), "{endpoint}: {answer}");
        }
    });
}
