//! Switchyard's tables in an embedded DynamoDB; the same keys and indexes as in `cdk/stacks/data-stack.ts`.

use dynoxide::Database;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::Result;

/// Stage of everything here.
pub const STAGE: &str = "local";
/// The deployment history.
pub const MEMORY: &str = "DeploymentMemory-local";
/// The MCP server registry.
pub const REGISTRY: &str = "MCPServerRegistry-local";
/// Slots and request keys.
pub const STATE: &str = "SwitchyardState-local";

/// What the indexes of the registry have beside their keys.
const LIST_COLUMNS: [&str; 13] = [
    "server_name",
    "description",
    "endpoint_url",
    "protocol_type",
    "authentication_type",
    "status",
    "definition_hash",
    "deployment_stack",
    "deployment_region",
    "owner",
    "mcp_version",
    "created_at",
    "updated_at",
];

/// A fresh database in memory with the tables.
///
/// # Errors
/// The database does not take them.
pub fn fresh() -> Result<Database> {
    let database = Database::memory()?;
    let memory_indexes = [
        ("environment-index", ["environment", "started_at"]),
        ("tenant-index", ["tenant_id", "started_at"]),
        ("tenant-environment-index", ["tenant#environment", "started_at"]),
    ];
    let registry_indexes = [
        ("status-index", ["status", "updated_at"]),
        ("protocol-index", ["protocol_type", "server_name"]),
        ("stack-index", ["deployment_stack", "created_at"]),
    ];
    for (name, key, indexes) in [
        (MEMORY, &["execution_id"][..], &memory_indexes[..]),
        (REGISTRY, &["server_id", "version"], &registry_indexes),
        (STATE, &["pk", "sk"], &[]),
    ] {
        database.create_table(serde_json::from_value(table(name, key, indexes))?)?;
    }
    Ok(database)
}

/// Serves a database on a port of its own and tells the address.
///
/// # Errors
/// There is no free port.
pub async fn serve(database: Database) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Ok(address)
}

/// An active MCP server as registration writes it, in DynamoDB's JSON, with these texts besides or instead.
pub fn server(id: &str, texts: &[(&str, &str)]) -> Map<String, Value> {
    let then = "2026-11-01T00:00:00.000Z";
    [
        ("server_id", id),
        ("version", "1.0.0"),
        ("server_name", id),
        ("description", "Does what a server of its team does, and says so in a sentence of the usual length."),
        ("endpoint_url", "https://mcp.example.com/"),
        ("protocol_type", "jsonrpc"),
        ("authentication_type", "none"),
        ("status", "active"),
        ("mcp_version", "2025-11-25"),
        ("created_at", then),
        ("updated_at", then),
    ]
    .iter()
    .chain(texts)
    .map(|(name, text)| ((*name).to_owned(), json!({ "S": text })))
    .collect()
}

/// Puts an entry into the registry.
///
/// # Errors
/// The database does not take it.
pub fn register(database: &Database, server: &Map<String, Value>) -> Result<()> {
    database.put_item(serde_json::from_value(json!({ "TableName": REGISTRY, "Item": server }))?)?;
    Ok(())
}

fn schema(names: &[&str]) -> Value {
    let kinds = ["HASH", "RANGE"];
    names.iter().zip(kinds).map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind })).collect()
}

/// An index of the registry has what a list shows, any other has everything.
fn index(table: &str, name: &str, key: &[&str]) -> Value {
    let mut projection = json!({ "ProjectionType": "ALL" });
    if table == REGISTRY {
        let columns: Vec<_> = LIST_COLUMNS.into_iter().filter(|column| !key.contains(column)).collect();
        projection = json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": columns });
    }
    json!({ "IndexName": name, "KeySchema": schema(key), "Projection": projection })
}

fn table(name: &str, key: &[&str], indexes: &[(&str, [&str; 2])]) -> Value {
    let mut attributes: Vec<&str> = key.iter().copied().chain(indexes.iter().flat_map(|(_, key)| *key)).collect();
    attributes.sort_unstable();
    attributes.dedup();
    let mut request = json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": schema(key),
        "AttributeDefinitions":
            attributes.iter().map(|name| json!({ "AttributeName": name, "AttributeType": "S" })).collect::<Value>(),
    });
    if !indexes.is_empty() {
        request["GlobalSecondaryIndexes"] =
            indexes.iter().map(|(index_name, key)| index(name, index_name, key)).collect();
    }
    request
}
