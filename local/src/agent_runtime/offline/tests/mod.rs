//! Sentences over the agents of this repository, and over two agents that exist only here.

mod conversations;
mod plainness;
mod properties;
mod sentences;

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use handlers::definitions::Definitions;

use super::{
    super::model::{Call, CallResult, Message, Next, Prompt},
    decide,
};

const DATABASE: &str = r#"
name: database
description: Creates databases for a tenant in an environment.
model: test.model
idle_session_seconds: 600
instruction: You create databases for a tenant in an environment, with one pipeline. Ask for what is missing.
action_groups:
  - name: pipelines
    description: Pipelines that create databases.
    handler: mcp_proxy
    server_id: pipelines
    functions:
      - name: execute_database_pipeline
        description: Starts the pipeline that creates a database for a tenant.
        parameters:
          - { name: environment, type: string, description: The environment to create it in., required: true, enum: [dev, test, staging, prod] }
          - { name: tenant_id, type: string, description: The tenant the database is for., required: true }
          - { name: engine, type: string, description: The database engine., required: true, enum: [postgres, mysql] }
          - { name: storage_gb, type: integer, description: Storage in gigabytes., default: 20 }
          - { name: multi_az, type: boolean, description: Whether it runs in several availability zones., default: false }
      - name: get_pipeline_status
        description: Tells the status of a pipeline run that was started before.
        parameters:
          - { name: execution_id, type: string, description: The execution id that was given when the pipeline was started., required: true }
"#;

const DNS: &str = r#"
name: dns
description: Manages DNS records of hosted zones.
model: test.model
idle_session_seconds: 600
instruction: You manage DNS records of hosted zones. Ask for what is missing and never guess a name or an address.
action_groups:
  - name: dns
    description: Changes and lists DNS records.
    handler: mcp_proxy
    server_id: dns
    functions:
      - name: create_dns_record
        description: Creates a DNS record in an environment.
        parameters:
          - { name: environment, type: string, description: The environment the record belongs to., required: true, enum: [dev, test, staging, prod] }
          - { name: record_name, type: string, description: "The full name of the record, for example api.example.com.", required: true }
          - { name: record_type, type: string, description: The type of the record., required: true, enum: [A, AAAA, CNAME] }
          - { name: address, type: string, description: "The address it points to, for example 192.0.2.10.", required: true }
          - { name: ttl, type: integer, description: Time to live in seconds., default: 300 }
      - name: delete_dns_record
        description: Deletes a DNS record from an environment.
        parameters:
          - { name: environment, type: string, description: The environment the record belongs to., required: true, enum: [dev, test, staging, prod] }
          - { name: record_name, type: string, description: "The full name of the record, for example api.example.com.", required: true }
      - name: list_dns_records
        description: Lists the DNS records of an environment.
        parameters:
          - { name: environment, type: string, description: The environment the records belong to., required: true, enum: [dev, test, staging, prod] }
"#;

/// The repository's agents.
pub(crate) fn repository() -> Definitions {
    Definitions::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents")).unwrap()
}

static REPOSITORY: LazyLock<Definitions> = LazyLock::new(repository);

/// The repository's agents and the two from above.
static EXTENDED: LazyLock<Definitions> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let agents = folder.path().join("agents");
    fs::create_dir(&agents).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            fs::copy(&path, agents.join(path.file_name().unwrap())).unwrap();
        }
    }
    fs::write(agents.join("database.yaml"), DATABASE).unwrap();
    fs::write(agents.join("dns.yaml"), DNS).unwrap();
    Definitions::load(&agents).unwrap()
});

/// What the planner decides for an agent after these messages.
fn next(definitions: &Definitions, agent: &str, history: &[Message]) -> Next {
    let agent = definitions.agent(agent).unwrap();
    decide(Prompt { agent, definitions, history, prompt_attributes: &BTreeMap::new() }).next
}

/// Runs a turn to its end with `answer` as the functions; returns calls and answer, and extends the history.
fn turn(
    definitions: &Definitions,
    agent: &str,
    history: &mut Vec<Message>,
    text: &str,
    mut answer: impl FnMut(&Call) -> CallResult,
) -> (Vec<Call>, String) {
    history.push(Message::User(text.to_owned()));
    let mut made = Vec::new();
    for _ in 0..12 {
        match next(definitions, agent, history) {
            Next::Answer(text) => {
                history.push(Message::Answer(text.clone()));
                return (made, text);
            }
            Next::Calls(calls) => {
                for call in calls {
                    let result = answer(&call);
                    history.push(Message::Call(call.clone()));
                    history.push(Message::Result(result));
                    made.push(call);
                }
            }
        }
    }
    panic!("no answer to {text}");
}

fn result(body: serde_json::Value) -> CallResult {
    CallResult { body: body.to_string(), reprompt: false }
}

/// Functions that find nothing in the history and start what they are asked to.
fn willing(call: &Call) -> CallResult {
    match call.function.as_str() {
        "query_deployments" => {
            result(serde_json::json!({ "message": "Nothing is deployed there.", "deployments": [] }))
        }
        _ => result(serde_json::json!({ "message": "Started.", "execution_id": ID, "status": "running" })),
    }
}

const ID: &str = "0191a3c4-7d2e-7abc-8def-0123456789ab";

/// What a sentence must come to.
enum Expected {
    /// These calls, in this order: function and arguments without the free text.
    Calls(&'static [&'static str]),
    /// A question that contains this, and no call.
    Asks(&'static str),
    /// No call, and an answer that contains this.
    Says(&'static str),
    /// Nothing is started; the history may be asked.
    Quiet,
}

/// The specialist's call behind a handed-on wish, as `agent.function name=value ...`.
fn describe(definitions: &Definitions, call: &Call) -> String {
    let arguments = |call: &Call| -> String {
        let said = call.parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "instruction" | "agent_type"));
        said.map(|(name, value)| format!(" {name}={value}")).collect()
    };
    let Some(agent) = call.parameters.get("agent_type") else { return format!("{}{}", call.function, arguments(call)) };
    let mut history = Vec::new();
    let (calls, text) = turn(definitions, agent, &mut history, &call.parameters["instruction"], willing);
    let [inner] = calls.as_slice() else {
        return format!("{agent} made {} calls for {:?} and said: {text}", calls.len(), call.parameters["instruction"]);
    };
    for name in ["environment", "tenant_id"] {
        if let (Some(outer), Some(inner)) = (call.parameters.get(name), inner.parameters.get(name)) {
            assert_eq!(outer, inner, "the orchestrator and {agent} read {name} differently");
        }
    }
    format!("{agent}.{}{}", inner.function, arguments(inner))
}

fn check(definitions: &Definitions, agent: &str, table: &[(&str, Expected)]) {
    let mut wrong = Vec::new();
    for (sentence, expected) in table {
        let (calls, text) = turn(definitions, agent, &mut Vec::new(), sentence, willing);
        let made: Vec<String> = calls.iter().map(|call| describe(definitions, call)).collect();
        let right = match expected {
            Expected::Calls(wanted) => made == *wanted,
            Expected::Asks(part) => {
                made.is_empty() && text.contains(part) && (text.contains('?') || text.contains("Allowed values"))
            }
            Expected::Says(part) => made.is_empty() && text.contains(part),
            Expected::Quiet => made.iter().all(|call| call.starts_with("query_") || call.starts_with("get_")),
        };
        if !right {
            wrong.push(format!("{sentence}\n   calls {made:?}\n   says  {text}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}
