//! What is wrong with a set of agent files, if anything: reading them, and every rule that goes beyond their shape.

use std::{collections::HashMap, fmt::Display, fs, path::Path};

use super::{Agent, Function, Handler, ORCHESTRATOR, Parameter, Problem, local_agent_id};

/// Bedrock's limits, each with the field it is for.
const AGENT_DESCRIPTION: usize = 200;
const GROUP_DESCRIPTION: usize = 200;
const FUNCTION_DESCRIPTION: usize = 1200;
const PARAMETER_DESCRIPTION: usize = 500;
const PARAMETERS_PER_FUNCTION: usize = 5;
const INSTRUCTION: std::ops::RangeInclusive<usize> = 40..=4000;
const IDLE_SECONDS: std::ops::RangeInclusive<u32> = 60..=5400;

/// The YAML files of a folder: (`agents/name.yaml`, text), sorted by name.
pub(super) fn read_files(folder: &Path) -> Result<Vec<(String, String)>, Vec<Problem>> {
    let problem = |file: String, reason: String| vec![Problem { file, key: String::new(), reason }];
    let entries = fs::read_dir(folder).map_err(|error| {
        problem(folder.display().to_string(), format!("the folder of the agents cannot be read: {error}"))
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| problem(folder.display().to_string(), error.to_string()))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let file = shown(folder, &path);
            let text = fs::read_to_string(&path).map_err(|error| problem(file.clone(), error.to_string()))?;
            files.push((file, text));
        }
    }
    files.sort();
    Ok(files)
}

/// A file's name as problems show it: the folder's name and the file's.
fn shown(folder: &Path, path: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{}/{}", name(folder), name(path))
}

/// The first line of a parser's message, which says what and where; the lines after it draw the place.
pub(super) fn one_line(error: &impl Display) -> String {
    error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Adds every broken rule to `problems`.
pub(super) fn check(folder: &Path, agents: &[(String, Agent)], problems: &mut Vec<Problem>) {
    let mut ids: HashMap<String, &str> = HashMap::new();
    for (file, agent) in agents {
        let mut report = Report { file, problems };
        check_agent(agent, &mut report);
        if let Some(other) = ids.insert(local_agent_id(&agent.name), file) {
            report.add("name", format!("agrees with the name in {other} in its first ten letters and digits"));
        }
    }
    if problems.is_empty() && !agents.iter().any(|(_, agent)| agent.name == ORCHESTRATOR) {
        let file = shown(folder, &folder.join("orchestrator.yaml"));
        problems.push(Problem { file, key: String::new(), reason: "the orchestrator is missing".into() });
    }
}

/// Where the problems of one file go.
struct Report<'a> {
    file: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Report<'_> {
    fn add(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { file: self.file.to_owned(), key: key.into(), reason: reason.into() });
    }

    fn length(&mut self, key: impl Into<String>, text: &str, most: usize) {
        let count = text.trim().chars().count();
        if count == 0 {
            self.add(key, "is empty");
        } else if count > most {
            self.add(key, format!("has {count} characters, Bedrock allows at most {most}"));
        }
    }
}

fn check_agent(agent: &Agent, report: &mut Report<'_>) {
    let stem = report.file.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or_default();
    if agent.name != stem {
        report.add("name", format!("is `{}`, but the file is named `{stem}.yaml`", agent.name));
    }
    if !is_name(&agent.name, '_') || agent.name.len() > 40 {
        report.add("name", "must be 1 to 40 characters: lower-case letters, digits and single `_`, a letter first");
    }
    report.length("description", &agent.description, AGENT_DESCRIPTION);
    if agent.model.trim().is_empty() {
        report.add("model", "is empty");
    }
    if !IDLE_SECONDS.contains(&agent.idle_session_seconds) {
        report.add("idle_session_seconds", format!("is {}, allowed are 60 to 5400", agent.idle_session_seconds));
    }
    let instruction = agent.instruction.trim().chars().count();
    if !INSTRUCTION.contains(&instruction) {
        report.add("instruction", format!("has {instruction} characters, Bedrock allows 40 to 4000"));
    }
    let mut groups = Vec::new();
    for (index, group) in agent.action_groups.iter().enumerate() {
        let key = format!("action_groups[{index}]");
        if !is_name(&group.name, '-') {
            report.add(format!("{key}.name"), "must be lower-case letters, digits and single `-`, a letter first");
        }
        if groups.contains(&&group.name) {
            report.add(format!("{key}.name"), format!("`{}` is used twice", group.name));
        }
        groups.push(&group.name);
        report.length(format!("{key}.description"), &group.description, GROUP_DESCRIPTION);
        match (group.handler, &group.server_id) {
            (Handler::McpProxy, None) => report.add(format!("{key}.server_id"), "is missing: mcp_proxy needs it"),
            (Handler::McpProxy, Some(_)) | (_, None) => {}
            (other, Some(_)) => report.add(format!("{key}.server_id"), format!("has no meaning with {other}")),
        }
        if group.functions.is_empty() {
            report.add(format!("{key}.functions"), "is empty");
        }
        let mut functions = Vec::new();
        for (index, function) in group.functions.iter().enumerate() {
            let key = format!("{key}.functions[{index}]");
            if functions.contains(&&function.name) {
                report.add(format!("{key}.name"), format!("`{}` is used twice", function.name));
            }
            functions.push(&function.name);
            check_function(function, &key, report);
        }
    }
}

fn check_function(function: &Function, key: &str, report: &mut Report<'_>) {
    if !is_name(&function.name, '_') {
        report.add(format!("{key}.name"), "must be lower-case letters, digits and single `_`, a letter first");
    }
    report.length(format!("{key}.description"), &function.description, FUNCTION_DESCRIPTION);
    let count = function.parameters.len();
    if count > PARAMETERS_PER_FUNCTION {
        report.add(
            format!("{key}.parameters"),
            format!("{count} parameters, Bedrock allows at most {PARAMETERS_PER_FUNCTION}"),
        );
    }
    let mut names = Vec::new();
    for (index, parameter) in function.parameters.iter().enumerate() {
        let key = format!("{key}.parameters[{index}]");
        if names.contains(&&parameter.name) {
            report.add(format!("{key}.name"), format!("`{}` is used twice", parameter.name));
        }
        names.push(&parameter.name);
        check_parameter(parameter, &key, report);
    }
}

fn check_parameter(parameter: &Parameter, key: &str, report: &mut Report<'_>) {
    if !is_name(&parameter.name, '_') {
        report.add(format!("{key}.name"), "must be lower-case letters, digits and single `_`, a letter first");
    }
    if parameter.description.trim().is_empty() {
        report.add(format!("{key}.description"), "is empty");
    }
    report.length(
        format!("{key}.description with its values and default"),
        &parameter.rendered_description(),
        PARAMETER_DESCRIPTION,
    );
    if parameter.enum_from.is_some() && parameter.allowed.is_empty() {
        report.add(format!("{key}.enum_from"), "gives no value: there is no specialist");
    }
    for value in &parameter.allowed {
        if let Err(reason) = parameter.check_type(value) {
            report.add(format!("{key}.enum"), reason);
        }
    }
    let Some(default) = &parameter.default else { return };
    if parameter.required {
        report.add(format!("{key}.default"), "has no meaning on a required parameter");
    }
    if let Err(reason) = parameter.check_type(default) {
        report.add(format!("{key}.default"), reason);
    } else if !parameter.allowed.is_empty() && !parameter.allowed.contains(default) {
        report.add(format!("{key}.default"), "is not one of the allowed values");
    }
}

/// Lower-case letters, digits and single separators, a letter first: a name that Bedrock accepts
/// (`([0-9a-zA-Z][_-]?){1,100}`) and that is one word in Rust, YAML and a URL.
fn is_name(name: &str, separator: char) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == separator)
        && !name.contains(&format!("{separator}{separator}"))
        && !name.ends_with(separator)
}
