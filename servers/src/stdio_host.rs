//! Hosts any stdio MCP server as a Lambda function.
//!
//! [`runtime_api`] takes events from Lambda and posts answers; [`events`] reads an event as an [`ask`] and writes an answer
//! through an [`outlet`]; [`mcp`] decides what is said between the client and the hosted server; [`child`] runs that server as
//! a process; [`host`] reads what to run; [`run`] is the loop over all of it. Data goes down this list, results come up, and one environment serves one event at
//! a time: Lambda freezes it between the answer and the next event, so nothing here trusts a timer across that gap.

pub mod ask;
pub mod child;
pub mod events;
pub mod host;
pub mod mcp;
pub mod outlet;
mod rpc;
pub mod run;
pub mod runtime_api;
pub mod versions;
