use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use serde_json::json;

use super::*;

mod fuzz;

fn shipped() -> Definitions {
    Definitions::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents")).unwrap()
}

/// A folder `agents` with the orchestrator and one more file.
fn load_with(name: &str, text: &str) -> Result<Definitions, Vec<String>> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("agents");
    fs::create_dir(&folder).unwrap();
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents/orchestrator.yaml"),
        folder.join("orchestrator.yaml"),
    )
    .unwrap();
    fs::write(folder.join(name), text).unwrap();
    Definitions::load(&folder).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn database(parameters: &str) -> String {
    format!(
        "name: database
description: Creates databases.
model: some.model
idle_session_seconds: 600
instruction: You create databases with one pipeline and report what it says.
action_groups:
  - name: pipelines
    description: Pipelines.
    handler: mcp_proxy
    server_id: pipelines
    functions:
      - name: execute_database_pipeline
        description: Creates a database.
        parameters: {parameters}
"
    )
}

fn raw(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_shipped_agents_load() {
    let definitions = shipped();
    let names: Vec<_> = definitions.specialists().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["app", "bootstrap", "compute", "tools"]);
    assert!(definitions.orchestrator().unwrap().instruction.contains("- bootstrap: Creates the network"));
}

#[test]
fn a_specialist_is_added_by_one_file() {
    let definitions = load_with("database.yaml", &database("[]")).unwrap();
    let (_, invoke) =
        definitions.function(Handler::AgentInvoker, None, "invoke-specialized-agent", "invoke_agent").unwrap();
    assert_eq!(invoke.parameters[0].allowed, [json!("database")]);
    assert!(definitions.orchestrator().unwrap().instruction.contains("- database: Creates databases."));
    assert!(
        invoke.parameters[0].rendered_description().ends_with("Allowed values: database."),
        "{}",
        invoke.parameters[0].rendered_description()
    );
}

#[test]
fn problems_name_file_key_and_reason() {
    let six = "[".to_owned()
        + &(1..=6).map(|i| format!("{{name: p{i}, type: string, description: d}}")).collect::<Vec<_>>().join(", ")
        + "]";
    let cases = [
        (
            database(&six),
            "agents/database.yaml: action_groups[0].functions[0].parameters: 6 parameters, Bedrock allows at most 5",
        ),
        (
            database("[{name: size, type: integer, description: d, default: big}]"),
            "agents/database.yaml: action_groups[0].functions[0].parameters[0].default: `big` is not of type integer",
        ),
        (
            database("[{name: size, type: string, description: d, enum: [s, m], default: l}]"),
            "parameters[0].default: is not one of the allowed values",
        ),
        (
            database(&format!("[{{name: size, type: string, description: {}}}]", "x".repeat(501))),
            "has 501 characters, Bedrock allows at most 500",
        ),
        (database("[{name: size, type: text, description: d}]"), "agents/database.yaml: "),
        (database("[{name: size, type: string, description: d, maximum: 3}]"), "maximum"),
        (database("[]").replace("    server_id: pipelines\n", ""), "action_groups[0].server_id: is missing"),
        (database("[]").replace("name: database", "name: databases"), "but the file is named `database.yaml`"),
        (database("[]").replace("600", "10"), "idle_session_seconds: is 10, allowed are 60 to 5400"),
    ];
    for (text, expected) in cases {
        let problems = load_with("database.yaml", &text).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}\n{problems:?}");
        assert!(problems.iter().all(|problem| problem.starts_with("agents/database.yaml: ")), "{problems:?}");
    }
}

#[test]
fn two_agents_with_the_same_local_id_are_refused() {
    let text = database("[]").replace("name: database", "name: orchestrators");
    let problems = load_with("orchestrators.yaml", &text).unwrap_err();
    assert!(problems[0].contains("agrees with the name in agents/orchestrator.yaml"), "{problems:?}");
}

#[test]
fn arguments_get_their_types_and_defaults() {
    let definitions = shipped();
    let (group, function) =
        definitions.function(Handler::McpProxy, Some("compute"), "pipelines", "execute_compute_pipeline").unwrap();
    assert_eq!(group.server_id.as_deref(), Some("pipelines"));
    let arguments = function
        .arguments(&raw(&[("environment", "DEV"), ("tenant_id", " acme "), ("instance_count", "3"), ("region", "")]))
        .unwrap();
    assert_eq!(
        Value::Object(arguments),
        json!({"environment": "dev", "tenant_id": "acme", "instance_type": "t3.medium", "instance_count": 3, "region": "us-east-1"})
    );
}

#[test]
fn every_fault_of_a_call_is_named_at_once() {
    let definitions = shipped();
    let (_, function) =
        definitions.function(Handler::McpProxy, Some("compute"), "pipelines", "execute_compute_pipeline").unwrap();
    let fault = function
        .arguments(&raw(&[("environment", "moon"), ("instance_count", "many"), ("colour", "red")]))
        .unwrap_err();
    for part in [
        "`environment` must be one of dev, test, staging, prod, not `moon`",
        "`tenant_id` is missing",
        "`instance_count` must be of type integer, not `many`",
        "there is no parameter `colour`",
    ] {
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn what_a_refusal_quotes_is_short_and_on_one_line() {
    let definitions = shipped();
    let (_, function) =
        definitions.function(Handler::McpProxy, Some("compute"), "pipelines", "get_pipeline_status").unwrap();
    let long = "x\n".repeat(100_000);
    let names: Vec<String> = (0..1000).map(|i| format!("{i}{long}")).collect();
    let fault = function.arguments(&names.iter().map(|name| (name.clone(), long.clone())).collect()).unwrap_err();
    assert!(fault.len() < 1000 && !fault.contains('\n') && fault.contains("and 995 more"), "{fault}");
    let fault = definitions.function(Handler::McpProxy, Some(&long), &long, &long).unwrap_err();
    assert!(fault.len() < 300 && !fault.contains('\n'), "{fault}");
}

#[test]
fn a_named_agent_calls_only_what_it_has() {
    let definitions = shipped();
    let find = |agent, name| definitions.function(Handler::McpProxy, agent, "pipelines", name);
    assert!(find(Some("app"), "execute_app_pipeline").is_ok());
    assert!(find(Some("app"), "execute_compute_pipeline").unwrap_err().contains("agent `app` has no function"));
    assert!(find(Some("stranger"), "execute_app_pipeline").is_err());
    assert!(find(None, "execute_app_pipeline").is_ok());
    assert!(find(None, "get_pipeline_status").is_ok(), "three agents have the same one");
    assert!(find(None, "delete_everything").is_err());
    assert!(definitions.function(Handler::McpProxy, None, "some-gateway-target", "execute_app_pipeline").is_ok());
    assert!(definitions.function(Handler::MemoryManager, None, "pipelines", "execute_app_pipeline").is_err());
}

#[test]
fn a_call_without_an_agent_must_mean_the_same_whoever_made_it() {
    let other = database("[]")
        .replace("execute_database_pipeline", "get_pipeline_status")
        .replace("server_id: pipelines", "server_id: databases");
    let definitions = load_with("database.yaml", &other).unwrap();
    assert!(definitions.function(Handler::McpProxy, None, "pipelines", "get_pipeline_status").is_ok());
    let two = other.replace("name: database", "name: storage").replace("databases", "storages");
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("agents");
    fs::create_dir(&folder).unwrap();
    let orchestrator = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents/orchestrator.yaml");
    fs::copy(orchestrator, folder.join("orchestrator.yaml")).unwrap();
    fs::write(folder.join("database.yaml"), other).unwrap();
    fs::write(folder.join("storage.yaml"), two).unwrap();
    let definitions = Definitions::load(&folder).unwrap();
    let find = |agent| definitions.function(Handler::McpProxy, agent, "pipelines", "get_pipeline_status");
    assert!(find(None).unwrap_err().contains("does not say which agent"));
    assert_eq!(find(Some("storage")).unwrap().0.server_id.as_deref(), Some("storages"));
}

proptest! {
    #[test]
    fn no_text_of_an_agent_file_panics(text in "\\PC{0,400}") {
        drop(load_with("database.yaml", &text));
    }

    #[test]
    fn no_raw_value_panics(name in "environment|instance_count|tenant_id|[a-z]{1,8}", value in "\\PC{0,60}") {
        let definitions = shipped();
        let (_, function) =
            definitions.function(Handler::McpProxy, None, "pipelines", "execute_compute_pipeline").unwrap();
        drop(function.arguments(&raw(&[(&name, &value)])));
    }

    #[test]
    fn lists_are_read_in_json_and_in_java_spelling(items in prop::collection::vec("[a-z]{1,6}", 0..5)) {
        let parameter = Parameter {
            name: "names".into(), kind: ParameterType::Array, description: "d".into(), required: false,
            allowed: vec![], enum_from: None, default: None,
        };
        let expected = json!(items);
        prop_assert_eq!(parameter.parse(&expected.to_string()).unwrap(), expected.clone());
        prop_assert_eq!(parameter.parse(&format!("[{}]", items.join(", "))).unwrap(), expected);
    }
}
