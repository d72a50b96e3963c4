//! A child that has shaken hands, and the calls to it.

use std::marker::PhantomData;

use serde_json::Value;
use tokio::time::Instant;

use super::{Failure, RpcError, Said};
use crate::stdio_host::mcp::Known;

/// A hosted server that is ready for calls, one at a time.
#[derive(Debug)]
pub struct Session {
    initialized: Value,
    /// What [`crate::stdio_host::mcp`] has learned about this process; it ends with it.
    pub known: Known,
}

impl Session {
    /// The server's result of `initialize`: its `protocolVersion`, `capabilities`, `serverInfo`, `instructions`.
    pub const fn initialized(&self) -> &Value {
        &self.initialized
    }

    /// Sends a request. A progress token in `params._meta` is replaced on the way by one that is never used twice.
    ///
    /// # Errors
    /// The server is gone, or the deadline has passed.
    pub async fn begin(
        &mut self,
        _method: &str,
        _params: Option<Value>,
        _deadline: Instant,
    ) -> Result<Call<'_>, Failure> {
        Err(Failure::StillStarting)
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn notify(&mut self, _method: &str, _params: Option<Value>) -> Result<(), Failure> {
        Err(Failure::StillStarting)
    }
}

/// A request that the server has not answered yet. If it is dropped before its answer, the server is told that it is
/// cancelled before it is used again, and a late answer is dropped.
#[derive(Debug)]
pub struct Call<'a> {
    session: PhantomData<&'a mut Session>,
}

impl Call<'_> {
    /// The next message of the server that concerns this call. Safe to cancel: nothing is lost.
    ///
    /// # Errors
    /// The server failed, or the deadline has passed; nothing follows an error.
    pub async fn next(&mut self) -> Result<Said, Failure> {
        Err(Failure::StillStarting)
    }

    /// Answers a request of the server.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn answer(&mut self, _id: Value, _outcome: Result<Value, RpcError>) -> Result<(), Failure> {
        Err(Failure::StillStarting)
    }

    /// Tells the server that nobody waits for the answer any more.
    pub async fn cancel(self, _reason: &str) {}
}
