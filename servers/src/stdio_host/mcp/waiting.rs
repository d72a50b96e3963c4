//! Questions of the hosted server that are on their way to a client of an older version.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    client::{ClientSession, now},
    dialogue::MOST_OPEN,
    failure,
    rendezvous::{Found, Rendezvous, TableFailed},
};
use crate::stdio_host::{child::RpcError, outlet::Outlet};

/// Pause before the first look at the table; a person takes longer, a program does not.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// After so many failed looks in a row the server is told that no answer will come.
const MOST_FAILURES: u32 = 5;

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
    /// Looks that failed, one after the other.
    failures: u32,
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
            failures: 0,
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

    /// Looks at the table. A look that fails is followed by another, up to a point.
    pub(super) async fn look(&mut self) -> News {
        let mut answers = Vec::new();
        match self.found(&mut answers).await {
            Ok(true) => return News::Cancelled,
            Ok(false) => self.failures = 0,
            Err(TableFailed) => self.failures += 1,
        }
        if self.failures >= MOST_FAILURES {
            let error =
                || failure::host("The client's answer cannot be read: the state table cannot be used now.", true);
            answers.extend(self.open.drain(..).map(|asked| (asked.id, Err(error()))));
        }
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        self.next_look = Instant::now() + self.pause;
        News::Answers(answers)
    }

    /// Collects the answers that are there, and says whether the call is cancelled.
    async fn found(&mut self, answers: &mut Vec<(Value, Result<Value, RpcError>)>) -> Result<bool, TableFailed> {
        let session = &self.session.nonce;
        if self.rendezvous.is_cancelled(session, &self.call).await? {
            return Ok(true);
        }
        for at in (0..self.open.len()).rev() {
            if let Found::Answer(outcome) = self.rendezvous.look(session, &self.open[at].question).await? {
                let Asked { question, id } = self.open.swap_remove(at);
                self.rendezvous.close(session, &question).await;
                answers.push((id, outcome));
            }
        }
        Ok(false)
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
