//! Bedrock's InvokeAgent on one machine, for the agents in `agents/*.yaml`.
//!
//! The wire is the real one (event stream, traces, exceptions), the loop is the real one (model, action-group Lambda,
//! model), and the Lambdas are the deployed ones, invoked with the exact event of Bedrock. Only the model behind it is
//! chosen here: a rule-based planner by default, or any OpenAI-compatible endpoint. See `docs/agent-runtime.md`.

pub mod command;
mod error;
mod functions;
mod model;
mod offline;
mod request;
mod run;
mod server;
mod sessions;
mod stream;
mod trace;

pub use command::{Options, serve};

#[cfg(test)]
mod tests;
