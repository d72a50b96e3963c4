//! What decides the next step of an agent: one trait, two implementations.

pub(crate) mod openai;
mod openai_wire;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use handlers::definitions::{Agent, Definitions};

use super::error::Result;

/// One entry of a session's history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// What the user (or the agent that asked this one) wrote.
    User(String),
    /// A call the model decided on.
    Call(Call),
    /// The answer to the call before.
    Result(CallResult),
    /// What the agent answered; ends a turn.
    Answer(String),
}

impl Message {
    /// Bytes it takes in memory, about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::User(text) | Self::Answer(text) => text.len(),
            Self::Call(call) => {
                let parameters: usize = call.parameters.iter().map(|(name, value)| name.len() + value.len()).sum();
                call.action_group.len() + call.function.len() + parameters
            }
            Self::Result(result) => result.body.len(),
        }
    }
}

/// A call of a function of an action group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) action_group: String,
    pub(crate) function: String,
    /// Values as they travel: always text.
    pub(crate) parameters: BTreeMap<String, String>,
}

/// What came back from a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallResult {
    pub(crate) body: String,
    /// The call was not carried out; the body says what to mend.
    pub(crate) reprompt: bool,
}

/// What a model knows when it decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prompt<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) definitions: &'a Definitions,
    /// The session's history; ends in the user's message or in the result of the last call.
    pub(crate) history: &'a [Message],
    pub(crate) prompt_attributes: &'a BTreeMap<String, String>,
}

/// What a model decided, and why if it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) rationale: Option<String>,
    pub(crate) next: Next,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Call these, one after the other.
    Calls(Vec<Call>),
    /// Tell the user.
    Answer(String),
}

/// A model: given the agent and the history, the next step.
pub(crate) trait Model: Send + Sync {
    /// For logs and traces.
    fn name(&self) -> &str;

    /// Decides the next step.
    ///
    /// # Errors
    /// The model cannot be reached or does not answer in a way that can be read.
    fn next<'a>(&'a self, prompt: Prompt<'a>) -> BoxFuture<'a, Result<Decision>>;
}
