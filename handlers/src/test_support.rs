//! What several modules' tests share: DynamoDB in memory with Switchyard's tables, an SDK configuration for servers that a test
//! starts on loopback, and what is logged.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, SharedCredentialsProvider},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};

/// Stage of everything in tests.
pub(crate) const STAGE: &str = "test";
/// Memory table made by [`dynamodb`].
pub(crate) const MEMORY_TABLE: &str = "DeploymentMemory-test";
/// Registry table made by [`dynamodb`].
pub(crate) const REGISTRY_TABLE: &str = "MCPServerRegistry-test";
/// State table made by [`dynamodb`].
pub(crate) const STATE_TABLE: &str = "SwitchyardState-test";

/// SDK configuration whose every call goes to `endpoint`, with credentials that are nobody's.
pub(crate) fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIATEST", "test", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

/// A fresh in-memory DynamoDB with the three tables and their indexes; it ends with the test's runtime.
pub(crate) async fn dynamodb() -> Client {
    dynamodb_of(dynoxide::Database::memory().expect("an in-memory database")).await
}

/// The same of a database that the test keeps a hand on.
pub(crate) async fn dynamodb_of(database: dynoxide::Database) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let client = Client::new(&sdk_config(&endpoint));
    create_table(
        &client,
        MEMORY_TABLE,
        &["execution_id"],
        &[
            ("environment-index", ["environment", "started_at"]),
            ("tenant-index", ["tenant_id", "started_at"]),
            ("tenant-environment-index", ["tenant#environment", "started_at"]),
        ],
    )
    .await;
    create_table(
        &client,
        REGISTRY_TABLE,
        &["server_id", "version"],
        &[
            ("status-index", ["status", "updated_at"]),
            ("protocol-index", ["protocol_type", "server_name"]),
            ("stack-index", ["deployment_stack", "created_at"]),
        ],
    )
    .await;
    create_table(&client, STATE_TABLE, &["pk", "sk"], &[]).await;
    client
}

async fn create_table(client: &Client, name: &str, keys: &[&str], indexes: &[(&str, [&str; 2])]) {
    let mut attributes: Vec<&str> = keys.to_vec();
    attributes.extend(indexes.iter().flat_map(|(_, keys)| keys));
    attributes.sort_unstable();
    attributes.dedup();
    let attributes = attributes
        .iter()
        .map(|name| {
            AttributeDefinition::builder()
                .attribute_name(*name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .expect("a complete attribute definition")
        })
        .collect();
    let indexes: Vec<_> = indexes
        .iter()
        .map(|(name, keys)| {
            GlobalSecondaryIndex::builder()
                .index_name(*name)
                .set_key_schema(Some(key_schema(keys)))
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .build()
                .expect("a complete index")
        })
        .collect();
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes))
        .set_key_schema(Some(key_schema(keys)))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .send()
        .await
        .expect("a table");
}

fn key_schema(keys: &[&str]) -> Vec<KeySchemaElement> {
    keys.iter()
        .zip([KeyType::Hash, KeyType::Range])
        .map(|(name, key_type)| {
            KeySchemaElement::builder().attribute_name(*name).key_type(key_type).build().expect("a complete key")
        })
        .collect()
}

/// What is logged, as lines of JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Has what this thread logs, from `INFO` on, written here until the guard is dropped.
    ///
    /// Whether a line is logged is settled when the first thread gets there, which may be one that does not listen, and anew for
    /// all lines that are known when somebody begins to listen. So a test makes its lines known first: it goes through them
    /// once, listening, and begins to listen anew.
    pub(crate) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || writer.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked while writing").clone()).expect("JSON is UTF-8")
    }

    /// Those that the function logged itself.
    pub(crate) fn of(&self, function: &str) -> Vec<serde_json::Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON"));
        lines.filter(|line| line["function"] == function).collect()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
