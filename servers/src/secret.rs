//! A secret that is read when it is first needed and kept for some minutes.

use std::time::Duration;

use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext};
use handlers::error::{self, Error};
use tokio::sync::{Mutex, OnceCell};

use crate::{
    env::{SecretSource, SecretText},
    moment::Moment,
};

/// How long a value is used before it is read again: the longest time a rotated secret takes to arrive.
pub const KEPT: Duration = Duration::from_secs(300);

/// Longest wait for Secrets Manager; the SDK has no limit of its own for an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// A secret and where it comes from. Nothing is read before the first [`Secret::get`].
#[derive(Debug)]
pub struct Secret {
    source: SecretSource,
    client: OnceCell<Client>,
    kept: Mutex<Option<(SecretText, Moment)>>,
}

impl Secret {
    /// A secret from that source.
    pub fn new(source: SecretSource) -> Self {
        Self { source, client: OnceCell::new(), kept: Mutex::new(None) }
    }

    /// A secret in Secrets Manager, read with that client.
    pub fn with_client(name: &str, client: Client) -> Self {
        let source = SecretSource::Manager(name.to_owned());
        Self { source, client: OnceCell::new_with(Some(client)), kept: Mutex::new(None) }
    }

    /// Where it comes from, for messages.
    pub const fn source(&self) -> &SecretSource {
        &self.source
    }

    /// The value, not older than `max_age`. Concurrent callers wait for one read.
    ///
    /// # Errors
    /// A sentence that names the secret and what to check. The value is never in it.
    pub async fn get(&self, max_age: Duration) -> Result<SecretText, Error> {
        let name = match &self.source {
            SecretSource::Variable(_, text) => return Ok(text.clone()),
            SecretSource::Manager(name) => name,
        };
        let mut kept = self.kept.lock().await;
        if let Some((text, read_at)) = &*kept
            && read_at.elapsed() <= max_age
        {
            return Ok(text.clone());
        }
        let text = self.read(name).await?;
        *kept = Some((text.clone(), Moment::now()));
        Ok(text)
    }

    async fn read(&self, name: &str) -> Result<SecretText, Error> {
        let client = self.client.get_or_init(|| async { Client::new(&handlers::runtime::aws_config().await) }).await;
        let sentence = "Check that it exists and that this server's role may read it.";
        let answer = tokio::time::timeout(READ_TIMEOUT, client.get_secret_value().secret_id(name).send())
            .await
            .map_err(|_| error::dependency(format!("Secrets Manager did not answer in time for the secret {name}.")))?
            .map_err(|cause| {
                error::dependency(format!("The secret {name} cannot be read. {sentence}"))
                    .with_source(DisplayErrorContext(&cause).to_string())
            })?;
        let text = answer.secret_string().unwrap_or_default();
        SecretText::new(text).map_err(|reason| {
            error::dependency(format!("The secret {name} cannot be used: {reason}. Store the bare text in it."))
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
    use serde_json::json;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

    use super::*;

    #[tokio::test]
    async fn a_rotated_secret_arrives_after_a_freeze_too() {
        let manager = MockServer::start().await;
        for (text, times) in [("old", 1), ("new", 9)] {
            let answer = ResponseTemplate::new(200).set_body_json(json!({ "SecretString": text }));
            Mock::given(method("POST")).respond_with(answer).up_to_n_times(times).mount(&manager).await;
        }
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .endpoint_url(manager.uri());
        let secret = Secret::with_client("key", Client::from_conf(config.build()));
        for (frozen, expected) in [(0, "old"), (240, "old"), (301, "new")] {
            if let Some((_, read_at)) = &mut *secret.kept.lock().await {
                *read_at = Moment::before_freeze(Duration::from_secs(frozen));
            }
            assert_eq!(secret.get(KEPT).await.unwrap().reveal(), expected, "{frozen} s");
        }
    }
}
