//! Tokens that carry their own content, so that any environment can read what another one gave out.
//!
//! A token is `content.signature`, both in base64url: JSON, and its HMAC-SHA-256 under a key that all environments of a function
//! share. The content can be read by whoever has the token; it cannot be changed. What a token is for is part of what is signed,
//! so that a session is never taken for a request state.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `Mcp-Session-Id`.
    Session,
    /// `requestState`.
    RequestState,
}

/// A token that cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token was not given out by this server, or was changed on the way")]
pub(super) struct Untrusted;

/// Signs tokens and checks them.
#[derive(Clone)]
pub(super) struct Signer(Hmac<Sha256>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl Signer {
    /// A signer whose tokens are worth nothing at any other server, even one with the same secret.
    pub(super) fn new(secret: &[u8], server_id: &str) -> Self {
        let mut key = Sha256::new();
        key.update(server_id.as_bytes());
        key.update([0]);
        key.update(secret);
        let key: [u8; 32] = key.finalize().into();
        let mut block = [0_u8; 64];
        block[..32].copy_from_slice(&key);
        Self(Hmac::new(&block.into()))
    }

    /// A token with this content: visible ASCII characters.
    pub(super) fn sign(&self, purpose: Purpose, content: &impl Serialize) -> Result<String, serde_json::Error> {
        let content = BASE64.encode(serde_json::to_vec(content)?);
        let signature = BASE64.encode(self.mac(purpose, &content).finalize().into_bytes());
        Ok(format!("{content}.{signature}"))
    }

    /// The content of a token that was signed here for the same purpose. Nothing of it is looked at before its signature.
    pub(super) fn open<T: DeserializeOwned>(&self, purpose: Purpose, token: &str) -> Result<T, Untrusted> {
        let (content, signature) = token.split_once('.').ok_or(Untrusted)?;
        let signature = BASE64.decode(signature).map_err(|_| Untrusted)?;
        self.mac(purpose, content).verify_slice(&signature).map_err(|_| Untrusted)?;
        let content = BASE64.decode(content).map_err(|_| Untrusted)?;
        serde_json::from_slice(&content).map_err(|_| Untrusted)
    }

    fn mac(&self, purpose: Purpose, content: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(match purpose {
            Purpose::Session => b"session\0",
            Purpose::RequestState => b"request\0",
        });
        mac.update(content.as_bytes());
        mac
    }
}

/// A digest of something, for comparing: 128 bits in hexadecimal.
pub(super) fn digest(of: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(of).into();
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn signer() -> Signer {
        Signer::new(b"a secret", "git")
    }

    #[test]
    fn a_token_is_read_by_whoever_has_the_secret_and_the_id() {
        let token = signer().sign(Purpose::Session, &json!({ "caller": "ann" })).unwrap();
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{token}");
        assert_eq!(signer().open::<Value>(Purpose::Session, &token).unwrap(), json!({ "caller": "ann" }));
        for (what, other, purpose) in [
            ("another secret", Signer::new(b"a secret!", "git"), Purpose::Session),
            ("another server", Signer::new(b"a secret", "time"), Purpose::Session),
            ("another purpose", signer(), Purpose::RequestState),
        ] {
            assert_eq!(other.open::<Value>(purpose, &token), Err(Untrusted), "{what}");
        }
    }

    #[test]
    fn a_signer_does_not_show_its_key() {
        assert_eq!(format!("{:?}", signer()), "Signer(..)");
    }
}
