//! A pipelines server that runs as a container in a private network and is called in plain http.

use serde_json::{Value, json};

use crate::support::{
    ask, aws, calls,
    cloudformation::{change, delete, events},
    container::Container,
    container_address, definitions,
    events::{body, call},
    execution_id, gitlab, run, runtime_api, stack, unique,
};

/// The id that the agent `warehouse` (tests/fixtures) calls.
const SERVER: &str = "warehouses";
/// How the container is known in its network; the stack's setting `connectTo` leads the name to this machine.
const NAME: &str = "mcp.internal:8000";

/// A template that registers the server at an address. Its tools are asked of it, with the key.
fn registered_at(address: &str) -> String {
    let configuration = json!({ "environment_argument": "environment", "status_tool": "get_pipeline_status" });
    json!({ "Resources": { "Warehouses": {
        "Type": "Custom::SwitchyardMcpServer",
        "Properties": {
            "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration",
            "ServerId": SERVER,
            "ServerName": "Warehouses",
            "EndpointUrl": format!("{address}/mcp"),
            "AuthenticationType": "api_key",
            "Configuration": configuration.to_string(),
        },
    } } })
    .to_string()
}

fn wish(tenant: &str) -> Value {
    let parameters = [("environment", "string", "dev"), ("tenant_id", "string", tenant)];
    call("warehouse", "warehouses", "execute_warehouse_pipeline", &parameters)
}

async fn started(tenant: &str) -> Vec<gitlab::Pipeline> {
    gitlab::pipelines("platform/databases", &[("TENANT_ID", tenant), ("PIPELINE_TYPE", "warehouse")]).await
}

#[test]
fn a_server_in_a_private_network_is_registered_and_called_where_the_settings_allow_it() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let address = container_address();
        let secret = format!("switchyard/local/mcp/{SERVER}/api_key");
        aws::create_secret(&secret, "key-of-the-warehouses").await;
        let container = Container::start(address, NAME, &secret).await;
        let team = unique("warehouse");

        let (outcome, _) = change("CreateStack", &team, &registered_at(&format!("http://{NAME}"))).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&team).await);
        let tenant = unique("by-name");
        let answer = ask(&format!("Build a data warehouse with 3 nodes for tenant {tenant} in dev")).await;
        assert_eq!(calls(&answer).last().unwrap(), "warehouse/execute_warehouse_pipeline", "{}", answer.reply);
        let pipelines = started(&tenant).await;
        assert_eq!(pipelines.len(), 1, "{}", answer.reply);
        let id = execution_id(&answer.reply);
        assert_eq!((&pipelines[0].passed["EXECUTION_ID"], &*pipelines[0].passed["NODES"]), (&id, "3"));
        let record = aws::record(&id).await.unwrap();
        assert_eq!((aws::text(&record, "pipeline_type"), aws::text(&record, "tenant_id")), ("warehouse", &*tenant));

        // By a name that the resolver of this machine leads to an address inside allowedNetworks.
        let inside = format!("http://localhost:{}", address.port());
        let (outcome, _) = change("UpdateStack", &team, &registered_at(&inside)).await;
        assert_eq!(outcome, "UPDATE_COMPLETE", "{}", events(&team).await);
        let tenant = unique("by-network");
        let answer = aws::invoke("mcp_proxy", &wish(&tenant)).await.unwrap();
        assert_eq!(started(&tenant).await.len(), 1, "{answer}");

        // The same name where other networks are allowed: known only when the connection is made, and then refused.
        let elsewhere = unique("elsewhere");
        let message = with_networks("10.20.0.0/16", &elsewhere).await;
        assert!(message.contains("the host name localhost leads astray"), "{message}");
        assert!(message.contains("only allowedNetworks would admit it"), "{message}");
        // Where none is, plain http is refused before anybody looks the name up.
        let message = with_networks("", &elsewhere).await;
        assert!(message.contains("plain http is only allowed inside allowedNetworks"), "{message}");
        assert!(started(&elsewhere).await.is_empty());

        // What leads outside the networks cannot be registered, and the entry stays as it was.
        for (outside, reason) in [
            (format!("http://127.0.0.2:{}", address.port()), "127.0.0.2 is a loopback address"),
            ("http://93.184.215.14".to_owned(), "plain http to 93.184.215.14 is only allowed inside allowedNetworks"),
            ("http://169.254.169.254".to_owned(), "169.254.169.254 is a link-local or metadata address"),
        ] {
            let (outcome, _) = change("UpdateStack", &team, &registered_at(&outside)).await;
            assert_ne!(outcome, "UPDATE_COMPLETE", "{outside}");
            let said = events(&team).await;
            assert!(said.contains(reason), "{said}");
            let entry = aws::server(SERVER, "1.0.0").await.unwrap();
            assert_eq!(aws::text(&entry, "endpoint_url"), format!("{inside}/mcp"));
        }
        delete(&team).await;
        container.stop().await;
    });
}

/// What mcp_proxy says to a wish where these networks are allowed, and no name is led elsewhere.
async fn with_networks(networks: &str, tenant: &str) -> String {
    let environment = [
        ("STAGE", "local".to_owned()),
        ("MEMORY_TABLE", "DeploymentMemory-local".to_owned()),
        ("REGISTRY_TABLE", "MCPServerRegistry-local".to_owned()),
        ("STATE_TABLE", "SwitchyardState-local".to_owned()),
        ("ENVIRONMENTS", "dev".to_owned()),
        ("PROTECTED_ENVIRONMENTS", "none".to_owned()),
        ("ALLOWED_NETWORKS", networks.to_owned()),
        ("AWS_ENDPOINT_URL", stack().await.aws_url()),
        ("LAMBDA_TASK_ROOT", definitions().display().to_string()),
    ];
    let posted = runtime_api::invoke("mcp_proxy", &environment, &wish(tenant), None).await;
    body(&posted.json())["message"].as_str().unwrap().to_owned()
}
