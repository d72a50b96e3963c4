//! AWS calls as they were recorded, in the names of an account.
//!
//! The record is made by local/record_aws_calls.py, inside MiniStack; InvokeAgent goes to the agent runtime instead, which
//! logs its requests.

use std::collections::BTreeMap;

use handlers::definitions::LOCAL_ALIAS_ID;
use serde_json::Value;

use crate::template::{ACCOUNT, REGION, in_account};

/// How the names of our own functions begin.
const OURS: &str = "switchyard-local-";

/// One thing that somebody did to a resource. Two are the same if AWS would decide them alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) action: String,
    pub(crate) resource: String,
    /// Values of condition keys.
    pub(crate) facts: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// One of our functions, with its role.
    Function(String),
    /// A service of AWS, which the resource's policy has to let in.
    Service(&'static str),
}

impl Caller {
    /// Name of the function.
    pub(crate) fn function(&self) -> Option<&str> {
        match self {
            Self::Function(name) => Some(name),
            Self::Service(_) => None,
        }
    }
}

/// The calls in both records. What cannot be understood is a problem, never left out.
pub(crate) fn read(recorded: &[Value], agent_runtime: &[Value], problems: &mut Vec<String>) -> Vec<Call> {
    let sessions: BTreeMap<&str, &str> = recorded
        .iter()
        .filter(|line| !signs_for_a_server(text(line, "arn")))
        .filter_map(|line| Some((line["session"].as_str()?, line["arn"].as_str()?.rsplit('/').next()?)))
        .collect();
    // Functions have a session of their role. Programs that a test runs itself, and the agent runtime, say who they are.
    let caller = |line: &Value| match (sessions.get(text(line, "key")), text(line, "program")) {
        (Some(function), _) => Some(Caller::Function(in_account(function))),
        (None, "agent_runtime") => Some(Caller::Service("bedrock.amazonaws.com")),
        (None, program) => program.starts_with("switchyard-").then(|| Caller::Function(in_account(program))),
    };
    let mut calls = Vec::new();
    for line in recorded {
        if let Some(method) = line["method"].as_str() {
            // REST APIs and functions of other teams are granted by their own templates.
            if !text(line, "invoked").starts_with(OURS) {
                continue;
            }
            calls.push(by_api_gateway(text(line, "invoked"), method));
        } else if let Some(rule) = line["rule"].as_str() {
            calls.push(invoked_by("events.amazonaws.com", text(line, "invoked"), in_account(rule)));
        } else if line["request"].is_string()
            && let Some(caller) = caller(line)
        {
            calls.extend(by_request(&caller, line, problems));
        }
    }
    for line in agent_runtime.iter().filter(|line| line["message"] == "request" && line["method"] == "POST") {
        match (caller(line), invoked_agent(text(line, "path"))) {
            (Some(caller @ Caller::Function(_)), Some(resource)) => {
                let action = "bedrock:InvokeAgent".to_owned();
                calls.push(Call { caller, action, resource, facts: BTreeMap::new() });
            }
            (None, _) if text(line, "program").is_empty() => {} // A test of the runtime itself.
            _ => problems.push(format!("a request to the agent runtime that nobody can have made: {line}")),
        }
    }
    calls
}

/// Sessions of a server's own role, which its owner gives its rights; a function of ours only assumes it.
fn signs_for_a_server(session: &str) -> bool {
    session.contains(&format!(":assumed-role/{OURS}mcp-"))
}

fn by_request(caller: &Caller, line: &Value, problems: &mut Vec<String>) -> Vec<Call> {
    let request = text(line, "request");
    let checks = line["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let known = authorised_as(request);
    if checks.is_empty() || checks.iter().any(|check| !known.contains(&text(check, "action"))) {
        problems.push(format!(
            "{caller:?} asked for `{request}`, which was checked as {checks:?}: look up in the Service Authorization \
             Reference which actions it needs, and add it to `authorised_as` in tests/least_privilege/calls.rs"
        ));
    }
    let call = |check: &Value| {
        let (action, resource) = (text(check, "action").to_owned(), in_account(text(check, "resource")));
        if check["allowed"] != true {
            problems.push(format!("MiniStack denied {caller:?} {action} on {resource} (`{request}`)"));
        }
        let facts = match caller {
            Caller::Function(_) => tags(&check["tags"]),
            // Bedrock acts for the agent that its event names.
            Caller::Service(_) => source(format!("arn:aws:bedrock:{REGION}:{ACCOUNT}:agent/{}", text(line, "agent"))),
        };
        Call { caller: caller.clone(), action, resource, facts }
    };
    checks.iter().map(call).collect()
}

/// Actions that a request is authorised by: each of those that MiniStack checks must be among them.
/// Source: Service Authorization Reference, "Actions, resources, and condition keys" for Amazon DynamoDB, AWS Lambda, AWS
/// Secrets Manager, Amazon SNS and AWS STS; Amazon DynamoDB developer guide, "Using IAM with DynamoDB transactions".
fn authorised_as(request: &str) -> &'static [&'static str] {
    match request {
        "DynamoDB_20120810.BatchGetItem" => &["dynamodb:BatchGetItem"],
        "DynamoDB_20120810.GetItem" => &["dynamodb:GetItem"],
        "DynamoDB_20120810.PutItem" => &["dynamodb:PutItem"],
        "DynamoDB_20120810.UpdateItem" => &["dynamodb:UpdateItem"],
        "DynamoDB_20120810.DeleteItem" => &["dynamodb:DeleteItem"],
        "DynamoDB_20120810.Query" => &["dynamodb:Query"],
        "DynamoDB_20120810.TransactWriteItems" => {
            &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
        }
        "secretsmanager.GetSecretValue" => &["secretsmanager:GetSecretValue"],
        // The query protocol, which names the action in the body. Some functions assume roles by it, some tell approvers.
        "POST /" => &["sts:AssumeRole", "sns:Publish"],
        // A query would be a qualifier, and then the resource is the version or the alias.
        path if path.contains('?') => &[],
        path if path.starts_with("POST /2015-03-31/functions/") && path.ends_with("/invocations") => {
            &["lambda:InvokeFunction"]
        }
        path if path.starts_with("GET /2017-03-31/tags/arn:aws:lambda:") => &["lambda:ListTags"],
        _ => &[],
    }
}

/// API Gateway invokes a function for a method: `API/STAGE/METHOD/PATH`.
fn by_api_gateway(function: &str, method: &str) -> Call {
    let (_, rest) = method.split_once('/').unwrap_or_default();
    let method = in_account(&format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{}/{rest}", crate::template::API));
    invoked_by("apigateway.amazonaws.com", function, method)
}

/// A service of AWS invokes a function, for the resource of its own that is named.
fn invoked_by(service: &'static str, function: &str, source_arn: String) -> Call {
    Call {
        caller: Caller::Service(service),
        action: "lambda:InvokeFunction".to_owned(),
        resource: crate::template::function_arn(&in_account(function)),
        facts: source(source_arn),
    }
}

/// The alias that a request to the agent runtime names: `/agents/{id}/agentAliases/{alias}/sessions/{session}/text`.
fn invoked_agent(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let ["", "agents", agent, "agentAliases", LOCAL_ALIAS_ID, "sessions", _, "text"] = parts[..] else { return None };
    Some(format!("arn:aws:bedrock:{REGION}:{ACCOUNT}:agent-alias/{agent}/{LOCAL_ALIAS_ID}"))
}

fn tags(tags: &Value) -> BTreeMap<String, String> {
    let tags = tags.as_object().into_iter().flatten();
    // Stages differ by name only; CloudFormation's own tags are in no condition.
    tags.filter(|(key, _)| !key.starts_with("aws:"))
        .filter_map(|(key, value)| Some((format!("aws:ResourceTag/{key}"), stage(value.as_str()?))))
        .collect()
}

fn stage(value: &str) -> String {
    if value == local::stack::STAGE { crate::template::STAGE.to_owned() } else { value.to_owned() }
}

fn source(arn: String) -> BTreeMap<String, String> {
    [("aws:SourceArn".to_owned(), arn), ("aws:SourceAccount".to_owned(), ACCOUNT.to_owned())].into()
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_default()
}
