//! API keys of MCP servers, from Secrets Manager. The path follows from the server's id and is never supplied, so that no
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

/// Reads and keeps API keys.
#[derive(Clone)]
pub(super) struct ApiKeys {
    client: Client,
    stage: String,
    cache: Arc<Mutex<HashMap<String, (HeaderValue, Instant)>>>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl ApiKeys {
    pub(super) fn new(client: Client, stage: &str) -> Self {
        Self { client, stage: stage.to_owned(), cache: Arc::default() }
    }

    /// Name of the secret that holds a server's API key.
    pub(super) fn secret_name(&self, server_id: &str) -> String {
        format!("switchyard/{}/mcp/{server_id}/api_key", self.stage)
    }

    /// The key of a server, as a header value that is not printed. `fresh`: read it again although one is known.
    ///
    /// # Errors
    /// The secret is missing, unreadable, or not usable as a header.
    pub(super) async fn get(&self, server_id: &str, fresh: bool) -> Result<HeaderValue, Failure> {
        let name = self.secret_name(server_id);
        let unusable = |reason: &str| Failure::SecretUnusable { name: name.clone(), reason: reason.to_owned() };
        if !valid_server_id(server_id) {
            return Err(unusable("the server id is not valid"));
        }
        if !fresh && let Some(key) = self.cached(server_id) {
            return Ok(key);
        }
        let answer =
            self.client.get_secret_value().secret_id(&name).send().await.map_err(|error| match error.code() {
                Some("ResourceNotFoundException") => Failure::SecretMissing(name.clone()),
                code => unusable(&format!("Secrets Manager answered {}", code.unwrap_or("nothing"))),
            })?;
        let text = answer.secret_string().ok_or_else(|| unusable("it is binary; store a plain string"))?.trim();
        if text.is_empty() {
            return Err(unusable("it is empty"));
        }
        let mut key =
            HeaderValue::from_str(text).map_err(|_| unusable("it holds characters that no header may have"))?;
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
