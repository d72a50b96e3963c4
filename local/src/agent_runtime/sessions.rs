//! The sessions: history and attributes of each (agent, session id), in memory, bounded in number and size.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    error::{AgentError, Fault, Result},
    model::Message,
};

/// Most bytes of history a session keeps; the oldest turns go first.
const MAX_HISTORY_BYTES: usize = 1_000_000;

/// Most turns a session keeps.
const MAX_TURNS: usize = 60;

/// Agent id and session id.
type Key = (String, String);

/// What a session remembers.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) history: Vec<Message>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) prompt_attributes: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Slot {
    /// `None` while a request has the session.
    session: Option<Session>,
    idle: Duration,
    last_used: Instant,
}

impl Slot {
    fn expired(&self, now: Instant) -> bool {
        self.session.is_some() && now.duration_since(self.last_used) > self.idle
    }
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    slots: Mutex<HashMap<Key, Slot>>,
    limit: usize,
}

impl Sessions {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { slots: Mutex::new(HashMap::new()), limit })
    }

    /// Takes a session for one request, a new one if there is none or it was idle for too long.
    ///
    /// # Errors
    /// `conflictException` while another request has it; `throttlingException` when every session that fits is in use.
    pub(crate) fn take(self: &Arc<Self>, agent: &str, id: &str, idle: Duration) -> Result<Lease> {
        let now = Instant::now();
        let key = (agent.to_owned(), id.to_owned());
        let mut slots = self.lock();
        slots.retain(|_, slot| !slot.expired(now));
        if !slots.contains_key(&key) && slots.len() >= self.limit {
            let oldest = slots.iter().filter(|(_, slot)| slot.session.is_some()).min_by_key(|(_, slot)| slot.last_used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return Err(AgentError::new(Fault::Throttling, format!("All {} sessions are in use.", self.limit)));
            };
            slots.remove(&oldest);
        }
        let slot = slots.entry(key.clone()).or_insert_with(|| Slot {
            session: Some(Session::default()),
            idle,
            last_used: now,
        });
        let session = slot.session.take().ok_or_else(|| {
            AgentError::new(
                Fault::Conflict,
                format!("Session {id} is answering another request. Try again when it is done."),
            )
        })?;
        Ok(Lease { sessions: Arc::clone(self), key, session, ended: false })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        // No code that holds the lock can leave the map half changed.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that one request has; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lease {
    sessions: Arc<Sessions>,
    key: Key,
    pub(crate) session: Session,
    ended: bool,
}

impl Lease {
    /// Forgets the session.
    pub(crate) const fn end(&mut self) {
        self.ended = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut session = std::mem::take(&mut self.session);
        let mut slots = self.sessions.lock();
        if self.ended {
            slots.remove(&self.key);
        } else if let Some(slot) = slots.get_mut(&self.key) {
            session.trim();
            slot.session = Some(session);
            slot.last_used = Instant::now();
        }
    }
}

impl Session {
    /// Drops whole turns from the front until the history is within its bounds.
    fn trim(&mut self) {
        let starts = |history: &[Message]| -> Vec<usize> {
            (0..history.len()).filter(|at| matches!(history.get(*at), Some(Message::User(_)))).collect()
        };
        let mut turns = starts(&self.history);
        let mut bytes: usize = self.history.iter().map(Message::size).sum();
        while (turns.len() > MAX_TURNS || bytes > MAX_HISTORY_BYTES) && !turns.is_empty() {
            let end = turns.get(1).copied().unwrap_or(self.history.len());
            bytes -= self.history.drain(..end).map(|message| message.size()).sum::<usize>();
            turns = starts(&self.history);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    #[test]
    fn one_request_at_a_time_and_the_history_stays() {
        let sessions = Sessions::new(2);
        let mut first = sessions.take("A", "s1", IDLE).unwrap();
        first.session.history.push(Message::User("hello".into()));
        assert_eq!(sessions.take("A", "s1", IDLE).unwrap_err().fault, Fault::Conflict);
        assert!(
            sessions.take("B", "s1", IDLE).unwrap().session.history.is_empty(),
            "another agent's session is another one"
        );
        drop(first);
        assert_eq!(sessions.take("A", "s1", IDLE).unwrap().session.history.len(), 1);
    }

    #[test]
    fn idle_and_ended_sessions_are_forgotten() {
        let sessions = Sessions::new(2);
        for id in ["idle", "ended"] {
            let mut lease = sessions.take("A", id, Duration::ZERO).unwrap();
            lease.session.history.push(Message::User("hello".into()));
            if id == "ended" {
                lease.end();
            }
            drop(lease);
            std::thread::sleep(Duration::from_millis(2));
            assert!(sessions.take("A", id, IDLE).unwrap().session.history.is_empty(), "{id}");
        }
    }

    #[test]
    fn the_number_and_the_size_are_bounded() {
        let sessions = Sessions::new(2);
        let held = sessions.take("A", "s1", IDLE).unwrap();
        drop(sessions.take("A", "s2", IDLE).unwrap());
        let other = sessions.take("A", "s3", IDLE).unwrap();
        assert_eq!(sessions.take("A", "s4", IDLE).unwrap_err().fault, Fault::Throttling, "both are in use");
        drop((held, other));
        let mut lease = sessions.take("A", "s4", IDLE).unwrap();
        for _ in 0..80 {
            lease.session.history.push(Message::User("x".repeat(50_000)));
            lease.session.history.push(Message::Answer("y".into()));
        }
        drop(lease);
        let size: usize = sessions.take("A", "s4", IDLE).unwrap().session.history.iter().map(Message::size).sum();
        assert!(size <= MAX_HISTORY_BYTES && size > MAX_HISTORY_BYTES / 2, "{size}");
    }
}
