//! The tools of a server: what counts as approved, and what is wrong with them.

use serde_json::{Map, Value};

use crate::{
    mcp_client::{MAX_TOOLS, declaration_problems},
    problem::Fault,
    registry::{Server, Tool},
    tool_schema,
};

/// Largest tools list in bytes of JSON. An entry may hold two of them (see `Server::superseded`) in DynamoDB's 400 KB.
pub const MAX_TOOLS_BYTES: usize = 170 * 1024;

/// Longest tool name: what models and gateways accept.
const MAX_TOOL_NAME: usize = 64;

/// Takes from discovered tools what only the owner may say: that a tool changes nothing, or destroys nothing. The other
/// annotations decide nothing; where a server says that a tool is dangerous, that stays.
pub fn distrust(tools: &mut [Tool]) {
    for annotations in tools.iter_mut().map(|tool| &mut tool.annotations) {
        annotations.read_only_hint = annotations.read_only_hint.filter(|read_only| !read_only);
        annotations.destructive_hint = annotations.destructive_hint.filter(|destructive| *destructive);
    }
}

/// The tools that a server lists now, as far as its word counts beside what was approved for them: it may not take back that a
/// tool changes or destroys something, nor what its owner says of it in `_meta` under `switchyard/`. That it is dangerous, it
/// may say at any time.
pub fn refreshed(approved: &Server, mut listed: Vec<Tool>) -> Vec<Tool> {
    distrust(&mut listed);
    for tool in &mut listed {
        let Some(before) = approved.tool(&tool.name) else { continue };
        let (told, kept) = (&mut tool.annotations, &before.annotations);
        told.read_only_hint = told.read_only_hint.or(kept.read_only_hint);
        told.destructive_hint = told.destructive_hint.or(kept.destructive_hint);
        told.idempotent_hint = told.idempotent_hint.or(kept.idempotent_hint);
        told.open_world_hint = told.open_world_hint.or(kept.open_world_hint);
        if told.title.is_none() {
            told.title.clone_from(&kept.title);
        }
        let ours = before.meta.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("switchyard/"));
        for (name, value) in ours {
            if tool.meta.is_null() {
                tool.meta = Value::Object(Map::new());
            }
            if let Some(meta) = tool.meta.as_object_mut() {
                meta.insert(name.clone(), value.clone());
            }
        }
    }
    listed
}

/// Approves the tools as read-only that `configuration` names so: `read_only_tools` and `status_tool`.
///
/// Returns what is wrong with these settings.
pub(crate) fn approve(server: &mut Server) -> Vec<Fault> {
    let (named, mut faults) = read_only_names(&server.configuration);
    for (setting, name) in named {
        match server.available_tools.iter_mut().find(|tool| tool.name == name) {
            None => faults.push(Fault::at(setting, format!("there is no tool \"{name}\""))),
            Some(tool) if tool.annotations.read_only_hint == Some(false) => faults.push(Fault::at(
                setting,
                format!("\"{name}\" is declared with readOnlyHint: false, so it cannot be read-only"),
            )),
            Some(tool) => tool.annotations.read_only_hint = Some(true),
        }
    }
    faults
}

/// The names that are given as read-only, each with the place of its setting, and what is wrong with the settings.
fn read_only_names(configuration: &Map<String, Value>) -> (Vec<(String, String)>, Vec<Fault>) {
    const LIST: &str = "/configuration/read_only_tools";
    const STATUS: &str = "/configuration/status_tool";
    let (mut names, mut faults) = (Vec::new(), Vec::new());
    let list = match configuration.get("read_only_tools") {
        None => &[],
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => {
            faults.push(Fault::at(LIST, "must be a list of tool names"));
            &[]
        }
    };
    for (index, name) in list.iter().enumerate() {
        match name {
            Value::String(name) => names.push((format!("{LIST}/{index}"), name.clone())),
            _ => faults.push(Fault::at(format!("{LIST}/{index}"), "must be a string")),
        }
    }
    match configuration.get("status_tool") {
        None => {}
        Some(Value::String(name)) => names.push((STATUS.to_owned(), name.clone())),
        Some(_) => faults.push(Fault::at(STATUS, "must be a string")),
    }
    (names, faults)
}

/// Names of the tools whose lost answer only a person can settle: they change something, and nothing tells how that went.
pub fn unsettled(server: &Server) -> Vec<&str> {
    let tools = if server.status_tool().is_some() { &[] } else { server.available_tools.as_slice() };
    tools.iter().filter(|tool| !tool.read_only()).map(|tool| tool.name.as_str()).collect()
}

/// What is wrong with the tools of a server, given or discovered, and with the setting that names an argument of theirs. What
/// is wrong with a tool names the tool.
pub(crate) fn faults(server: &Server) -> Vec<Fault> {
    const ALL: &str = "/available_tools";
    let mut faults = Vec::new();
    let tools = &server.available_tools;
    if tools.is_empty() {
        faults.push(Fault::at(ALL, "the server has no tools"));
    }
    if tools.len() > MAX_TOOLS {
        faults.push(Fault::at(ALL, format!("the server has {} tools, at most {MAX_TOOLS} are allowed", tools.len())));
    }
    if serde_json::to_string(tools).is_ok_and(|json| json.len() > MAX_TOOLS_BYTES) {
        faults.push(Fault::at(ALL, format!("the tools are larger than {MAX_TOOLS_BYTES} bytes of JSON")));
    }
    for (index, tool) in tools.iter().enumerate() {
        let earlier = tools.iter().take(index);
        faults.extend(name_faults(index, tool, earlier));
        let name = &tool.name;
        for (field, schema) in
            [("inputSchema", Some(&tool.input_schema)), ("outputSchema", tool.output_schema.as_ref())]
        {
            let wrong = schema.map(tool_schema::problems).unwrap_or_default().into_iter();
            faults.extend(wrong.map(|(pointer, reason)| {
                Fault::at(
                    format!("{ALL}/{index}/{field}{pointer}"),
                    format!("tool \"{name}\": {field}{}", at(&pointer, &reason)),
                )
            }));
        }
        let meta = format!("{ALL}/{index}/_meta");
        if !tool.meta.is_null() && !tool.meta.is_object() {
            faults.push(Fault::at(meta.as_str(), format!("tool \"{name}\": _meta must be an object")));
        }
        let protocol = server.protocol_type;
        faults.extend(declaration_problems(server, tool).into_iter().map(|problem| {
            Fault::at(meta.as_str(), format!("tool \"{name}\", its {protocol} declaration: {problem}"))
        }));
    }
    faults.extend(environment_fault(server));
    faults
}

/// A problem with its place in a document, to be put behind the document's name.
fn at(pointer: &str, reason: &str) -> String {
    if pointer.is_empty() { format!(" {reason}") } else { format!(", at {pointer}: {reason}") }
}

fn name_faults<'a>(index: usize, tool: &Tool, mut earlier: impl Iterator<Item = &'a Tool>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (name, place) = (&tool.name, format!("/available_tools/{index}/name"));
    let well_formed = (1..=MAX_TOOL_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    if !well_formed {
        faults.push(Fault::at(
            place.as_str(),
            format!("tool {index}: the name \"{name}\" must be 1 to {MAX_TOOL_NAME} letters, digits and _ - . /"),
        ));
    }
    if earlier.any(|other| other.name == *name) {
        faults.push(Fault::at(place, format!("tool {index}: the name \"{name}\" is used twice")));
    }
    faults
}

fn environment_fault(server: &Server) -> Option<Fault> {
    const SETTING: &str = "/configuration/environment_argument";
    let argument = match server.configuration.get("environment_argument")? {
        Value::String(argument) => argument,
        _ => return Some(Fault::at(SETTING, "must be a string")),
    };
    let declares = |tool: &Tool| tool.input_schema.get("properties").is_some_and(|all| all.get(argument).is_some());
    let known = server.available_tools.iter().any(declares);
    (!known).then(|| Fault::at(SETTING, format!("no tool has an argument \"{argument}\"")))
}
