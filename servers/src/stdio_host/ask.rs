//! What a client asks for, whatever door it came through.

use std::collections::BTreeMap;

use serde_json::Value;

/// One JSON-RPC message of a client, and what is known about who sent it and how.
#[derive(Debug, Clone)]
pub struct Ask {
    /// A request, notification or response, checked to be JSON-RPC 2.0.
    pub message: Value,
    /// The way it came.
    pub door: Door,
    /// Who sent it, as AWS verified it; never what the sender says about itself.
    pub caller: Option<Caller>,
    /// The MCP headers of an HTTP request; empty where the door is not HTTP.
    pub headers: McpHeaders,
}

/// The ways an event reaches the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A tool call by an AgentCore Gateway: the arguments alone, the tool in the client context.
    Gateway,
    /// An HTTP request, by API Gateway (REST or HTTP API) or the function URL.
    Http,
    /// A JSON-RPC message as the payload of `lambda:Invoke`.
    Invoke,
    /// `{toolName, arguments}` as the payload of `lambda:Invoke`.
    Plain,
}

/// A caller that AWS verified. Two events come from the same caller exactly if these are equal.
///
/// The text is a JSON array that begins with how the caller was verified: `["iam","arn:…"]`, `["jwt",issuer,subject]`,
/// `["tenant",id]` and so on, so that no caller of one kind can be taken for one of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller(pub String);

/// The MCP headers of an HTTP request.
/// Source: MCP 2025-11-25 and 2026-07-28, "Streamable HTTP".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct McpHeaders {
    /// `MCP-Protocol-Version`.
    pub protocol_version: Option<String>,
    /// `Mcp-Method`.
    pub method: Option<String>,
    /// `Mcp-Name`.
    pub name: Option<String>,
    /// `Mcp-Session-Id`.
    pub session: Option<String>,
    /// `Mcp-Param-*`: the rest of the name in lower case, and the value.
    pub params: BTreeMap<String, String>,
}
