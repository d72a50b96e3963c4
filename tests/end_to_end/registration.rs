//! Other teams' stacks register their MCP servers with a plain custom resource.

use serde_json::{Map, Value, json};

use crate::support::{
    aws::{self, element},
    cloudformation::{change, delete, events},
    eventually, run, unique,
};

/// Properties of the custom resource as the team guide shows them; CloudFormation passes all of them as strings.
fn guide(server_id: &str) -> Value {
    let tools = json!([{
        "name": "list_things",
        "description": "Lists things.",
        "inputSchema": { "type": "object", "properties": { "limit": { "type": "integer" } } },
        "annotations": { "readOnlyHint": true },
    }]);
    json!({
        "TableName": "MCPServerRegistry-local",
        "ServerId": server_id,
        "ServerName": "Things",
        "EndpointUrl": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-pipelines",
        "ProtocolType": "jsonrpc",
        "AuthenticationType": "none",
        "AvailableTools": tools.to_string(),
        "Status": "active",
        "DeploymentStack": "things",
        "DeploymentRegion": "us-east-1",
        "Version": "1.0.0",
    })
}

/// A template with the custom resource, and with a resource that fails after it when asked to.
fn template(properties: &Value, broken: bool) -> String {
    let mut resource = properties.as_object().unwrap().clone();
    let token = "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration";
    resource.insert("ServiceToken".to_owned(), json!(token));
    let mut resources = Map::new();
    resources.insert(
        "MCPServerRegistration".to_owned(),
        json!({ "Type": "AWS::CloudFormation::CustomResource", "Properties": resource }),
    );
    if broken {
        let nothing = json!({ "ServiceToken": token, "ServerId": "Not Valid" });
        resources.insert(
            "Broken".to_owned(),
            json!({ "Type": "Custom::Broken", "DependsOn": "MCPServerRegistration", "Properties": nothing }),
        );
    }
    let outputs = json!({ "Id": { "Value": { "Fn::GetAtt": ["MCPServerRegistration", "ServerID"] } } });
    json!({ "Resources": resources, "Outputs": outputs }).to_string()
}

async fn status(server_id: &str, version: &str) -> Option<String> {
    aws::server(server_id, version).await.map(|item| aws::text(&item, "status").to_owned())
}

#[test]
fn a_stack_registers_changes_and_decommissions_its_server() {
    run(async {
        let server_id = unique("things");
        let stack = unique("team");
        let (outcome, xml) = change("CreateStack", &stack, &template(&guide(&server_id), false)).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&stack).await);
        assert_eq!(element(&xml, "OutputValue"), server_id);
        let entry = aws::server(&server_id, "1.0.0").await.unwrap();
        assert_eq!(aws::text(&entry, "status"), "active");
        assert_eq!(aws::text(&entry, "server_name"), "Things");
        assert_eq!(aws::text(&entry, "deployment_stack"), "things");

        let mut changed = guide(&server_id);
        changed["Version"] = json!("1.1.0");
        changed["ServerName"] = json!("Things and more");
        let (outcome, _) = change("UpdateStack", &stack, &template(&changed, false)).await;
        assert_eq!(outcome, "UPDATE_COMPLETE", "{}", events(&stack).await);
        let entry = aws::server(&server_id, "1.1.0").await.unwrap();
        assert_eq!(aws::text(&entry, "server_name"), "Things and more");
        // CloudFormation deletes the old physical id after the update.
        eventually("the old version to be decommissioned", || async {
            (status(&server_id, "1.0.0").await.as_deref() == Some("decommissioned")).then_some(())
        })
        .await;

        delete(&stack).await;
        eventually("the server to be decommissioned", || async {
            (status(&server_id, "1.1.0").await.as_deref() == Some("decommissioned")).then_some(())
        })
        .await;
    });
}

#[test]
fn a_create_that_fails_leaves_nothing_in_service() {
    run(async {
        let server_id = unique("rolled-back");
        let stack = unique("team");
        let (outcome, _) = change("CreateStack", &stack, &template(&guide(&server_id), true)).await;
        assert!(outcome.contains("ROLLBACK") || outcome == "CREATE_FAILED", "{outcome}");
        let said = events(&stack).await;
        assert!(said.contains("ServerId"), "{said}");
        eventually("the server to be out of service", || async {
            (status(&server_id, "1.0.0").await.as_deref() != Some("active")).then_some(())
        })
        .await;
    });
}

#[test]
fn a_stack_cannot_take_over_another_ones_server() {
    run(async {
        let (first, second) = (unique("team"), unique("team"));
        let server_id = unique("wanted");
        let (outcome, _) = change("CreateStack", &first, &template(&guide(&server_id), false)).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&first).await);
        let mut theirs = guide(&server_id);
        theirs["ServerName"] = json!("Mine now");
        let (outcome, _) = change("CreateStack", &second, &template(&theirs, false)).await;
        assert_ne!(outcome, "CREATE_COMPLETE");
        let said = events(&second).await;
        assert!(said.contains(&server_id) && said.contains("belongs to"), "{said}");
        // Its rollback, which deletes, must not touch what belongs to the first.
        let entry = aws::server(&server_id, "1.0.0").await.unwrap();
        assert_eq!((aws::text(&entry, "status"), aws::text(&entry, "server_name")), ("active", "Things"));
        delete(&first).await;
    });
}
