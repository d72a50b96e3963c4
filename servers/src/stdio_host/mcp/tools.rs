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
pub(super) async fn find<'a>(
    session: &'a mut Session,
    name: &str,
    deadline: Instant,
) -> Result<Option<&'a Value>, Failure> {
    let position = |session: &Session| session.known.tools.iter().flatten().position(|tool| tool["name"] == name);
    let mut at = position(session);
    if at.is_none() {
        // A server may have got new tools since.
        session.known.tools = Some(list(session, deadline).await?);
        at = position(session);
    }
    Ok(at.and_then(|at| session.known.tools.as_ref()?.get(at)))
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
        if let Some(Value::Array(more)) = page.get_mut("tools").map(Value::take) {
            tools.extend(more);
        }
        match page.get("nextCursor").and_then(Value::as_str) {
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
