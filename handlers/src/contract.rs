//! What mcp_proxy and an MCP server agree on beyond MCP itself: keys of `_meta`, and the words for a status.
//!
//! A server that knows none of this works all the same: it ignores the keys, and its answers count as final.

pub use crate::memory::Status;

/// `_meta` key of `tools/call`: the execution id that was reserved for the call, a UUID of version 7.
pub const EXECUTION_ID: &str = "switchyard/execution_id";

/// `_meta` key of a status call: the `details` that the server gave for the execution before.
pub const DETAILS: &str = "switchyard/details";

/// `_meta` key of a tool in `tools/list`: what the tool deploys. One execution is open at a time for each such type,
/// environment and tenant.
pub const PIPELINE_TYPE: &str = "switchyard/pipeline_type";
