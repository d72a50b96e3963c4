//! What a tool says about an execution, read with distrust: its answer comes from another team's server.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    mcp_client::ToolResult,
    memory::{Status, iso, reservation::Outcome},
};

/// The longest sentence of a server that is passed on, in characters.
const LONGEST_MESSAGE: usize = 2000;

/// The most that a server may have us keep for it, in bytes of JSON.
const LARGEST_DETAILS: usize = 8 * 1024;

/// The longest link that is kept.
const LONGEST_URL: usize = 2048;

/// An execution as its server describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    pub(super) status: Status,
    /// The tool failed, and says that it had not begun.
    pub(super) not_started: bool,
    /// When the execution ended, in the server's words.
    pub(super) finished_at: Option<Timestamp>,
    /// `false` only if the server knows no such execution.
    pub(super) found: bool,
    pub(super) web_url: Option<String>,
    /// For the server, when it is asked for the status.
    pub(super) details: Option<Value>,
    pub(super) message: Option<String>,
}

impl Report {
    /// Reads the answer of a tool. Without a status in its structured content, a tool that answers well is done; a status
    /// that is not one of ours is `unknown`, never a success.
    pub(super) fn of(result: &ToolResult) -> Self {
        let empty = Map::new();
        let content = result.structured.as_ref().and_then(Value::as_object).unwrap_or(&empty);
        let text = |name: &str| content.get(name).and_then(Value::as_str);
        let status = if result.is_error {
            match text("outcome") {
                Some("unknown") => Status::Unknown,
                _ => Status::Failed,
            }
        } else {
            match content.get("status") {
                None => Status::Succeeded,
                Some(status) => status.as_str().and_then(|word| word.parse().ok()).unwrap_or(Status::Unknown),
            }
        };
        let message = text("message").unwrap_or(&result.text).trim();
        Self {
            status,
            not_started: result.is_error && text("outcome") == Some("not_started"),
            finished_at: text("finished_at").and_then(|time| time.parse().ok()),
            found: content.get("found") != Some(&Value::Bool(false)),
            web_url: text("web_url").filter(|url| is_link(url)).map(str::to_owned),
            details: content.get("details").filter(|details| details.to_string().len() <= LARGEST_DETAILS).cloned(),
            message: (!message.is_empty()).then(|| shorten(message)),
        }
    }

    /// Reads the answer of a status tool: it has to name a status, since silence is not a success.
    pub(super) fn of_status(result: &ToolResult) -> Result<Self, String> {
        if result.is_error {
            return Err(shorten(&result.text));
        }
        match result.structured.as_ref().and_then(|content| content.get("status")) {
            Some(_) => Ok(Self::of(result)),
            None => Err("the status tool's answer has no `status` in its structured content".into()),
        }
    }

    /// What to record of it.
    pub(super) fn outcome(&self) -> Outcome {
        let mut details = Map::new();
        if let Some(server) = &self.details {
            details.insert("server".into(), server.clone());
        }
        if let Some(time) = self.finished_at {
            details.insert("finished_at".into(), iso(time).into());
        }
        if let Some(message) = &self.message {
            details.insert("message".into(), message.as_str().into());
        }
        Outcome { status: self.status, web_url: self.web_url.clone(), details }
    }
}

/// What of another server's words is passed on.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).collect()
}

/// A link that may be shown to a person: http or https, without credentials.
fn is_link(text: &str) -> bool {
    text.len() <= LONGEST_URL
        && url::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(is_error: bool, structured: Value) -> Report {
        Report::of(&ToolResult { is_error, text: "plain text".into(), structured: Some(structured) })
    }

    #[test]
    fn nothing_but_a_success_is_a_success() {
        for (is_error, structured, status) in [
            (false, json!({ "status": "succeeded" }), Status::Succeeded),
            (false, json!({}), Status::Succeeded),
            (false, json!({ "status": "running" }), Status::Running),
            (false, json!({ "status": "success" }), Status::Unknown),
            (false, json!({ "status": 1 }), Status::Unknown),
            (false, json!({ "status": null }), Status::Unknown),
            (true, json!({ "status": "succeeded" }), Status::Failed),
            (true, json!({ "outcome": "not_started" }), Status::Failed),
            (true, json!({ "outcome": "unknown" }), Status::Unknown),
        ] {
            assert_eq!(report(is_error, structured.clone()).status, status, "{structured}");
        }
    }

    #[test]
    fn a_status_tool_has_to_name_a_status() {
        let answer = |structured| ToolResult { is_error: false, text: "Pipeline 7 is running".into(), structured };
        assert!(Report::of_status(&answer(None)).unwrap_err().contains("no `status`"));
        assert!(Report::of_status(&answer(Some(json!({ "state": "running" })))).is_err());
        assert_eq!(Report::of_status(&answer(Some(json!({ "status": "running" })))).unwrap().status, Status::Running);
        let failed = ToolResult { is_error: true, text: "x".repeat(9_000), structured: None };
        assert_eq!(Report::of_status(&failed).unwrap_err().len(), LONGEST_MESSAGE);
    }

    #[test]
    fn hostile_content_is_cut_or_dropped() {
        let long = "x".repeat(10_000);
        let report =
            report(false, json!({ "web_url": "javascript:alert(1)", "message": long, "details": { "blob": long } }));
        assert_eq!((report.web_url, report.details), (None, None));
        assert_eq!(report.message.map(|message| message.len()), Some(LONGEST_MESSAGE));
        assert!(!is_link("https://user:secret@gitlab.test/") && is_link("https://gitlab.test/a/-/pipelines/1"));
    }
}
