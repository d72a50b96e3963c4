//! Where messages to the client go while a call runs, and what the call's answer is.

use serde_json::Value;
use thiserror::Error;

use super::runtime_api::Reply;

/// The way back to the client.
#[derive(Debug)]
pub struct Outlet {
    reply: Reply,
}

/// Nobody listens any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the client can no longer be reached")]
pub struct Closed;

/// How a call ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A JSON-RPC response.
    Message(Value),
    /// A JSON-RPC response, and the session the client is to name from now on (`Mcp-Session-Id`); where the door has no
    /// headers the session is left out.
    InSession {
        /// The response.
        message: Value,
        /// Visible ASCII characters.
        session: String,
    },
    /// Taken, with nothing to say (HTTP 202): a notification or a response.
    Accepted,
    /// Refused by a rule of the transport, with a JSON-RPC error as body.
    Refused {
        /// HTTP status code.
        status: u16,
        /// JSON-RPC error response.
        message: Value,
    },
}

impl Outlet {
    /// An outlet that answers the event of this reply.
    pub const fn new(reply: Reply) -> Self {
        Self { reply }
    }

    /// Whether a message said now reaches the client before the answer (a stream of server-sent events).
    pub const fn reaches_client(&self) -> bool {
        false
    }

    /// Says a message to the client before the answer.
    ///
    /// # Errors
    /// The client cannot be reached this way.
    pub async fn say(&mut self, _message: &Value) -> Result<(), Closed> {
        Err(Closed)
    }

    /// Gives the way back away.
    pub fn into_reply(self) -> Reply {
        self.reply
    }
}
