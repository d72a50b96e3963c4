//! Questions of the hosted server that are on their way to a client of an older version.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    client::{ClientSession, now},
    dialogue::MOST_OPEN,
    rendezvous::{Found, Rendezvous, TableFailed},
};
use crate::stdio_host::{child::RpcError, outlet::Outlet};

/// Pause before the first look at the table; a person takes longer, a program does not.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Longest time for removing what is left: the answer of the call waits for it.
const CLOSING: Duration = Duration::from_millis(200);

/// How much longer than the call an item lasts, in seconds: clocks of two environments differ a little.
const MARGIN: u64 = 60;

/// The open questions of one call.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    rendezvous: &'a Rendezvous,
    session: &'a ClientSession,
    /// The client's id of the call.
    call: Value,
    /// When the items are over, in seconds since 1970.
    until: u64,
    open: Vec<Asked>,
    /// Whether the client has been asked anything, so that it may cancel.
    begun: bool,
    pause: Duration,
    next_look: Instant,
}

#[derive(Debug)]
struct Asked {
    /// The id that the client sees.
    question: String,
    /// The hosted server's id.
    id: Value,
}

/// What has become of the questions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// These have been answered: the hosted server's id of each, and the answer.
    Answers(Vec<(Value, Result<Value, RpcError>)>),
    /// The client has cancelled the call.
    Cancelled,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(rendezvous: &'a Rendezvous, session: &'a ClientSession, call: &Value, deadline: Instant) -> Self {
        let left = deadline.saturating_duration_since(Instant::now()).as_secs();
        Self {
            rendezvous,
            session,
            call: call.clone(),
            until: now() + left + MARGIN,
            open: Vec::new(),
            begun: false,
            pause: FIRST_PAUSE,
            next_look: deadline,
        }
    }

    /// Sends a question. The item is there before the client can answer.
    ///
    /// # Errors
    /// The table failed. If the client has gone, nobody answers, and the deadline ends the wait.
    pub(super) async fn ask(
        &mut self,
        id: Value,
        method: &str,
        params: &Value,
        outlet: &mut Outlet,
    ) -> Result<(), TableFailed> {
        let question = uuid::Uuid::new_v4().simple().to_string();
        if !self.begun {
            self.rendezvous.open_call(&self.session.nonce, &self.call, self.until).await?;
            self.begun = true;
        }
        self.rendezvous.open(&self.session.nonce, &question, self.until).await?;
        let mut message = json!({ "jsonrpc": "2.0", "id": question, "method": method });
        if !params.is_null() {
            message["params"] = params.clone();
        }
        if outlet.say(&message).await.is_err() {
            tracing::warn!("a question reaches no client");
        }
        self.open.push(Asked { question, id });
        self.pause = FIRST_PAUSE;
        self.next_look = Instant::now() + self.pause;
        Ok(())
    }

    /// Whether no further question may be asked now.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= MOST_OPEN
    }

    /// Whether a question is open.
    pub(super) fn any(&self) -> bool {
        !self.open.is_empty()
    }

    /// Ends when it is time to look at the table. Safe to cancel.
    pub(super) async fn due(&self) {
        sleep_until(self.next_look).await;
    }

    /// Looks at the table. A look that fails is followed by another.
    pub(super) async fn look(&mut self) -> News {
        if self.rendezvous.is_cancelled(&self.session.nonce, &self.call).await == Ok(true) {
            return News::Cancelled;
        }
        let mut answers = Vec::new();
        for Asked { question, id } in std::mem::take(&mut self.open) {
            match self.rendezvous.look(&self.session.nonce, &question).await {
                Ok(Found::Answer(outcome)) => {
                    self.rendezvous.close(&self.session.nonce, &question).await;
                    answers.push((id, outcome));
                }
                Ok(Found::Nothing) | Err(TableFailed) => self.open.push(Asked { question, id }),
            }
        }
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        self.next_look = Instant::now() + self.pause;
        News::Answers(answers)
    }

    /// The hosted server no longer wants the answer to this request.
    pub(super) async fn withdraw(&mut self, id: &Value, outlet: &mut Outlet) {
        let Some(at) = self.open.iter().position(|asked| asked.id == *id) else { return };
        let Asked { question, .. } = self.open.swap_remove(at);
        let params = json!({ "requestId": question });
        let message = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        if outlet.say(&message).await.is_err() {
            tracing::debug!("a withdrawn question reaches no client");
        }
        self.rendezvous.close(&self.session.nonce, &question).await;
    }

    /// Removes the questions that are still open: the call is over. Those that are not removed in a moment go with their time.
    pub(super) async fn close(self) {
        let removed = timeout(CLOSING, async {
            if self.begun {
                self.rendezvous.close_call(&self.session.nonce, &self.call).await;
            }
            for Asked { question, .. } in &self.open {
                self.rendezvous.close(&self.session.nonce, question).await;
            }
        });
        if removed.await.is_err() {
            tracing::debug!("items are left in the state table until their time is over");
        }
    }
}
