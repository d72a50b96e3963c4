//! The pipelines MCP server: starts GitLab pipelines and reads their status.
//!
//! [`config`] says which pipeline types exist; [`tools`] makes an MCP tool of each; [`arguments`] checks a call against its
//! type; [`service`] runs it through [`gitlab`]; [`mcp`], [`http`] and [`lambda`] are doors to the same service and hold no
//! logic of their own; [`cli`] decides which of them opens.

pub mod arguments;
pub mod call;
mod check;
pub mod cli;
pub mod config;
pub mod execution;
pub mod gitlab;
pub mod health;
pub mod http;
pub mod key;
pub mod lambda;
pub mod mcp;
pub mod parameter;
pub mod service;
pub mod tools;

#[cfg(test)]
mod testing;
