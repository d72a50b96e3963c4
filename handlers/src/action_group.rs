//! Calls from agents: the events of Bedrock action groups, in both schemas, and of AgentCore Gateway, and their answers.
//!
//! Source: Amazon Bedrock user guide, "Configure Lambda functions to send information that an Amazon Bedrock agent elicits from
//! the user"; Amazon Bedrock AgentCore developer guide, "AWS Lambda function targets". AWS's own migration to AgentCore sends
//! events without agent, session and attributes, so every field that a call can do without is optional.

use std::{collections::BTreeMap, future::Future};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    definitions::{ActionGroup, Definitions, Function, Handler},
    error::{AnswerState, Error, Kind, Result, invalid, shorten},
    runtime::Invocation,
};

/// The separator between target and tool in the names that AgentCore Gateway gives to tools.
const GATEWAY_SEPARATOR: &str = "___";

/// Session attributes that chat_handler and agent_invoker set; a model cannot.
pub mod attribute {
    /// ARN of the verified caller.
    pub const REQUESTED_BY: &str = "requested_by";
    /// The orchestrator's Bedrock session, the same for every specialist it calls.
    pub const SESSION_ID: &str = "session_id";
    /// Name of the specialist that runs.
    pub const AGENT: &str = "agent";
}

/// One call of a function by an agent.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// Name of the action group, or of the gateway's target.
    pub action_group: String,
    /// Name of the function. For an API schema: the path in words, `/pipeline-status` is `pipeline_status`.
    pub function: String,
    /// The arguments as they came: always text.
    pub parameters: BTreeMap<String, String>,
    /// Session attributes.
    pub attributes: BTreeMap<String, String>,
    /// The agent's session, if the event has one.
    pub session_id: Option<String>,
    /// Name of the agent on Bedrock, if the event has one.
    pub agent_name: Option<String>,
    /// A parameter that came twice with different values, so that nobody can say which one is meant.
    contradiction: Option<String>,
    reply: Reply,
}

/// What of the event the answer has to repeat.
#[derive(Debug, Clone)]
enum Reply {
    Function { prompt_attributes: Value },
    Api { path: String, method: String, prompt_attributes: Value },
    Gateway,
}

/// What the agent is told.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolAnswer {
    state: AnswerState,
    status: u16,
    body: Value,
}

impl ToolAnswer {
    /// An answer: an object with a sentence in `message` and data beside it.
    pub const fn new(body: Value) -> Self {
        Self { state: AnswerState::Answer, status: 200, body }
    }
}

impl From<&Error> for ToolAnswer {
    fn from(error: &Error) -> Self {
        let kind = error.kind();
        Self { state: kind.answer_state(), status: kind.status(), body: json!({ "message": error.message() }) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    action_group: String,
    function: Option<String>,
    api_path: Option<String>,
    http_method: Option<String>,
    #[serde(default)]
    parameters: Option<Vec<Named>>,
    request_body: Option<RequestBody>,
    session_id: Option<String>,
    agent: Option<EventAgent>,
    session_attributes: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    prompt_session_attributes: Value,
}

#[derive(Deserialize)]
struct EventAgent {
    name: Option<String>,
}

#[derive(Deserialize)]
struct RequestBody {
    #[serde(default)]
    content: BTreeMap<String, Content>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    properties: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    value: Value,
}

impl ToolCall {
    /// Reads an event.
    ///
    /// # Errors
    /// The event is of none of the three shapes; the message says what was expected.
    pub fn parse(event: &Value, invocation: &Invocation) -> Result<Self> {
        if let Some(tool) = gateway_tool(invocation) {
            return Self::from_gateway(tool, event);
        }
        let event: Event = Event::deserialize(event).map_err(|error| {
            invalid("The event is neither a call from a Bedrock action group nor from AgentCore Gateway.")
                .with_source(error)
        })?;
        let prompt_attributes = event.prompt_session_attributes;
        let (function, reply) = match (event.function, event.api_path) {
            (Some(function), _) => (function, Reply::Function { prompt_attributes }),
            (None, Some(path)) => {
                let method = event.http_method.unwrap_or_else(|| "POST".into());
                (function_of_path(&path), Reply::Api { path, method, prompt_attributes })
            }
            (None, None) => return Err(invalid("The action group event has neither `function` nor `apiPath`.")),
        };
        let in_body = event.request_body.into_iter().flat_map(|body| body.content.into_values());
        let named = event.parameters.unwrap_or_default().into_iter();
        let mut parameters = BTreeMap::new();
        let mut contradiction = None;
        for (name, value) in named.chain(in_body.flat_map(|content| content.properties)).map(Named::pair) {
            let before = parameters.insert(name.clone(), value);
            if before.is_some_and(|before| parameters.get(&name) != Some(&before)) {
                contradiction = Some(name);
            }
        }
        Ok(Self {
            action_group: event.action_group,
            function,
            parameters,
            contradiction,
            attributes: event
                .session_attributes
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| Named { name, value }.pair())
                .collect(),
            session_id: event.session_id,
            agent_name: event.agent.and_then(|agent| agent.name),
            reply,
        })
    }

    fn from_gateway(tool: &str, event: &Value) -> Result<Self> {
        let Value::Object(arguments) = event else {
            return Err(invalid("A call from AgentCore Gateway must be an object of arguments."));
        };
        let (target, function) = tool.split_once(GATEWAY_SEPARATOR).unwrap_or(("", tool));
        let pairs = arguments.iter().map(|(name, value)| Named { name: name.clone(), value: value.clone() }.pair());
        Ok(Self {
            action_group: target.to_owned(),
            function: function.to_owned(),
            parameters: pairs.collect(),
            attributes: BTreeMap::new(),
            session_id: None,
            agent_name: None,
            contradiction: None,
            reply: Reply::Gateway,
        })
    }

    /// A session attribute, if it is there and not empty.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The session that a wish belongs to: the orchestrator's, which every specialist it calls shares, else the agent's own.
    pub fn session(&self) -> Option<&str> {
        let own = self.session_id.as_deref().filter(|session_id| !session_id.is_empty());
        self.attribute(attribute::SESSION_ID).or(own)
    }

    /// The answer in the shape the caller expects.
    pub fn respond(&self, answer: &ToolAnswer) -> Value {
        let text = answer.body.to_string();
        let (response, prompt_attributes) = match &self.reply {
            Reply::Gateway => {
                let failed = answer.status >= 400;
                let mut result = json!({ "content": [{ "type": "text", "text": text }], "isError": failed });
                if !failed {
                    result["structuredContent"] = answer.body.clone();
                }
                return result;
            }
            Reply::Function { prompt_attributes } => {
                let mut body = json!({ "responseBody": { "TEXT": { "body": text } } });
                match answer.state {
                    AnswerState::Answer => {}
                    AnswerState::Reprompt => body["responseState"] = "REPROMPT".into(),
                    AnswerState::Failure => body["responseState"] = "FAILURE".into(),
                }
                let response =
                    json!({ "actionGroup": self.action_group, "function": self.function, "functionResponse": body });
                (response, prompt_attributes)
            }
            // The documented API-schema answer has no responseState: the status code says it.
            Reply::Api { path, method, prompt_attributes } => {
                let response = json!({
                    "actionGroup": self.action_group, "apiPath": path, "httpMethod": method,
                    "httpStatusCode": answer.status, "responseBody": { "application/json": { "body": text } },
                });
                (response, prompt_attributes)
            }
        };
        let mut event = json!({ "messageVersion": "1.0", "response": response });
        if !self.attributes.is_empty() {
            event["sessionAttributes"] = json!(self.attributes);
        }
        if prompt_attributes.is_object() {
            event["promptSessionAttributes"] = prompt_attributes.clone();
        }
        event
    }

    /// The declaration of the called function and the typed arguments.
    ///
    /// # Errors
    /// `Invalid`, for the model: no such function, or arguments that contradict each other or break the declaration.
    pub fn declared<'a>(
        &self,
        definitions: &'a Definitions,
        handler: Handler,
    ) -> Result<(&'a ActionGroup, &'a Function, Map<String, Value>)> {
        let agent = self.attribute(attribute::AGENT);
        let declared = definitions.function(handler, agent, &self.action_group, &self.function);
        let (group, function) = declared.map_err(invalid)?;
        if let Some(name) = &self.contradiction {
            let name = shorten(name, 60);
            return Err(invalid(format!("`{name}` is given twice with different values. Give it once.")));
        }
        let arguments = function.arguments(&self.parameters).map_err(invalid)?;
        Ok((group, function, arguments))
    }
}

impl Named {
    /// Name and text: Bedrock sends text, the gateway and some migrations send JSON values.
    fn pair(self) -> (String, String) {
        let text = match self.value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        (self.name, text)
    }
}

/// Answers one event: parses it, runs `serve`, turns an error into the answer the table of errors gives it, logs one line.
///
/// # Errors
/// Only for an event that is not a call: there is no answer that its sender would understand.
pub async fn answer<F, Fut>(function: &'static str, event: Value, invocation: Invocation, serve: F) -> Result<Value>
where
    F: FnOnce(ToolCall, Invocation) -> Fut,
    Fut: Future<Output = Result<ToolAnswer>>,
{
    let call = ToolCall::parse(&event, &invocation)?;
    let request_id = invocation.request_id.clone();
    let started = tokio::time::Instant::now();
    // On the heap: with the SDK's calls in it this is a state machine deeper than the compiler lays out in one piece.
    let result = Box::pin(serve(call.clone(), invocation)).await;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let session_id = call.session();
    let requested_by = call.attribute(attribute::REQUESTED_BY);
    let (action_group, called) = (&call.action_group, &call.function);
    let answer = match result {
        Ok(answer) => {
            tracing::info!(function, request_id, session_id, requested_by, action_group, called, elapsed_ms, state = ?answer.state, "call answered");
            answer
        }
        Err(error) => {
            let (kind, causes) = (error.kind(), error.causes());
            if kind == Kind::Internal {
                tracing::error!(function, request_id, session_id, requested_by, action_group, called, elapsed_ms, ?kind, %error, causes, "call failed");
            } else {
                tracing::warn!(function, request_id, session_id, requested_by, action_group, called, elapsed_ms, ?kind, %error, causes, "call failed");
            }
            ToolAnswer::from(&error)
        }
    };
    Ok(call.respond(&answer))
}

fn gateway_tool(invocation: &Invocation) -> Option<&str> {
    invocation.client_context.as_ref()?.pointer("/custom/bedrockAgentCoreToolName")?.as_str()
}

/// `/pipeline-status/{execution_id}` → `pipeline_status`: the literal parts of the path, joined.
fn function_of_path(path: &str) -> String {
    let literal = path.split('/').filter(|part| !part.is_empty() && !part.starts_with('{'));
    literal.collect::<Vec<_>>().join("_").replace('-', "_")
}

#[cfg(test)]
mod tests;
