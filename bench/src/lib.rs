//! Measures Switchyard's Lambda functions as they are deployed, behind Lambda's Runtime API: see `docs/bench.md`.
//!
//! First the whole system runs once on this machine ([`rehearsal`]) with everything written down that the functions are asked
//! and answered. Then each function serves those events again ([`functions`], [`soak`]), and what it calls answers at once with
//! what it answered before ([`replay`]): what is measured is the function. [`history`], [`health`], [`listing`], [`tools`] and
//! [`chats`] measure with real tables and real neighbours, [`hosting`] measures `stdio_host` with servers of others.

pub mod chats;
pub mod cloud;
pub mod command;
pub mod events;
pub mod exchange;
pub mod functions;
pub mod health;
pub mod hello;
pub mod history;
pub mod hosting;
pub mod listing;
pub mod machine;
pub mod programs;
pub mod rehearsal;
pub mod replay;
pub mod report;
pub mod soak;
pub mod stage;
pub mod statistics;
pub mod tables;
pub mod tap;
pub mod tools;

/// What goes wrong here ends the run, with a sentence.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
