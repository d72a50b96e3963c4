//! The admin API through its door: a signed request in, an answer and an entry in the registry out.

mod definitions;
mod doors;
mod live;
mod statuses;

use std::time::Duration;

use axum::{Router, body::Body, http::HeaderMap};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    env::{self, Approval, Reach},
    mcp_client::{Guard, McpClient},
    notices::Notices,
    registry::{Registry, stack_owner},
    registry_api::register::Desk,
    runtime::Invocation,
    test_support::{REGISTRY_TABLE, STAGE, STATE_TABLE, dynamodb, sdk_config},
};

const ADMIN: &str = "arn:aws:iam::123456789012:user/admin";
const ENTRY: &str = "/servers/weather/versions/1.0.0";

/// The function, with the services it needs.
struct Office {
    app: Router,
    registry: Registry,
    topic: MockServer,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    fn is(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.body);
        &self.body
    }

    /// The places where a body was wrong.
    #[track_caller]
    fn places(&self) -> Vec<&str> {
        self.places_at(400)
    }

    fn places_at(&self, status: u16) -> Vec<&str> {
        let errors = self.is(status)["errors"].as_array().unwrap_or_else(|| panic!("no errors in {}", self.body));
        let mut places: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        places.sort_unstable();
        places
    }
}

impl Office {
    async fn open() -> Self {
        let topic = MockServer::start().await;
        let published = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(published)).mount(&topic).await;
        let settings = env::RegistryApi {
            reach: Reach {
                stage: STAGE.to_owned(),
                allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
                ..Reach::default()
            },
            registry_table: REGISTRY_TABLE.to_owned(),
            state_table: STATE_TABLE.to_owned(),
            approval: Approval::Required,
            registration_limit: 10,
            namespace: "switchyard.test".to_owned(),
            approval_topic: Some("arn:aws:sns:us-east-1:123456789012:switchyard-test-approvals".to_owned()),
        };
        let config = sdk_config("http://127.0.0.1:9");
        let registry = Registry::new(dynamodb().await, REGISTRY_TABLE, STATE_TABLE);
        let api = RegistryApi {
            registry: registry.clone(),
            client: McpClient::new(&config, Guard::new(&settings.reach).unwrap()),
            notices: Notices::new(&sdk_config(&topic.uri()), settings.approval_topic.as_deref()),
            desk: Desk::new(&settings, &config),
            settings,
        };
        Self { app: crate::registry_api::app(api), registry, topic }
    }

    /// One with the server `weather`, as a stack registered it.
    async fn with(server: &Server) -> Self {
        let office = Self::open().await;
        office.registry.register(server).await.unwrap();
        office
    }

    async fn send(&self, event: &Value) -> Answer {
        let mut request = lambda_http::request::from_str(&event.to_string()).unwrap();
        request.extensions_mut().insert(Invocation {
            request_id: "lambda-request".to_owned(),
            deadline: Instant::now() + Duration::from_secs(29),
            function_arn: "arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-registry_api".to_owned(),
            client_context: None,
        });
        let response = self.app.clone().oneshot(request.map(Body::new)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let status = parts.status.as_u16();
        assert_eq!(parts.headers["cache-control"], "no-store");
        if status >= 400 {
            assert_eq!(parts.headers["content-type"], "application/problem+json");
            assert_eq!((&body["status"], &body["request_id"]), (&json!(status), &json!("lambda-request")), "{body}");
        }
        Answer { status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(&event("GET", path, None)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(&event("POST", path, Some(&body.to_string()))).await
    }

    async fn patch(&self, body: Value) -> Answer {
        self.send(&event("PATCH", ENTRY, Some(&body.to_string()))).await
    }

    async fn entry(&self) -> Server {
        self.registry.get("weather", "1.0.0").await.unwrap().unwrap()
    }

    /// What was told to approvers, decoded.
    async fn notices(&self) -> Vec<String> {
        let requests = self.topic.received_requests().await.unwrap();
        let decoded = |body: &[u8]| {
            url::form_urlencoded::parse(body)
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        requests.iter().map(|request| decoded(&request.body)).collect()
    }

    /// What was done and by whom, the newest first.
    async fn told(&self) -> Vec<(String, String)> {
        let answer = self.get("/servers/weather/audit?limit=50").await;
        let records = answer.is(200)["records"].as_array().unwrap().clone();
        let word = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        records.iter().map(|record| (word(record, "action"), word(record, "who"))).collect()
    }
}

/// The event of a REST API with Lambda proxy integration and IAM authorisation.
fn event(method: &str, path: &str, body: Option<&str>) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parameters = json!({});
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let mut values = parameters[name.as_ref()].as_array().cloned().unwrap_or_default();
        values.push(json!(value));
        parameters[name.as_ref()] = json!(values);
    }
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": { "Content-Type": "application/json" }, "multiValueHeaders": { "Content-Type": ["application/json"] },
        "multiValueQueryStringParameters": parameters,
        "requestContext": {
            "accountId": "123456789012", "stage": STAGE, "requestId": "gateway-request", "path": format!("/{STAGE}{path}"),
            "resourcePath": "/{proxy+}", "httpMethod": method, "apiId": "abcdef1234", "protocol": "HTTP/1.1",
            "identity": { "sourceIp": "192.0.2.1", "userArn": ADMIN },
        },
        "body": body, "isBase64Encoded": false,
    })
}

/// The server `weather` of a stack, approved, with the tools of the test server at `endpoint`.
fn weather(status: &str, endpoint: &str) -> Server {
    let owner = stack_owner("arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha/1", "Weather");
    let echo = json!({
        "name": "echo", "description": "Returns what it gets.",
        "inputSchema": {"type": "object", "properties": {"environment": {"type": "string"}, "n": {"type": "number", "maximum": 1}}},
        "outputSchema": {"type": "object"},
        "annotations": {"title": "Echo", "readOnlyHint": true},
        "_meta": {"switchyard/pipeline_type": "bootstrap"},
    });
    let plain = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
    let mut server: Server = serde_json::from_value(json!({
        "server_id": "weather", "version": "1.0.0", "server_name": "Weather", "status": status, "owner": owner,
        "endpoint_url": endpoint, "deployment_stack": "Alpha", "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z", "created_by": "stack",
        "available_tools": [echo, plain("fail"), plain("big"), plain("slow")],
        "configuration": {"environment_argument": "environment", "read_only_tools": ["echo"]},
        "metadata": {"team": "sky"},
    }))
    .unwrap();
    server.definition_hash = server.compute_hash();
    server
}
