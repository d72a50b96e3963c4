//! `POST /chat`: takes a message, binds the session to the caller, has the orchestrator answer.
//!
//! The answer is one JSON document, or server-sent events where the client accepts them and API Gateway streams. Errors are
//! problem documents (RFC 9457); once a stream has begun they travel in it. An agent that did not finish may have acted all the
//! same: once it was asked, the document of a failure also has the session and the steps taken. One line is logged for each
//! request, never what was said in it.

mod log;
mod problem;
mod request;
mod stream;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_sdk_bedrockagentruntime::config::Builder;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderValue, header::CACHE_CONTROL},
    response::{IntoResponse as _, Response},
    routing::any,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde::Serialize;
use tokio::time::Instant;

use self::{log::Record, problem::problem, request::Message};
use crate::{
    action_group::attribute,
    agents::{AgentRef, Agents, Ask, Progress, Run, Step},
    definitions::ORCHESTRATOR,
    env::{self, ResponseMode},
    error::{Error, Result, internal, not_found},
    identity::{self, Principal},
    runtime::Invocation,
};

/// Name in the log.
const FUNCTION: &str = "chat_handler";
/// What is kept of Lambda's time to write the answer: a 504 has to be ours, in our shape.
const MARGIN: Duration = Duration::from_secs(1);
/// What a buffered answer may take. API Gateway ends a buffered integration after 29 seconds.
/// Source: "Quotas for configuring and running a REST API in API Gateway", integration timeout.
const BUFFERED: Duration = Duration::from_secs(28);
/// What a JSON answer may take where API Gateway streams: it ends a stream in which nothing happens for five minutes.
/// Source: "Stream the integration response for your proxy integrations in API Gateway", idle timeouts, regional endpoints.
const SILENT: Duration = Duration::from_secs(290);
/// How long a stream waits for the run to begin: failures until then have a status of their own, and a client that waits
/// longer gets the head and keep-alives.
const HEAD: Duration = Duration::from_secs(5);

/// What every request needs.
#[derive(Debug)]
pub struct Chat {
    agents: Agents,
    orchestrator: AgentRef,
    mode: ResponseMode,
}

impl Chat {
    /// From the function's configuration and the SDK's.
    ///
    /// # Errors
    /// `Internal` if `ORCHESTRATOR_AGENT` names no agent.
    pub fn new(config: &env::ChatHandler, sdk: impl Into<Builder>) -> Result<Self> {
        Ok(Self {
            agents: Agents::new(sdk),
            orchestrator: AgentRef::parse("ORCHESTRATOR_AGENT", &config.orchestrator_agent)?,
            mode: config.response_mode,
        })
    }

    /// When waiting for the agent ends. `events`: the answer is a stream of events, which never falls silent.
    fn deadline(&self, invocation: &Invocation, events: bool) -> Instant {
        let now = Instant::now();
        let lambda = invocation.deadline.checked_sub(MARGIN).unwrap_or(now);
        match self.mode {
            ResponseMode::Buffered => lambda.min(now + BUFFERED),
            ResponseMode::Stream if !events => lambda.min(now + SILENT),
            ResponseMode::Stream => lambda,
        }
    }

    fn ask(
        &self,
        principal: &Principal,
        message: Message,
        session_id: String,
        invocation: &Invocation,
        events: bool,
    ) -> Ask {
        Ask {
            agent: self.orchestrator.clone(),
            name: ORCHESTRATOR.to_owned(),
            attributes: BTreeMap::from([
                (attribute::REQUESTED_BY.to_owned(), principal.as_str().to_owned()),
                (attribute::SESSION_ID.to_owned(), session_id.clone()),
            ]),
            session_id,
            text: message.text,
            in_pieces: events,
            deadline: self.deadline(invocation, events),
        }
    }
}

/// The answer of `POST /chat`.
#[derive(Debug, Default, Serialize)]
struct Answer {
    session_id: String,
    reply: String,
    steps: Vec<Step>,
}

impl Answer {
    fn to(message: &Message) -> Self {
        Self { session_id: message.session_id.clone(), ..Self::default() }
    }

    /// Takes what happened; gives the steps that are new with it, those of a specialist after the call that led to them.
    fn add(&mut self, progress: Progress) -> &[Step] {
        let known = self.steps.len();
        match progress {
            Progress::Text(text) => self.reply.push_str(&text),
            Progress::Step(step) => self.steps.extend(step.lift()),
        }
        self.steps.get(known..).unwrap_or_default()
    }
}

/// A failure, and what had been answered until then: `None` if the agent was not asked.
#[derive(Debug)]
struct Failed {
    error: Error,
    so_far: Option<Box<Answer>>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, so_far: None }
    }
}

/// The routes. API Gateway's stage is part of the path that a REST integration gets.
pub fn app(chat: Chat) -> Router {
    Router::new()
        .route("/chat", any(serve))
        .route("/{stage}/chat", any(serve))
        .fallback(serve_nothing)
        .with_state(Arc::new(chat))
}

async fn serve(State(chat): State<Arc<Chat>>, request: Request) -> Response {
    let mut record = Record::of(request.extensions().get::<Invocation>());
    let response = match answer(&chat, request, &mut record).await {
        Ok(response) => response,
        Err(failure) => failed(&failure, record),
    };
    no_store(response)
}

async fn serve_nothing(request: Request) -> Response {
    let record = Record::of(request.extensions().get::<Invocation>());
    no_store(failed(&not_found("There is nothing at this path. The chat is POST /chat.").into(), record))
}

async fn answer(chat: &Arc<Chat>, request: Request, record: &mut Record) -> Result<Response, Failed> {
    let invocation = request.extensions().get::<Invocation>().cloned();
    let invocation = invocation.ok_or_else(|| internal("The request came without an invocation of Lambda."))?;
    request::check_method(request.method())?;
    let principal = Principal::of(request.extensions())?;
    record.principal = Some(principal.clone());
    let streams = chat.mode == ResponseMode::Stream && request::accepts_events(request.headers());
    let message = Message::read(request).await?;

    let session = identity::chat_session(&principal, &message.session_id);
    record.session = Some(session.clone());
    let mut answer = Answer::to(&message);
    let ask = chat.ask(&principal, message, session, &invocation, streams);
    let agents = chat.agents.clone();
    let mut start = async move { agents.ask(ask).await }.boxed();
    if streams {
        let start = match tokio::time::timeout(HEAD, &mut start).await {
            Ok(Ok(run)) => std::future::ready(Ok(run)).boxed(),
            Ok(Err(error)) => return Err(Failed { error, so_far: Some(Box::new(answer)) }),
            Err(_) => start,
        };
        return Ok(stream::respond(start, answer, record.clone(), stream::KEEP_ALIVE));
    }
    let result = collect(start, &mut answer).await;
    record.steps = answer.steps.len();
    match result {
        Ok(()) => {
            record.clone().write(200, None);
            Ok(Json(answer).into_response())
        }
        Err(error) => Err(Failed { error, so_far: Some(Box::new(answer)) }),
    }
}

/// Reads a run to its end; after an error the answer holds what had happened.
async fn collect(start: BoxFuture<'static, Result<Run>>, answer: &mut Answer) -> Result<()> {
    let mut run = start.await?;
    while let Some(progress) = run.next().await? {
        answer.add(progress);
    }
    Ok(())
}

/// The problem document of a failure, which is logged.
fn failed(Failed { error, so_far }: &Failed, record: Record) -> Response {
    let response = problem(error, &record.request_id, so_far.as_deref());
    record.write(error.kind().status(), Some(error));
    response
}

/// Answers are for one caller and one moment.
fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
