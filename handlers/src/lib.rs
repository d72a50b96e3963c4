//! Everything of Switchyard that runs in Lambda behind API Gateway and the Bedrock agents.
//!
//! One module for each function (`chat_handler`, `agent_invoker`, `mcp_proxy`, `memory_manager`, `registration`,
//! `registry_api`, `health_checker`), on top of
//! modules that own one thing each: agents, definitions, health, memory, registry, outbound MCP calls. Functions call modules; modules
//! never call functions, and functions never call each other in process.

pub mod action_group;
pub mod agent_invoker;
pub mod agents;
pub mod audit;
mod batch;
pub mod chat_handler;
pub mod contract;
pub mod definitions;
pub mod env;
pub mod error;
pub mod health;
pub mod health_checker;
pub mod identity;
mod json_body;
pub mod mcp_client;
pub mod mcp_proxy;
pub mod memory;
pub mod memory_manager;
pub mod notices;
mod problem;
pub mod registration;
pub mod registry;
pub mod registry_api;
pub mod runtime;
mod sdk;
pub mod tool_schema;
pub mod yaml;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod test_support;
