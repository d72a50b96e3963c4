//! Chat completions on the wire: tools out of the definitions, messages out of the history, a decision out of the answer.
//!
//! Source: OpenAI API reference, "Create chat completion", with `tools` and `tool_calls`.

use std::collections::BTreeMap;

use handlers::definitions::{Agent, Function, ParameterType};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, Decision, Message, Next, Prompt};

/// Longest name of a tool.
const MAX_NAME: usize = 64;

/// A function of the agent under the name the model calls it by.
pub(super) struct Tool<'a> {
    name: String,
    group: &'a str,
    function: &'a Function,
}

/// Every function of the agent, `{action_group}__{function}`; where that is too long or taken, `{number}__{function}` cut.
pub(super) fn tools(agent: &Agent) -> Vec<Tool<'_>> {
    let mut tools: Vec<Tool<'_>> = Vec::new();
    for group in &agent.action_groups {
        for function in &group.functions {
            let mut name = format!("{}__{}", group.name, function.name);
            if name.len() > MAX_NAME || tools.iter().any(|tool| tool.name == name) {
                name = format!("{}__{}", tools.len(), function.name).chars().take(MAX_NAME).collect();
            }
            tools.push(Tool { name, group: &group.name, function });
        }
    }
    tools
}

fn schema(function: &Function) -> Value {
    let mut properties = Map::new();
    for parameter in &function.parameters {
        let mut property =
            json!({ "type": parameter.kind.to_string(), "description": parameter.rendered_description() });
        if parameter.kind == ParameterType::Array {
            property["items"] = json!({ "type": "string" });
        }
        if !parameter.allowed.is_empty() {
            property["enum"] = parameter.allowed.clone().into();
        }
        if let Some(default) = &parameter.default {
            property["default"] = default.clone();
        }
        properties.insert(parameter.name.clone(), property);
    }
    let required: Vec<&str> = function
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| parameter.name.as_str())
        .collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The body of the request.
pub(super) fn request(model: &str, tools: &[Tool<'_>], prompt: Prompt<'_>) -> Value {
    let mut system = prompt.agent.instruction.clone();
    if !prompt.prompt_attributes.is_empty() {
        system.push_str("\n\nAbout this request:");
        for (name, value) in prompt.prompt_attributes {
            system.push_str(&format!("\n{name}: {value}"));
        }
    }
    let mut messages = vec![json!({ "role": "system", "content": system })];
    for (at, message) in prompt.history.iter().enumerate() {
        messages.push(match message {
            Message::User(text) => json!({ "role": "user", "content": text }),
            Message::Answer(text) => json!({ "role": "assistant", "content": text }),
            Message::Call(call) => {
                let name = tools
                    .iter()
                    .find(|tool| tool.group == call.action_group && tool.function.name == call.function)
                    .map_or(call.function.as_str(), |tool| tool.name.as_str());
                let arguments = json!(call.parameters).to_string();
                let function = json!({ "name": name, "arguments": arguments });
                json!({ "role": "assistant", "content": null,
                    "tool_calls": [{ "id": format!("call_{at}"), "type": "function", "function": function }] })
            }
            // A result follows its call.
            Message::Result(result) => {
                json!({ "role": "tool", "tool_call_id": format!("call_{}", at.saturating_sub(1)), "content": result.body })
            }
        });
    }
    let tools: Vec<Value> = tools
        .iter()
        .map(|tool| {
            json!({ "type": "function", "function": { "name": tool.name, "description": tool.function.description,
                "parameters": schema(tool.function) } })
        })
        .collect();
    let mut body = json!({ "model": model, "messages": messages, "temperature": 0 });
    if !tools.is_empty() {
        body["tools"] = tools.into();
    }
    body
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Reply,
}

#[derive(Deserialize)]
struct Reply {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    function: Called,
}

#[derive(Deserialize)]
struct Called {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// Reads the answer.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decision(body: &[u8], tools: &[Tool<'_>]) -> Result<Decision, String> {
    let completion: Completion = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let reply = completion.choices.into_iter().next().ok_or("it has no choices")?.message;
    let text = reply.content.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let calls = reply.tool_calls.unwrap_or_default();
    if calls.is_empty() {
        let text = text.ok_or("it has neither text nor a tool call")?;
        return Ok(Decision { rationale: None, next: Next::Answer(text) });
    }
    let calls = calls.into_iter().map(|call| read_call(call.function, tools)).collect::<Result<Vec<_>, _>>()?;
    Ok(Decision { rationale: text, next: Next::Calls(calls) })
}

fn read_call(called: Called, tools: &[Tool<'_>]) -> Result<Call, String> {
    let arguments: Map<String, Value> = match called.arguments.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text).map_err(|error| format!("arguments of {}: {error}", called.name))?,
    };
    let parameters: BTreeMap<String, String> = arguments
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    let tool = tools.iter().find(|tool| tool.name == called.name);
    Ok(Call {
        action_group: tool.map_or("", |tool| tool.group).to_owned(),
        function: tool.map_or(called.name.as_str(), |tool| &tool.function.name).to_owned(),
        parameters,
    })
}

/// What an error answer says, in OpenAI's shape or as plain text, cut to a line.
pub(super) fn error_message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let parsed: Option<Value> = serde_json::from_str(&text).ok();
    let said = parsed.as_ref().and_then(|value| value["error"]["message"].as_str().or(value["error"].as_str()));
    let line: String =
        said.unwrap_or(&text).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
    if line.is_empty() { "no message.".into() } else { line }
}
