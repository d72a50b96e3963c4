//! The hosted server as a child process: started once, spoken to over its standard input and output, replaced when it fails.
//!
//! The child is hostile until proven otherwise. It may write anything to its output, answer twice, late or not at all, die at
//! any moment, or fill its pipes; none of that reaches another call. [`supervisor`] owns the child; [`process`], [`link`] and
//! [`handshake`] are the steps from nothing to a [`Session`]; [`Call`] is one request to it.

mod backoff;
mod call;
mod chatter;
mod directories;
mod failure;
mod frames;
mod handshake;
mod ids;
mod incoming;
mod launch;
mod launcher;
mod link;
mod process;
mod said;
mod secrets;
mod session;
mod strays;
mod supervisor;

pub use self::{
    call::Call,
    failure::Failure,
    launcher::take_over,
    said::{RpcError, Said},
    session::Session,
    strays::adopt,
    supervisor::Supervisor,
};

#[cfg(test)]
mod tests;
