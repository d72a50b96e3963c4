//! What is said between the client and the hosted server.

use serde_json::json;
use tokio::time::Instant;

use super::{
    ask::Ask,
    child::Supervisor,
    host::Settings,
    outlet::{Answer, Outlet},
};

/// Serves one message of a client with the hosted server.
pub async fn serve(
    ask: Ask,
    supervisor: &mut Supervisor,
    _outlet: &mut Outlet,
    deadline: Instant,
    _settings: &Settings,
) -> Answer {
    let error = match supervisor.session(ask.caller.as_ref(), deadline).await {
        Ok(_) => json!({ "code": -32601, "message": "This method is not served." }),
        Err(failure) => json!({ "code": -32000, "message": failure.to_string() }),
    };
    Answer::Message(json!({ "jsonrpc": "2.0", "id": ask.message.get("id"), "error": error }))
}
