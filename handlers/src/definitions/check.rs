//! What is wrong with a set of agent files, if anything: reading them, and every rule that goes beyond their shape.

use std::{collections::HashMap, fs, path::Path};

use super::{
    ActionGroup, Agent, Function, Handler, ORCHESTRATOR, Parameter, ParameterType, Problem, local_agent_id, tools,
};
use crate::{error::shorten, registry::valid_server_id};

/// Bedrock's limits, each with the field it is for.
const AGENT_DESCRIPTION: usize = 200;
const GROUP_DESCRIPTION: usize = 200;
const FUNCTION_DESCRIPTION: usize = 1200;
const PARAMETER_DESCRIPTION: usize = 500;
const PARAMETERS_PER_FUNCTION: usize = 5;
const INSTRUCTION: std::ops::RangeInclusive<usize> = 40..=4000;
const GROUPS: std::ops::RangeInclusive<usize> = 1..=15;
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

/// Adds what can only be seen before the specialists are written into an agent.
pub(super) fn unrendered(file: &str, agent: &Agent, problems: &mut Vec<Problem>) {
    let mut report = Report { file, problems };
    let length = agent.instruction.chars().count();
    if length > *INSTRUCTION.end() {
        report.add("instruction", format!("has {length} characters, at most {} are allowed", INSTRUCTION.end()));
    }
    for (group, action_group) in agent.action_groups.iter().enumerate() {
        for (function, declared) in action_group.functions.iter().enumerate() {
            for (index, parameter) in declared.parameters.iter().enumerate() {
                let key = format!("action_groups[{group}].functions[{function}].parameters[{index}]");
                if parameter.enum_from.is_some() && !parameter.allowed.is_empty() {
                    report.add(format!("{key}.enum_from"), "cannot stand beside enum");
                }
            }
        }
    }
}

/// Whether a character is white space for the other reader of these files too.
fn is_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// `provider.model`, with a geography before it or versions after colons.
fn is_model(id: &str) -> bool {
    let of = |part: &str, extra: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c))
    };
    let mut parts = id.split(':');
    let name = parts.next().unwrap_or_default();
    name.contains('.') && name.split('.').all(|part| of(part, "-")) && parts.all(|part| of(part, ""))
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
        let reason = shorten(&reason.into(), 300);
        self.problems.push(Problem { file: self.file.to_owned(), key: key.into(), reason });
    }

    fn length(&mut self, key: impl Into<String>, text: &str, most: usize) {
        let count = text.chars().count();
        if text.chars().all(is_space) {
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
    if !is_model(&agent.model) {
        report.add("model", "is not the id of a Bedrock model or inference profile");
    }
    if !IDLE_SECONDS.contains(&agent.idle_session_seconds) {
        report.add("idle_session_seconds", format!("is {}, allowed are 60 to 5400", agent.idle_session_seconds));
    }
    let instruction = agent.instruction.trim_matches(is_space).chars().count();
    if !INSTRUCTION.contains(&instruction) {
        report.add("instruction", format!("has {instruction} characters, Bedrock allows 40 to 4000"));
    }
    if !GROUPS.contains(&agent.action_groups.len()) {
        report.add("action_groups", format!("{} action groups, Bedrock allows 1 to 15", agent.action_groups.len()));
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
        check_target(group, &key, report);
        // agent_invoker knows the specialists' ids: a specialist that needs agent_invoker would be a cycle.
        if group.handler == Handler::AgentInvoker && agent.name != ORCHESTRATOR {
            report.add(format!("{key}.handler"), format!("only the {ORCHESTRATOR} invokes other agents"));
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

/// Which servers the group's functions reach: one, or all within lists.
fn check_target(group: &ActionGroup, key: &str, report: &mut Report<'_>) {
    match (group.handler, &group.server_id, &group.tools) {
        (Handler::McpProxy, Some(id), None) if !valid_server_id(id) => report.add(
            format!("{key}.server_id"),
            "must be at most 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        ),
        (Handler::McpProxy, Some(_), Some(_)) => report.add(format!("{key}.server_id"), "cannot stand beside tools"),
        (Handler::McpProxy, None, None) => {
            report.add(format!("{key}.server_id"), "is missing: mcp_proxy needs it, or tools")
        }
        (Handler::McpProxy, ..) | (_, None, None) => {}
        (other, id, _) => {
            let field = if id.is_some() { "server_id" } else { "tools" };
            report.add(format!("{key}.{field}"), format!("has no meaning with {other}"));
        }
    }
    let Some(rules) = &group.tools else { return };
    if rules.allow.is_empty() {
        report.add(format!("{key}.tools.allow"), "is empty, there must be at least one pattern");
    }
    for (list, patterns) in [("allow", &rules.allow), ("deny", &rules.deny)] {
        if patterns.len() > tools::MOST_PATTERNS {
            let reason = format!("{} patterns, at most {} are allowed", patterns.len(), tools::MOST_PATTERNS);
            report.add(format!("{key}.tools.{list}"), reason);
        }
        for (index, _) in patterns.iter().enumerate().filter(|(_, pattern)| !tools::is_pattern(pattern)) {
            let reason = "must be server/tool, where * stands for any characters: pipelines/*, */get_*";
            report.add(format!("{key}.tools.{list}[{index}]"), reason);
        }
    }
    for (index, function) in group.functions.iter().enumerate() {
        for (field, reason) in tools::function_problems(function) {
            report.add(format!("{key}.functions[{index}].{field}"), reason);
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
    report.length(format!("{key}.description"), &parameter.description, PARAMETER_DESCRIPTION);
    report.length(
        format!("{key}.description with its values and default"),
        &parameter.rendered_description(),
        PARAMETER_DESCRIPTION,
    );
    if parameter.enum_from.is_some() && parameter.kind != ParameterType::String {
        report.add(format!("{key}.enum_from"), format!("needs the type string, not {}", parameter.kind));
    }
    if parameter.enum_from.is_some() && parameter.allowed.is_empty() {
        report.add(format!("{key}.enum_from"), "gives no value: there is no specialist");
    }
    for value in &parameter.allowed {
        if let Err(reason) = parameter.check_type(value) {
            report.add(format!("{key}.enum"), reason);
        }
    }
    let Some(default) = &parameter.default else { return };
    if parameter.enum_from.is_some() {
        report.add(format!("{key}.default"), "cannot stand beside enum_from");
    }
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
