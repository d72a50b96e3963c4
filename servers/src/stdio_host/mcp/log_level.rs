//! Levels of log messages, and bringing the hosted server to one.
//! Source: MCP 2025-11-25 and 2026-07-28, "Logging".

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::quiet;
use crate::stdio_host::child::{Failure, RpcError, Session};

/// Severities of RFC 5424, the least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl Level {
    /// Reads the name of a level.
    pub(super) fn read(name: &Value) -> Option<Self> {
        Self::deserialize(name).ok()
    }
}

/// Sets the level, whatever it was.
///
/// # Errors
/// The hosted server gave no answer.
pub(super) async fn set(
    session: &mut Session,
    level: Level,
    deadline: Instant,
) -> Result<Result<Value, RpcError>, Failure> {
    let params = Map::from_iter([("level".to_owned(), json!(level))]);
    let answer = quiet::request(session, "logging/setLevel", params, deadline).await?;
    if answer.is_ok() {
        session.known.log_level = Some(level);
    }
    Ok(answer)
}

/// Sees to it that the hosted server logs from this level on, if it can be told.
///
/// # Errors
/// The hosted server gave no answer.
pub(super) async fn ensure(session: &mut Session, level: Level, deadline: Instant) -> Result<(), Failure> {
    if session.known.log_level == Some(level) || !session.initialized()["capabilities"]["logging"].is_object() {
        return Ok(());
    }
    if let Err(error) = set(session, level, deadline).await? {
        tracing::warn!(code = error.code, "the MCP server takes no log level");
        // It would refuse the next time too.
        session.known.log_level = Some(level);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_by_name_and_ordered_by_severity() {
        assert_eq!(Level::read(&json!("warning")), Some(Level::Warning));
        for wrong in [json!("Warning"), json!("loud"), json!(3), Value::Null] {
            assert_eq!(Level::read(&wrong), None, "{wrong}");
        }
        assert!(Level::Debug < Level::Info && Level::Alert < Level::Emergency);
    }
}
