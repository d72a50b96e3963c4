//! What a test or a person can make the stand-in do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the stand-in behaves now. Counters go down as they are used.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// Milliseconds from a pipeline's creation to its end.
    pub duration_ms: u64,
    /// How many of the next pipelines fail.
    pub fail_next: u32,
    /// Pipelines with one of these values of `PIPELINE_TYPE` fail.
    pub fail_types: Vec<String>,
    /// Pipelines with variables are refused, as in groups that allow pipeline inputs only.
    pub refuse_variables: bool,
    /// How long the answer to a pipeline's creation is held back, in milliseconds; the pipeline exists before.
    pub delay_create_ms: u64,
    /// How many of the next requests meet the rate limit.
    pub rate_limit_next: u32,
    /// Seconds in the `Retry-After` of those answers.
    pub retry_after_seconds: u64,
    /// How many of the next requests are answered with `status_code` and `body`.
    pub status_code_next: u32,
    /// Status of those answers, 400 to 599.
    pub status_code: u16,
    /// Body of those answers, sent as JSON.
    pub body: Value,
    /// Whether ordered failures (`rate_limit_next`, `status_code_next`) meet `POST` requests only.
    pub only_post: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            duration_ms: 8_000,
            fail_next: 0,
            fail_types: Vec::new(),
            refuse_variables: false,
            delay_create_ms: 0,
            rate_limit_next: 0,
            retry_after_seconds: 1,
            status_code_next: 0,
            status_code: 500,
            body: Value::Null,
            only_post: false,
        }
    }
}

/// A change of some settings; what is left out stays as it is.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// See [`Settings::duration_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// See [`Settings::fail_next`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_next: Option<u32>,
    /// See [`Settings::fail_types`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_types: Option<Vec<String>>,
    /// See [`Settings::refuse_variables`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuse_variables: Option<bool>,
    /// See [`Settings::delay_create_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_create_ms: Option<u64>,
    /// See [`Settings::rate_limit_next`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_next: Option<u32>,
    /// See [`Settings::retry_after_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// See [`Settings::status_code_next`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code_next: Option<u32>,
    /// See [`Settings::status_code`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// See [`Settings::body`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// See [`Settings::only_post`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_post: Option<bool>,
}

impl Change {
    /// What is wrong with the change, if something is.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.status_code.is_some_and(|code| !(400..=599).contains(&code)) {
            return Some("status_code must be between 400 and 599");
        }
        // A day: longer pipelines help nobody, and sums of milliseconds stay far from overflow.
        if self.duration_ms.max(self.delay_create_ms).is_some_and(|ms| ms > 86_400_000) {
            return Some("duration_ms and delay_create_ms must be at most 86400000, a day");
        }
        None
    }
}

impl Settings {
    /// Takes over what the change names.
    pub(super) fn apply(&mut self, change: Change) {
        fn set<T>(target: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *target = value;
            }
        }
        set(&mut self.duration_ms, change.duration_ms);
        set(&mut self.fail_next, change.fail_next);
        set(&mut self.fail_types, change.fail_types);
        set(&mut self.refuse_variables, change.refuse_variables);
        set(&mut self.delay_create_ms, change.delay_create_ms);
        set(&mut self.rate_limit_next, change.rate_limit_next);
        set(&mut self.retry_after_seconds, change.retry_after_seconds);
        set(&mut self.status_code_next, change.status_code_next);
        set(&mut self.status_code, change.status_code);
        set(&mut self.body, change.body);
        set(&mut self.only_post, change.only_post);
    }
}
