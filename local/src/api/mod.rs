//! The APIs of a deployment seen from a client: requests signed with SigV4, errors as problem documents (RFC 9457).

mod problem;
mod sign;

use std::time::Duration;

use aws_credential_types::{Credentials, provider::ProvideCredentials, provider::SharedCredentialsProvider};
use bytes::Bytes;
use http::{Method, header::HeaderName};
use url::Url;

pub use problem::{ApiError, Fault, Problem};
pub(crate) use problem::{beginning, problem};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One API of a deployment, and as whom to call it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    url: Url,
    region: String,
    credentials: SharedCredentialsProvider,
}

impl Api {
    /// The API at `url`, its stage's address. `timeout` is for a whole answer.
    ///
    /// # Errors
    /// When no HTTP client can be set up (certificates of the system, for one).
    pub fn new(
        mut url: Url,
        region: String,
        credentials: SharedCredentialsProvider,
        timeout: Duration,
    ) -> Result<Self, ApiError> {
        let path = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            // A redirected signature is not valid at its target, and our APIs never redirect.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(ApiError::Transport)?;
        Ok(Self { http, url, region, credentials })
    }

    /// The same API for somebody else.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        Self { credentials: SharedCredentialsProvider::new(credentials), ..self.clone() }
    }

    /// Address of the API's stage; ends with a slash.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Sends one signed request to `path`, relative to the API's stage, and returns whatever is answered.
    ///
    /// # Errors
    /// When there are no credentials, when the request cannot be signed, or when nothing answers.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Result<reqwest::Response, ApiError> {
        let url = self.url.join(path).map_err(|error| ApiError::Unsendable(format!("{path}: {error}")))?;
        if url.origin() != self.url.origin() || !url.path().starts_with(self.url.path()) {
            return Err(ApiError::Unsendable(format!("{path}: this is no path of {}", self.url)));
        }
        let credentials =
            self.credentials.provide_credentials().await.map_err(|error| ApiError::Credentials(Box::new(error)))?;
        let request = sign::sign(method, &url, headers, body, &self.region, credentials)?;
        let request = request.try_into().map_err(ApiError::Transport)?;
        self.http.execute(request).await.map_err(ApiError::Transport)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_signed_for_another_address() {
        let credentials = SharedCredentialsProvider::new(Credentials::new("AKID", "secret", None, None, "test"));
        let url = Url::parse("https://api.example.com/dev?x=1#y").unwrap();
        let api = Api::new(url, "eu-west-1".to_owned(), credentials, Duration::from_secs(1)).unwrap();
        assert_eq!(api.url().as_str(), "https://api.example.com/dev/");
        for path in ["https://evil.example/", "//evil.example/x", "/prod/x", "../prod", "..%2f..", "v0.1/../../x"] {
            let sent = api.send(Method::GET, path, &[], Bytes::new()).await;
            // What stays below the stage is asked for, and nobody answers there.
            let below = path == "..%2f..";
            assert_eq!(matches!(sent, Err(ApiError::Transport(_))), below, "{path}: {sent:?}");
        }
    }
}
