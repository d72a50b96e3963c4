//! The custom resource through its own door: an event in, a PUT to the response URL and an entry in the registry out.

mod fuzz;
mod lifecycle;
mod refusals;
mod trust;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    env::Reach,
    mcp_client::test_server::{Style, TestServer},
    test_support::{REGISTRY_TABLE, STAGE, STATE_TABLE, dynamodb, sdk_config},
};

const ALPHA: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha/1";
const BETA: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/Beta/2";

/// A registry, a mailbox that plays CloudFormation, and the function between them.
struct Desk {
    registration: Registration,
    cloudformation: MockServer,
}

/// Who sends an event.
#[derive(Clone, Copy)]
struct Sender {
    stack: &'static str,
    logical_id: &'static str,
}

const FIRST: Sender = Sender { stack: ALPHA, logical_id: "Server" };

impl Desk {
    /// `aws` answers Lambda and Secrets Manager.
    async fn open(aws: &str) -> Self {
        let cloudformation = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&cloudformation).await;
        let reach = Reach {
            stage: STAGE.to_owned(),
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..Reach::default()
        };
        let registration = Registration {
            registry: Registry::new(dynamodb().await, REGISTRY_TABLE, STATE_TABLE),
            client: McpClient::new(&sdk_config(aws), Guard::new(&reach).unwrap()),
            notices: Notices::new(&sdk_config(aws), None),
            mailbox: Mailbox::new(Some(&cloudformation.uri())).unwrap(),
        };
        Self { registration, cloudformation }
    }

    /// Hands in an event and returns what CloudFormation was told.
    async fn event(&self, sender: Sender, kind: &str, physical_id: Option<&str>, properties: &Value) -> Value {
        self.event_within(Duration::from_secs(30), sender, kind, physical_id, properties).await
    }

    async fn event_within(
        &self,
        time: Duration,
        sender: Sender,
        kind: &str,
        physical_id: Option<&str>,
        properties: &Value,
    ) -> Value {
        let mut event = json!({
            "RequestType": kind,
            "ResponseURL": format!("{}/answer?signature=x", self.cloudformation.uri()),
            "StackId": sender.stack,
            "RequestId": "r-1",
            "ResourceType": "Custom::McpServer",
            "LogicalResourceId": sender.logical_id,
            "ResourceProperties": properties,
        });
        if let Some(id) = physical_id {
            event["PhysicalResourceId"] = json!(id);
        }
        self.registration.handle(event, invocation(time)).await.unwrap();
        let requests = self.cloudformation.received_requests().await.unwrap();
        let answer = requests.last().unwrap();
        assert_eq!(answer.method.as_str(), "PUT");
        assert!(!answer.headers.contains_key("content-type"), "the URL is signed without a content type");
        assert!(answer.body.len() <= 4096);
        let answer: Value = answer.body_json().unwrap();
        assert_eq!(
            (&answer["StackId"], &answer["RequestId"], &answer["LogicalResourceId"]),
            (&json!(sender.stack), &json!("r-1"), &json!(sender.logical_id))
        );
        answer
    }

    async fn create(&self, sender: Sender, properties: &Value) -> Value {
        self.event(sender, "Create", None, properties).await
    }

    async fn delete(&self, sender: Sender, physical_id: &str) -> Value {
        self.event(sender, "Delete", Some(physical_id), &json!({})).await
    }

    async fn entry(&self, version: &str) -> Option<Server> {
        self.registration.registry.get("team-tools", version).await.unwrap()
    }
}

fn invocation(time: Duration) -> Invocation {
    Invocation {
        request_id: "i-1".to_owned(),
        deadline: Instant::now() + time,
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-registration".to_owned(),
        client_context: None,
    }
}

/// An endpoint at which nothing listens.
async fn dead_endpoint() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/mcp", listener.local_addr().unwrap())
}

/// Properties with the tools given.
fn properties(endpoint: &str) -> Value {
    json!({
        "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-registration",
        "ServerId": "team-tools",
        "ServerName": "Team tools",
        "EndpointUrl": endpoint,
        "AvailableTools": json!([{"name": "echo", "description": "Echo.", "inputSchema": {"type": "object"}}]).to_string(),
    })
}

fn with(properties: &Value, more: Value) -> Value {
    let mut all = properties.clone();
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

/// Asserts success and returns the physical id.
fn succeeded(answer: &Value) -> String {
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    answer["PhysicalResourceId"].as_str().unwrap().to_owned()
}

/// Asserts failure and returns the reason.
fn failed(answer: &Value) -> String {
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    answer["Reason"].as_str().unwrap().to_owned()
}
