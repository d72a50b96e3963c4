//! A child that has shaken hands.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{Call, Failure, handshake::Client, ids::Ids, incoming::Incoming, link::Link};
use crate::stdio_host::{mcp::Known, rpc::response};

/// A server that was silent for longer is pinged before it is trusted with a call: connections it holds may have died with the
/// freeze of the environment, and the server with them.
const IDLE: Duration = Duration::from_secs(60);

/// Messages that are thrown away at once before a call. A server that has said more is still talking.
const STALE: usize = 10_000;

/// A hosted server that is ready for calls, one at a time.
#[derive(Debug)]
pub struct Session {
    pub(super) link: Link,
    pub(super) client: Client,
    pub(super) ids: Ids,
    initialized: Value,
    /// Whether a call was cancelled, so that nobody knows what the server is doing.
    pub(super) suspect: bool,
    /// Whether a call may ask the client: it was offered to the server, or the server did so.
    pub(super) asks: bool,
    /// Whether a call that may ask was given up. A request of the server does not name its call, so that what it still asks for
    /// that one would be taken for a question of the next.
    pub(super) spent: bool,
    /// Whether it was sent anything of a client.
    pub(super) used: bool,
    /// Whether it ever answered a call.
    pub(super) proven: bool,
    /// What [`crate::stdio_host::mcp`] has learned about this process; it ends with it.
    pub known: Known,
}

impl Session {
    pub(super) fn new(link: Link, client: Client, initialized: Value, ids: Ids) -> Self {
        let (asks, known) = (client.may_be_asked, Known::default());
        Self { link, client, ids, initialized, suspect: false, asks, spent: false, used: false, proven: false, known }
    }

    /// The server's result of `initialize`: its `protocolVersion`, `capabilities`, `serverInfo`, `instructions`.
    pub const fn initialized(&self) -> &Value {
        &self.initialized
    }

    /// Sends a request. A progress token in `params._meta` is replaced on the way by one that is never used twice.
    ///
    /// # Errors
    /// The server is gone, or the deadline has passed; nothing was sent.
    pub async fn begin(&mut self, method: &str, params: Option<Value>, deadline: Instant) -> Result<Call<'_>, Failure> {
        self.clear()?;
        if Instant::now() >= deadline {
            return Err(Failure::Deadline);
        }
        self.used = true;
        Ok(Call::begin(self, method, params, deadline))
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn notify(&mut self, method: &str, params: Option<Value>) -> Result<(), Failure> {
        self.clear()?;
        self.used = true;
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if let Some(params) = params {
            message["params"] = params;
        }
        self.link.send(&message);
        Ok(())
    }

    /// Whether the server has to prove that it is alive before it is used.
    pub(super) fn is_doubtful(&self) -> bool {
        self.suspect || self.link.silent_for() > IDLE
    }

    /// Asks the server for a sign of life. What a cancelled call left behind comes before it and is dropped.
    ///
    /// # Errors
    /// It failed, or said nothing in time.
    pub(super) async fn ping(&mut self, until: Instant) -> Result<(), Failure> {
        let id = self.ids.next();
        self.link.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }));
        loop {
            // A server that talks without end would keep the time limit from being looked at.
            if Instant::now() >= until {
                return Err(Failure::Deadline);
            }
            match timeout_at(until, self.link.next()).await.map_err(|_| Failure::Deadline)?? {
                // An error is a sign of life, too.
                Incoming::Response { id: answered, .. } if answered == id => {
                    self.suspect = false;
                    return Ok(());
                }
                other => self.drop_unasked(other),
            }
        }
    }

    /// Drops what the server said since the last call: it belongs to nobody.
    pub(super) fn clear(&mut self) -> Result<(), Failure> {
        for dropped in 0.. {
            let Some(stale) = self.link.stale() else { break };
            self.drop_unasked(stale?);
            if dropped == STALE {
                self.suspect = true;
                break;
            }
        }
        Ok(())
    }

    /// Handles a message that no call waits for.
    pub(super) fn drop_unasked(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Request { id, method, .. } => self.link.send(&response(&id, self.client.answer_alone(&method))),
            Incoming::Response { id, .. } => {
                let id = self.link.brief(&id.to_string());
                tracing::warn!(id, "an answer that nobody waits for was dropped");
            }
            other => tracing::debug!(method = self.link.brief(other.name()), "said between calls, dropped"),
        }
    }
}
