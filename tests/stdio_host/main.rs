//! The host of stdio servers as Lambda runs it: processes of it behind the Runtime API, with a server behind each. Files are named
//! after what they test; every test has environments of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

mod doors;
mod environments;
mod isolation;
mod misbehaviour;
mod processes;
mod questions;
mod start;
mod support;
mod variables;
