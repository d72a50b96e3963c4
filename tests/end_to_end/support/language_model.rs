//! An agent runtime beside the stack's, whose agents think with a language model: one that a test plays.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_bedrockagentruntime::types::ResponseStream;
use axum::{Json, Router, routing::post};
use handlers::definitions::{LOCAL_ALIAS_ID, local_agent_id};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use super::{definitions, stack};

/// What the model does next.
pub(crate) enum Next {
    /// Calls a function of the agent.
    Call(&'static str, Value),
    /// Says that to the user.
    Reply(String),
}

/// The runtime; it ends with this value.
pub(crate) struct AgentRuntime {
    process: Child,
    url: Url,
}

impl Drop for AgentRuntime {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl AgentRuntime {
    /// Starts the runtime with a model that decides by what functions have answered so far.
    pub(crate) async fn start(think: impl Fn(&[Value]) -> Next + Clone + Send + Sync + 'static) -> Self {
        let model = serve(think).await;
        let credentials = local::stack::credentials().provide_credentials().await.unwrap();
        let program = std::env::current_exe().unwrap();
        let log = definitions().with_file_name("logs").join(format!("{}.log", super::unique("agent_runtime")));
        let mut process = Command::new(program.ancestors().nth(2).unwrap().join("agent_runtime"))
            .env_clear()
            .env("AWS_ENDPOINT_URL", stack().await.aws_url().as_str())
            .env("AWS_REGION", local::stack::REGION)
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key())
            // Named in its calls: a function that it invokes was invoked by Bedrock.
            .env("AWS_SDK_UA_APP_ID", "agent_runtime")
            .arg("--agents")
            .arg(definitions().join("agents"))
            .args(["--listen", "127.0.0.1:0", "--model", "openai", "--model-name", "played", "--model-url"])
            .arg(model)
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        Self { process, url: format!("http://{address}").parse().unwrap() }
    }

    /// Says something to an agent and returns its reply.
    pub(crate) async fn say(&self, agent: &str, text: &str) -> String {
        let config = aws_sdk_bedrockagentruntime::config::Builder::from(&super::aws::config().await);
        let client = aws_sdk_bedrockagentruntime::Client::from_conf(config.endpoint_url(self.url.as_str()).build());
        let invoke = client.invoke_agent().agent_id(local_agent_id(agent)).agent_alias_id(LOCAL_ALIAS_ID);
        let answer = invoke.session_id(super::unique("session")).input_text(text).send().await.unwrap();
        let (mut events, mut reply) = (answer.completion, Vec::new());
        while let Some(event) = events.recv().await.unwrap() {
            if let ResponseStream::Chunk(part) = event {
                reply.extend(part.bytes.unwrap().into_inner());
            }
        }
        String::from_utf8(reply).unwrap()
    }
}

/// OpenAI's chat completions, as far as agents need them.
async fn serve(think: impl Fn(&[Value]) -> Next + Clone + Send + Sync + 'static) -> String {
    let complete = async move |Json(request): Json<Value>| {
        let messages = request["messages"].as_array().unwrap().iter();
        let answers: Vec<Value> = messages
            .filter(|message| message["role"] == "tool")
            .map(|message| serde_json::from_str(message["content"].as_str().unwrap()).unwrap())
            .collect();
        let message = match think(&answers) {
            Next::Reply(reply) => json!({ "role": "assistant", "content": reply }),
            Next::Call(name, arguments) => {
                // The runtime names each function for the model.
                let mut names =
                    request["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap());
                let name = names.find(|known| known.ends_with(name)).unwrap_or_else(|| panic!("{name}: {request}"));
                let function = json!({ "name": name, "arguments": arguments.to_string() });
                json!({ "role": "assistant", "content": null,
                    "tool_calls": [{ "id": "call", "type": "function", "function": function }] })
            }
        };
        Json(json!({ "choices": [{ "index": 0, "message": message }] }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/chat/completions", post(complete));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/v1")
}
