//! The client that `make conformance` has judged by the official MCP conformance suite: it does with a scenario's server what
//! Switchyard does with a registered one. `registration` asks it for its MCP version and tools, `mcp_proxy` calls them.
//!
//! The suite gives the server's URL as the last argument, the scenario and its values in `MCP_CONFORMANCE_*`.

use std::{
    env,
    error::Error,
    io::{Write as _, stdout},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::Router;
use handlers::{
    env::Reach,
    mcp_client::{Guard, McpClient},
    registry::{Server, Tool},
};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, time::Instant};
use url::Url;

/// Time for everything one scenario asks for. The suite gives 30 s.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the run's last line says when every step had its result; `conformance/run.mjs` looks for it.
const DONE: &str = "every step had its result";

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let url = env::args().next_back().ok_or("the URL of the server is missing")?;
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO")?;
    let context: Value = match env::var("MCP_CONFORMANCE_CONTEXT") {
        Ok(context) => serde_json::from_str(&context)?,
        Err(_) => Value::Null,
    };
    let deadline = Instant::now() + PATIENCE;
    let mut entry = json!({
        "server_id": "conformance",
        "version": "1.0.0",
        "server_name": "Conformance",
        "endpoint_url": url,
        "status": "active",
    });
    if scenario == "auth/client-credentials-basic" {
        entry["authentication_type"] = json!("oauth");
        entry["configuration"] = json!({ "oauth": { "token_url": token_url(&url).await? } });
    }
    let client = client(&secrets(&context).await?)?;
    let mut server: Server = serde_json::from_value(entry)?;
    let found = client.discover(&server, deadline).await?;
    say(&format!("MCP {}, {} tools", found.mcp_version, found.tools.len()))?;
    server.mcp_version = Some(found.mcp_version);
    server.available_tools = found.tools;

    let mut failed = 0;
    for (tool, arguments) in calls(&scenario, &context, &server.available_tools)? {
        match client.call_tool(&server, &tool, arguments, Map::new(), deadline).await {
            Ok(result) => say(&format!("{tool}: {}", result.text))?,
            Err(error) => {
                failed += 1;
                say(&format!("{tool}: {error}"))?;
            }
        }
    }
    if failed > 0 {
        return Err(format!("{failed} calls had no result").into());
    }
    say(DONE)
}

/// A client as `mcp_proxy` has it, on a stage whose `allowedNetworks` are this machine; `aws` is its Secrets Manager.
fn client(aws: &str) -> Outcome<McpClient> {
    let allowed_networks = vec!["127.0.0.0/8".parse()?, "::1/128".parse()?];
    let guard = Guard::new(&Reach { stage: "conformance".to_owned(), allowed_networks, ..Reach::default() })?;
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKIA",
            "none",
            None,
            None,
            "conformance",
        )))
        .endpoint_url(aws)
        .build();
    Ok(McpClient::new(&config, guard))
}

/// Secrets Manager with the client credentials that a scenario gives, if it does.
async fn secrets(context: &Value) -> Outcome<String> {
    let client = json!({ "client_id": context["client_id"], "client_secret": context["client_secret"] });
    let answer = json!({ "Name": "switchyard/conformance/mcp/conformance/oauth", "SecretString": client.to_string() });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let routes = Router::new().fallback(async move || axum::Json(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(url)
}

/// The token endpoint that whoever registers the server puts into the entry: from the documents that describe the server.
async fn token_url(server: &str) -> Outcome<String> {
    let server: Url = server.parse()?;
    let resource = document(server.join(&format!("/.well-known/oauth-protected-resource{}", server.path()))?).await?;
    let issuer: Url =
        resource["authorization_servers"][0].as_str().ok_or("no authorization server is named")?.parse()?;
    let metadata = document(issuer.join("/.well-known/oauth-authorization-server")?).await?;
    Ok(metadata["token_endpoint"].as_str().ok_or("no token endpoint is named")?.to_owned())
}

async fn document(url: Url) -> Outcome<Value> {
    Ok(reqwest::get(url).await?.error_for_status()?.json().await?)
}

/// The calls that a scenario wants: those it names, else every tool once.
fn calls(scenario: &str, context: &Value, tools: &[Tool]) -> Outcome<Vec<(String, Map<String, Value>)>> {
    if let Some(named) = context["toolCalls"].as_array() {
        let call = |call: &Value| Some((call["name"].as_str()?.to_owned(), call["arguments"].as_object()?.clone()));
        return named
            .iter()
            .map(|named| call(named).ok_or_else(|| format!("no call of a tool: {named}").into()))
            .collect();
    }
    if scenario == "json-schema-2020-12-preservation" {
        let schema = tools.iter().find(|tool| tool.name == "json_schema_2020_12_tool").map(|tool| &tool.input_schema);
        let schema = schema.ok_or("the tool whose schema is to be echoed is missing")?;
        let arguments = [("schema".to_owned(), schema.clone())].into_iter().collect();
        return Ok(vec![("json_schema_echo".to_owned(), arguments)]);
    }
    // This scenario's server knows `tools/list` only.
    if scenario == "json-schema-ref-no-deref" {
        return Ok(Vec::new());
    }
    Ok(tools.iter().map(|tool| (tool.name.clone(), required_arguments(&tool.input_schema))).collect())
}

/// A value of the right type for each required argument.
fn required_arguments(schema: &Value) -> Map<String, Value> {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let value = |name: &str| match schema["properties"][name]["type"].as_str() {
        Some("string") => json!("text"),
        Some("integer" | "number") => json!(7),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => Value::Null,
    };
    required.map(|name| (name.to_owned(), value(name))).collect()
}

fn say(line: &str) -> Outcome<()> {
    writeln!(stdout(), "{line}")?;
    Ok(())
}
