//! The tools of the hosted server, as far as the host has to know them.

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::quiet;
use crate::stdio_host::child::{Failure, Session};

/// Pages of `tools/list` that are read; a server with more of them is taken to turn in a circle.
const PAGES: usize = 100;

/// The definition of a tool; none if the server has no such tool, or does not list its tools.
///
/// # Errors
/// The hosted server gave no answer.
pub(super) async fn find(session: &mut Session, name: &str, deadline: Instant) -> Result<Option<Value>, Failure> {
    let found = |tools: &[Value]| tools.iter().find(|tool| tool["name"] == name).cloned();
    if let Some(tool) = session.known.tools.as_deref().and_then(found) {
        return Ok(Some(tool));
    }
    // A server may have got new tools since.
    let tools = list(session, deadline).await?;
    let tool = found(&tools);
    session.known.tools = Some(tools);
    Ok(tool)
}

async fn list(session: &mut Session, deadline: Instant) -> Result<Vec<Value>, Failure> {
    let mut tools = Vec::new();
    let mut params = Map::new();
    for _ in 0..PAGES {
        let mut page = match quiet::request(session, "tools/list", params, deadline).await? {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(code = error.code, "the MCP server does not list its tools");
                break;
            }
        };
        if let Value::Array(more) = page["tools"].take() {
            tools.extend(more);
        }
        match page["nextCursor"].as_str() {
            Some(cursor) => params = Map::from_iter([("cursor".to_owned(), json!(cursor))]),
            None => break,
        }
    }
    Ok(tools)
}

/// Whether the definition says that a second run does no more than the first.
/// Source: MCP 2025-11-25, ToolAnnotations; both hints default to false.
pub(super) fn may_run_twice(tool: &Value) -> bool {
    let hint = |name: &str| tool["annotations"][name] == true;
    hint("readOnlyHint") || hint("idempotentHint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_annotation_that_says_so_allows_a_second_run() {
        for (annotations, twice) in [
            (json!({ "readOnlyHint": true }), true),
            (json!({ "idempotentHint": true, "destructiveHint": true }), true),
            (json!({ "readOnlyHint": false }), false),
            (json!({ "readOnlyHint": "true" }), false),
            (json!({ "destructiveHint": false }), false),
            (Value::Null, false),
        ] {
            assert_eq!(may_run_twice(&json!({ "annotations": annotations })), twice, "{annotations}");
        }
    }
}
