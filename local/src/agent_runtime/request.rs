//! What InvokeAgent is asked: path and body, checked as Bedrock checks them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::{AgentError, Fault, Result};

/// Longest input that is read, in bytes. Bedrock's own limit is 25,000,000 characters; a session here is held in memory.
pub(crate) const MAX_INPUT: usize = 1_000_000;

/// Most bytes of session attributes of one kind, names and values together.
const MAX_ATTRIBUTES: usize = 100_000;

/// The body of InvokeAgent. Members this runtime has no use for (`memoryId`, `bedrockModelConfigurations`,
/// `promptCreationConfigurations`, ...) are accepted and have no effect: none of the agents has a memory or a choice of them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    pub(crate) input_text: Option<String>,
    #[serde(default)]
    pub(crate) enable_trace: bool,
    #[serde(default)]
    pub(crate) end_session: bool,
    pub(crate) memory_id: Option<String>,
    #[serde(default)]
    pub(crate) session_state: SessionState,
    #[serde(default)]
    pub(crate) streaming_configurations: Streaming,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Streaming {
    pub(crate) stream_final_response: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SessionState {
    pub(crate) session_attributes: Option<BTreeMap<String, String>>,
    pub(crate) prompt_session_attributes: Option<BTreeMap<String, String>>,
    return_control_invocation_results: Option<Value>,
    files: Option<Value>,
    knowledge_base_configurations: Option<Value>,
    conversation_history: Option<Value>,
}

impl Body {
    /// Parses and checks the body.
    ///
    /// # Errors
    /// `validationException` that names the member and the rule.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let body: Self = serde_json::from_slice(bytes)
            .map_err(|error| AgentError::validation(format!("The request body is not valid: {error}.")))?;
        body.check()?;
        Ok(body)
    }

    fn check(&self) -> Result<()> {
        let state = &self.session_state;
        let absent = [
            (
                "returnControlInvocationResults",
                &state.return_control_invocation_results,
                "no action group of these agents returns control",
            ),
            ("files", &state.files, "the local runtime takes no files"),
            (
                "knowledgeBaseConfigurations",
                &state.knowledge_base_configurations,
                "these agents have no knowledge base",
            ),
            (
                "conversationHistory",
                &state.conversation_history,
                "the local runtime keeps the history of its sessions itself",
            ),
        ];
        for (member, value, reason) in absent {
            if value.as_ref().is_some_and(|value| !is_empty(value)) {
                return Err(AgentError::validation(format!("sessionState.{member} is not supported: {reason}.")));
            }
        }
        if let Some(memory_id) = &self.memory_id {
            check_id("memoryId", memory_id)?;
        }
        for attributes in [&state.session_attributes, &state.prompt_session_attributes].into_iter().flatten() {
            if attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_ATTRIBUTES {
                return Err(AgentError::validation(format!(
                    "Session attributes are limited to {MAX_ATTRIBUTES} bytes."
                )));
            }
        }
        match &self.input_text {
            Some(text) if text.len() > MAX_INPUT => Err(AgentError::validation(format!(
                "inputText has {} bytes; the local runtime takes at most {MAX_INPUT}.",
                text.len()
            ))),
            Some(text) if !text.trim().is_empty() => Ok(()),
            _ if self.end_session => Ok(()),
            _ => Err(AgentError::validation("inputText must not be empty.")),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Checks a session or memory id: `^[0-9a-zA-Z._:-]+$`, 2 to 100 characters.
///
/// # Errors
/// `validationException`.
pub(crate) fn check_id(member: &str, id: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if (2..=100).contains(&id.len()) && id.chars().all(allowed) {
        return Ok(());
    }
    Err(AgentError::validation(format!(
        "Value at '{member}' failed to satisfy constraint: 2 to 100 characters out of letters, digits and ._:-"
    )))
}

/// Checks an agent or alias id: at most ten letters and digits.
///
/// # Errors
/// `validationException`.
pub(crate) fn check_agent_id(member: &str, id: &str) -> Result<()> {
    if (1..=10).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(AgentError::new(
        Fault::Validation,
        format!("Value at '{member}' failed to satisfy constraint: 1 to 10 letters and digits"),
    ))
}
