//! Servers that speak REST, GraphQL and MCP, behind an API key, OAuth and signatures: registered by another team's stack and
//! called by the deployed mcp_proxy.

use serde_json::{Value, json};

use crate::support::{
    ask, aws, calls,
    cloudformation::{change, delete, events},
    events::{body, call},
    execution_id, run,
    servers::{self, API_KEY, CLIENT},
    unique,
};

fn registered(server_id: &str, endpoint: &str, more: Value) -> Value {
    let mut properties = json!({
        "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration",
        "ServerId": server_id,
        "ServerName": server_id,
        "EndpointUrl": endpoint,
    });
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "Type": "Custom::SwitchyardMcpServer", "Properties": properties })
}

/// The team's stack: three servers, and the role under which requests to the last one are signed.
fn template(address: &str) -> String {
    let place = json!({ "type": "string" });
    let forecast = json!([{
        "name": "get_forecast", "description": "Tells the forecast of a place.",
        "inputSchema": { "type": "object", "properties": { "place": place, "days": { "type": "integer" } }, "required": ["place"] },
        "annotations": { "readOnlyHint": true },
        "_meta": { "switchyard/http": { "method": "GET", "path": "/forecasts/{place}", "query": ["days"] } },
    }]);
    let mutation =
        "mutation($environment: String!, $place: String!) { addPlace(list: $environment, name: $place) { id } }";
    let places = json!([
        {
            "name": "add_place", "description": "Adds a place.",
            "inputSchema": { "type": "object", "properties": { "environment": place, "place": place } },
            "_meta": { "switchyard/graphql": { "query": mutation } },
        },
        {
            "name": "query_places", "description": "Answers a query.",
            "inputSchema": { "type": "object", "properties": { "query": { "type": "string" } }, "required": ["query"] },
            "annotations": { "readOnlyHint": true },
        },
    ]);
    let oauth = json!({
        "environment_argument": "environment", "oauth": { "token_url": format!("{address}/token"), "scope": "places" },
    });
    let signed = json!({
        "read_only_tools": ["get_measurement"], "aws_auth": { "service": "execute-api", "region": "eu-west-1" },
    });
    let mut measurements = registered(
        "measurements",
        &format!("{address}/mcp"),
        json!({ "AuthenticationType": "iam", "Configuration": signed.to_string() }),
    );
    measurements["DependsOn"] = json!("Role");
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": "arn:aws:iam::000000000000:root" },
    }] });
    json!({ "Resources": {
        "Forecasts": registered("forecasts", &format!("{address}/api"), json!({
            "ProtocolType": "rest", "AuthenticationType": "api_key", "ApiKeyHeader": "X-Forecast-Key",
            "AvailableTools": forecast.to_string(),
        })),
        "Places": registered("places", &format!("{address}/graphql"), json!({
            "ProtocolType": "graphql", "AuthenticationType": "oauth",
            "AvailableTools": places.to_string(), "Configuration": oauth.to_string(),
        })),
        "Role": { "Type": "AWS::IAM::Role", "Properties": {
            "RoleName": "switchyard-local-mcp-measurements", "Path": "/switchyard-mcp/local/",
            "AssumeRolePolicyDocument": trust,
        } },
        "Measurements": measurements,
    } })
    .to_string()
}

async fn called(group: &str, function: &str, parameters: &[(&str, &str, &str)]) -> Value {
    body(&aws::invoke("mcp_proxy", &call("cities", group, function, parameters)).await.unwrap())
}

#[test]
fn servers_of_every_kind_are_registered_and_called() {
    run(async {
        let (address, asked) = servers::start().await;
        let seen = |what: &str| -> Vec<Value> {
            let asked = asked.lock().unwrap();
            asked.iter().filter(|(word, _)| word == what).map(|(_, value)| value.clone()).collect()
        };
        aws::create_secret("switchyard/local/mcp/forecasts/api_key", API_KEY).await;
        let client = json!({ "client_id": CLIENT.0, "client_secret": CLIENT.1 });
        aws::create_secret("switchyard/local/mcp/places/oauth", &client.to_string()).await;
        let team = unique("weather");
        let (outcome, _) = change("CreateStack", &team, &template(&format!("http://{address}"))).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&team).await);
        let entry = aws::server("measurements", "1.0.0").await.unwrap();
        assert_eq!(aws::text(&entry, "mcp_version"), "2025-11-25");

        // REST: the argument stays in its place of the path.
        let answer =
            called("forecasts", "get_forecast", &[("place", "string", "a/b?c"), ("days", "integer", "3")]).await;
        assert_eq!(answer["message"], "Sunny in a/b?c.");
        assert_eq!(answer["result"]["degrees"], 21);
        assert_eq!(seen("forecast"), [json!({ "place": "a/b?c", "query": "days=3" })]);
        let answer = called("forecasts", "get_forecast", &[("place", "string", "../token")]).await;
        assert!(answer.to_string().contains("must not hold empty segments"), "{answer}");
        let answer = called("forecasts", "get_forecast", &[("place", "string", "Atlantis")]).await;
        assert!(answer.to_string().contains("HTTP 404: there is no such place"), "{answer}");
        assert_eq!(seen("forecast").len(), 2);

        // GraphQL: one token for both calls; the one that changes something is an execution.
        let answer = ask("Add place Bern to the list of places in dev").await;
        assert_eq!(calls(&answer).last().map(String::as_str), Some("cities/add_place"), "{}", answer.reply);
        let id = execution_id(&answer.reply);
        let record = aws::record(&id).await.unwrap();
        assert_eq!(aws::text(&record, "status"), "succeeded");
        let sent = seen("graphql");
        assert_eq!(sent[0]["execution_id"], id);
        assert_eq!(sent[0]["body"]["variables"], json!({ "environment": "dev", "place": "Bern" }));
        let answer = called("places", "query_places", &[("query", "string", "{ places { id } }")]).await;
        assert_eq!(answer["message"], "The tool `query_places` of places failed: the list is being sorted");
        let hidden = "# a query\nmutation { addPlace(list: \"dev\", name: \"x\") { id } }";
        let answer = called("places", "query_places", &[("query", "string", hidden)]).await;
        assert!(answer.to_string().contains("approved as changing nothing"), "{answer}");
        let answer =
            called("places", "add_place", &[("environment", "string", "prod"), ("place", "string", "Bern")]).await;
        assert!(answer.to_string().contains("protected"), "{answer}");
        assert_eq!(seen("graphql").len(), 2);
        assert_eq!(seen("token"), [json!("grant_type=client_credentials&scope=places")]);

        // MCP with signatures: every request carries one of the server's own role.
        let answer = called("measurements", "get_measurement", &[("place", "string", "Bern")]).await;
        assert_eq!(answer["message"], "11 degrees");
        for method in ["initialize", "tools/list", "tools/call"] {
            for signature in seen(method) {
                let text = signature[0].as_str().unwrap();
                assert!(text.contains("/eu-west-1/execute-api/aws4_request") && text.contains("Signature="), "{text}");
                assert!(!signature[1].as_str().unwrap().is_empty());
            }
            assert!(!seen(method).is_empty(), "{method}");
        }
        delete(&team).await;
    });
}
