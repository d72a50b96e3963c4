//! Switchyard's tables in an embedded DynamoDB; the same keys and indexes as in `cdk/stacks/data-stack.ts`.

use dynoxide::Database;
use serde_json::{Value, json};
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
    for (name, key, indexes) in [
        (MEMORY, &["execution_id"][..], &memory_indexes[..]),
        (REGISTRY, &["server_id", "version"], &[("status-index", ["status", "updated_at"])]),
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

fn schema(names: &[&str]) -> Value {
    let kinds = ["HASH", "RANGE"];
    names.iter().zip(kinds).map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind })).collect()
}

fn index(name: &str, key: &[&str]) -> Value {
    json!({ "IndexName": name, "KeySchema": schema(key), "Projection": { "ProjectionType": "ALL" } })
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
        request["GlobalSecondaryIndexes"] = indexes.iter().map(|(name, key)| index(name, key)).collect();
    }
    request
}
