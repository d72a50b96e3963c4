//! What the official registry API answers.
//!
//! Source: modelcontextprotocol/registry, `docs/reference/api/openapi.yaml` (2025-12-01), and the JSON Schema of `server.json`
//! (2025-12-11).

use serde::Serialize;
use utoipa::ToSchema;

/// The JSON Schema that each [`ServerDetail`] follows.
pub(super) const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/// Servers, one entry for each version.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::ServerList)]
pub(crate) struct ServerList {
    /// The entries of this page.
    pub(super) servers: Vec<ServerResponse>,
    /// How the list goes on.
    pub(super) metadata: Metadata,
}

/// How a list goes on.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::Metadata)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    /// The `cursor` of the next page; missing on the last one. A page before it may have less than `limit` entries, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// Entries on this page.
    pub(super) count: usize,
}

/// A version of a server, and what the registry knows about it.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::ServerResponse)]
pub(crate) struct ServerResponse {
    /// The server, as in a `server.json`.
    pub(super) server: ServerDetail,
    /// What the registry adds.
    #[serde(rename = "_meta")]
    pub(super) meta: ResponseMeta,
}

/// A server in the format of `server.json`.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::ServerDetail)]
pub(crate) struct ServerDetail {
    /// Address of the JSON Schema that this follows.
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    /// `{namespace}/{server_id}`.
    #[schema(min_length = 3, max_length = 200, pattern = "^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$")]
    pub(super) name: String,
    /// What the server is for, cut at 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub(super) description: String,
    /// Name for people, cut at 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub(super) title: Option<String>,
    /// Semantic version.
    #[schema(max_length = 255)]
    pub(super) version: String,
    /// Where the server is reached: one place.
    pub(super) remotes: Vec<Remote>,
}

/// Where a server is reached.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::Remote)]
pub(crate) struct Remote {
    /// The transport.
    #[serde(rename = "type")]
    pub(super) kind: RemoteType,
    /// The endpoint.
    #[schema(pattern = "^https://[^\\s]+$")]
    pub(super) url: String,
    /// Headers that a client has to send.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<Header>,
}

/// Transport of a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = official::RemoteType)]
pub(crate) enum RemoteType {
    /// Streamable HTTP of MCP.
    #[serde(rename = "streamable-http")]
    StreamableHttp,
}

/// A header that a client has to send.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::Header)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    /// Its name.
    pub(super) name: String,
    /// What belongs there.
    pub(super) description: String,
    /// Whether calls fail without it.
    pub(super) is_required: bool,
    /// Whether a client has to keep the value to itself.
    pub(super) is_secret: bool,
}

/// What the registry adds to a server.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::ResponseMeta)]
pub(crate) struct ResponseMeta {
    /// What every registry of this API says.
    #[serde(rename = "io.modelcontextprotocol.registry/official")]
    pub(super) official: Official,
    /// What only this registry says.
    #[serde(rename = "switchyard/registry")]
    pub(super) ours: Ours,
}

/// What every registry of this API says about an entry.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::Official)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Official {
    /// Where the entry is in its life.
    pub(super) status: Status,
    /// When the entry last changed. No separate time is kept for its status, which changed then or before. RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(super) status_changed_at: Option<String>,
    /// When the version was registered. RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(super) published_at: Option<String>,
    /// When the entry last changed. RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(super) updated_at: Option<String>,
    /// Whether this is the highest version of the server that is active and listed.
    pub(super) is_latest: bool,
}

/// Where an entry is in its life, in the words of this API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = official::Status)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// In use.
    Active,
    /// Decommissioned.
    Deleted,
}

/// What only this registry says about an entry.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = official::Ours)]
pub(crate) struct Ours {
    /// Id in the registry, the second half of the name.
    pub(super) server_id: String,
    /// How calls prove who they are: `none`, `api_key`, `oauth` or `iam`.
    pub(super) authentication_type: &'static str,
    /// MCP version agreed on with the server, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mcp_version: Option<String>,
    /// Hash of the definition that was approved.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) definition_hash: String,
}
