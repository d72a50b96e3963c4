//! The parts of GitLab's answers that are used, and the text of its refusals.
//! Source: GitLab documentation, "Pipelines API" and "Jobs API".

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A pipeline, as `POST /projects/:id/pipeline`, `GET /projects/:id/pipelines` and `…/pipelines/:pipeline_id` return it.
#[derive(Debug, Clone, Deserialize)]
pub struct Pipeline {
    /// Unique in the instance.
    pub id: u64,
    /// GitLab's word for its state.
    pub status: String,
    /// Its page.
    #[serde(default)]
    pub web_url: Option<String>,
    /// When it was created.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it finished; absent in lists. One that is run again may keep the time of its first end.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// What `workflow: name` made of it; absent without one.
    #[serde(default)]
    pub name: Option<String>,
}

/// A variable a pipeline was created with.
#[derive(Debug, Clone, Deserialize)]
pub struct Variable {
    /// Its name.
    pub key: String,
    /// Its value; `None` where GitLab hides it, which says nothing about what it is.
    #[serde(default)]
    pub value: Option<String>,
}

/// A job of a pipeline.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Job {
    /// Its name in `.gitlab-ci.yml`.
    pub(super) name: String,
    /// Why it failed, for example `script_failure`.
    #[serde(default)]
    pub(super) failure_reason: Option<String>,
    /// Whether the pipeline goes on without it.
    #[serde(default)]
    pub(super) allow_failure: bool,
}

/// Longest text of a refusal that is passed on, in characters.
const LONGEST_REFUSAL: usize = 300;

/// The sentence in a refusal: `{"message": "…"}`, `{"message": {"base": ["…"]}}`, `{"error": "…"}` or
/// `{"error": "…", "error_description": "…"}`. A body of another form (a proxy's page) is left out.
pub(super) fn refusal(body: &[u8]) -> String {
    let mut parts = Vec::new();
    if let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(body) {
        for key in ["message", "error", "error_description"] {
            if let Some(value) = fields.get(key) {
                collect(value, &mut parts);
            }
        }
    }
    let text: String = parts.join(", ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > LONGEST_REFUSAL {
        format!("{}…", text.chars().take(LONGEST_REFUSAL).collect::<String>())
    } else {
        text
    }
}

fn collect(value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::String(text) => parts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, parts)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, parts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms_of_a_refusal() {
        for (body, text) in [
            (r#"{"message":"404 Project Not Found"}"#, "404 Project Not Found"),
            (r#"{"message":{"base":["Reference not found"]}}"#, "Reference not found"),
            (r#"{"error":"insufficient_scope","error_description":"needs more"}"#, "insufficient_scope, needs more"),
            (r#"{"error":"ref is missing"}"#, "ref is missing"),
            ("<html>Bad gateway</html>", ""),
            ("", ""),
        ] {
            assert_eq!(refusal(body.as_bytes()), text);
        }
        assert_eq!(refusal(format!(r#"{{"message":"{}"}}"#, "ä".repeat(900)).as_bytes()).chars().count(), 301);
    }
}
