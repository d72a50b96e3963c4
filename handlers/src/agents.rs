//! Invokes a Bedrock agent and gives its answer while it comes: text, and the tools it called on the way.
//!
//! An agent run acts on the world, so it is never repeated: the SDK's retries are off. Nothing in the SDK ends a stream that
//! stalls, so every wait ends at the deadline of the caller.

mod failure;
mod step;
mod trace;
mod utf8;

use std::collections::{BTreeMap, HashMap, VecDeque};

use aws_sdk_bedrockagentruntime::{
    Client,
    config::{Builder, StalledStreamProtectionConfig, retry::RetryConfig},
    primitives::event_stream::EventReceiver,
    types::{PayloadPart, ResponseStream, SessionState, StreamingConfigurations, error::ResponseStreamError},
};
use tokio::time::{Instant, timeout_at};

pub use self::step::{Report, Step};
use self::{failure::Failure, trace::Calls, utf8::Utf8};
use crate::error::{Error, Result, internal};

/// A deployed agent, in the version its alias points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRef {
    /// Id of the agent.
    pub agent_id: String,
    /// Id of its alias.
    pub alias_id: String,
}

impl AgentRef {
    /// Reads `{agent id}/{alias id}`, the value of the environment variable `variable`.
    ///
    /// # Errors
    /// `Internal`, naming the variable, if it is not two ids of 1 to 10 letters and digits.
    /// Source: Bedrock `InvokeAgent`, `agentId` and `agentAliasId`.
    pub fn parse(variable: &str, value: &str) -> Result<Self> {
        let is_id = |id: &str| (1..=10).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        match value.split_once('/') {
            Some((agent, alias)) if is_id(agent) && is_id(alias) => {
                Ok(Self { agent_id: agent.to_owned(), alias_id: alias.to_owned() })
            }
            _ => Err(internal(format!(
                "{variable} must be \"<agent id>/<alias id>\", each 1 to 10 letters and digits, and is {value:?}."
            ))),
        }
    }
}

/// One message to one agent.
#[derive(Debug)]
pub struct Ask {
    /// The agent.
    pub agent: AgentRef,
    /// Its name in `agents/`, for steps and messages.
    pub name: String,
    /// Its session on Bedrock; the agent remembers what was said in it.
    pub session_id: String,
    /// What is said.
    pub text: String,
    /// What its action groups are told beside their parameters.
    pub attributes: BTreeMap<String, String>,
    /// Whether the answer may come in pieces. The agent's role then needs `bedrock:InvokeModelWithResponseStream`.
    pub in_pieces: bool,
    /// When waiting ends.
    pub deadline: Instant,
}

/// Invokes agents.
#[derive(Debug, Clone)]
pub struct Agents {
    client: Client,
}

impl Agents {
    /// With the SDK's configuration, retries switched off.
    pub fn new(config: impl Into<Builder>) -> Self {
        let config = config
            .into()
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { client: Client::from_conf(config) }
    }

    /// Starts a run.
    ///
    /// # Errors
    /// What Bedrock refuses before the stream begins, as [`crate::error::Kind`] says it best; `Timeout` at the deadline.
    pub async fn ask(&self, ask: Ask) -> Result<Run> {
        let session =
            SessionState::builder().set_session_attributes(Some(ask.attributes.into_iter().collect::<HashMap<_, _>>()));
        let send = self
            .client
            .invoke_agent()
            .agent_id(&ask.agent.agent_id)
            .agent_alias_id(&ask.agent.alias_id)
            .session_id(ask.session_id)
            .input_text(ask.text)
            .enable_trace(true)
            .session_state(session.build())
            .set_streaming_configurations(
                ask.in_pieces.then(|| StreamingConfigurations::builder().stream_final_response(true).build()),
            )
            .send();
        // Boxed: the SDK's future is so deeply nested that futures around it exceed the compiler's limit.
        let stream = match timeout_at(ask.deadline, Box::pin(send)).await {
            Ok(Ok(output)) => output.completion,
            Ok(Err(error)) => return Err(failure::before_stream(error).into_error(&ask.name, &ask.agent, false)),
            Err(_) => return Err(Failure::deadline().into_error(&ask.name, &ask.agent, false)),
        };
        Ok(Run {
            stream,
            deadline: ask.deadline,
            agent: ask.agent,
            calls: Calls::of(ask.name),
            text: Utf8::default(),
            said_something: false,
            ready: VecDeque::new(),
            error: None,
            ended: false,
        })
    }
}

/// What happens in a run.
#[derive(Debug, PartialEq)]
pub enum Progress {
    /// The next piece of the answer.
    Text(String),
    /// A tool was called and answered.
    Step(Step),
}

/// A run under way. Dropping it stops listening; the agent itself cannot be stopped.
#[derive(Debug)]
pub struct Run {
    stream: EventReceiver<ResponseStream, ResponseStreamError>,
    deadline: Instant,
    agent: AgentRef,
    calls: Calls,
    text: Utf8,
    said_something: bool,
    ready: VecDeque<Progress>,
    error: Option<Error>,
    ended: bool,
}

impl Run {
    /// What happens next; `None` when the agent has said everything.
    ///
    /// # Errors
    /// Exceptions inside the stream as [`crate::error::Kind`] says them best; `Timeout` at the deadline; `BadGateway` if the
    /// agent ends without a word, hands its tools back to us, or the stream breaks off. Where the agent had called a tool
    /// before, or may have, the message says that something may have been started; the calls that were not answered until then
    /// come before the error.
    pub async fn next(&mut self) -> Result<Option<Progress>> {
        loop {
            if let Some(progress) = self.ready.pop_front() {
                return Ok(Some(progress));
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if self.ended {
                return Ok(None);
            }
            match timeout_at(self.deadline, self.stream.recv()).await {
                Ok(Ok(Some(event))) => self.take(event),
                Ok(Ok(None)) => self.finish(),
                Ok(Err(error)) => self.fail(failure::in_stream(error)),
                Err(_) => self.fail(Failure::deadline()),
            }
        }
    }

    /// Reads the run to its end into `answer`, which also after an error holds the calls that were made.
    ///
    /// # Errors
    /// As [`Run::next`].
    pub async fn read(mut self, answer: &mut Answer) -> Result<()> {
        while let Some(progress) = self.next().await? {
            match progress {
                Progress::Text(text) => answer.reply.push_str(&text),
                Progress::Step(step) => answer.steps.push(step),
            }
        }
        Ok(())
    }

    fn take(&mut self, event: ResponseStream) {
        match event {
            ResponseStream::Chunk(PayloadPart { bytes: Some(bytes), .. }) => {
                let text = self.text.push(bytes.as_ref());
                self.say(text);
            }
            ResponseStream::Trace(part) => self.ready.extend(self.calls.see(part).map(Progress::Step)),
            // Every action group in agents/ has a Lambda function, so this agent was not deployed from there.
            ResponseStream::ReturnControl(_) => self.fail(Failure::return_control()),
            // An answer here is text and steps. Only agents with a code interpreter write files, and agents/ has none.
            ResponseStream::Files(_) => tracing::warn!(agent = self.calls.agent(), "files of an agent were left out"),
            // An event newer than this SDK tells nothing that an answer needs.
            _ => {}
        }
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.said_something |= !text.trim().is_empty();
            self.ready.push_back(Progress::Text(text));
        }
    }

    fn finish(&mut self) {
        let rest = self.text.finish();
        self.say(rest);
        if self.said_something {
            self.end();
        } else {
            self.fail(Failure::silence(self.calls.failure_reason()));
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.error = Some(failure.into_error(self.calls.agent(), &self.agent, self.calls.any()));
        self.end();
    }

    fn end(&mut self) {
        self.ended = true;
        self.ready.extend(self.calls.unanswered().into_iter().map(Progress::Step));
    }
}

/// A run from its beginning to its end.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// Everything the agent said.
    pub reply: String,
    /// The tools it called, in order of their answers.
    pub steps: Vec<Step>,
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
