//! Clients of the versions with a handshake, 2024-11-05 to 2025-11-25.
//! Source: MCP 2025-11-25, "Lifecycle", "Transports", "Cancellation".

use serde_json::{Value, json};

use super::{
    Mcp, Turn,
    capabilities::{Capabilities, NoQuestion},
    client::ClientSession,
    dialogue::{take_name, too_many, undeclared, unknown},
    failure,
    log_level::{self, Level},
    relay::{Logs, Relay},
    rpc::{self, Request},
    server,
    waiting::{News, Waiting},
};
use crate::stdio_host::{
    child::{Call, Failure, RpcError, Said},
    outlet::{Answer, Outlet},
    versions::LEGACY,
};

/// Serves a request.
pub(super) async fn request(mcp: &Mcp, turn: &mut Turn<'_>, mut request: Request) -> Answer {
    if request.method == "initialize" {
        return match initialize(mcp, turn, &request).await {
            Ok(answer) => answer,
            Err(error) => Answer::Message(rpc::response(&request.id, Err(error))),
        };
    }
    let session = match mcp.client_session(turn).await {
        Ok(session) => session,
        Err(error) => return refused_session(Some(&request.id), error),
    };
    let outcome = match request.method.as_str() {
        "ping" => Ok(json!({})),
        "logging/setLevel" => match set_level(mcp, turn, &request, session).await {
            Ok(Some(token)) => {
                let message = rpc::response(&request.id, Ok(json!({})));
                return Answer::InSession { message, session: token };
            }
            Ok(None) => Ok(json!({})),
            Err(error) => Err(error),
        },
        // A task outlives its call, and nothing here does: the next request meets another process.
        method if method.starts_with("tasks/") => Err(rpc::error(rpc::METHOD_NOT_FOUND, "Tasks are not kept here.")),
        _ => {
            request.params.remove("task");
            call(mcp, turn, &request, session.as_ref()).await
        }
    };
    Answer::Message(rpc::response(&request.id, outcome))
}

/// The session is over, was never one, has another version, or cannot be checked now.
pub(super) fn refused_session(id: Option<&Value>, error: RpcError) -> Answer {
    let status = match error.code {
        // 404 makes a client begin a new session.
        rpc::INVALID_REQUEST => 404,
        rpc::HEADER_MISMATCH => 400,
        _ => 503,
    };
    rpc::refused(status, id, error)
}

/// Answers for the hosted server, which shook hands long before this client came.
async fn initialize(mcp: &Mcp, turn: &mut Turn<'_>, request: &Request) -> Result<Answer, RpcError> {
    let Some(asked) = request.params.get("protocolVersion").and_then(Value::as_str) else {
        return Err(rpc::invalid("params.protocolVersion must be a string."));
    };
    let child = turn.supervisor.session(turn.caller.as_ref(), turn.deadline).await.map_err(|f| failure::of(&f))?;
    let mut result = child.initialized().clone();
    let version = negotiate(asked, result["protocolVersion"].as_str().unwrap_or_default()).to_owned();
    result["protocolVersion"] = json!(version);
    result["capabilities"] = server::capabilities(&result);
    let message = rpc::response(&request.id, Ok(result));
    let Some(signer) = mcp.signing.signer().await? else { return Ok(Answer::Message(message)) };
    let capabilities = Capabilities::read(request.params.get("capabilities").unwrap_or(&Value::Null));
    let session = ClientSession::new(turn.caller.as_ref(), &version, capabilities).token(&signer);
    let session = session.map_err(|error| failure::host(format!("No session can be made: {error}."), false))?;
    Ok(Answer::InSession { message, session })
}

/// The version the client asks for, if the hosted server speaks it or a newer one; the server's otherwise.
fn negotiate<'a>(asked: &'a str, spoken: &'a str) -> &'a str {
    // Versions are dates: their order is that of their texts.
    if LEGACY.contains(&asked) && asked <= spoken { asked } else { spoken }
}

/// Sets the level now, and in a token for the environments that serve the session later.
async fn set_level(
    mcp: &Mcp,
    turn: &mut Turn<'_>,
    request: &Request,
    session: Option<ClientSession>,
) -> Result<Option<String>, RpcError> {
    let level = request.params.get("level").and_then(Level::read);
    let level = level.ok_or_else(|| rpc::invalid("params.level must be one of the log levels of MCP."))?;
    let child = turn.supervisor.session(turn.caller.as_ref(), turn.deadline).await.map_err(|f| failure::of(&f))?;
    log_level::set(child, level, turn.deadline).await.map_err(|f| failure::of(&f))??;
    let Some(mut session) = session else { return Ok(None) };
    session.log_level = Some(level);
    let Some(signer) = mcp.signing.signer().await? else { return Ok(None) };
    let token = session.token(&signer);
    token.map(Some).map_err(|error| failure::host(format!("No session can be made: {error}."), false))
}

async fn call(
    mcp: &Mcp,
    turn: &mut Turn<'_>,
    request: &Request,
    session: Option<&ClientSession>,
) -> Result<Value, RpcError> {
    let child = turn.supervisor.session(turn.caller.as_ref(), turn.deadline).await.map_err(|f| failure::of(&f))?;
    let level = session.and_then(|session| session.log_level);
    // A client that set no level must not get, or miss, what another one asked for.
    let wanted = level.or_else(|| child.known.log_level.map(|_| Level::Info));
    if let Some(level) = wanted.filter(|_| turn.outlet.carries_messages()) {
        log_level::ensure(child, level, turn.deadline).await.map_err(|f| failure::of(&f))?;
    }
    let mut waiting = match (&mcp.rendezvous, session) {
        (Some(rendezvous), Some(session)) if turn.outlet.reaches_client() => {
            Some(Waiting::new(rendezvous, session, &request.id, turn.deadline))
        }
        _ => None,
    };
    let params = server::params(&request.params);
    let call = child.begin(&request.method, params, turn.deadline).await.map_err(|f| failure::of(&f))?;
    let run = Run {
        mcp,
        can: session.map(|session| session.capabilities).unwrap_or_default(),
        relay: Relay { logs: level.map_or(Logs::All, Logs::From), modern: false },
        outlet: &mut *turn.outlet,
        waiting: &mut waiting,
    };
    let (outcome, tools_changed) = run.follow(call).await;
    if let Some(waiting) = waiting {
        waiting.close().await;
    }
    if tools_changed {
        child.known.tools = None;
    }
    outcome
}

/// A call under way.
struct Run<'a, 'w> {
    mcp: &'a Mcp,
    /// What the client can be asked.
    can: Capabilities,
    relay: Relay,
    outlet: &'a mut Outlet,
    /// The questions to the client; none where no answer could come back.
    waiting: &'a mut Option<Waiting<'w>>,
}

impl Run<'_, '_> {
    /// Hands on what is said until the answer, and says whether the tools changed meanwhile.
    async fn follow(mut self, mut call: Call<'_>) -> (Result<Value, RpcError>, bool) {
        let mut tools_changed = false;
        loop {
            let said = tokio::select! {
                said = call.next() => said,
                () = due(self.waiting) => match self.look(&mut call).await {
                    Ok(News::Cancelled) => {
                        call.cancel("The client cancelled the call.").await;
                        return (Err(failure::cancelled()), tools_changed);
                    }
                    Ok(News::Answers(_)) => continue,
                    Err(failure) => Err(failure),
                },
            };
            let outcome = match said {
                Ok(Said::Notification(notification)) => {
                    tools_changed |= notification["method"] == server::TOOLS_CHANGED;
                    self.notified(&notification).await;
                    continue;
                }
                Ok(Said::Request { id, method, params }) => match self.asked(&mut call, id, &method, params).await {
                    Ok(()) => continue,
                    Err(failure) => Err(failure::of(&failure)),
                },
                Ok(Said::Answer(answer)) => answer,
                Err(Failure::Deadline) if self.waiting.as_ref().is_some_and(Waiting::any) => Err(failure::no_answer()),
                Err(failure) => Err(failure::of(&failure)),
            };
            return (outcome, tools_changed);
        }
    }

    async fn look(&mut self, call: &mut Call<'_>) -> Result<News, Failure> {
        let Some(waiting) = self.waiting else { return Ok(News::Answers(Vec::new())) };
        match waiting.look().await {
            News::Cancelled => Ok(News::Cancelled),
            News::Answers(answers) => {
                for (id, outcome) in answers {
                    call.answer(id, outcome).await?;
                }
                Ok(News::Answers(Vec::new()))
            }
        }
    }

    async fn notified(&mut self, notification: &Value) {
        if notification["method"] == "notifications/cancelled"
            && let Some(waiting) = self.waiting
        {
            waiting.withdraw(&notification["params"]["requestId"], self.outlet).await;
        }
        self.relay.pass(notification, self.outlet).await;
    }

    /// Takes up a request of the hosted server: answers it, or sends it to the client.
    async fn asked(&mut self, call: &mut Call<'_>, id: Value, method: &str, mut params: Value) -> Result<(), Failure> {
        let error = match (self.can.missing(method, &params), &mut *self.waiting) {
            (Err(NoQuestion), _) => unknown(method),
            (Ok(Some(_)), _) => undeclared(method),
            (Ok(None), None) => self.mcp.unreachable(method),
            (Ok(None), Some(waiting)) if waiting.is_full() => too_many(method),
            (Ok(None), Some(waiting)) => {
                take_name(&mut params);
                match waiting.ask(id.clone(), method, &params, self.outlet).await {
                    Ok(()) => return Ok(()),
                    Err(failed) => failure::host(format!("The client cannot be asked: {failed}."), true),
                }
            }
        };
        call.answer(id, Err(error)).await
    }
}

/// Ends when it is time to look for answers; never, while nothing is asked.
async fn due(waiting: &Option<Waiting<'_>>) {
    match waiting {
        Some(waiting) if waiting.any() => waiting.due().await,
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_one_that_both_sides_know() {
        for (asked, spoken, agreed) in [
            ("2025-11-25", "2025-11-25", "2025-11-25"),
            ("2025-06-18", "2025-11-25", "2025-06-18"),
            ("2024-11-05", "2025-11-25", "2024-11-05"),
            ("2025-11-25", "2025-03-26", "2025-03-26"),
            ("2026-07-28", "2025-11-25", "2025-11-25"),
            ("1.0", "2025-11-25", "2025-11-25"),
        ] {
            assert_eq!(negotiate(asked, spoken), agreed, "{asked} {spoken}");
        }
    }
}
