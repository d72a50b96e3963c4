//! Self-registration through its door: a request in, a status and an entry in the registry out.

mod doors;
mod fuzz;
mod ids;
mod log;
mod races;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{Router, body::Body, http::HeaderMap};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    env::{Approval, Reach},
    mcp_client::{Guard, McpClient},
    notices::Notices,
    registry::Registry,
    test_support::{REGISTRY_TABLE, STATE_TABLE, dynamodb, sdk_config},
};

const OURS: &str = "token-of-our-team-with-32-characters";
const THEIRS: &str = "token-of-their-team-with-32-characters";
const ADDRESS: &str = "192.0.2.1";

/// The body in the guide, "Method 2: Self-Registration API".
pub(super) fn guide() -> Value {
    json!({
        "server_name": "My Custom MCP Server",
        "description": "Provides specialized tools for X",
        "endpoint_url": "https://my-server.example.com/mcp",
        "protocol_type": "jsonrpc",
        "authentication_type": "none",
        "available_tools": [{
            "name": "custom_tool",
            "description": "Does something custom",
            "inputSchema": { "type": "object", "properties": { "input": { "type": "string" } }, "required": ["input"] },
        }],
        "health_check_url": "https://my-server.example.com/health",
        "metadata": { "team": "platform-team", "cost_center": "12345" },
    })
}

/// The guide's body with other fields.
fn with(more: Value) -> Value {
    let mut body = guide();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The function, with the services it needs.
struct Office {
    app: Router,
    registry: Registry,
    dynamodb: aws_sdk_dynamodb::Client,
    topic: MockServer,
    secrets: MockServer,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Office {
    async fn open(approval: Approval, limit: u32) -> Self {
        Self::before(approval, limit, "127.0.0.1:9").await
    }

    /// One for which the host `localhost` is at this address.
    async fn before(approval: Approval, limit: u32, server: &str) -> Self {
        let (secrets, topic) = (MockServer::start().await, MockServer::start().await);
        let entry = |name: &str, owner: &str, token: &str| json!({ "name": name, "owner": owner, "sha256": hex::encode(Sha256::digest(token)) });
        let list = json!({ "tokens": [entry("ci", "our-team", OURS), entry("laptop", "their-team", THEIRS)] });
        let answer = json!({ "SecretString": list.to_string() });
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&secrets).await;
        let published = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(published)).mount(&topic).await;
        let reach = Reach {
            stage: "local".to_owned(),
            connect_to: [("localhost:443".to_owned(), server.to_owned())].into(),
            ..Reach::default()
        };
        let settings = env::RegistryApi {
            reach,
            registry_table: REGISTRY_TABLE.to_owned(),
            state_table: STATE_TABLE.to_owned(),
            approval,
            registration_limit: limit,
            namespace: "switchyard.test".to_owned(),
            approval_topic: Some("arn:aws:sns:us-east-1:123456789012:switchyard-test-approvals".to_owned()),
        };
        let dynamodb = dynamodb().await;
        let registry = Registry::new(dynamodb.clone(), REGISTRY_TABLE, STATE_TABLE);
        let config = sdk_config(&secrets.uri());
        let desk = Desk { limit: Limit::new(dynamodb.clone(), STATE_TABLE, limit), ..Desk::new(&settings, &config) };
        let api = RegistryApi {
            registry: registry.clone(),
            client: McpClient::new(&config, Guard::new(&settings.reach).unwrap()),
            notices: Notices::new(&sdk_config(&topic.uri()), settings.approval_topic.as_deref()),
            desk,
            settings,
        };
        Self { app: super::super::app(api), registry, dynamodb, topic, secrets }
    }

    async fn send(&self, event: &Value) -> Answer {
        let mut request = lambda_http::request::from_str(&event.to_string()).unwrap();
        request.extensions_mut().insert(Invocation {
            request_id: "lambda-request".to_owned(),
            deadline: Instant::now() + Duration::from_secs(29),
            function_arn: "arn:aws:lambda:us-east-1:123456789012:function:switchyard-local-registry_api".to_owned(),
            client_context: None,
        });
        let response = self.app.clone().oneshot(request.map(Body::new)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(parts.headers[CACHE_CONTROL], "no-store");
        let body: Value = serde_json::from_slice(&body).unwrap();
        let status = parts.status.as_u16();
        if status >= 400 {
            assert_eq!(parts.headers["content-type"], "application/problem+json");
            assert_eq!((&body["status"], &body["request_id"]), (&json!(status), &json!("lambda-request")), "{body}");
        }
        Answer { status, headers: parts.headers, body }
    }

    async fn register(&self, token: &str, body: &Value) -> Answer {
        self.send(&event(token, &body.to_string())).await
    }

    /// Registers and expects this status; returns `server_id@version`.
    #[track_caller]
    fn id(answer: &Answer, status: u16) -> String {
        assert_eq!(answer.status, status, "{}", answer.body);
        format!("{}@{}", answer.body["server_id"].as_str().unwrap(), answer.body["version"].as_str().unwrap())
    }

    async fn entry(&self, id: &str) -> Option<Server> {
        let (server_id, version) = id.split_once('@').unwrap();
        self.registry.get(server_id, version).await.unwrap()
    }

    /// How many different contents were counted in all.
    async fn counted(&self) -> usize {
        let records = self.dynamodb.scan().table_name(STATE_TABLE).send().await.unwrap().items.unwrap();
        records
            .iter()
            .filter(|record| record["pk"].as_s().is_ok_and(|pk| pk.starts_with("registrations#")))
            .filter_map(|record| record["contents"].as_ss().ok())
            .map(Vec::len)
            .sum()
    }

    async fn notices(&self) -> Vec<String> {
        let requests = self.topic.received_requests().await.unwrap();
        requests.iter().map(|request| String::from_utf8(request.body.clone()).unwrap()).collect()
    }

    /// Puts an entry into the table as somebody else would.
    async fn put(&self, entry: &Server) {
        let item: std::collections::HashMap<String, AttributeValue> = serde_dynamo::to_item(entry).unwrap();
        self.dynamodb.put_item().table_name(REGISTRY_TABLE).set_item(Some(item)).send().await.unwrap();
    }
}

/// The event of a REST API with Lambda proxy integration and no authorisation.
fn event(token: &str, body: &str) -> Value {
    json!({
        "resource": "/mcp/register", "path": "/mcp/register", "httpMethod": "POST",
        "headers": { "Content-Type": "application/json", "X-Registration-Token": token },
        "multiValueHeaders": { "Content-Type": ["application/json"], "X-Registration-Token": [token] },
        "requestContext": {
            "accountId": "123456789012", "stage": "local", "requestId": "gateway-request", "path": "/local/mcp/register",
            "resourcePath": "/mcp/register", "httpMethod": "POST", "apiId": "abcdef1234", "protocol": "HTTP/1.1",
            "identity": { "sourceIp": ADDRESS, "userAgent": "python-requests/2" },
        },
        "body": body, "isBase64Encoded": false,
    })
}
