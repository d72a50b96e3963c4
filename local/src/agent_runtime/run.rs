//! One request: model, action group, model, until there is an answer.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use handlers::definitions::{ActionGroup, Agent, Definitions, Function, local_agent_id};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

use super::{
    error::{AgentError, Fault, Result},
    functions::{Circumstances, Functions},
    model::{Call, CallResult, Message, Model, Next, Prompt},
    request::Body,
    sessions::Lease,
    stream,
    trace::Tracer,
};

/// What every request needs.
pub(crate) struct Engine {
    pub(crate) definitions: Definitions,
    pub(crate) model: Box<dyn Model>,
    pub(crate) functions: Functions,
    /// Most calls of functions in one request.
    pub(crate) max_steps: usize,
}

/// One request under way.
pub(crate) struct Run {
    engine: Arc<Engine>,
    agent: Agent,
    lease: Lease,
    session_id: String,
    request_id: String,
    tracer: Tracer,
    trace: bool,
    frames: Sender<Bytes>,
}

/// Nobody reads the answer any more.
struct Gone;

enum Stop {
    Gone,
    Failed(AgentError),
}

impl From<AgentError> for Stop {
    fn from(error: AgentError) -> Self {
        Self::Failed(error)
    }
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Run {
    pub(crate) fn new(
        engine: Arc<Engine>,
        agent: Agent,
        lease: Lease,
        session_id: &str,
        request_id: &str,
        frames: Sender<Bytes>,
    ) -> Self {
        let tracer = Tracer::new(&local_agent_id(&agent.name), session_id);
        let (session_id, request_id) = (session_id.to_owned(), request_id.to_owned());
        Self { engine, agent, lease, session_id, request_id, tracer, trace: false, frames }
    }

    /// Answers the request into the channel of frames. The session is given back before the last frame goes out, so that
    /// whoever has read the answer can send the next message.
    pub(crate) async fn answer(mut self, body: Body) {
        let started = Instant::now();
        self.trace = body.enable_trace;
        let streamed = body.streaming_configurations.stream_final_response;
        if let Some(attributes) = body.session_state.session_attributes {
            self.lease.session.attributes = attributes;
        }
        // Prompt attributes live for one request only.
        self.lease.session.prompt_attributes = body.session_state.prompt_session_attributes.unwrap_or_default();
        let result = if body.end_session {
            self.lease.end();
            Ok("The session has ended, as `endSession` asked.".to_owned())
        } else {
            self.turns(body.input_text.unwrap_or_default()).await
        };
        let (agent, session_id, request_id) =
            (self.agent.name.clone(), self.session_id.clone(), self.request_id.clone());
        let elapsed_ms = started.elapsed().as_millis();
        let last = match result {
            Ok(text) => {
                tracing::info!(agent, session_id, request_id, elapsed_ms, "answered");
                stream::chunks(&text, streamed)
            }
            Err(Stop::Gone) => {
                tracing::warn!(agent, session_id, request_id, elapsed_ms, "the client went away");
                return;
            }
            Err(Stop::Failed(error)) => {
                tracing::error!(agent, session_id, request_id, elapsed_ms, error = %error, "failed");
                self.lease.session.history.push(Message::Answer(format!("This request failed. {}", error.message)));
                if self.trace {
                    let failure = self.tracer.failure(&error.message);
                    // A client that has gone needs no trace.
                    let _ = self.event("trace", &failure).await;
                }
                stream::exception(&error).map(|frame| vec![frame])
            }
        };
        let Self { lease, frames, .. } = self;
        drop(lease);
        match last {
            Ok(last) => {
                for frame in last {
                    if frames.send(frame).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => tracing::error!(agent, session_id, request_id, error = %error, "the answer cannot be framed"),
        }
    }

    async fn turns(&mut self, input: String) -> Result<String, Stop> {
        tracing::info!(
            agent = self.agent.name,
            session_id = self.session_id,
            request_id = self.request_id,
            input_chars = input.chars().count(),
            model = self.engine.model.name(),
            "asked"
        );
        self.lease.session.history.push(Message::User(input.clone()));
        let engine = Arc::clone(&self.engine);
        let mut calls = 0;
        loop {
            self.tracer.next_step();
            if self.trace {
                let text = self.prompt_text();
                self.trace_event(self.tracer.model_input(&text, engine.model.name())).await?;
            }
            let decision = engine
                .model
                .next(Prompt {
                    agent: &self.agent,
                    definitions: &engine.definitions,
                    history: &self.lease.session.history,
                    prompt_attributes: &self.lease.session.prompt_attributes,
                })
                .await?;
            if let Some(rationale) = &decision.rationale {
                self.trace_event(self.tracer.rationale(rationale)).await?;
            }
            let wanted = match decision.next {
                Next::Answer(text) => {
                    self.trace_event(self.tracer.finish(&text)).await?;
                    self.lease.session.history.push(Message::Answer(text.clone()));
                    return Ok(text);
                }
                Next::Calls(wanted) => wanted,
            };
            for call in wanted {
                calls += 1;
                if calls > engine.max_steps {
                    let message = format!(
                        "Max iterations exceeded: {} calls in one request and no answer yet.",
                        engine.max_steps
                    );
                    return Err(AgentError::new(Fault::InternalServer, message).into());
                }
                let result = self.call(&engine, &call, &input).await?;
                self.lease.session.history.push(Message::Call(call));
                self.lease.session.history.push(Message::Result(result));
            }
        }
    }

    async fn call(&mut self, engine: &Engine, call: &Call, input: &str) -> Result<CallResult, Stop> {
        let Some((group, function)) = find(&self.agent, call) else {
            // A language model can name what is not there; it is told and may mend its call.
            let body = format!("There is no function {}::{}.", call.action_group, call.function);
            self.trace_event(self.tracer.reprompt(&body, "PARSER")).await?;
            return Ok(CallResult { body, reprompt: true });
        };
        let invocation_id = Uuid::new_v4().to_string();
        self.trace_event(self.tracer.invocation(call, Some(function), &invocation_id)).await?;
        let started = Instant::now();
        let session = &self.lease.session;
        let at = Circumstances {
            agent: &self.agent.name,
            session_id: &self.session_id,
            input_text: input,
            attributes: &session.attributes,
            prompt_attributes: &session.prompt_attributes,
        };
        let reply = engine.functions.call(group, function, call, at).await;
        tracing::info!(agent = self.agent.name, session_id = self.session_id, request_id = self.request_id,
            action_group = call.action_group, function = call.function, handler = %group.handler, invocation_id,
            elapsed_ms = started.elapsed().as_millis(),
            outcome = match &reply { Ok(reply) if reply.reprompt => "reprompt", Ok(_) => "answered", Err(_) => "failed" },
            "called");
        let reply = reply?;
        if let Some(attributes) = reply.attributes {
            self.lease.session.attributes = attributes;
        }
        if let Some(attributes) = reply.prompt_attributes {
            self.lease.session.prompt_attributes = attributes;
        }
        let event = match reply.reprompt {
            true => self.tracer.reprompt(&reply.body, "ACTION_GROUP"),
            false => self.tracer.output(&reply.body),
        };
        self.trace_event(event).await?;
        Ok(CallResult { body: reply.body, reprompt: reply.reprompt })
    }

    async fn trace_event(&self, part: Value) -> Result<(), Stop> {
        if self.trace {
            self.event("trace", &part).await?;
        } else if self.frames.is_closed() {
            return Err(Gone.into());
        }
        Ok(())
    }

    async fn event(&self, name: &str, payload: &Value) -> Result<(), Stop> {
        let frame = stream::event(name, payload)?;
        self.frames.send(frame).await.map_err(|_| Gone.into())
    }

    /// What the model is given, as text for the trace: instruction and history.
    fn prompt_text(&self) -> String {
        let messages: Vec<Value> = self
            .lease
            .session
            .history
            .iter()
            .map(|message| match message {
                Message::User(text) => json!({ "role": "user", "content": text }),
                Message::Answer(text) => json!({ "role": "assistant", "content": text }),
                Message::Call(call) => json!({ "role": "assistant", "content": { "action_group": call.action_group,
                    "function": call.function, "parameters": call.parameters } }),
                Message::Result(result) => json!({ "role": "user", "content": { "result": result.body } }),
            })
            .collect();
        json!({ "system": self.agent.instruction, "messages": messages }).to_string()
    }
}

/// The declaration behind a call.
fn find<'a>(agent: &'a Agent, call: &Call) -> Option<(&'a ActionGroup, &'a Function)> {
    let group = agent.action_groups.iter().find(|group| group.name == call.action_group)?;
    let function = group.functions.iter().find(|function| function.name == call.function)?;
    Some((group, function))
}
