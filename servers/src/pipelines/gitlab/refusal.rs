//! What GitLab's refusals mean for the person who has to act on them.

use std::time::Duration;

use handlers::error::{self, Error, Kind};

use super::{Answer, wire};

/// What the refused request was about, for the sentence.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The project asked for.
    pub project: &'a str,
    /// Branch or tag, when a pipeline was to be created.
    pub reference: Option<&'a str>,
    /// Where the token comes from.
    pub token: &'a str,
}

/// The sentence for an answer that is no success.
pub(super) fn explain(answer: &Answer, about: About<'_>) -> Error {
    let About { project, reference, token } = about;
    let said = wire::refusal(&answer.body);
    let quoted = if said.is_empty() { String::new() } else { format!(" GitLab says: {said}.") };
    let status = answer.status;
    match status {
        401 => error::dependency(format!(
            "GitLab does not accept the access token (401): it is wrong, expired or revoked. Put a valid one in {token}.{quoted}"
        )),
        403 => match reference {
            Some(reference) => error::dependency(format!(
                "The access token may not run pipelines of {project} on {reference} (403). It needs the scope api and the role \
                 Developer, and on a protected branch the right to merge or push.{quoted}"
            )),
            None => error::dependency(format!(
                "The access token may not read pipelines of {project} (403). It needs the scope api and the role Developer.{quoted}"
            )),
        },
        404 => error::dependency(format!(
            "GitLab knows no project {project} that the access token can see, or not the pipeline asked for (404). Check \
             `project` in pipelines.yaml and that the token's user is a member.{quoted}"
        )),
        400 | 422 if said.to_lowercase().contains("insufficient permissions to set pipeline variables") => {
            error::dependency(format!(
                "The project {project} refuses pipeline variables. Set `pass_as: inputs` for this pipeline type in \
                 pipelines.yaml and declare the inputs in .gitlab-ci.yml, or let the token's role use variables: Settings > \
                 CI/CD > Variables > Minimum role to use pipeline variables (ci_pipeline_variables_minimum_override_role)."
            ))
        }
        400 | 422 if said.to_lowercase().contains("reference not found") => error::dependency(format!(
            "The project {project} has no branch or tag {}. Check `ref` in pipelines.yaml.",
            reference.unwrap_or("of that name")
        )),
        400 | 422 => error::dependency(format!(
            "GitLab refuses to create the pipeline in {project} ({status}). Check .gitlab-ci.yml, its rules and its inputs.{quoted}"
        )),
        429 => {
            let wait = answer.retry_after.unwrap_or(Duration::from_secs(60));
            error::throttled(
                format!("GitLab limits the requests of this token. Try again in {} seconds.", wait.as_secs()),
                wait,
            )
        }
        300..=399 => error::dependency(format!(
            "GitLab redirects to {} and redirects are not followed with a token. Check GITLAB_URL, and `project` in \
             pipelines.yaml: the project may have moved.",
            answer.location.as_deref().unwrap_or("another address")
        )),
        500..=599 => error::bad_gateway(format!("GitLab failed ({status}).{quoted}")),
        _ => error::bad_gateway(format!("GitLab answered with the unexpected status {status}.{quoted}")),
    }
}

/// Why there was no answer at all.
#[derive(Debug)]
pub enum NoAnswer {
    /// No token is configured, or it cannot be read; nothing was sent.
    Token(Error),
    /// No connection came about; nothing was sent.
    NotConnected(String),
    /// The request may have arrived; there was no answer in time.
    TimedOut,
    /// The request may have arrived; the connection ended before the answer did.
    Lost(String),
    /// Nothing was sent: no time was left for it.
    NoTime,
}

impl NoAnswer {
    /// Whether GitLab may have acted on the request.
    pub const fn may_have_arrived(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Lost(_))
    }

    /// The sentence for a person.
    pub fn explain(self, host: &str) -> Error {
        match self {
            Self::Token(error) => error,
            Self::NotConnected(cause) => error::bad_gateway(format!(
                "GitLab at {host} cannot be reached. Check GITLAB_URL and that this server's network leads there."
            ))
            .with_source(cause),
            Self::TimedOut => Error::new(Kind::Timeout, format!("GitLab at {host} did not answer in time.")),
            Self::Lost(cause) => {
                error::bad_gateway(format!("The connection to GitLab at {host} was lost before its answer."))
                    .with_source(cause)
            }
            Self::NoTime => Error::new(Kind::Timeout, format!("No time was left to ask GitLab at {host}.")),
        }
    }
}
