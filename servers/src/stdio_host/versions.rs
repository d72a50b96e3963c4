//! The protocol versions that the host speaks with clients, whatever the hosted server speaks.
//! Source: MCP 2026-07-28, "Versioning and Compatibility".

/// Versions without a handshake: each request carries its version, newest first.
pub const MODERN: &[&str] = &["2026-07-28"];

/// Versions that begin with `initialize`, newest first.
pub const LEGACY: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The one version with batches of messages, and the one that is meant where an HTTP request names none.
/// Source: MCP 2025-03-26, "Transports"; MCP 2025-11-25, "Transports", protocol version header.
pub const UNNAMED: &str = "2025-03-26";

/// Where a modern request carries its version in `params._meta`.
pub const VERSION_FIELD: &str = "io.modelcontextprotocol/protocolVersion";

/// The same, as a JSON pointer into the message.
pub const VERSION_POINTER: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";

/// All versions, newest first: what `server/discover` and an unsupported version are answered with.
pub fn supported() -> impl Iterator<Item = &'static str> {
    MODERN.iter().chain(LEGACY).copied()
}

/// Whether a version is one without a handshake.
pub fn is_modern(version: &str) -> bool {
    MODERN.contains(&version)
}
