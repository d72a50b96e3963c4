//! What is said between the client and the hosted server.

mod known;

use serde_json::json;
use tokio::time::Instant;

pub use self::known::Known;
use super::{
    ask::Ask,
    child::Supervisor,
    host::Settings,
    outlet::{Answer, Outlet},
};

/// Everything that outlives one message: settings, and later keys and clients that are made when they are first needed.
#[derive(Debug)]
pub struct Mcp {
    _settings: Settings,
}

impl Mcp {
    /// Reads nothing and connects to nothing.
    pub fn new(settings: &Settings) -> Self {
        Self { _settings: settings.clone() }
    }

    /// Serves one message of a client with the hosted server.
    pub async fn serve(
        &mut self,
        ask: Ask,
        supervisor: &mut Supervisor,
        _outlet: &mut Outlet,
        deadline: Instant,
    ) -> Answer {
        let error = match supervisor.session(ask.caller.as_ref(), deadline).await {
            Ok(_) => json!({ "code": -32601, "message": "This method is not served." }),
            Err(failure) => json!({ "code": -32603, "message": failure.to_string() }),
        };
        Answer::Message(json!({ "jsonrpc": "2.0", "id": ask.message.get("id"), "error": error }))
    }
}
