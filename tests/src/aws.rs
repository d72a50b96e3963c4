//! What of AWS a function needs, on loopback: DynamoDB, embedded, with the state table; and Secrets Manager, with secrets that are
//! given.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Name of the state table.
pub const STATE_TABLE: &str = "SwitchyardState-local";

/// Where the services are. They serve until the program ends.
#[derive(Debug, Clone)]
pub struct Aws {
    dynamodb: String,
    others: String,
}

impl Aws {
    /// Starts them with these secrets, by name.
    ///
    /// # Errors
    /// There is no free port, or the database does not take the table.
    pub async fn start(secrets: BTreeMap<String, String>) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("the services cannot be started: {error}");
        let database = Database::memory().map_err(|error| failed(&error))?;
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let table = serde_json::from_value(json!({
            "TableName": STATE_TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        }));
        database.create_table(table.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| failed(&error))?;
        let dynamodb = format!("http://{}", listener.local_addr().map_err(|error| failed(&error))?);
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| failed(&error))?;
        let others = format!("http://{}", listener.local_addr().map_err(|error| failed(&error))?);
        let router = Router::new().fallback(serve).with_state(Arc::new(secrets));
        tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { dynamodb, others })
    }

    /// What tells an SDK of them.
    pub fn variables(&self) -> [(String, String); 2] {
        [
            ("AWS_ENDPOINT_URL".to_owned(), self.others.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), self.dynamodb.clone()),
        ]
    }
}

/// `secretsmanager:GetSecretValue`; nothing else is known.
async fn serve(
    State(secrets): State<Arc<BTreeMap<String, String>>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let refused = |kind: &str, message: String| {
        (StatusCode::BAD_REQUEST, Json(json!({ "__type": kind, "message": message, "Message": message })))
    };
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if target != "secretsmanager.GetSecretValue" {
        return refused("UnknownOperationException", format!("{target:?} is not known here"));
    }
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    let name = request["SecretId"].as_str().unwrap_or_default();
    match secrets.get(name) {
        Some(value) => {
            let version = "00000000-0000-4000-8000-000000000000";
            let arn = format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}");
            let secret = json!({ "ARN": arn, "Name": name, "SecretString": value, "VersionId": version });
            (StatusCode::OK, Json(secret))
        }
        None => refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.".to_owned()),
    }
}
