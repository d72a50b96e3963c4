//! What Bedrock's failures mean for a caller.
//!
//! The same ten exceptions come as HTTP errors and as exceptions inside the stream, in two types of the SDK. Inside the
//! stream `code()` is empty, so both are matched by variant.

use std::{error::Error as StdError, time::Duration};

use aws_sdk_bedrockagentruntime::{
    config::http::HttpResponse,
    error::SdkError,
    operation::invoke_agent::InvokeAgentError,
    types::error::{DependencyFailedException, ResponseStreamError},
};

use super::AgentRef;
use crate::{
    error::{Error, Kind, bad_gateway, dependency, internal, throttled, timeout},
    sdk::was_not_sent,
};

/// When to try again if Bedrock does not say: model quotas refill by the minute, so a few seconds are rarely enough.
const THROTTLED_FOR: Duration = Duration::from_secs(15);
/// Longest wait that is passed on; a service that asks for more is asked again by a person.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Longest part of somebody else's text in a message, in characters.
const QUOTE_LENGTH: usize = 300;

/// What is said where a run may have acted on the world.
const MAYBE_ACTED: &str = " Something may have been started: check the deployment history before trying again.";

/// A failure before it is put into words.
#[derive(Debug)]
pub(super) struct Failure {
    what: What,
    /// Whether the agent may have begun to act although no trace says so.
    unclear: bool,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug)]
enum What {
    AccessDenied { to_agent: bool },
    BadGateway,
    Conflict,
    DependencyFailed { resource: Option<String> },
    InternalServer,
    ModelNotReady,
    NotFound,
    Throttled { retry_after: Duration },
    Invalid,
    Unknown { code: Option<String> },
    Unreachable,
    Broken,
    NotSent,
    Deadline,
    Silence { reason: Option<String> },
    ReturnControl,
}

impl Failure {
    pub(super) const fn deadline() -> Self {
        Self { what: What::Deadline, unclear: true, cause: None }
    }

    pub(super) const fn return_control() -> Self {
        Self { what: What::ReturnControl, unclear: false, cause: None }
    }

    pub(super) fn silence(reason: Option<&str>) -> Self {
        Self { what: What::Silence { reason: reason.map(quote) }, unclear: false, cause: None }
    }

    /// The failure as an error about the agent with this name. `acted`: a trace showed that it called a tool.
    pub(super) fn into_error(self, name: &str, agent: &AgentRef, acted: bool) -> Error {
        let error = self.what.into_error(name, agent, acted || self.unclear);
        match self.cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

impl What {
    fn into_error(self, name: &str, agent: &AgentRef, maybe_acted: bool) -> Error {
        let AgentRef { agent_id, alias_id } = agent;
        let (hint, again) = if maybe_acted { (MAYBE_ACTED, MAYBE_ACTED) } else { ("", " Try again.") };
        match self {
            Self::Throttled { retry_after } => throttled(
                format!(
                    "Bedrock has more requests for the {name} agent and its model than its quota allows. Try again in {} seconds.{hint}",
                    retry_after.as_secs()
                ),
                retry_after,
            ),
            Self::DependencyFailed { resource } => dependency(format!(
                "Something the {name} agent depends on failed{}.{again}",
                resource.map(|r| format!(" ({r})")).unwrap_or_default()
            )),
            Self::ModelNotReady => dependency(format!(
                "The model of the {name} agent is not ready to answer. Try again in a minute.{hint}"
            )),
            Self::Conflict => Error::new(
                Kind::Conflict,
                format!(
                    "The {name} agent is still busy with an earlier message of this session. Wait for its answer, then try again.{hint}"
                ),
            ),
            Self::BadGateway => bad_gateway(format!("A service behind the {name} agent answered wrongly.{again}")),
            Self::InternalServer => bad_gateway(format!(
                "Bedrock failed while the {name} agent worked; a model that takes longer than a minute ends like this.{again}"
            )),
            Self::Unreachable => bad_gateway(format!("The connection to Bedrock failed for the {name} agent.{again}")),
            Self::Broken => bad_gateway(format!("The answer of the {name} agent broke off.{again}")),
            Self::Silence { reason: None } => bad_gateway(format!(
                "The {name} agent ended without an answer. Say it in other words, or start a new session.{hint}"
            )),
            Self::Silence { reason: Some(reason) } => {
                bad_gateway(format!("The {name} agent ended without an answer. It reported: {reason}{hint}"))
            }
            Self::ReturnControl => bad_gateway(format!(
                "The {name} agent asked for one of its tools to be run by the caller (return of control), which is not served \
                 here: give each of its action groups a handler and deploy it again.{hint}"
            )),
            Self::Unknown { code } => bad_gateway(format!(
                "Bedrock answered for the {name} agent with a failure that is not known here{}.{hint}",
                code.map(|c| format!(" ({c})")).unwrap_or_default()
            )),
            Self::Deadline => {
                timeout(format!("The {name} agent had not finished when the time for this request was over.{hint}"))
            }
            Self::AccessDenied { to_agent: true } => internal(format!(
                "This function may not invoke the {name} agent: its role needs bedrock:InvokeAgent on agent-alias/{agent_id}/{alias_id}."
            )),
            Self::AccessDenied { to_agent: false } => internal(format!(
                "The {name} agent was denied access to its model or to a tool: its role needs bedrock:InvokeModel and \
                 bedrock:InvokeModelWithResponseStream on its model, and each tool's function must allow \
                 lambda:InvokeFunction to bedrock.amazonaws.com for this agent.{hint}"
            )),
            Self::NotFound => internal(format!(
                "The {name} agent is not deployed: Bedrock knows no alias {alias_id} of an agent {agent_id}. Deploy the service stack again.{hint}"
            )),
            Self::Invalid => internal(format!(
                "Bedrock refused the request to the {name} agent as invalid; the log has its reason.{hint}"
            )),
            Self::NotSent => internal(format!(
                "The request to the {name} agent could not be built or signed; the log has the reason."
            )),
        }
    }
}

/// What an error of either type means; the variants have the same names and the same payloads.
macro_rules! what {
    ($error:expr, $kind:ident, to_agent: $to_agent:expr, retry_after: $retry_after:expr) => {
        match $error {
            $kind::AccessDeniedException(_) => What::AccessDenied { to_agent: $to_agent },
            $kind::BadGatewayException(_) => What::BadGateway,
            $kind::ConflictException(_) => What::Conflict,
            $kind::DependencyFailedException(DependencyFailedException { resource_name, .. }) => {
                What::DependencyFailed { resource: resource_name.as_deref().map(quote) }
            }
            $kind::InternalServerException(_) => What::InternalServer,
            $kind::ModelNotReadyException(_) => What::ModelNotReady,
            $kind::ResourceNotFoundException(_) => What::NotFound,
            $kind::ServiceQuotaExceededException(_) | $kind::ThrottlingException(_) => {
                What::Throttled { retry_after: $retry_after }
            }
            $kind::ValidationException(_) => What::Invalid,
            other => What::Unknown { code: other.meta().code().map(quote) },
        }
    };
}

/// The meaning of a failure that came instead of a stream.
pub(super) fn before_stream(error: SdkError<InvokeAgentError, HttpResponse>) -> Failure {
    let (what, unclear) = match &error {
        SdkError::ServiceError(service) => (
            what!(service.err(), InvokeAgentError, to_agent: true, retry_after: retry_after(service.raw())),
            // The service answered instead of running the agent, unless it failed while doing so.
            matches!(
                service.err(),
                InvokeAgentError::InternalServerException(_) | InvokeAgentError::BadGatewayException(_)
            ),
        ),
        SdkError::ConstructionFailure(_) => (What::NotSent, false),
        SdkError::TimeoutError(_) => (What::Deadline, true),
        SdkError::DispatchFailure(_) => (What::Unreachable, !was_not_sent(&error)),
        _ => (What::Broken, true),
    };
    Failure { what, unclear, cause: Some(error.into()) }
}

/// The meaning of a failure inside the stream.
pub(super) fn in_stream<R>(error: SdkError<ResponseStreamError, R>) -> Failure
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let (what, unclear) = match &error {
        SdkError::ServiceError(service) => {
            (what!(service.err(), ResponseStreamError, to_agent: false, retry_after: THROTTLED_FOR), false)
        }
        _ => (What::Broken, true),
    };
    Failure { what, unclear, cause: Some(error.into()) }
}

/// The wait that a refusal asks for.
fn retry_after(response: &HttpResponse) -> Duration {
    let seconds = response.headers().get("retry-after").and_then(|value| value.trim().parse().ok());
    seconds.map_or(THROTTLED_FOR, Duration::from_secs).clamp(Duration::from_secs(1), LONGEST_WAIT)
}

/// Somebody else's text, at a length that fits into a sentence.
fn quote(text: &str) -> String {
    text.chars().take(QUOTE_LENGTH).collect()
}
