//! Synthesis and deployment of the real application, through the CDK's own command line.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tokio::process::Command;
use url::Url;

use super::{
    Options, Ports, STAGE, StackError,
    inputs::{self, Stamp},
    process,
    zips::Zips,
};
use crate::terminal::Terminal;

/// What the templates are made from, beside zips, agents and settings.
const SOURCES: [&str; 5] = ["cdk", "cdk.json", "package.json", "package-lock.json", "tsconfig.json"];

/// What is synthesised apart from the rest of the stage.
#[derive(Debug)]
pub(super) struct Part {
    /// Name of its directory and of its stamp.
    pub(super) name: &'static str,
    /// Settings of the CDK app, beside those of the stage.
    pub(super) settings: Vec<String>,
    /// Files that its templates are made from, beside those of all.
    pub(super) sources: Vec<PathBuf>,
}

/// Makes the templates, unless those in place were made from the same inputs. Returns their directory.
pub(super) async fn synth(
    options: &Options,
    zips: &Zips,
    part: &Part,
    terminal: Terminal,
) -> Result<PathBuf, StackError> {
    let task = terminal.begin(&format!("synthesising {}", part.name));
    let assembly = options.work.join(format!("{}.out", part.name));
    let mut settings = settings(options, zips);
    settings.extend(part.settings.iter().cloned());
    let mut sources: Vec<PathBuf> = SOURCES.iter().map(|source| options.root.join(source)).collect();
    // Sources that a package does not have are no inputs.
    sources.retain(|source| source.exists());
    sources.push(options.definitions.join("agents"));
    sources.extend(part.sources.iter().cloned());
    let mut also = settings.clone();
    also.push(zips.fingerprint.clone());
    let stamp = Stamp::new(options.work.join(format!("{}.stamp", part.name)), inputs::of_contents(&sources, &also)?);
    if stamp.fresh() && assembly.join("manifest.json").is_file() {
        task.done("nothing changed");
        return Ok(assembly);
    }
    stamp.begin();
    if assembly.exists() {
        // Each synthesis adds the zips it was made from, a hundred megabytes of them.
        std::fs::remove_dir_all(&assembly).map_err(|error| StackError::file(&assembly, "removed", error))?;
    }
    let mut command = cdk(options);
    command.args(["synth", "--quiet", "--output"]).arg(&assembly);
    for setting in &settings {
        command.args(["--context", setting]);
    }
    let log = options.work.join(format!("logs/synth-{}.log", part.name));
    process::finish("`cdk synth`", command, &log, Some(&task)).await?;
    stamp.finish()?;
    task.done("");
    Ok(assembly)
}

/// Settings of the local stage; see `cdk/config.ts`.
pub(super) fn settings(options: &Options, zips: &Zips) -> Vec<String> {
    let mut settings = vec![
        format!("stage={STAGE}"),
        format!("region={}", super::REGION),
        "agentEngine=local".to_owned(),
        "responseMode=BUFFERED".to_owned(),
        // One person's machine needs no protection from that person.
        "throttleRate=1000".to_owned(),
        "throttleBurst=1000".to_owned(),
        format!("architecture={}", zips.architecture),
        format!("gitlabUrl={}", options.ports.gitlab_url()),
        format!("lambdaZipDir={}", zips.directory.display()),
        format!("agentsDir={}", options.definitions.join("agents").display()),
        // What is packed from the network is named by [`Options::hosted`].
        "hostedServers=none".to_owned(),
    ];
    settings.extend(options.settings.iter().cloned());
    settings
}

/// Deploys stacks of an assembly and returns their outputs.
pub(super) async fn deploy(
    options: &Options,
    assembly: &Path,
    stacks: &[&str],
    terminal: Terminal,
) -> Result<Outputs, StackError> {
    let task = terminal.begin("deploying to MiniStack");
    let outputs = assembly.with_extension("outputs.json");
    let mut command = cdk(options);
    command
        .arg("deploy")
        .args(stacks)
        .args(["--require-approval", "never", "--concurrency", "2", "--method", "direct"])
        .arg("--app")
        .arg(assembly)
        .arg("--output")
        .arg(assembly)
        .arg("--outputs-file")
        .arg(&outputs);
    let name = assembly.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let log = options.work.join(format!("logs/deploy-{name}.log"));
    process::finish("`cdk deploy`", command, &log, Some(&task)).await?;
    let read = Outputs::read(&outputs)?;
    task.done("");
    Ok(read)
}

/// The CDK's command line, with the local stack as its account.
pub(super) fn cdk(options: &Options) -> Command {
    let mut command = process::clean("node");
    command.arg(process::cdk(&options.root)).current_dir(&options.root);
    process::use_local_aws(&mut command, options.ports, &options.work);
    command.env("CDK_DISABLE_CLI_TELEMETRY", "true").env("CI", "true").env("NO_COLOR", "1");
    command
}

/// Outputs of the stacks, by stack and name.
#[derive(Debug)]
pub struct Outputs(BTreeMap<String, BTreeMap<String, Value>>);

impl Outputs {
    fn read(path: &Path) -> Result<Self, StackError> {
        let bytes = std::fs::read(path).map_err(|error| StackError::file(path, "read", error))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| StackError::file(path, "read", error))
    }

    /// An output by its name, whichever stack has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.values().find_map(|outputs| outputs.get(name)).and_then(Value::as_str)
    }

    /// Adds those of further stacks.
    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Address of the chat API's stage on MiniStack.
    pub(super) fn chat_url(&self, ports: Ports) -> Result<Url, StackError> {
        self.stage_url("ChatApiId", ports)
    }

    /// Address of the registry API's stage on MiniStack.
    pub(super) fn registry_url(&self, ports: Ports) -> Result<Url, StackError> {
        self.stage_url("RegistryApiId", ports)
    }

    /// The stage of the REST API whose id is in an output; the addresses in the outputs are those of real AWS.
    fn stage_url(&self, output: &str, ports: Ports) -> Result<Url, StackError> {
        let id =
            self.get(output).ok_or_else(|| StackError::new(format!("the deployed stacks have no output {output}")))?;
        let url = format!("{}/_aws/execute-api/{id}/{STAGE}/", ports.ministack_url());
        Url::parse(&url).map_err(|error| StackError::new(format!("{url}: {error}")))
    }
}
