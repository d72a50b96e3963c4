//! The registry API seen from a client.

#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use bytes::Bytes;
use http::{Method, header};
use serde_json::Value;
use url::Url;

use crate::api::{self, Api, ApiError};

/// API Gateway ends an answer after 29 seconds; waiting longer is of no use.
const TIMEOUT: Duration = Duration::from_secs(35);
/// Address that paths are put together with; nothing is ever sent there.
const NOWHERE: &str = "http://nowhere.invalid/";

/// A client of one deployment's registry API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    api: Api,
}

impl RegistryClient {
    /// A client for the API at `url`, the stage's address.
    ///
    /// # Errors
    /// When no HTTP client can be set up.
    pub fn new(url: Url, region: String, credentials: SharedCredentialsProvider) -> Result<Self, ApiError> {
        Api::new(url, region, credentials, TIMEOUT).map(|api| Self { api })
    }

    /// Address of the API's stage; ends with a slash.
    pub fn url(&self) -> &Url {
        self.api.url()
    }

    /// Asks for something. `path` is its segments, which may hold any characters.
    ///
    /// # Errors
    /// As [`Api::send`]; also when the API answers with an error, or with something that is not JSON.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, ApiError> {
        let response = self.send(Method::GET, path, query, None).await?;
        read(response).await
    }

    /// Has something done.
    ///
    /// # Errors
    /// As [`RegistryClient::get`].
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, ApiError> {
        let response = self.send(Method::POST, path, &[], Some(body)).await?;
        read(response).await
    }

    /// Changes something.
    ///
    /// # Errors
    /// As [`RegistryClient::get`].
    pub async fn patch(&self, path: &[&str], body: &Value) -> Result<Value, ApiError> {
        let response = self.send(Method::PATCH, path, &[], Some(body)).await?;
        read(response).await
    }

    /// Asks for a path as it is written, with its query, and returns whatever is answered.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub async fn fetch(
        &self,
        path_and_query: &str,
        headers: &[(header::HeaderName, &str)],
    ) -> Result<reqwest::Response, ApiError> {
        self.api.send(Method::GET, path_and_query.trim_start_matches('/'), headers, Bytes::new()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<reqwest::Response, ApiError> {
        let path = written(path, query)?;
        let json = [(header::ACCEPT, "application/json"), (header::CONTENT_TYPE, "application/json")];
        let (headers, body) = match body {
            Some(body) => (&json[..], body.to_string().into()),
            None => (&json[..1], Bytes::new()),
        };
        self.api.send(method, &path, headers, body).await
    }
}

/// Path and query as they are sent.
fn written(path: &[&str], query: &[(&str, &str)]) -> Result<String, ApiError> {
    let unsendable = || ApiError::Unsendable(format!("{path:?} is no path"));
    let mut url = Url::parse(NOWHERE).map_err(|_| unsendable())?;
    url.path_segments_mut().map_err(|()| unsendable())?.clear().extend(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url.as_str().trim_start_matches(NOWHERE).to_owned())
}

async fn read(response: reqwest::Response) -> Result<Value, ApiError> {
    if !response.status().is_success() {
        return Err(ApiError::Refused(Box::new(api::problem(response).await)));
    }
    let bytes = response.bytes().await.map_err(ApiError::Transport)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::Unreadable(format!("{error}; it begins with {:?}", api::beginning(&bytes))))
}
