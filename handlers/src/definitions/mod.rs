//! The agents as data: `agents/*.yaml`, checked and rendered.
//!
//! Three programs read the same files: the CDK app makes Bedrock agents of them, the local agent runtime runs them, and the
//! handlers check every call against the types, enums and defaults declared there, which Bedrock's own schema cannot hold.
//! Shape and limits: `agents/schema.json`; the limits that are Bedrock's come from "Define function details for your agent's
//! action groups" and the quota page of the Amazon Bedrock user guide.

mod arguments;
mod check;
mod file;
mod tools;

use std::{fmt, path::Path};

use serde::Deserialize;
use serde_json::Value;
pub use tools::{CALL_TOOL, FIND_TOOLS, ToolRules};

use self::arguments::short;
use crate::error::{Error, internal};

/// Name of the agent that talks to the user; every other agent is a specialist.
pub const ORCHESTRATOR: &str = "orchestrator";

/// The word in an instruction that is replaced by the list of specialists.
const SPECIALISTS_PLACE: &str = "{specialists}";

/// One agent: the content of `agents/{name}.yaml`, rendered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Equal to the file's stem.
    pub name: String,
    /// One sentence, shown to the orchestrator.
    pub description: String,
    /// Bedrock model id or inference profile id.
    pub model: String,
    /// After how many seconds without a message a session is forgotten, 60 to 5400.
    pub idle_session_seconds: u32,
    /// The system prompt.
    pub instruction: String,
    /// What the agent can call.
    pub action_groups: Vec<ActionGroup>,
}

/// Functions of an agent that one handler serves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionGroup {
    /// Name on Bedrock.
    pub name: String,
    /// For the model.
    pub description: String,
    /// The Lambda function that serves it.
    pub handler: Handler,
    /// The MCP server in the registry whose tools the functions are; only with the handler `mcp_proxy`.
    pub server_id: Option<String>,
    /// Instead of `server_id`: the functions find and call tools of all servers, and these lists say which.
    pub tools: Option<ToolRules>,
    /// What can be called.
    pub functions: Vec<Function>,
}

/// The handlers that serve action groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// Runs a specialist.
    AgentInvoker,
    /// Answers from the deployment history.
    MemoryManager,
    /// Calls a tool of an MCP server.
    McpProxy,
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AgentInvoker => "agent_invoker",
            Self::MemoryManager => "memory_manager",
            Self::McpProxy => "mcp_proxy",
        })
    }
}

/// Something an agent can call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// For `mcp_proxy` also the name of the server's tool.
    pub name: String,
    /// For the model.
    pub description: String,
    /// At most five: a quota of Bedrock.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
}

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Name in the call.
    pub name: String,
    /// Declared type; on the wire every value is a string.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// For the model, without the values and the default: [`Parameter::rendered_description`] adds them.
    pub description: String,
    /// Whether a call without it is refused.
    #[serde(default)]
    pub required: bool,
    /// The only values that are allowed, if there are such.
    #[serde(default, rename = "enum", deserialize_with = "file::allowed")]
    pub allowed: Vec<Value>,
    /// Where the allowed values come from; resolved into `allowed` on loading.
    pub enum_from: Option<EnumFrom>,
    /// Used when the call has no value.
    #[serde(default, deserialize_with = "file::default")]
    pub default: Option<Value>,
}

/// Types of Bedrock's function details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list; Bedrock does not promise JSON.
    Array,
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
        })
    }
}

/// Sources of allowed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnumFrom {
    /// The names of all specialists, sorted.
    Specialists,
}

/// Something wrong in a file, in words for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File name, relative to the folder's parent: `agents/bootstrap.yaml`.
    pub file: String,
    /// Where in it: a key path such as `action_groups[0].functions[1]`, empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.file, self.reason),
            key => write!(f, "{}: {key}: {}", self.file, self.reason),
        }
    }
}

/// All agents of a folder, checked.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// Sorted by name.
    agents: Vec<Agent>,
}

impl Definitions {
    /// Reads every `*.yaml` of the folder, checks all of them and renders what depends on the whole set.
    ///
    /// # Errors
    /// Every problem that was found, each naming file, key and reason.
    pub fn load(folder: &Path) -> Result<Self, Vec<Problem>> {
        Self::of_files(folder, check::read_files(folder)?)
    }

    /// The same for files that have been read: name and text.
    fn of_files(folder: &Path, files: Vec<(String, String)>) -> Result<Self, Vec<Problem>> {
        let mut agents = Vec::new();
        let mut problems = Vec::new();
        for (file, text) in files {
            match file::read(&text) {
                Ok(agent) => {
                    check::unrendered(&file, &agent, &mut problems);
                    agents.push((file, agent));
                }
                Err((key, reason)) => problems.push(Problem { file, key, reason }),
            }
        }
        // The rules are about the whole set: they wait until every file has the right shape.
        if !problems.is_empty() {
            return Err(problems);
        }
        agents.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        let specialists: Vec<(String, String)> = agents
            .iter()
            .filter(|(_, agent)| agent.name != ORCHESTRATOR)
            .map(|(_, agent)| (agent.name.clone(), agent.description.clone()))
            .collect();
        for (_, agent) in &mut agents {
            agent.render(&specialists);
        }
        check::check(folder, &agents, &mut problems);
        if problems.is_empty() {
            Ok(Self { agents: agents.into_iter().map(|(_, agent)| agent).collect() })
        } else {
            Err(problems)
        }
    }

    /// The agents that travel in a function's zip: the folder `agents` of its task root.
    ///
    /// # Errors
    /// Every problem that was found, in one message.
    pub fn of_zip(task_root: &Path) -> Result<Self, Error> {
        Self::load(&task_root.join("agents")).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            internal(format!("The agents cannot be loaded: {}", lines.join("; ")))
        })
    }

    /// All agents, sorted by name.
    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name == name)
    }

    /// The agent that talks to the user.
    pub fn orchestrator(&self) -> Option<&Agent> {
        self.agent(ORCHESTRATOR)
    }

    /// Every other agent, sorted by name.
    pub fn specialists(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter().filter(|agent| agent.name != ORCHESTRATOR)
    }

    /// The declaration behind a call to `handler`. A named agent calls only what it has itself. A call without an agent (from
    /// a gateway, whose target may carry another name than the action group) must mean the same whoever made it.
    ///
    /// # Errors
    /// A sentence for the caller: there is no such function, or agents have different ones of that name.
    pub fn function(
        &self,
        handler: Handler,
        agent: Option<&str>,
        action_group: &str,
        function: &str,
    ) -> Result<(&ActionGroup, &Function), String> {
        let called: Vec<(&ActionGroup, &Function)> = self
            .agents
            .iter()
            .filter(|candidate| agent.is_none_or(|name| candidate.name == name))
            .flat_map(|candidate| &candidate.action_groups)
            .filter(|group| group.handler == handler)
            .flat_map(|group| group.functions.iter().map(move |declared| (group, declared)))
            .filter(|(_, declared)| declared.name == function)
            .collect();
        let mut exact = called.iter().filter(|(group, _)| group.name == action_group).peekable();
        let mut meant: Vec<_> = if exact.peek().is_some() { exact.copied().collect() } else { called };
        let Some((group, declared)) = meant.pop() else {
            let (function, action_group) = (short(function), short(action_group));
            return Err(match agent {
                Some(agent) => {
                    format!("The agent `{}` has no function `{function}` in `{action_group}`.", short(agent))
                }
                None => format!("There is no function `{function}` in the action group `{action_group}`."),
            });
        };
        let differs = |other: &ActionGroup| other.server_id != group.server_id || other.tools != group.tools;
        if meant.iter().any(|(other, same)| differs(other) || *same != declared) {
            let function = short(function);
            return Err(format!(
                "Several agents have different functions `{function}`, and the call does not say which agent makes it."
            ));
        }
        Ok((group, declared))
    }
}

impl Agent {
    /// Puts the specialists where the file asks for them.
    fn render(&mut self, specialists: &[(String, String)]) {
        let lines: Vec<String> =
            specialists.iter().map(|(name, description)| format!("- {name}: {description}")).collect();
        self.instruction = self.instruction.replace(SPECIALISTS_PLACE, &lines.join("\n"));
        let parameters = self
            .action_groups
            .iter_mut()
            .flat_map(|group| &mut group.functions)
            .flat_map(|function| &mut function.parameters);
        for parameter in parameters {
            if parameter.enum_from == Some(EnumFrom::Specialists) {
                parameter.allowed = specialists.iter().map(|(name, _)| Value::from(name.as_str())).collect();
            }
        }
    }
}

impl Parameter {
    /// The description as Bedrock gets it, with allowed values and default in words. At most 500 characters, which
    /// [`Definitions::load`] has checked.
    pub fn rendered_description(&self) -> String {
        let mut text = self.description.trim().to_owned();
        if !self.allowed.is_empty() {
            text.push_str(&format!(" Allowed values: {}.", list(&self.allowed)));
        }
        if let Some(default) = &self.default {
            text.push_str(&format!(" Default: {}.", plain(default)));
        }
        text
    }
}

/// Values as a person writes them, separated by commas.
fn list(values: &[Value]) -> String {
    values.iter().map(plain).collect::<Vec<_>>().join(", ")
}

/// A value as a person writes it: text without quotation marks.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The id under which the local agent runtime knows an agent: at most ten letters and digits, as Bedrock's ids are.
/// Two agents whose names agree in the first ten characters get the same id, which [`Definitions::load`] refuses.
pub fn local_agent_id(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(10).collect::<String>().to_ascii_uppercase()
}

/// The alias id that goes with [`local_agent_id`].
pub const LOCAL_ALIAS_ID: &str = "LOCAL";

#[cfg(test)]
mod tests;
