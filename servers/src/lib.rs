//! The MCP servers that Switchyard ships, on the official Rust SDK.
//!
//! Each server is one module with one thin binary that runs as a Lambda function, as an HTTP server and over stdio.

// The SDK's futures nest deeper than the compiler's default of 128.
#![recursion_limit = "256"]

pub mod env;
mod moment;
pub mod pipelines;
pub mod secret;
pub mod stdio_host;

// The same support as in `handlers`: what is hostile to one door is to all.
#[cfg(test)]
#[path = "../../handlers/src/fuzz.rs"]
mod fuzz;
