//! The tools of the hosted server, as far as the host has to know them.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::quiet;
use crate::{
    moment::Moment,
    stdio_host::child::{Failure, Session},
};

/// Pages of `tools/list` that are read; a server with more of them is taken to turn in a circle.
const PAGES: usize = 100;

/// How long a list is good enough to say that there is no such tool: whoever makes names up must not have all tools listed each
/// time. A server that says that its tools changed is asked at once.
pub(super) const LISTED: Duration = Duration::from_secs(10);

/// The tools of a process, as it listed them.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    definitions: Vec<Value>,
    pub(super) listed_at: Moment,
}

impl Tools {
    fn position(&self, name: &str) -> Option<usize> {
        self.definitions.iter().position(|tool| tool["name"] == name)
    }
}

/// The definition of a tool; none if the server had no such tool a moment ago, or does not list its tools.
///
/// # Errors
/// The hosted server gave no answer.
pub(super) async fn find<'a>(
    session: &'a mut Session,
    name: &str,
    deadline: Instant,
) -> Result<Option<&'a Value>, Failure> {
    let known = session.known.tools.as_ref();
    if known.is_none_or(|tools| tools.position(name).is_none() && tools.listed_at.elapsed() > LISTED) {
        // A server may have got new tools since.
        let definitions = list(session, deadline).await?;
        session.known.tools = Some(Tools { definitions, listed_at: Moment::now() });
    }
    let known = session.known.tools.as_ref();
    Ok(known.and_then(|tools| tools.definitions.get(tools.position(name)?)))
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
