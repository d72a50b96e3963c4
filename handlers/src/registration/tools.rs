//! The tools of a server: what counts as approved, and what is wrong with them.

use serde_json::{Map, Value};

use crate::{
    mcp_client::{MAX_TOOLS, declaration_problems},
    registry::{Server, Tool},
    tool_schema,
};

/// Largest tools list in bytes of JSON. An entry may hold two of them (see `Server::superseded`) in DynamoDB's 400 KB.
pub(super) const MAX_TOOLS_BYTES: usize = 170 * 1024;

/// Longest tool name: what models and gateways accept.
const MAX_TOOL_NAME: usize = 64;

/// Takes from discovered tools what only the owner may say: that a tool changes nothing, or destroys nothing. The other
/// annotations decide nothing; where a server says that a tool is dangerous, that stays.
pub(super) fn distrust(tools: &mut [Tool]) {
    for annotations in tools.iter_mut().map(|tool| &mut tool.annotations) {
        annotations.read_only_hint = annotations.read_only_hint.filter(|read_only| !read_only);
        annotations.destructive_hint = annotations.destructive_hint.filter(|destructive| *destructive);
    }
}

/// Approves the tools as read-only that `Configuration` names so: `read_only_tools` and `status_tool`.
///
/// Returns what is wrong with these settings.
pub(super) fn approve(server: &mut Server) -> Vec<String> {
    let (named, mut problems) = read_only_names(&server.configuration);
    for (setting, name) in named {
        match server.available_tools.iter_mut().find(|tool| tool.name == name) {
            None => problems.push(format!("Configuration.{setting}: there is no tool \"{name}\"")),
            Some(tool) if tool.annotations.read_only_hint == Some(false) => problems.push(format!(
                "Configuration.{setting}: \"{name}\" is declared with readOnlyHint: false, so it cannot be read-only"
            )),
            Some(tool) => tool.annotations.read_only_hint = Some(true),
        }
    }
    problems
}

/// The names that are given as read-only, each with its setting, and what is wrong with the settings.
fn read_only_names(configuration: &Map<String, Value>) -> (Vec<(&'static str, String)>, Vec<String>) {
    const LIST: &str = "read_only_tools";
    const STATUS: &str = "status_tool";
    let (mut names, mut problems) = (Vec::new(), Vec::new());
    let list = match configuration.get(LIST) {
        None => &[],
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => {
            problems.push(format!("Configuration.{LIST} must be a list of tool names"));
            &[]
        }
    };
    for (index, name) in list.iter().enumerate() {
        match name {
            Value::String(name) => names.push((LIST, name.clone())),
            _ => problems.push(format!("Configuration.{LIST}[{index}] must be a string")),
        }
    }
    match configuration.get(STATUS) {
        None => {}
        Some(Value::String(name)) => names.push((STATUS, name.clone())),
        Some(_) => problems.push(format!("Configuration.{STATUS} must be a string")),
    }
    (names, problems)
}

/// Names of the tools whose lost answer only a person can settle: they change something, and nothing tells how that went.
pub(super) fn unsettled(server: &Server) -> Vec<&str> {
    let tools = if server.status_tool().is_some() { &[] } else { server.available_tools.as_slice() };
    tools.iter().filter(|tool| !tool.read_only()).map(|tool| tool.name.as_str()).collect()
}

/// What is wrong with the tools of a server, given or discovered, and with the setting that names an argument of theirs.
pub(super) fn problems(server: &Server) -> Vec<String> {
    let mut problems = Vec::new();
    let tools = &server.available_tools;
    if tools.is_empty() {
        problems.push("the server has no tools".to_owned());
    }
    if tools.len() > MAX_TOOLS {
        problems.push(format!("the server has {} tools, at most {MAX_TOOLS} are allowed", tools.len()));
    }
    if serde_json::to_string(tools).is_ok_and(|json| json.len() > MAX_TOOLS_BYTES) {
        problems.push(format!("the tools are larger than {MAX_TOOLS_BYTES} bytes of JSON"));
    }
    for (index, tool) in tools.iter().enumerate() {
        let name = &tool.name;
        let well_formed = (1..=MAX_TOOL_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
        if !well_formed {
            problems.push(format!(
                "tool {index}: the name \"{name}\" must be 1 to {MAX_TOOL_NAME} letters, digits and _ - . /"
            ));
        }
        if tools.iter().take(index).any(|other| other.name == *name) {
            problems.push(format!("tool {index}: the name \"{name}\" is used twice"));
        }
        for (field, schema) in
            [("inputSchema", Some(&tool.input_schema)), ("outputSchema", tool.output_schema.as_ref())]
        {
            let wrong = schema.map(tool_schema::problems).unwrap_or_default().into_iter();
            problems
                .extend(wrong.map(|(pointer, reason)| format!("tool \"{name}\": {field}{}", at(&pointer, &reason))));
        }
        if !tool.meta.is_null() && !tool.meta.is_object() {
            problems.push(format!("tool \"{name}\": _meta must be an object"));
        }
        let wrong = declaration_problems(server, tool).into_iter();
        let protocol = server.protocol_type;
        problems.extend(wrong.map(|problem| format!("tool \"{name}\", its {protocol} declaration: {problem}")));
    }
    problems.extend(environment_problem(server));
    problems
}

/// A problem with its place in a document, to be put behind the document's name.
fn at(pointer: &str, reason: &str) -> String {
    if pointer.is_empty() { format!(" {reason}") } else { format!(", at {pointer}: {reason}") }
}

fn environment_problem(server: &Server) -> Option<String> {
    const SETTING: &str = "Configuration.environment_argument";
    let argument = match server.configuration.get("environment_argument")? {
        Value::String(argument) => argument,
        _ => return Some(format!("{SETTING} must be a string")),
    };
    let declares = |tool: &Tool| tool.input_schema.get("properties").is_some_and(|all| all.get(argument).is_some());
    let known = server.available_tools.iter().any(declares);
    (!known).then(|| format!("{SETTING}: no tool has an argument \"{argument}\""))
}
