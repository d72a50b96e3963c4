//! What the host knows of a client, and the session token that carries it from one environment to the next.
//! Source: MCP 2025-11-25, "Transports", session management.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    capabilities::Capabilities,
    log_level::Level,
    token::{Purpose, Signer, Untrusted, digest},
};
use crate::stdio_host::ask::Caller;

/// How long a session lasts. A client that comes later is told to begin a new one.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The session of a client that began with `initialize`: the content of its token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ClientSession {
    /// Tells sessions apart; unguessable.
    pub(super) nonce: String,
    caller: String,
    /// The version that was agreed on.
    pub(super) version: String,
    #[serde(rename = "can")]
    pub(super) capabilities: Capabilities,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_level: Option<Level>,
    expires: u64,
}

impl ClientSession {
    /// A new session of this caller.
    pub(super) fn new(caller: Option<&Caller>, version: &str, capabilities: Capabilities) -> Self {
        Self {
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            caller: caller_digest(caller),
            version: version.to_owned(),
            capabilities,
            log_level: None,
            expires: now() + LIFETIME.as_secs(),
        }
    }

    /// The session of a token.
    ///
    /// # Errors
    /// It is not one of this server, not of this caller, or over.
    pub(super) fn open(signer: &Signer, token: &str, caller: Option<&Caller>) -> Result<Self, Untrusted> {
        let session: Self = signer.open(Purpose::Session, token)?;
        let valid = session.caller == caller_digest(caller) && session.expires > now();
        valid.then_some(session).ok_or(Untrusted)
    }

    /// The token of this session.
    pub(super) fn token(&self, signer: &Signer) -> Result<String, serde_json::Error> {
        signer.sign(Purpose::Session, self)
    }
}

/// Stands for a caller in tokens, which others may read. Equal for equal callers, and for all that nobody verified.
pub(super) fn caller_digest(caller: Option<&Caller>) -> String {
    caller.map(|caller| digest(caller.0.as_bytes())).unwrap_or_default()
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_known_again_for_its_caller_alone_and_until_it_is_over() {
        let signer = Signer::new(b"a secret", "git");
        let ann = Caller("ann".into());
        let can = Capabilities::read(&json!({ "sampling": {} }));
        for caller in [None, Some(&ann)] {
            let mut session = ClientSession::new(caller, "2025-11-25", can);
            session.log_level = Some(Level::Debug);
            let token = session.token(&signer).unwrap();
            assert_eq!(ClientSession::open(&signer, &token, caller), Ok(session.clone()));
            for other in [None, Some(&ann), Some(&Caller("bob".into()))] {
                assert_eq!(ClientSession::open(&signer, &token, other).is_ok(), other == caller, "{other:?}");
            }
            session.expires = now();
            let over = session.token(&signer).unwrap();
            assert_eq!(ClientSession::open(&signer, &over, caller), Err(Untrusted));
        }
    }

    #[test]
    fn a_session_does_not_tell_who_its_caller_is() {
        let session =
            ClientSession::new(Some(&Caller("arn:aws:iam::1:user/ann".into())), "2025-11-25", Capabilities::default());
        assert!(!serde_json::to_string(&session).unwrap().contains("ann"));
    }
}
