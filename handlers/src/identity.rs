//! Who is calling, and which Bedrock session that gives.
//!
//! API Gateway verifies the signature and puts the caller's ARN into the request context. Here it becomes a [`Principal`]:
//! the part of that ARN which its holder cannot choose. A session on Bedrock belongs to a principal and a session id of the
//! client, so nobody continues somebody else's conversation by sending their session id.

use std::fmt;

use lambda_http::{RequestExt as _, request::RequestContext};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::{Error, Kind, Result, invalid, refused, shorten};

/// Length of a session id, in characters. Source: Bedrock `InvokeAgent`, `sessionId` (2 to 100).
const SESSION_ID_LENGTH: std::ops::RangeInclusive<usize> = 2..=100;

/// Who a request is bound to, as an ARN: a user, an Identity Center user, an account's root user, or a role without the
/// session name, which its holder chooses freely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(String);

impl Principal {
    /// The principal behind a request that came through a REST API, as lambda_http leaves it in the request's extensions.
    ///
    /// # Errors
    /// As [`Principal::from_user_arn`].
    pub fn of(extensions: &http::Extensions) -> Result<Self> {
        match extensions.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => Self::from_user_arn(context.identity.user_arn.as_deref()),
            _ => Self::from_user_arn(None),
        }
    }

    /// The principal behind the `userArn` of a REST request context (`requestContext.identity.userArn`).
    ///
    /// # Errors
    /// `Unauthorized` if there is none (the request was not signed, or the API has no IAM authorisation), `Refused` for
    /// federated users, whose name is chosen by whoever asked for their token, and for anything that is no caller's ARN.
    pub fn from_user_arn(user_arn: Option<&str>) -> Result<Self> {
        let arn = user_arn.map(str::trim).filter(|arn| !arn.is_empty()).ok_or_else(|| {
            Error::new(
                Kind::Unauthorized,
                "The request carries no verified caller. Sign it with AWS Signature Version 4 for the service execute-api.",
            )
        })?;
        let unknown = || {
            refused(format!(
                "The caller {:?} is of a kind that is not served here. Call as an IAM user or through a role.",
                shorten(arn, 200)
            ))
        };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts.as_slice() else { return Err(unknown()) };
        if !partition.starts_with("aws") || account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(unknown());
        }
        match (*service, *resource) {
            ("iam", "root") => Ok(Self(arn.to_owned())),
            ("iam", user) if user.strip_prefix("user/").is_some_and(|name| !name.is_empty()) => {
                Ok(Self(arn.to_owned()))
            }
            ("sts", session) if session.starts_with("assumed-role/") => {
                let (role, name) = session["assumed-role/".len()..].split_once('/').ok_or_else(unknown)?;
                if role.is_empty() || name.is_empty() {
                    return Err(unknown());
                }
                if is_identity_center_role(role) {
                    return Ok(Self(arn.to_owned()));
                }
                Ok(Self(format!("arn:{partition}:sts::{account}:assumed-role/{role}")))
            }
            ("sts", session) if session.starts_with("federated-user/") => Err(refused(
                "Federated users (sts:GetFederationToken) are not served here, because their name is chosen by whoever asks for \
                 the token. Call as an IAM user or through a role.",
            )),
            _ => Err(unknown()),
        }
    }

    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a role is one that IAM Identity Center made for a permission set. Only Identity Center can assume such a role, and
/// it sets the session name to the user, so that name can be trusted.
/// Source: IAM Identity Center user guide, "Referencing permission sets in resource policies":
/// `AWSReservedSSO_{permission set}_{16 hex digits}`.
fn is_identity_center_role(role: &str) -> bool {
    role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.rsplit_once('_')).is_some_and(|(set, suffix)| {
        !set.is_empty() && suffix.len() == 16 && suffix.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// The session id a client sent, or a new one where it sent none.
///
/// # Errors
/// `Invalid` if it breaks Bedrock's pattern, saying the pattern.
pub fn client_session_id(sent: Option<String>) -> Result<String> {
    let Some(id) = sent else { return Ok(Uuid::new_v4().to_string()) };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    if SESSION_ID_LENGTH.contains(&id.len()) && id.bytes().all(allowed) {
        return Ok(id);
    }
    Err(invalid(
        "session_id must have 2 to 100 characters, each a letter, a digit or one of . _ : - . Leave it out to start a new session.",
    ))
}

/// The Bedrock session of one caller and one session id of theirs.
pub fn chat_session(principal: &Principal, client_session_id: &str) -> String {
    derive("chat", &[principal.as_str(), client_session_id])
}

/// The Bedrock session a specialist works in for one session of the orchestrator.
pub fn specialist_session(orchestrator_session: &str, agent: &str) -> String {
    derive("specialist", &[orchestrator_session, agent])
}

/// A hash over the parts. Each is preceded by its length, so that no two lists of parts run together into the same bytes,
/// and the purpose keeps sessions of the one kind from ever being sessions of the other.
fn derive(purpose: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(&purpose).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests;
