//! Secrets of MCP servers, from Secrets Manager. The path follows from the server's id and is never supplied, so that no
//! registrant can have another server's secret sent to a host of theirs.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata as _};
use http::HeaderValue;

use super::error::Failure;
use crate::registry::valid_server_id;

/// How long a key is used before it is read again.
const MAX_AGE: Duration = Duration::from_secs(300);

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A key in a header; the secret is the key.
    ApiKey,
    /// Client credentials; the secret is JSON.
    OAuth,
}

/// Reads secrets.
#[derive(Clone)]
pub(super) struct Secrets {
    client: Client,
    stage: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Secrets {
    pub(super) fn new(client: Client, stage: &str) -> Self {
        Self { client, stage: stage.to_owned() }
    }

    /// Name of a server's secret.
    pub(super) fn name(&self, server_id: &str, purpose: Purpose) -> String {
        let word = match purpose {
            Purpose::ApiKey => "api_key",
            Purpose::OAuth => "oauth",
        };
        format!("switchyard/{}/mcp/{server_id}/{word}", self.stage)
    }

    /// The text of a server's secret, which is not empty.
    ///
    /// # Errors
    /// The secret is missing or unreadable.
    pub(super) async fn read(&self, server_id: &str, purpose: Purpose) -> Result<String, Failure> {
        let name = self.name(server_id, purpose);
        let unusable = |reason: &str| Failure::SecretUnusable { name: name.clone(), reason: reason.to_owned() };
        if !valid_server_id(server_id) {
            return Err(unusable("the server id is not valid"));
        }
        let answer =
            self.client.get_secret_value().secret_id(&name).send().await.map_err(|error| match error.code() {
                Some("ResourceNotFoundException") => match purpose {
                    Purpose::ApiKey => Failure::SecretMissing(name.clone()),
                    Purpose::OAuth => Failure::ClientMissing(name.clone()),
                },
                code => unusable(&format!("Secrets Manager answered {}", code.unwrap_or("nothing"))),
            })?;
        let text = answer.secret_string().ok_or_else(|| unusable("it is binary; store text"))?.trim();
        if text.is_empty() { Err(unusable("it is empty")) } else { Ok(text.to_owned()) }
    }
}

/// Reads and keeps API keys.
#[derive(Clone)]
pub(super) struct ApiKeys {
    secrets: Secrets,
    cache: Arc<Mutex<HashMap<String, (HeaderValue, Instant)>>>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

impl ApiKeys {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { secrets, cache: Arc::default() }
    }

    /// The key of a server, as a header value that is not printed. `fresh`: read it again although one is known.
    ///
    /// # Errors
    /// The secret is missing, unreadable, or not usable as a header.
    pub(super) async fn get(&self, server_id: &str, fresh: bool) -> Result<HeaderValue, Failure> {
        if !fresh && let Some(key) = self.cached(server_id) {
            return Ok(key);
        }
        let text = self.secrets.read(server_id, Purpose::ApiKey).await?;
        let mut key = HeaderValue::from_str(&text).map_err(|_| Failure::SecretUnusable {
            name: self.secrets.name(server_id, Purpose::ApiKey),
            reason: "it holds characters that no header may have".to_owned(),
        })?;
        key.set_sensitive(true);
        self.cache().insert(server_id.to_owned(), (key.clone(), Instant::now()));
        Ok(key)
    }

    fn cached(&self, server_id: &str) -> Option<HeaderValue> {
        self.cache().get(server_id).filter(|(_, read)| read.elapsed() < MAX_AGE).map(|(key, _)| key.clone())
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, (HeaderValue, Instant)>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
