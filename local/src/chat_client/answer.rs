//! What the chat API answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The answer of `POST /chat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Names the conversation; send it again to continue.
    pub session_id: String,
    /// What the orchestrator says.
    pub reply: String,
    /// What the agents did, in the order it happened.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// One call of a function by an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Name of the agent's definition.
    pub agent: String,
    /// The action group that the function belongs to.
    pub action_group: String,
    /// The function.
    pub function: String,
    /// Arguments by name.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// What came back, cut to 2,000 characters.
    #[serde(default)]
    pub result: String,
}
