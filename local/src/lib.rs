//! What runs on a person's machine and never in Lambda: the agent runtime that stands in for Amazon Bedrock agents, the
//! stand-in for GitLab, the local stack that holds them together with the deployed application, and the command line.

pub mod agent_runtime;
pub mod api;
pub mod chat_client;
pub mod cli;
pub mod gitlab_stand_in;
pub mod registry_client;
pub mod registry_serve;
pub mod stack;
pub mod terminal;
