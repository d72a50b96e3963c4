//! Messages that have no answer: notifications of clients, and their answers to requests of the hosted server.

use serde_json::Value;

use super::{
    Mcp, Turn,
    client::ClientSession,
    failure,
    legacy::refused_session,
    rendezvous::NotLeft,
    rpc::{self, INTERNAL_ERROR},
};
use crate::stdio_host::{child::RpcError, outlet::Answer};

/// What the name of each notification begins with.
const PREFIX: &str = "notifications/";

/// Takes a notification.
pub(super) async fn notification(mcp: &Mcp, turn: &mut Turn<'_>, method: &str, params: Value) -> Answer {
    if !method.starts_with(PREFIX) {
        // A server that is lax about ids would carry out a request that nothing was checked of.
        let message = format!("A message without an id is a notification, whose method begins with {PREFIX}.");
        return rpc::refused(400, None, rpc::error(rpc::INVALID_REQUEST, message));
    }
    let session = match mcp.client_session(turn).await {
        Ok(session) => session,
        Err(error) => return refused_session(None, error),
    };
    match method {
        "notifications/cancelled" => cancelled(mcp, session, &params).await,
        // About the handshake, which the host has made; about roots, which are asked for each time; and about the progress of a
        // question, which nobody waits for.
        "notifications/initialized" | "notifications/roots/list_changed" | "notifications/progress" => Answer::Accepted,
        _ => match hand_over(turn, method, params).await {
            Ok(()) => Answer::Accepted,
            Err(error) => rpc::refused(503, None, error),
        },
    }
}

async fn hand_over(turn: &mut Turn<'_>, method: &str, params: Value) -> Result<(), RpcError> {
    let child = turn.supervisor.session(turn.caller.as_ref(), turn.deadline).await.map_err(|f| failure::of(&f))?;
    let params = (!params.is_null()).then_some(params);
    child.notify(method, params).await.map_err(|f| failure::of(&f))
}

/// The client cancels a call. That call runs in another environment, if it still runs, and is reached only while it waits for
/// an answer of the client; otherwise it goes on to its end, as MCP allows.
async fn cancelled(mcp: &Mcp, session: Option<ClientSession>, params: &Value) -> Answer {
    let (Some(rendezvous), Some(session)) = (&mcp.rendezvous, session) else { return Answer::Accepted };
    match rendezvous.cancel(&session.nonce, &params["requestId"]).await {
        Ok(waits) => {
            tracing::debug!(waits, "a client cancels a call");
            Answer::Accepted
        }
        Err(failed) => rpc::refused(503, None, failure::host(format!("The call cannot be cancelled: {failed}."), true)),
    }
}

/// Hands the client's answer to the environment that waits for it.
pub(super) async fn response(mcp: &Mcp, turn: &Turn<'_>, id: &Value, outcome: &Result<Value, RpcError>) -> Answer {
    let session = match mcp.client_session(turn).await {
        Ok(session) => session,
        Err(error) => return refused_session(None, error),
    };
    let (Some(rendezvous), Some(session), Some(question)) = (&mcp.rendezvous, session, id.as_str()) else {
        return rpc::refused(400, None, rpc::error(rpc::INVALID_REQUEST, NotLeft::NobodyWaits.to_string()));
    };
    match rendezvous.answer(&session.nonce, question, outcome).await {
        Ok(()) => Answer::Accepted,
        Err(not_left @ NotLeft::NobodyWaits) => {
            rpc::refused(400, None, rpc::error(rpc::INVALID_REQUEST, not_left.to_string()))
        }
        Err(not_left @ NotLeft::Table) => rpc::refused(503, None, failure::host(not_left.to_string(), true)),
        Err(not_left @ NotLeft::TooLong) => {
            // The hosted server is told, so that its call does not wait for nothing.
            let told = Err(rpc::error(INTERNAL_ERROR, not_left.to_string()));
            if let Err(failed) = rendezvous.answer(&session.nonce, question, &told).await {
                tracing::warn!(%failed, "an answer that was too long cannot be refused");
            }
            rpc::refused(413, None, rpc::error(rpc::INVALID_REQUEST, not_left.to_string()))
        }
    }
}
