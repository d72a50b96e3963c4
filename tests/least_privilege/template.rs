//! The templates that an account gets, with the agents of the end-to-end tests, and their references made concrete.

use std::{fs, process::Command};

use handlers::definitions::{LOCAL_ALIAS_ID, local_agent_id};
use serde_json::{Map, Value};

use crate::run::{root, work};

/// The stage of the template. Everything that was recorded is named after the local stage instead.
pub(crate) const STAGE: &str = "dev";
pub(crate) const REGION: &str = local::stack::REGION;
pub(crate) const ACCOUNT: &str = "000000000000";
/// Id of every REST API; the functions behind them differ.
pub(crate) const API: &str = "api";
/// What Secrets Manager adds to a name.
const SUFFIX: &str = "-AbCdEf";

/// Resources of both stacks, by logical id; ids of the data stack begin with `data/`.
pub(crate) struct Template(Map<String, Value>);

/// A text of the local stage as an account has it: names that hold the stage, and what is random in a secret's ARN.
pub(crate) fn in_account(text: &str) -> String {
    let local = local::stack::STAGE;
    let text =
        text.replace(&format!("-{local}"), &format!("-{STAGE}")).replace(&format!("/{local}/"), &format!("/{STAGE}/"));
    match text.rsplit_once('-') {
        Some((name, suffix)) if text.contains(":secret:") && suffix.len() == 6 => format!("{name}{SUFFIX}"),
        _ => text,
    }
}

/// ARN of something in the template's region and account.
pub(crate) fn arn(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}")
}

/// ARN of a function.
pub(crate) fn function_arn(name: &str) -> String {
    arn("lambda", &format!("function:{name}"))
}

/// Runs the CDK for an account, with the zips and agents of the last end-to-end run.
pub(crate) fn synthesise() -> Result<Template, String> {
    let output = work().join("account.out");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let settings = [
        format!("stage={STAGE}"),
        format!("region={REGION}"),
        format!("architecture={architecture}"),
        format!("lambdaZipDir={}", work().join("lambda").display()),
        format!("agentsDir={}", work().join("definitions/agents").display()),
        // What the servers of others may do is for servers.yaml to say, and tested with their construct.
        "hostedServers=none".to_owned(),
    ];
    let mut command = Command::new("node");
    command.current_dir(root()).arg("node_modules/aws-cdk/bin/cdk").args(["synth", "--quiet", "--output"]).arg(&output);
    for setting in settings {
        command.args(["--context", &setting]);
    }
    // No account is asked for anything.
    let none = work().join("no-aws-configuration");
    command.env_clear().envs(["PATH", "HOME"].map(|name| (name, std::env::var_os(name).unwrap_or_default())));
    command.env("AWS_CONFIG_FILE", &none).env("AWS_SHARED_CREDENTIALS_FILE", &none);
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("CDK_DISABLE_CLI_TELEMETRY", "true");
    let done = command.output().map_err(|error| format!("node: {error}"))?;
    if !done.status.success() {
        return Err(format!("`cdk synth` failed: {}", String::from_utf8_lossy(&done.stderr)));
    }
    let mut resources = Map::new();
    for (stack, prefix) in [("data", "data/"), ("service", "")] {
        let path = output.join(format!("Switchyard-{STAGE}-{stack}.template.json"));
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let template: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let of_stack = template["Resources"].as_object().ok_or("a template without resources")?;
        resources.extend(of_stack.iter().map(|(id, resource)| (format!("{prefix}{id}"), resource.clone())));
    }
    Ok(Template(resources))
}

impl Template {
    /// Logical id and properties of all resources of a type.
    pub(crate) fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0.iter().filter(move |(_, it)| it["Type"] == kind).map(|(id, it)| (id.as_str(), &it["Properties"]))
    }

    /// Types of all resources.
    pub(crate) fn types(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.values().filter_map(|it| Some((it["Type"].as_str()?, &it["Properties"])))
    }

    /// A value as it is once deployed. Fails on what it does not know, instead of comparing with half a name.
    pub(crate) fn text(&self, value: &Value) -> Result<String, String> {
        if let Value::String(text) = value {
            return Ok(text.clone());
        }
        let unknown = || format!("tests/least_privilege/template.rs does not know what becomes of {value}");
        let (key, argument) = value.as_object().and_then(|it| it.iter().next()).ok_or_else(unknown)?;
        match (key.as_str(), argument) {
            ("Ref", Value::String(id)) => self.reference(id).ok_or_else(unknown),
            ("Fn::GetAtt", Value::Array(parts)) => {
                let [Value::String(id), Value::String(attribute)] = &parts[..] else { return Err(unknown()) };
                self.attribute(id, attribute).ok_or_else(unknown)
            }
            ("Fn::Join", Value::Array(parts)) => {
                let [Value::String(separator), Value::Array(pieces)] = &parts[..] else { return Err(unknown()) };
                Ok(pieces.iter().map(|piece| self.text(piece)).collect::<Result<Vec<_>, _>>()?.join(separator))
            }
            _ => Err(unknown()),
        }
    }

    fn reference(&self, id: &str) -> Option<String> {
        match id {
            "AWS::AccountId" => return Some(ACCOUNT.to_owned()),
            "AWS::Region" => return Some(REGION.to_owned()),
            "AWS::Partition" => return Some("aws".to_owned()),
            _ => {}
        }
        let resource = self.0.get(id)?;
        let named = |property: &str| self.text(&resource["Properties"][property]).ok();
        match resource["Type"].as_str()? {
            "AWS::SecretsManager::Secret" => {
                Some(format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{}{SUFFIX}", named("Name")?))
            }
            "AWS::IAM::Role" => Some(id.to_owned()),
            "AWS::SNS::Topic" => Some(format!("arn:aws:sns:{REGION}:{ACCOUNT}:{}", named("TopicName")?)),
            "AWS::Lambda::Function" => named("FunctionName"),
            "AWS::ApiGateway::RestApi" => Some(API.to_owned()),
            "AWS::ApiGateway::Stage" => named("StageName"),
            _ => None,
        }
    }

    fn attribute(&self, id: &str, attribute: &str) -> Option<String> {
        let resource = self.0.get(id)?;
        let named = |property: &str| self.text(&resource["Properties"][property]).ok();
        let bedrock = |rest: String| Some(format!("arn:aws:bedrock:{REGION}:{ACCOUNT}:{rest}"));
        match (resource["Type"].as_str()?, attribute) {
            ("AWS::IAM::Role", "Arn") => Some(format!("arn:aws:iam::{ACCOUNT}:role/{id}")),
            ("AWS::Lambda::Function", "Arn") => Some(function_arn(&named("FunctionName")?)),
            ("AWS::Logs::LogGroup", "Arn") => {
                Some(format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{}:*", named("LogGroupName")?))
            }
            ("AWS::Events::Rule", "Arn") => Some(format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{}", named("Name")?)),
            // Bedrock chooses ids; the agent runtime derives the same ones that the handlers were told.
            ("AWS::Bedrock::Agent", "AgentId") => {
                Some(local_agent_id(named("AgentName")?.strip_prefix(&format!("switchyard-{STAGE}-"))?))
            }
            ("AWS::Bedrock::Agent", "AgentArn") => bedrock(format!("agent/{}", self.attribute(id, "AgentId")?)),
            ("AWS::Bedrock::AgentAlias", "AgentAliasArn") => {
                bedrock(format!("agent-alias/{}/{LOCAL_ALIAS_ID}", named("AgentId")?))
            }
            _ => None,
        }
    }
}
