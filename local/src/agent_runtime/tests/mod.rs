//! The runtime over its wire, called by the AWS SDK, with Lambda played by a mock server.

mod loops;
mod wire;

use std::{collections::BTreeMap, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_bedrockagentruntime::{
    Client,
    config::{BehaviorVersion, Region, retry::RetryConfig},
    error::DisplayErrorContext,
    operation::invoke_agent::builders::InvokeAgentFluentBuilder,
    types::{ResponseStream, TracePart},
};
use handlers::definitions::Definitions;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::path_regex};

use super::{functions::Functions, model::Model, offline::Offline, run::Engine, server, sessions::Sessions};

/// A runtime that listens, and the mock of Lambda behind it.
struct Runtime {
    lambda: MockServer,
    address: String,
    client: Client,
}

/// What came back from InvokeAgent.
#[derive(Debug, Default)]
struct Answer {
    session_id: String,
    content_type: String,
    chunks: Vec<String>,
    traces: Vec<TracePart>,
    /// The exception inside the stream, in debug form.
    exception: Option<String>,
}

impl Answer {
    fn text(&self) -> String {
        self.chunks.concat()
    }
}

fn sdk_config(endpoint: &str) -> aws_config::SdkConfig {
    aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::for_tests()))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .build()
}

impl Runtime {
    async fn start(lambda: impl Respond + 'static) -> Self {
        Self::start_with(Box::new(Offline), Duration::from_secs(30), lambda).await
    }

    /// `timeout` is that of one call of a function.
    async fn start_with(model: Box<dyn Model>, timeout: Duration, lambda: impl Respond + 'static) -> Self {
        let server = MockServer::start().await;
        Mock::given(path_regex("^/2015-03-31/functions/.*/invocations$")).respond_with(lambda).mount(&server).await;
        let definitions =
            Definitions::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents")).unwrap();
        let functions = Functions::new(&sdk_config(&server.uri()), "local", timeout);
        let engine = Engine { definitions, model, functions, max_steps: 10 };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, server::router(engine, Sessions::new(100))).into_future());
        Self { lambda: server, client: Client::new(&sdk_config(&address)), address }
    }

    fn ask(&self, session: &str, text: &str) -> InvokeAgentFluentBuilder {
        self.client.invoke_agent().agent_id("ORCHESTRAT").agent_alias_id("LOCAL").session_id(session).input_text(text)
    }

    /// Events that Lambda got, with the function's name.
    async fn events(&self) -> Vec<(String, Value)> {
        let requests = self.lambda.received_requests().await.unwrap();
        requests.iter().map(|request| (function_name(request), request.body_json().unwrap())).collect()
    }
}

fn function_name(request: &Request) -> String {
    request.url.path().split('/').nth(3).unwrap_or_default().to_owned()
}

async fn read(request: InvokeAgentFluentBuilder) -> Answer {
    let output = request.send().await.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(&error)));
    let mut answer = Answer { session_id: output.session_id, content_type: output.content_type, ..Answer::default() };
    let mut stream = output.completion;
    loop {
        match stream.recv().await {
            Ok(Some(ResponseStream::Chunk(part))) => {
                answer.chunks.push(String::from_utf8(part.bytes.unwrap().into_inner()).unwrap())
            }
            Ok(Some(ResponseStream::Trace(part))) => answer.traces.push(part),
            Ok(Some(other)) => panic!("{other:?}"),
            Ok(None) => return answer,
            Err(error) => {
                answer.exception = Some(format!("{:?}", error.into_service_error()));
                return answer;
            }
        }
    }
}

/// A function's answer as Bedrock wants it, for the event in the request.
fn reply(request: &Request, body: &Value) -> Value {
    let event: Value = request.body_json().unwrap();
    json!({ "messageVersion": "1.0", "response": { "actionGroup": event["actionGroup"], "function": event["function"],
        "functionResponse": { "responseBody": { "TEXT": { "body": body.to_string() } } } } })
}

/// An empty history, and specialists that start everything.
fn willing(request: &Request) -> ResponseTemplate {
    let body = match function_name(request).as_str() {
        "switchyard-local-memory_manager" => json!({ "message": "Nothing is deployed there.", "deployments": [] }),
        _ => json!({ "message": "Started execution 7.", "agent": "bootstrap", "steps": [] }),
    };
    ResponseTemplate::new(200).set_body_json(reply(request, &body))
}

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
