//! The whole of Switchyard on one machine: MiniStack in place of AWS with the real application deployed to it, the agent
//! runtime in place of Bedrock agents, and the stand-in for GitLab.

mod aws;
mod cdk;
mod error;
mod hosted;
mod inputs;
mod parts;
mod ports;
mod process;
mod run_file;
mod zips;

use std::path::{Path, PathBuf};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use tokio::process::Command;
use url::Url;
use uuid::Uuid;

use crate::{chat_client::ChatClient, terminal::Terminal};
use aws::Aws;
pub use cdk::Outputs;
pub use error::StackError;
pub use hosted::Hosted;
pub use parts::Model;
use parts::Parts;
pub use ports::Ports;
pub use run_file::RunFile;

/// The region that the local stack pretends to be in.
pub const REGION: &str = "us-east-1";
/// Access key and secret of the local stack; MiniStack checks neither.
const CREDENTIALS: (&str, &str) = ("test", "test");
/// The stage that MiniStack gets.
pub const STAGE: &str = "local";
/// File of the working directory with the registration token of the running stack.
pub const REGISTRATION_TOKEN: &str = "registration_token";

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The repository.
    pub root: PathBuf,
    /// Directory with `agents/` and `pipelines.yaml`; usually the repository.
    pub definitions: PathBuf,
    /// Directory for zips, templates, logs and the run file; made when missing.
    pub work: PathBuf,
    /// Where the parts listen.
    pub ports: Ports,
    /// A language model for the agents, instead of the planner that works offline.
    pub model: Option<Model>,
    /// How long a pipeline of the GitLab stand-in takes, in milliseconds.
    pub pipeline_ms: u64,
    /// More settings of the CDK app, `key=value`; see `cdk/config.ts`.
    pub settings: Vec<String>,
    /// Third-party MCP servers to host; none by default, because their packages come from the network.
    pub hosted: Option<Hosted>,
    /// Whether MiniStack checks signatures and permissions, and writes every AWS call into `logs/aws_calls.jsonl`.
    pub record_aws_calls: bool,
}

impl Options {
    /// The stack of a repository as `make local` starts it.
    pub fn of(root: PathBuf) -> Self {
        Self {
            definitions: root.clone(),
            work: root.join(".local"),
            root,
            ports: Ports::from(Ports::DEFAULT),
            model: None,
            pipeline_ms: 8_000,
            settings: Vec::new(),
            hosted: None,
            record_aws_calls: false,
        }
    }
}

/// A running stack. Dropping it stops everything at once; [`Stack::stop`] does so gently.
#[derive(Debug)]
pub struct Stack {
    options: Options,
    zips: zips::Zips,
    parts: Parts,
    api_url: Url,
    registry_url: Url,
    outputs: cdk::Outputs,
    gitlab_token: String,
    registration_token: String,
    run_file: run_file::Guard,
}

impl Stack {
    /// Builds what changed, starts all parts, deploys the application and waits until it answers.
    ///
    /// # Errors
    /// One that says which step or part failed, with the last lines of its log, and what to do.
    pub async fn start(options: &Options, terminal: Terminal) -> Result<Self, StackError> {
        let mut run_file = run_file::claim(&options.work, terminal)?;
        options.ports.check_free()?;
        process::check_tools(&options.root)?;

        let zips = zips::build(options, terminal).await?;
        let gitlab_token = format!("local-{}", Uuid::new_v4().simple());
        let registration_token = format!("local-{}", Uuid::new_v4().simple());
        let mut parts = Parts::start(options, &gitlab_token)?;
        run_file.started(parts.group(), options.ports)?;

        let (api_url, registry_url, outputs) = tokio::select! {
            // A part that ends while the rest starts is the cause of what would fail next.
            exit = parts.first_exit() => return Err(exit),
            deployed = deploy(options, &zips, &gitlab_token, &registration_token, terminal) => deployed?,
        };
        run_file::write_private(&options.work.join(REGISTRATION_TOKEN), &registration_token)?;
        run_file.ready(&api_url, &registry_url)?;
        let mut stack = Self {
            options: options.clone(),
            zips,
            parts,
            api_url,
            registry_url,
            outputs,
            gitlab_token,
            registration_token,
            run_file,
        };
        if let Some(hosted) = &options.hosted {
            let outputs = stack.host(hosted, terminal).await?;
            stack.outputs.extend(outputs);
        }
        Ok(stack)
    }

    /// Packs third-party MCP servers, deploys them as functions of their own and registers them. Returns the outputs.
    ///
    /// # Errors
    /// One that says which step failed, with the last lines of its log, and what to do.
    pub async fn host(&self, hosted: &Hosted, terminal: Terminal) -> Result<Outputs, StackError> {
        let part = hosted::pack(&self.options, &self.zips, hosted, terminal).await?;
        let assembly = cdk::synth(&self.options, &self.zips, &part, terminal).await?;
        let stack = format!("Switchyard-{STAGE}-servers");
        cdk::deploy(&self.options, &assembly, &[&stack, "--exclusively"], terminal).await
    }

    /// The CDK's command line, with this stack as its account: for apps of other teams.
    pub fn cdk(&self) -> Command {
        cdk::cdk(&self.options)
    }

    /// Address of the chat API's stage.
    pub fn api_url(&self) -> &Url {
        &self.api_url
    }

    /// Address of the registry API's stage.
    pub fn registry_url(&self) -> &Url {
        &self.registry_url
    }

    /// A token with which an MCP server registers itself; also in the file [`REGISTRATION_TOKEN`].
    pub fn registration_token(&self) -> &str {
        &self.registration_token
    }

    /// Address of MiniStack, for any AWS SDK.
    pub fn aws_url(&self) -> String {
        self.parts.ports().ministack_url()
    }

    /// Address of the agent runtime, for the SDK's Bedrock agent runtime client.
    pub fn agent_runtime_url(&self) -> String {
        self.parts.ports().agent_runtime_url()
    }

    /// An output of the deployed stacks, by its name.
    pub fn output(&self, name: &str) -> Option<&str> {
        self.outputs.get(name)
    }

    /// Address of the GitLab stand-in.
    pub fn gitlab_url(&self) -> String {
        self.parts.ports().gitlab_url()
    }

    /// The token that the GitLab stand-in accepts.
    pub fn gitlab_token(&self) -> &str {
        &self.gitlab_token
    }

    /// A client of the chat API.
    ///
    /// # Errors
    /// When no HTTP client can be set up.
    pub fn chat_client(&self) -> Result<ChatClient, StackError> {
        ChatClient::new(self.api_url.clone(), REGION.to_owned(), credentials())
            .map_err(|error| StackError::new(error.to_string()))
    }

    /// A client of the registry API.
    ///
    /// # Errors
    /// When no HTTP client can be set up.
    pub fn registry_client(&self) -> Result<ChatClient, StackError> {
        ChatClient::new(self.registry_url.clone(), REGION.to_owned(), credentials())
            .map_err(|error| StackError::new(error.to_string()))
    }

    /// Waits until a part ends by itself, and says which one.
    pub async fn first_exit(&mut self) -> StackError {
        self.parts.first_exit().await
    }

    /// Stops all parts: asks them first, and ends those that stay.
    pub async fn stop(mut self) {
        self.parts.stop().await;
        self.run_file.remove();
    }
}

async fn deploy(
    options: &Options,
    zips: &zips::Zips,
    gitlab_token: &str,
    registration_token: &str,
    terminal: Terminal,
) -> Result<(Url, Url, cdk::Outputs), StackError> {
    let aws = Aws::new(options.ports);
    let all = cdk::Part { name: "cdk", settings: Vec::new(), sources: Vec::new() };
    let (synthesised, ready) = tokio::join!(cdk::synth(options, zips, &all, terminal), parts::wait_ready(options));
    let assembly = synthesised?;
    ready?;
    aws.make_asset_bucket().await?;
    let outputs = cdk::deploy(options, &assembly, &["--all"], terminal).await?;
    aws.switch_on_expiry().await?;
    aws.set_gitlab_token(gitlab_token).await?;
    aws.set_registration_token(registration_token).await?;
    let api_url = outputs.chat_url(options.ports)?;
    aws::wait_for_chat(&api_url).await?;
    Ok((api_url, outputs.registry_url(options.ports)?, outputs))
}

/// Credentials of the local stack's owner.
pub fn credentials() -> SharedCredentialsProvider {
    let (key, secret) = CREDENTIALS;
    SharedCredentialsProvider::new(Credentials::new(key, secret, None, None, "local stack"))
}

/// The repository that a directory lies in: the first one upward with `cdk.json` and `pipelines.yaml`.
pub fn find_root(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .find(|directory| directory.join("cdk.json").is_file() && directory.join("pipelines.yaml").is_file())
        .map(Path::to_owned)
}
