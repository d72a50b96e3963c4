//! The key that signs sessions and request states, read when it is first needed.

use super::{failure, token::Signer};
use crate::{
    env::SecretSource,
    secret::{KEPT, Secret},
    stdio_host::{child::RpcError, host::Settings},
};

/// Where the key comes from.
#[derive(Debug)]
pub(super) struct Signing {
    secret: Option<Secret>,
    server_id: String,
}

impl Signing {
    /// The key that the deployment names, if it names one.
    pub(super) fn new(settings: &Settings) -> Self {
        let secret = settings.env.signing_key_secret.clone().map(|name| Secret::new(SecretSource::Manager(name)));
        Self { secret, server_id: settings.file.server_id.clone() }
    }

    /// A key that is given.
    #[cfg(test)]
    pub(super) fn with_key(key: &str, server_id: &str) -> Self {
        let key = crate::env::SecretText::new(key).expect("a key without blanks");
        let secret = Secret::new(SecretSource::Variable("SIGNING_KEY", key));
        Self { secret: Some(secret), server_id: server_id.to_owned() }
    }

    /// The signer; none where the deployment has no key.
    ///
    /// # Errors
    /// The key cannot be read now. Nothing has been asked of the hosted server.
    pub(super) async fn signer(&self) -> Result<Option<Signer>, RpcError> {
        let Some(secret) = &self.secret else { return Ok(None) };
        match secret.get(KEPT).await {
            Ok(key) => Ok(Some(Signer::new(key.reveal().as_bytes(), &self.server_id))),
            Err(error) => {
                tracing::error!(%error, causes = error.causes(), "the signing key cannot be read");
                Err(failure::host("The key that signs sessions cannot be read now. Try again.", false))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_key_there_is_no_signer_and_with_one_all_environments_agree() {
        let none = Signing { secret: None, server_id: "git".to_owned() };
        assert!(none.signer().await.unwrap().is_none());
        let sign = async |key: &str| {
            let signer = Signing::with_key(key, "git").signer().await.unwrap().unwrap();
            signer.sign(super::super::token::Purpose::Session, &"content").unwrap()
        };
        assert_eq!(sign("k1").await, sign("k1").await);
        assert_ne!(sign("k1").await, sign("k2").await);
    }
}
