//! Where messages to the client go while a call runs, and what the call's answer is.

use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;

/// Messages that may wait to be written. A server that says more at once waits for the client.
const WAITING: usize = 16;

/// The way back to the client while a call runs.
#[derive(Debug)]
pub struct Outlet {
    way: Way,
    said: mpsc::Sender<Value>,
}

/// How far a message gets that is said before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the client at once, as a server-sent event.
    AtOnce,
    /// To the client together with the answer: the client reads server-sent events, but Lambda passes the answer on in one
    /// piece.
    WithAnswer,
    /// Nowhere: the door or the client knows no messages but the answer.
    Nowhere,
}

/// Nobody listens, or nobody does any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the client cannot be reached")]
pub struct Closed;

/// How a call ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A JSON-RPC response.
    Message(Value),
    /// A JSON-RPC response, and the session the client is to name from now on (`Mcp-Session-Id`). Where the door has no
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

impl Answer {
    /// What the client is told, if anything.
    pub const fn message(&self) -> Option<&Value> {
        match self {
            Self::Message(message) | Self::InSession { message, .. } | Self::Refused { message, .. } => Some(message),
            Self::Accepted => None,
        }
    }
}

impl Outlet {
    /// An outlet, and the end where what is said comes out.
    pub fn new(way: Way) -> (Self, mpsc::Receiver<Value>) {
        let (said, heard) = mpsc::channel(WAITING);
        (Self { way, said }, heard)
    }

    /// Whether a message said now reaches the client before the answer, so that the client can act on it.
    pub fn reaches_client(&self) -> bool {
        self.way == Way::AtOnce && !self.said.is_closed()
    }

    /// Whether messages besides the answer reach the client at all, then or later.
    pub fn carries_messages(&self) -> bool {
        self.way != Way::Nowhere
    }

    /// Says a message to the client before the answer.
    ///
    /// # Errors
    /// It reaches nobody: the door or the client knows no such messages, or the client has gone.
    pub async fn say(&mut self, message: &Value) -> Result<(), Closed> {
        if self.way == Way::Nowhere {
            return Err(Closed);
        }
        self.said.send(message.clone()).await.map_err(|_| Closed)
    }

    /// Ends when the client has gone: nobody will read the answer. Safe to cancel.
    pub async fn closed(&self) {
        self.said.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_is_said_comes_out_in_order() {
        for (way, reaches) in [(Way::AtOnce, true), (Way::WithAnswer, false)] {
            let (mut outlet, mut heard) = Outlet::new(way);
            assert_eq!(outlet.reaches_client(), reaches, "{way:?}");
            for number in 0..3 {
                outlet.say(&json!({ "number": number })).await.unwrap();
            }
            for number in 0..3 {
                assert_eq!(heard.recv().await.unwrap()["number"], number);
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_said_where_nobody_listens() {
        let (mut outlet, mut heard) = Outlet::new(Way::Nowhere);
        assert!(!outlet.reaches_client());
        assert_eq!(outlet.say(&json!({})).await, Err(Closed));
        assert!(heard.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_client_that_has_gone_is_noticed() {
        let (mut outlet, heard) = Outlet::new(Way::AtOnce);
        drop(heard);
        outlet.closed().await;
        assert!(!outlet.reaches_client());
        assert_eq!(outlet.say(&json!({})).await, Err(Closed));
    }
}
