//! Hands a piece of work to a specialist agent, for the orchestrator.
//!
//! The specialist works in a session of its own that belongs to the orchestrator's, so it remembers what the two talked about
//! and nobody else gets into it. Whatever goes wrong with a specialist is an answer the orchestrator can act on; `FAILURE`
//! would end the user's session over it.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_bedrockagentruntime::config::Builder;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    action_group::{self, ToolAnswer, ToolCall, attribute},
    agents::{AgentRef, Agents, Answer, Ask, Report, Step},
    definitions::{Definitions, Handler},
    env,
    error::{Result, internal, invalid},
    identity,
    runtime::Invocation,
};

/// Name in the log.
const FUNCTION: &str = "agent_invoker";
/// What is kept of Lambda's time to tell the orchestrator that the specialist did not finish.
const MARGIN: Duration = Duration::from_secs(1);

/// What every call needs.
#[derive(Debug)]
pub struct AgentInvoker {
    agents: Agents,
    definitions: Definitions,
    deployed: BTreeMap<String, AgentRef>,
}

impl AgentInvoker {
    /// From the function's configuration and the SDK's. Reads `agents/` in the task root.
    ///
    /// # Errors
    /// `Internal`: `agents/` has problems, `AGENTS` holds something that is no agent, or a specialist is not in it.
    pub fn new(config: &env::AgentInvoker, sdk: impl Into<Builder>) -> Result<Self> {
        let definitions = Definitions::of_zip(&config.task_root)?;
        let mut deployed = BTreeMap::new();
        for specialist in definitions.specialists() {
            let name = &specialist.name;
            let value = config.agents.get(name).ok_or_else(|| {
                internal(format!(
                    "AGENTS has no entry for {name}, which agents/{name}.yaml defines. Deploy both together."
                ))
            })?;
            deployed.insert(name.clone(), AgentRef::parse(&format!("AGENTS, entry {name},"), value)?);
        }
        Ok(Self { agents: Agents::new(sdk), definitions, deployed })
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is no call of an agent.
    pub async fn handle(&self, event: Value, invocation: Invocation) -> Result<Value> {
        action_group::answer(FUNCTION, event, invocation, |call, invocation| self.invoke(call, invocation)).await
    }

    async fn invoke(&self, call: ToolCall, invocation: Invocation) -> Result<ToolAnswer> {
        self.check_agent_type(&call)?;
        let (_, _, arguments) = call.declared(&self.definitions, Handler::AgentInvoker)?;
        let name = text(&arguments, "agent_type").ok_or_else(|| invalid("agent_type is missing."))?;
        let instruction = text(&arguments, "instruction").ok_or_else(|| invalid("instruction is missing."))?;
        let agent = self.deployed.get(name).ok_or_else(|| internal(format!("The {name} agent is not deployed.")))?;

        // What the orchestrator was not told is not made up here: whoever needs it says that it is missing.
        let attributes = [
            (attribute::AGENT, Some(name)),
            (attribute::REQUESTED_BY, call.attribute(attribute::REQUESTED_BY)),
            (attribute::SESSION_ID, call.session()),
        ];
        let attributes =
            attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        // Without a session there is nothing to belong to: the specialist starts afresh.
        let owner = call.session().map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        let ask = Ask {
            agent: agent.clone(),
            name: name.to_owned(),
            session_id: identity::specialist_session(&owner, name),
            text: with_context(instruction, &arguments),
            attributes,
            in_pieces: false,
            deadline: invocation.deadline.checked_sub(MARGIN).unwrap_or_else(Instant::now),
        };
        let mut answer = Answer::default();
        let message = match self.run(ask, &mut answer).await {
            Ok(()) => answer.reply,
            Err(error) => {
                let (request_id, kind, causes) = (&invocation.request_id, error.kind(), error.causes());
                tracing::warn!(function = FUNCTION, request_id, agent = name, ?kind, %error, causes, "specialist failed");
                format!("The {name} specialist did not finish its work. {}", error.message())
            }
        };
        let steps = answer.steps.into_iter().map(Step::cut).collect();
        let report = Report { message, agent: name.to_owned(), steps };
        Ok(ToolAnswer::new(json!(report)))
    }

    async fn run(&self, ask: Ask, answer: &mut Answer) -> Result<()> {
        self.agents.ask(ask).await?.read(answer).await
    }

    /// Refuses an unknown specialist with everything the model needs to choose a known one.
    fn check_agent_type(&self, call: &ToolCall) -> Result<()> {
        let Some(given) = call.parameters.get("agent_type").map(|value| value.trim()).filter(|value| !value.is_empty())
        else {
            return Ok(());
        };
        if self.deployed.keys().any(|name| name.eq_ignore_ascii_case(given)) {
            return Ok(());
        }
        let known: Vec<String> = self
            .definitions
            .specialists()
            .map(|agent| format!("{} ({})", agent.name, agent.description.trim()))
            .collect();
        let given: String = given.chars().take(60).collect();
        Err(invalid(format!("There is no specialist {given:?}. The specialists are: {}", known.join("; "))))
    }
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str)
}

/// The instruction, with the environment and the tenant in words if the orchestrator only gave them as parameters.
fn with_context(instruction: &str, arguments: &Map<String, Value>) -> String {
    let mut whole = instruction.trim().to_owned();
    for (label, parameter) in [("Environment", "environment"), ("Tenant", "tenant_id")] {
        let Some(value) = text(arguments, parameter).map(str::trim).filter(|value| !value.is_empty()) else { continue };
        if !mentions(&whole, value) {
            if !whole.ends_with(['.', '!', '?']) {
                whole.push('.');
            }
            whole.push_str(&format!(" {label}: {value}."));
        }
    }
    whole
}

/// Whether the value stands in the text as a word of its own (`dev` does not in `developers` or `dev-2`).
fn mentions(text: &str, value: &str) -> bool {
    let (text, value) = (text.to_lowercase(), value.to_lowercase());
    let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(&value).any(|(at, found)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + found.len()..].chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

#[cfg(test)]
mod tests;
