//! Calls of MCP 2026-07-28, whose questions come back as `input_required`.
//! Source: MCP 2026-07-28, "Multi Round-Trip Requests".

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    Mcp, Turn,
    capabilities::Capabilities,
    dialogue::{Dialogue, Open, Reaction, derived, read_responses, unknown},
    failure, headers, log_level,
    modern::{self, Meta},
    relay::{Logs, Relay},
    request_state::{RequestState, call_digest, canonical_digest},
    rpc::{self, Request},
    server, tools,
};
use crate::stdio_host::{
    ask::{Caller, Door},
    child::{Call, RpcError, Said, Session},
    outlet::Outlet,
};

/// How long the hosted server has to be silent before its questions are taken to be all of them. It waits for answers then,
/// and so does a person, later, for longer.
const SILENCE: Duration = Duration::from_millis(100);

/// Longest time for looking a tool up whose call was just cancelled.
const LOOK_UP: Duration = Duration::from_secs(5);

/// Longest `requestState`: it has to come back in a message, which has at most 4 MB.
const LONGEST_STATE: usize = 1024 * 1024;

/// How a run came to its end.
enum Ran {
    /// The hosted server answered.
    Answered(Result<Value, RpcError>),
    /// It waits for the client. The call has been cancelled.
    Waits,
}

/// Runs a call, from the start if it is a retry.
pub(super) async fn call(mcp: &Mcp, turn: &mut Turn<'_>, request: &Request, meta: Meta) -> Result<Value, RpcError> {
    let method = request.method.as_str();
    let may_ask = matches!(method, "tools/call" | "prompts/get" | "resources/read");
    let caller = turn.caller.clone();
    let digest = call_digest(method, &request.params);
    let (state, responses) = match may_ask {
        true => (state(mcp, request, &digest, caller.as_ref()).await?, read_responses(&request.params)?),
        false => (None, Map::new()),
    };
    let again = state.is_some() || !responses.is_empty();
    let of = |f| failure::of(&f);
    let child = turn.supervisor.session(caller.as_ref(), turn.deadline).await.map_err(of)?;
    let said = child.initialized().clone();
    let tool = (method == "tools/call").then(|| request.params.get("name").and_then(Value::as_str).unwrap_or_default());
    if let (Some(tool), Door::Http) = (tool, turn.door)
        && let Some(definition) = tools::find(child, tool, turn.deadline).await.map_err(of)?
    {
        headers::check(definition, request.params.get("arguments"), &turn.headers.params)
            .map_err(|problem| rpc::error(rpc::HEADER_MISMATCH, problem))?;
    }
    if let Some(level) = meta.log_level.filter(|_| turn.outlet.carries_messages()) {
        log_level::ensure(child, level, turn.deadline).await.map_err(of)?;
    }
    let mut dialogue = Dialogue::new(meta.capabilities, state, responses.clone());
    let begun = child.begin(method, server::older_params(&request.params), turn.deadline).await.map_err(of)?;
    let mut run = Run {
        relay: Relay { logs: meta.log_level.map_or(Logs::Unwanted, Logs::From), modern: true },
        outlet: &mut *turn.outlet,
        dialogue: &mut dialogue,
        may_ask,
        tools_changed: false,
    };
    let ran = run.follow(begun).await;
    if run.tools_changed {
        child.known.tools = None;
    }
    let open = match ran? {
        Ran::Answered(Err(error)) if may_ask && error.code == rpc::URL_ELICITATION_REQUIRED => {
            let mut open = pages(&error, meta.capabilities, &responses)?;
            open.used = dialogue.into_open().used;
            open
        }
        Ran::Answered(answer) => return finish(answer, method, &said, again, &dialogue),
        Ran::Waits => {
            if let Some(tool) = tool {
                may_run_again(mcp, child, tool, turn.deadline).await?;
            }
            if dialogue.strays() {
                return Err(failure::asked_differently());
            }
            dialogue.into_open()
        }
    };
    ask(mcp, digest, caller.as_ref(), open, &said).await
}

/// Whether the answers can be given to a second run of a tool.
async fn may_run_again(mcp: &Mcp, child: &mut Session, tool: &str, deadline: Instant) -> Result<(), RpcError> {
    if mcp.settings.file.replay.iter().any(|named| named == tool) {
        return Ok(());
    }
    // The server may hang: it has just been told that its call is cancelled.
    let deadline = deadline.min(Instant::now() + LOOK_UP);
    let definition = tools::find(child, tool, deadline).await.map_err(|f| failure::of(&f))?;
    match definition.is_some_and(tools::may_run_twice) {
        true => Ok(()),
        false => Err(failure::not_replayable(tool)),
    }
}

/// What an earlier run left for this one.
async fn state(
    mcp: &Mcp,
    request: &Request,
    digest: &str,
    caller: Option<&Caller>,
) -> Result<Option<RequestState>, RpcError> {
    let Some(token) = request.params.get("requestState") else { return Ok(None) };
    let wrong = || rpc::invalid("requestState was not given out for this call, or is too old. Call again without it.");
    let token = token.as_str().ok_or_else(wrong)?;
    let signer = mcp.signing.signer().await?.ok_or_else(wrong)?;
    RequestState::open(&signer, token, digest, caller).map(Some).map_err(|_| wrong())
}

/// The result that asks the client.
async fn ask(mcp: &Mcp, call: String, caller: Option<&Caller>, open: Open, said: &Value) -> Result<Value, RpcError> {
    let Some(signer) = mcp.signing.signer().await? else {
        let message = "The MCP server asks the client something, and this deployment has no key (SIGNING_KEY_SECRET) to sign \
                       what a retry has to carry. The call was cancelled.";
        return Err(failure::host(message, true));
    };
    let token = RequestState::new(call, caller, open.used, open.digests).token(&signer);
    let token = token.map_err(|error| failure::host(format!("No requestState can be made: {error}."), true))?;
    if token.len() > LONGEST_STATE {
        return Err(failure::host("The answers so far are too long to be carried to another run.", true));
    }
    let mut result = Map::from_iter([
        ("resultType".to_owned(), json!("input_required")),
        ("inputRequests".to_owned(), Value::Object(open.requests)),
        ("requestState".to_owned(), json!(token)),
    ]);
    modern::identify(&mut result, said);
    Ok(Value::Object(result))
}

/// The answer of the hosted server, as this version has it.
pub(super) fn finish(
    answer: Result<Value, RpcError>,
    method: &str,
    said: &Value,
    again: bool,
    dialogue: &Dialogue,
) -> Result<Value, RpcError> {
    let failed = answer.as_ref().map_or(true, |result| result["isError"] == true);
    match (answer, dialogue.missing()) {
        // It went on without an answer, and failed: so it needed one.
        (answer, Some(missing)) if failed => {
            let answer = answer.unwrap_or_else(|error| json!(error));
            Err(RpcError {
                code: rpc::MISSING_CAPABILITY,
                message: "The MCP server needs the client to answer requests that it did not declare.".to_owned(),
                data: Some(json!({ "requiredCapabilities": missing, "answer": answer })),
            })
        }
        (Ok(result), _) => modern::complete(result, method, said, again),
        (Err(error), _) => Err(renumbered(error)),
    }
}

/// Errors of older versions whose numbers mean something else in this one, or nothing.
fn renumbered(mut error: RpcError) -> RpcError {
    match error.code {
        rpc::RESOURCE_NOT_FOUND => error.code = rpc::INVALID_PARAMS,
        code @ -32099..=-32020 => {
            error.data = Some(json!({ "code": code, "data": error.data }));
            error.code = rpc::INTERNAL_ERROR;
        }
        _ => {}
    }
    error
}

/// The pages that have to be visited before the call can succeed, as questions.
fn pages(error: &RpcError, can: Capabilities, responses: &Map<String, Value>) -> Result<Open, RpcError> {
    const METHOD: &str = "elicitation/create";
    let pages = error.data.as_ref().and_then(|data| data["elicitations"].as_array());
    let mut open = Open::default();
    for page in pages.into_iter().flatten() {
        let params = json!({ "mode": "url", "message": page["message"], "url": page["url"] });
        if let Ok(Some(missing)) = can.missing(METHOD, &params) {
            return Err(RpcError {
                code: rpc::MISSING_CAPABILITY,
                message: "The client has to be able to open a page for this call.".to_owned(),
                data: Some(json!({ "requiredCapabilities": missing })),
            });
        }
        let asked = canonical_digest(METHOD, &params);
        let key = derived(METHOD, &asked);
        if responses.get(&key).is_some_and(|response| response["action"] != "accept") {
            return Err(rpc::invalid("The call needs a page to be visited, and that was declined."));
        }
        open.requests.insert(key.clone(), json!({ "method": METHOD, "params": params }));
        open.digests.insert(key, asked);
    }
    match open.requests.is_empty() {
        true => Err(renumbered(error.clone())),
        false => Ok(open),
    }
}

/// A call under way.
struct Run<'a> {
    relay: Relay,
    outlet: &'a mut Outlet,
    dialogue: &'a mut Dialogue,
    /// Whether this version lets the call ask the client.
    may_ask: bool,
    tools_changed: bool,
}

impl Run<'_> {
    /// Hands on what is said until the answer, or until there is nothing to do but to wait for the client.
    async fn follow(&mut self, mut call: Call<'_>) -> Result<Ran, RpcError> {
        // Where nothing is streamed, the end of the stream says nothing.
        let streams = self.outlet.reaches_client();
        let mut silent_at = None;
        loop {
            let said = tokio::select! {
                said = call.next() => said.map_err(|f| failure::of(&f))?,
                () = self.outlet.closed(), if streams => {
                    call.cancel("The client went away.").await;
                    return Err(failure::cancelled());
                }
                () = sleep_until(silent_at.unwrap_or_else(Instant::now)), if silent_at.is_some() => {
                    call.cancel("The client is asked, and calls again with its answer.").await;
                    return Ok(Ran::Waits);
                }
            };
            match said {
                Said::Answer(answer) => return Ok(Ran::Answered(answer)),
                Said::Notification(notification) => {
                    self.tools_changed |= notification["method"] == server::TOOLS_CHANGED;
                    self.relay.pass(&notification, self.outlet).await;
                }
                Said::Request { id, method, params } => {
                    let answer = match self.react(&method, params) {
                        Reaction::Answer(answer) => Some(answer),
                        Reaction::Open => None,
                        Reaction::Differs => {
                            call.cancel("The call is asked differently than before.").await;
                            return Err(failure::asked_differently());
                        }
                        Reaction::Invalid(error) => {
                            call.cancel("The client's answer cannot be used.").await;
                            return Err(error);
                        }
                    };
                    if let Some(answer) = answer {
                        call.answer(id, answer).await.map_err(|f| failure::of(&f))?;
                    }
                    silent_at = self.dialogue.waits().then(|| Instant::now() + SILENCE);
                }
            }
        }
    }

    fn react(&mut self, method: &str, params: Value) -> Reaction {
        match self.may_ask {
            true => self.dialogue.meet(method, params),
            false => Reaction::Answer(Err(unknown(method))),
        }
    }
}
