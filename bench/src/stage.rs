//! Everything a chat needs on this machine: the functions, DynamoDB, the agents and a GitLab.

use std::{process::Stdio, sync::Arc};

use serde_json::json;
use tests::runtime_api::Function;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{
    Result,
    cloud::{Cloud, SECRET},
    exchange::Recording,
    programs::{FUNCTIONS, Programs, beside},
    tables,
    tap::{self, Endpoints},
};

/// The running system; it ends when this is dropped.
#[derive(Debug)]
pub struct Stage {
    /// Lambda and its neighbours.
    pub cloud: Arc<Cloud>,
    /// What the functions asked and answered.
    pub recording: Arc<Recording>,
    /// Where everything is for the functions.
    pub endpoints: Endpoints,
    /// Where GitLab is.
    pub gitlab_address: String,
    _agents: Child,
    _gitlab: Child,
}

impl Stage {
    /// Starts everything. `tapped`: what the functions ask is written down.
    ///
    /// # Errors
    /// A part does not start.
    pub async fn start(programs: &Programs, tapped: bool) -> Result<Self> {
        let recording = Arc::<Recording>::default();
        let cloud = Cloud::start(Arc::clone(&recording)).await?;
        let dynamodb = tables::serve(tables::fresh()?).await?;
        let definitions = programs.task_root(FUNCTIONS[0]);
        let mut command = Command::new(beside("gitlab_stand_in")?);
        command.arg("--pipelines").arg(definitions.join("pipelines.yaml")).args(["--listen", "127.0.0.1:0"]);
        command.args(["--duration-ms", "3600000"]).env("GITLAB_TOKEN", SECRET);
        let (gitlab, gitlab_address) = listening(command).await?;
        let mut command = Command::new(beside("agent_runtime")?);
        command.arg("--agents").arg(definitions.join("agents")).args(["--listen", "127.0.0.1:0"]);
        command.args(["--stage", tables::STAGE, "--endpoint-url", &cloud.address]);
        command.env("AWS_REGION", tests::runtime_api::REGION);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        let (agents, agents_address) = listening(command).await?;
        let mut endpoints =
            Endpoints { aws: cloud.address.clone(), dynamodb, agents: agents_address, gitlab: gitlab_address.clone() };
        if tapped {
            endpoints = Endpoints::all(&tap::start(endpoints, Arc::clone(&recording)).await?);
        }
        let functions = FUNCTIONS.map(|name| function(programs, name, &endpoints));
        cloud.deploy(functions.into());
        Ok(Self { cloud, recording, endpoints, gitlab_address, _agents: agents, _gitlab: gitlab })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The servers go on until the program ends, and with them whatever they hold.
        self.cloud.retire();
    }
}

/// Name of a function of the stage.
pub fn full_name(name: &str) -> String {
    format!("switchyard-{}-{name}", tables::STAGE)
}

/// A function with its variables, as in `cdk/constructs/`.
pub fn function(programs: &Programs, name: &str, endpoints: &Endpoints) -> Function {
    let agents: serde_json::Map<_, _> = ["app", "bootstrap", "compute", "tools"]
        .map(|agent| (agent.to_owned(), json!(format!("{}/LOCAL", agent.to_uppercase()))))
        .into_iter()
        .collect();
    let variables = [
        ("STAGE", tables::STAGE),
        ("ORCHESTRATOR_AGENT", "ORCHESTRAT/LOCAL"),
        ("RESPONSE_MODE", "stream"),
        ("AGENTS", &serde_json::Value::Object(agents).to_string()),
        ("MEMORY_TABLE", tables::MEMORY),
        ("REGISTRY_TABLE", tables::REGISTRY),
        ("STATE_TABLE", tables::STATE),
        ("ENVIRONMENTS", "dev,test,staging,prod"),
        ("PROTECTED_ENVIRONMENTS", "prod"),
        ("REGISTRATION_APPROVAL", "required"),
        ("REGISTRATION_LIMIT", "10"),
        ("REGISTRY_NAMESPACE", "switchyard.local"),
        ("GITLAB_URL", &endpoints.gitlab),
        ("GITLAB_TOKEN_SECRET", "switchyard/local/gitlab_token"),
        ("API_KEY_SECRET", "switchyard/local/mcp/pipelines/api_key"),
        ("AWS_ENDPOINT_URL", &endpoints.aws),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", &endpoints.agents),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Function { variables, ..Function::new(&full_name(name), programs.program(name), programs.task_root(name)) }
}

/// Starts a program that says `listening on ADDRESS` first.
async fn listening(mut command: Command) -> Result<(Child, String)> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let output = child.stdout.take().ok_or("the program has no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = lines.next_line().await?.ok_or_else(|| format!("{command:?} ended at once"))?;
    let address = line.strip_prefix("listening on ").ok_or_else(|| format!("{command:?} said: {line}"))?;
    Ok((child, if address.starts_with("http") { address.to_owned() } else { format!("http://{address}") }))
}
