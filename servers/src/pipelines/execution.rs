//! What a call answers: an execution, or a failure that says whether a pipeline may have started.

pub use handlers::contract::Status;
use handlers::error::{Error, Kind, shorten};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Our word for a pipeline state of GitLab; [`Status::Unknown`] for one that this version does not know.
/// Source: GitLab documentation, Pipelines API, attribute `status` of "List project pipelines".
pub fn status_of(gitlab: &str) -> Status {
    match gitlab {
        "success" => Status::Succeeded,
        "failed" => Status::Failed,
        "canceled" | "skipped" => Status::Cancelled,
        "manual" => Status::AwaitingApproval,
        "created"
        | "waiting_for_resource"
        | "preparing"
        | "waiting_for_callback"
        | "pending"
        | "running"
        | "scheduled"
        | "canceling" => Status::Running,
        _ => Status::Unknown,
    }
}

/// Where the pipeline is, and what it was asked for: enough to report on it later without searching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// GitLab project, as in the configuration.
    pub project: String,
    /// GitLab's id of the pipeline, unique in the instance.
    pub pipeline_id: u64,
    /// GitLab's own word for its state.
    #[serde(default)]
    pub gitlab_status: String,
    /// Our name of the pipeline type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_type: Option<String>,
    /// The environment it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The tenant it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// Answer of every tool and of `/execute` and `/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Execution {
    /// Id of the execution, UUIDv7.
    #[serde(serialize_with = "as_text")]
    pub execution_id: Uuid,
    /// Our name of the pipeline type, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_type: Option<String>,
    /// The environment, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The tenant, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// State of the execution.
    pub status: Status,
    /// When it finished, where it has and GitLab says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The pipeline's page in GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// Where the pipeline is; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// `false` when every project was searched and no pipeline carries the id; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<bool>,
    /// A sentence for a person.
    pub message: String,
}

/// Whether a failed call may have started a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Certainly no pipeline was started by this call.
    NotStarted,
    /// It cannot be said whether a pipeline was started, or what became of it.
    Unknown,
}

impl Outcome {
    /// The word as it stands in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Unknown => "unknown",
        }
    }
}

/// A failed call.
#[derive(Debug)]
pub struct Failure {
    /// Whether a pipeline may have been started.
    pub outcome: Outcome,
    /// The execution it was about, once it had an id.
    pub execution_id: Option<Uuid>,
    /// Kind, sentence for a person and cause for the log.
    pub error: Error,
}

impl Failure {
    /// A failure before anything was started.
    pub fn not_started(error: Error) -> Self {
        Self { outcome: Outcome::NotStarted, execution_id: None, error }
    }

    /// A failure that leaves open what happened.
    pub fn unknown(error: Error) -> Self {
        Self { outcome: Outcome::Unknown, execution_id: None, error }
    }

    /// Arguments that break a rule.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::not_started(Error::new(Kind::Invalid, message))
    }

    /// Names the execution the failure is about.
    #[must_use]
    pub fn about(mut self, execution_id: Uuid) -> Self {
        self.execution_id = Some(execution_id);
        self
    }
}

fn as_text<S: serde::Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Reads an execution id.
///
/// # Errors
/// A sentence: only UUIDv7 are ids of executions, because their time is what a pipeline is searched by.
pub fn execution_id(text: &str) -> Result<Uuid, String> {
    match Uuid::try_parse(text) {
        Ok(id) if id.get_version_num() == 7 => Ok(id),
        _ => Err(format!(
            "execution_id: must be a UUID of version 7, as an execute tool returns it, not {:?}",
            shorten(text, 60)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_gitlab_state_has_a_word() {
        let table = [
            ("created", "running"),
            ("waiting_for_resource", "running"),
            ("preparing", "running"),
            ("waiting_for_callback", "running"),
            ("pending", "running"),
            ("running", "running"),
            ("scheduled", "running"),
            ("canceling", "running"),
            ("success", "succeeded"),
            ("failed", "failed"),
            ("canceled", "cancelled"),
            ("skipped", "cancelled"),
            ("manual", "awaiting_approval"),
            ("levitating", "unknown"),
        ];
        for (gitlab, ours) in table {
            assert_eq!(status_of(gitlab).as_str(), ours, "{gitlab}");
        }
    }

    #[test]
    fn the_words_are_those_that_are_serialised() {
        for outcome in [Outcome::NotStarted, Outcome::Unknown] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.word());
        }
    }

    #[test]
    fn only_version_7_is_an_execution_id() {
        assert!(execution_id(&Uuid::now_v7().to_string()).is_ok());
        for bad in [Uuid::new_v4().to_string(), String::new(), "exec-1".to_owned()] {
            assert!(execution_id(&bad).unwrap_err().starts_with("execution_id: "), "{bad}");
        }
    }
}
