//! One request to a hosted server, until its answer.

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{Failure, RpcError, Said, Session, incoming::Incoming};
use crate::stdio_host::rpc::{self, METHOD_NOT_FOUND, response};

/// A request that the server has not answered yet. If it is dropped before its answer, the server is told that it is
/// cancelled, has to give a sign of life before it is used again, and a late answer is dropped. A server that may ask the client
/// is replaced when the event is over.
#[derive(Debug)]
pub struct Call<'a> {
    session: &'a mut Session,
    id: u64,
    /// The progress token the client chose; the server knows the id of the request instead.
    token: Option<Value>,
    deadline: Instant,
    /// Requests of the server that wait for an answer.
    asked: Vec<Value>,
    over: bool,
}

impl<'a> Call<'a> {
    pub(super) fn begin(session: &'a mut Session, method: &str, mut params: Option<Value>, deadline: Instant) -> Self {
        let id = session.ids.next();
        let token = params.as_mut().and_then(|params| params.pointer_mut("/_meta/progressToken"));
        let token = token.map(|token| std::mem::replace(token, id.into()));
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if let Some(params) = params {
            message["params"] = params;
        }
        session.link.send(&message);
        Self { session, id, token, deadline, asked: Vec::new(), over: false }
    }

    /// The next message of the server that concerns this call. Safe to cancel: nothing is lost.
    ///
    /// # Errors
    /// The server failed, or the deadline has passed; nothing follows an error.
    pub async fn next(&mut self) -> Result<Said, Failure> {
        loop {
            // A server that talks without end would keep the time limit from being looked at.
            let waited = if Instant::now() >= self.deadline {
                None
            } else {
                timeout_at(self.deadline, self.session.link.next()).await.ok()
            };
            let Some(next) = waited else {
                self.give_up("the time of this call is over");
                return Err(Failure::Deadline);
            };
            let incoming = next.inspect_err(|_| self.over = true)?;
            if let Some(said) = self.heard(incoming) {
                return said;
            }
        }
    }

    /// Answers a request of the server.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn answer(&mut self, id: Value, outcome: Result<Value, RpcError>) -> Result<(), Failure> {
        self.asked.retain(|asked| *asked != id);
        self.session.link.send(&response(&id, outcome));
        self.session.link.failure().map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// Tells the server that nobody waits for the answer any more.
    pub async fn cancel(mut self, reason: &str) {
        self.give_up(reason);
    }

    fn heard(&mut self, incoming: Incoming) -> Option<Result<Said, Failure>> {
        match incoming {
            Incoming::Response { id, outcome } if id == self.id => {
                self.over = true;
                self.session.proven = true;
                return Some(Ok(Said::Answer(outcome)));
            }
            // The server could not read something. Whether it was this call nobody knows.
            Incoming::Response { id: Value::Null, outcome: Err(error) } => {
                self.over = true;
                let reason = format!("an error that names no request: {}", self.session.link.brief(&error.message));
                return Some(Err(self.session.link.poison(&reason)));
            }
            Incoming::Request { id, method, params } => match self.session.client.answer(&method) {
                Some(outcome) => self.session.link.send(&response(&id, outcome)),
                None => {
                    self.session.asks = true;
                    self.asked.push(id.clone());
                    return Some(Ok(Said::Request { id, method, params }));
                }
            },
            Incoming::Notification(message) => {
                if let Some(message) = self.with_own_token(message) {
                    return Some(Ok(Said::Notification(message)));
                }
            }
            other => self.session.drop_unasked(other),
        }
        None
    }

    /// Progress of another call is nobody's business.
    fn with_own_token(&self, mut message: Value) -> Option<Value> {
        if message["method"] != "notifications/progress" {
            return Some(message);
        }
        let mine = message.pointer_mut("/params/progressToken").filter(|token| **token == self.id);
        match (mine, &self.token) {
            (Some(token), Some(own)) => {
                token.clone_from(own);
                Some(message)
            }
            _ => {
                tracing::debug!("progress that nobody asked for was dropped");
                None
            }
        }
    }

    fn give_up(&mut self, reason: &str) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.session.suspect = true;
        self.session.spent |= self.session.asks;
        self.session.link.send(&json!({
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": { "requestId": self.id, "reason": reason },
        }));
        // A server that takes no notice of being cancelled must not wait for an answer for ever.
        for id in self.asked.drain(..) {
            let error = rpc::error(METHOD_NOT_FOUND, "the call was cancelled");
            self.session.link.send(&response(&id, Err(error)));
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.give_up("nobody waits for the answer any more");
    }
}
