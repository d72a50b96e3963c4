//! Keeps the hosted server running and decides who may share it.

use std::{collections::BTreeMap, sync::PoisonError, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Failure, Session,
    backoff::Backoff,
    chatter::{Chatter, RequestId},
    directories::Directories,
    handshake::{Client, Handshake},
    ids::Ids,
    launch::Launch,
    link::Link,
    process::Process,
    secrets, strays,
};
use crate::stdio_host::{
    ask::Caller,
    host::{Isolation, Settings},
};

/// Longest wait for a sign of life of a server that should have nothing to do.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// What a server has between SIGTERM and SIGKILL when the environment ends. Lambda gives the environment 500 ms in all.
/// Source: AWS Lambda developer guide, "Understanding the Lambda execution environment lifecycle", shutdown phase.
const FAREWELL: Duration = Duration::from_millis(300);
/// After how many events the entries of ended processes are removed.
const BURIAL: u64 = 16;

/// The one owner of the child process.
#[derive(Debug)]
pub struct Supervisor {
    settings: Settings,
    client: Client,
    pub(super) ids: Ids,
    request: RequestId,
    secrets: Option<BTreeMap<String, String>>,
    directories: Directories,
    state: State,
    backoff: Backoff,
    /// Time that was spent waiting for the handshake of this child. Only time within init and events counts: while Lambda
    /// freezes the environment the server does not start either.
    waited: Duration,
    /// Whether this child was started before the event that is under way.
    inherited: bool,
    /// Whether the event that is under way has been given the child.
    taken: bool,
    /// Whom the child serves, where callers do not share one.
    bound: Option<Caller>,
    events: u64,
}

#[derive(Debug)]
enum State {
    Absent,
    Starting(Box<Handshake>),
    Ready(Box<Session>),
}

impl Supervisor {
    /// Starts nothing yet: [`Supervisor::prepare`] and [`Supervisor::session`] do.
    pub fn start(settings: &Settings) -> Self {
        Self {
            client: Client::new(&settings.file),
            settings: settings.clone(),
            ids: Ids::default(),
            request: RequestId::default(),
            secrets: None,
            directories: Directories::default(),
            state: State::Absent,
            backoff: Backoff::new(),
            waited: Duration::ZERO,
            inherited: true,
            taken: false,
            bound: None,
            events: 0,
        }
    }

    /// Starts the server during init, so that the first event finds it ready. What goes wrong is logged: the event tells its
    /// client.
    pub async fn prepare(&mut self, until: Instant) {
        match self.ready(until).await {
            Ok(()) => {}
            Err(Failure::StillStarting) => tracing::info!("the server is still starting; the first event waits for it"),
            Err(failure) => tracing::error!(%failure, "the server is not ready"),
        }
        self.inherited = true;
    }

    /// An event begins; its id goes into the log lines of the server.
    pub fn event_begins(&mut self, request_id: &str) {
        request_id.clone_into(&mut self.request.lock().unwrap_or_else(PoisonError::into_inner));
        self.inherited = true;
        self.taken = false;
    }

    /// The server, ready for a call of this caller: started, awake, and free of what callers before left in it where the
    /// isolation asks for that. Within one event the same server is given again.
    ///
    /// # Errors
    /// The server cannot be made ready before the deadline.
    pub async fn session(&mut self, caller: Option<&Caller>, deadline: Instant) -> Result<&mut Session, Failure> {
        if !self.taken && self.is_used() && !self.may_share(caller) {
            self.remove().await;
        }
        self.taken = true;
        self.bound = caller.cloned();
        self.available(deadline).await?;
        match &mut self.state {
            State::Ready(session) => Ok(session),
            State::Absent | State::Starting(_) => Err(Failure::StillStarting),
        }
    }

    /// Whether a call would find the server ready. It stays with whom it serves.
    ///
    /// # Errors
    /// What a call would fail with.
    pub async fn health(&mut self, deadline: Instant) -> Result<(), Failure> {
        self.available(deadline).await
    }

    /// Makes the server ready. One that was started earlier may have failed meanwhile, or because of the freeze: then this event
    /// gets a new one.
    async fn available(&mut self, deadline: Instant) -> Result<(), Failure> {
        while let Err(failure) = self.ready(deadline).await {
            if !self.inherited || failure == Failure::StillStarting || !matches!(self.state, State::Absent) {
                return Err(failure);
            }
            self.inherited = false;
        }
        Ok(())
    }

    /// An event is over, its answer posted: the next one must find a server that is fit for it.
    pub async fn event_ends(&mut self) {
        // What was written to the child leaves before Lambda freezes the environment.
        tokio::task::yield_now().await;
        let failed = matches!(&self.state, State::Ready(session) if session.link.failure().is_some());
        let spent = matches!(&self.state, State::Ready(session) if session.spent);
        let ended_with_event = match self.settings.file.isolation {
            Isolation::Environment => spent,
            Isolation::Caller => spent || self.bound.is_none(),
            Isolation::Call => true,
        };
        if failed {
            self.failed().await;
        } else if ended_with_event && self.is_used() {
            self.remove().await;
        }
        // It starts while the next event is on its way. Where that costs waiting, the next event decides.
        if matches!(self.state, State::Absent)
            && self.backoff.wait() == Ok(Duration::ZERO)
            && let Err(failure) = self.spawn().await
        {
            tracing::error!(%failure, "the server is not started again");
        }
        self.events += 1;
        if self.settings.launcher.is_some() && self.events.is_multiple_of(BURIAL) {
            strays::bury(self.link().and_then(|link| link.process().id()));
        }
    }

    /// The environment ends: the server is asked to end, then made to.
    pub async fn end(&mut self) {
        if let Some(link) = self.take() {
            link.end(Some(FAREWELL)).await;
        }
        self.directories.end(self.settings.file.isolation);
    }

    /// Makes the server ready: one attempt.
    async fn ready(&mut self, deadline: Instant) -> Result<(), Failure> {
        if matches!(self.state, State::Absent) {
            let wait = self.backoff.wait()?;
            if Instant::now() + wait >= deadline {
                return Err(Failure::StillStarting);
            }
            sleep(wait).await;
            self.inherited = false;
            self.spawn().await?;
        }
        if matches!(self.state, State::Starting(_)) {
            self.shake_hands(deadline).await?;
        }
        self.awake(deadline).await
    }

    async fn spawn(&mut self) -> Result<(), Failure> {
        let started = self.launch().await;
        let link = match started {
            Ok(link) => link,
            Err(reason) => {
                self.backoff.failed(false);
                return Err(Failure::CannotStart { reason });
            }
        };
        self.waited = Duration::ZERO;
        self.state = State::Starting(Box::new(Handshake::begin(link, self.client.clone(), &self.ids)));
        Ok(())
    }

    async fn launch(&mut self) -> Result<Link, String> {
        let (file, env) = (&self.settings.file, &self.settings.env);
        let secrets = match self.secrets.take() {
            Some(secrets) => secrets,
            None => secrets::read(env.secret_prefix.as_deref().unwrap_or_default(), &file.secrets, None).await?,
        };
        let launch = Launch::new(&self.settings, self.secrets.insert(secrets))?;
        self.directories.prepare(&self.settings)?;
        let chatter = Chatter::new(&file.server_id, launch.hidden.iter().cloned(), self.request.clone());
        Ok(Link::new(Process::start(&launch, &chatter)?, chatter))
    }

    async fn shake_hands(&mut self, deadline: Instant) -> Result<(), Failure> {
        let State::Starting(handshake) = &mut self.state else { return Ok(()) };
        let limit = self.settings.file.start_timeout;
        let began = Instant::now();
        let until = deadline.min(began + limit.saturating_sub(self.waited));
        let answered = timeout_at(until, handshake.answered()).await;
        self.waited += began.elapsed();
        match answered {
            Ok(Ok(initialized)) => {
                if let State::Starting(handshake) = std::mem::replace(&mut self.state, State::Absent) {
                    self.state = State::Ready(Box::new(handshake.complete(initialized, self.ids.clone())));
                }
                Ok(())
            }
            Ok(Err(failure)) => {
                self.failed().await;
                Err(failure)
            }
            Err(_) if self.waited < limit => Err(Failure::StillStarting),
            Err(_) => {
                self.failed().await;
                let reason = format!("it did not answer `initialize` within {} s", limit.as_secs());
                Err(Failure::CannotStart { reason })
            }
        }
    }

    /// Whether the server is still there and, where that is doubtful, gives a sign of life.
    async fn awake(&mut self, deadline: Instant) -> Result<(), Failure> {
        // Lets the runtime see what became of the pipes while nobody looked.
        tokio::task::yield_now().await;
        let State::Ready(session) = &mut self.state else { return Ok(()) };
        let mut result = session.clear();
        if result.is_ok() && session.is_doubtful() {
            result = session.ping(deadline.min(Instant::now() + SIGN_OF_LIFE)).await;
        }
        let Err(failure) = result else { return Ok(()) };
        if Instant::now() >= deadline {
            return Err(Failure::StillStarting);
        }
        tracing::warn!(%failure, "the server is no longer fit for use");
        self.failed().await;
        Err(Failure::CannotStart { reason: "it failed again right after it was started".to_owned() })
    }

    /// Whether the child may serve this caller after what it served before.
    fn may_share(&self, caller: Option<&Caller>) -> bool {
        match self.settings.file.isolation {
            Isolation::Environment => true,
            Isolation::Caller => caller.is_some() && self.bound.as_ref() == caller,
            Isolation::Call => false,
        }
    }

    fn is_used(&self) -> bool {
        matches!(&self.state, State::Ready(session) if session.used)
    }

    /// Ends a child that failed, and remembers that it did.
    async fn failed(&mut self) {
        let proven = matches!(&self.state, State::Ready(session) if session.proven);
        self.backoff.failed(proven);
        self.remove().await;
    }

    async fn remove(&mut self) {
        if let Some(link) = self.take() {
            link.end(None).await;
        }
    }

    fn take(&mut self) -> Option<Link> {
        match std::mem::replace(&mut self.state, State::Absent) {
            State::Absent => None,
            State::Starting(handshake) => Some(handshake.link),
            State::Ready(session) => Some(session.link),
        }
    }

    fn link(&self) -> Option<&Link> {
        match &self.state {
            State::Absent => None,
            State::Starting(handshake) => Some(&handshake.link),
            State::Ready(session) => Some(&session.link),
        }
    }
}
