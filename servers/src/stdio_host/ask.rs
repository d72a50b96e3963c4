//! What a client asks for, whatever door it came through.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
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

impl McpHeaders {
    /// The text that a value of `Mcp-Name` or `Mcp-Param-*` stands for. What cannot stand in a header as it is comes in Base64.
    /// Source: MCP 2026-07-28, "Streamable HTTP", value encoding.
    ///
    /// # Errors
    /// A phrase that says what is wrong with the value.
    pub fn decoded(value: &str) -> Result<String, &'static str> {
        if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return Err("has characters that cannot stand in a header");
        }
        let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
            return Ok(value.to_owned());
        };
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| "is not Base64 between its markers")?;
        String::from_utf8(bytes).map_err(|_| "is not UTF-8 between its markers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_decoded_where_they_are_marked() {
        // The examples of the specification.
        for (value, text) in [
            ("us-west1", "us-west1"),
            ("=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, 世界"),
            ("=?base64?IHBhZGRlZCA=?=", " padded "),
            ("=?base64?bGluZTEKbGluZTI=?=", "line1\nline2"),
            ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?="),
            ("=?BASE64?eA==?=", "=?BASE64?eA==?="),
            ("", ""),
        ] {
            assert_eq!(McpHeaders::decoded(value).as_deref(), Ok(text));
        }
        for value in ["=?base64?eA=?=", "=?base64?x y?=", "=?base64?/w==?=", "世界", "a\nb", "\0"] {
            assert!(McpHeaders::decoded(value).is_err(), "{value:?}");
        }
    }
}
