//! The deployed application, used through its public doors: every test goes to the local stack, which is started once.
//!
//! Files are named after what they test. Tests run at the same time, so each has a tenant or an environment of its own; those
//! that change how the GitLab stand-in behaves hold it for themselves (see `support::gitlab`).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as expected"
)]

mod agents_as_data;
mod callers;
mod chat_handler;
mod confused_deputy;
mod examples;
mod health_checker;
mod history;
mod hosted_servers;
mod mcp_proxy;
mod mcp_server;
mod mcp_tools;
mod memory_manager;
mod networks;
mod pipelines;
mod protocols;
mod registration;
mod registration_races;
mod registry_api;
mod runtime_api;
mod servers_cli;
mod support;
