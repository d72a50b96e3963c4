//! What is said between the client and the hosted server.
//!
//! The hosted server has shaken hands once, with the host, and speaks one older version of MCP. Clients of every version come,
//! each message to any environment. [`legacy`] serves those that begin with `initialize`, [`modern`] those of 2026-07-28; what a
//! client was told in one environment travels with it as a signed [`token`]. How a question of the server gets to the client and
//! its answer back is in [`waiting`] for the one and in [`dialogue`] for the other. docs/hosting-mcp.md tells it as a whole.

mod capabilities;
mod client;
mod dialogue;
pub(super) mod failure;
mod headers;
mod input_required;
mod known;
mod legacy;
mod log_level;
mod modern;
mod notice;
mod quiet;
mod relay;
mod rendezvous;
mod request_state;
mod rpc;
mod server;
mod signing;
mod token;
mod tools;
mod waiting;

#[cfg(test)]
mod tests;

use serde_json::Value;
use tokio::time::Instant;

pub use self::known::Known;
use self::{
    client::ClientSession,
    rendezvous::Rendezvous,
    rpc::{Message, Request},
    signing::Signing,
};
use super::{
    ask::{Ask, Caller, Door, McpHeaders},
    child::{RpcError, Supervisor},
    host::{ClientRequests, Settings},
    outlet::{Answer, Outlet},
    versions,
};

/// Everything that outlives one message. Keys and connections are made when they are first needed.
#[derive(Debug)]
pub struct Mcp {
    settings: Settings,
    signing: Signing,
    rendezvous: Option<Rendezvous>,
}

/// One message that is being served.
struct Turn<'a> {
    supervisor: &'a mut Supervisor,
    outlet: &'a mut Outlet,
    caller: Option<Caller>,
    door: Door,
    headers: McpHeaders,
    deadline: Instant,
}

impl Mcp {
    /// Reads nothing and connects to nothing.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), signing: Signing::new(settings), rendezvous: Rendezvous::new(settings) }
    }

    /// Serves one message of a client with the hosted server.
    pub async fn serve(&self, ask: Ask, supervisor: &mut Supervisor, outlet: &mut Outlet, deadline: Instant) -> Answer {
        let Ask { message, door, caller, headers } = ask;
        let message = match rpc::read(message) {
            Ok(message) => message,
            Err(answer) => return answer,
        };
        let mut turn = Turn { supervisor, outlet, caller, door, headers, deadline };
        match message {
            Message::Request(request) if is_modern(&request, &turn.headers) => {
                modern::request(self, &mut turn, request).await
            }
            Message::Request(request) => legacy::request(self, &mut turn, request).await,
            Message::Notification { method, params } => notice::notification(self, &mut turn, &method, params).await,
            Message::Response { id, outcome } => notice::response(self, &turn, &id, &outcome).await,
        }
    }

    /// The session that the client names, if it names one.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if it is none of this caller's, or over; `HEADER_MISMATCH` if the message names another version than the
    /// session has; another code if that cannot be found out now.
    async fn client_session(&self, turn: &Turn<'_>) -> Result<Option<ClientSession>, RpcError> {
        let Some(token) = &turn.headers.session else { return Ok(None) };
        let session = match self.signing.signer().await? {
            Some(signer) => ClientSession::open(&signer, token, turn.caller.as_ref()).ok(),
            None => None,
        };
        let Some(session) = session else {
            let over = "There is no such session, or it is over. Begin with initialize.";
            return Err(rpc::error(rpc::INVALID_REQUEST, over));
        };
        match &turn.headers.protocol_version {
            Some(version) if *version != session.version => {
                let message =
                    format!("The header MCP-Protocol-Version must name the session's version, {}.", session.version);
                Err(rpc::error(rpc::HEADER_MISMATCH, message))
            }
            _ => Ok(Some(session)),
        }
    }

    /// Why a client that could be asked is not.
    fn unreachable(&self, method: &str) -> RpcError {
        let reason = match self.settings.file.client_requests {
            ClientRequests::Refuse => "this server is set to ask no clients (`client_requests` in servers.yaml)",
            ClientRequests::Rendezvous if self.rendezvous.is_none() => "this deployment has no state table",
            ClientRequests::Rendezvous => "the way this call came does not stream, so no question can be sent",
        };
        rpc::error(rpc::METHOD_NOT_FOUND, format!("The client of this call cannot be asked for {method}: {reason}."))
    }
}

/// Whether a request is one of the versions without a handshake. The door has checked what goes with that.
fn is_modern(request: &Request, headers: &McpHeaders) -> bool {
    let meta = request.params.get("_meta").unwrap_or(&Value::Null);
    meta.get(versions::VERSION_FIELD).is_some() || headers.protocol_version.as_deref().is_some_and(versions::is_modern)
}
