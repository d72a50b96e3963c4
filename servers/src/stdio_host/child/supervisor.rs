//! Keeps the hosted server running and decides who may share it.

use tokio::time::Instant;

use super::{Failure, Session};
use crate::stdio_host::{ask::Caller, host::Settings};

/// The one owner of the child process.
#[derive(Debug)]
pub struct Supervisor {}

impl Supervisor {
    /// Starts the hosted server and does not wait for it.
    pub const fn start(_settings: &Settings) -> Self {
        Self {}
    }

    /// The server, ready for a call of this caller: started, awake, and free of what callers before left in it where the
    /// isolation asks for that.
    ///
    /// # Errors
    /// The server cannot be made ready before the deadline.
    pub async fn session(&mut self, _caller: Option<&Caller>, _deadline: Instant) -> Result<&mut Session, Failure> {
        Err(Failure::StillStarting)
    }
}
