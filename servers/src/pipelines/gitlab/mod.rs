//! The part of GitLab's REST API that runs pipelines, over one HTTP client.
//!
//! A request is repeated only when that is safe: reading always, creating only when nothing can have been created.

mod find;
mod refusal;
mod wire;

use std::{sync::OnceLock, time::Duration};

use handlers::error::{self, Error};
use http::{HeaderValue, Method, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

pub use self::{
    find::{Found, Search, made_at},
    refusal::{About, NoAnswer},
    wire::Pipeline,
};
use crate::{
    env::SecretSource,
    secret::{KEPT, Secret},
};

/// Largest answer that is read: a page of 100 pipelines has about 60 KB.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the answer of a reading request.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the creation of a pipeline: GitLab evaluates the whole configuration in it.
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);
/// What is left of the deadline, after a creation that gave no answer, to find out whether the pipeline exists.
const TIME_TO_LOOK: Duration = Duration::from_secs(6);
/// Tries of a request that may be repeated.
const TRIES: u32 = 3;
/// First wait between two tries; it doubles.
const BACK_OFF: Duration = Duration::from_millis(200);

/// GitLab's answer to one request.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// How long GitLab asks to wait.
    pub retry_after: Option<Duration>,
    /// Where it redirects to.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether a creation answered like this may have happened all the same.
    const fn is_ambiguous(&self) -> bool {
        matches!(self.status, 500..=599)
    }
}

/// What became of the creation of a pipeline.
#[derive(Debug)]
pub enum Created {
    /// It exists.
    Pipeline(Pipeline),
    /// It certainly does not.
    NotCreated(Error),
    /// It may exist: the answer was lost or is not one.
    Unclear(Error),
}

/// The client.
#[derive(Debug)]
pub struct GitLab {
    base: Url,
    token: Option<Secret>,
    http: OnceLock<reqwest::Client>,
}

impl GitLab {
    /// A client for the GitLab at `base`. Nothing is sent or read before the first request.
    pub fn new(base: Url, token: Option<Secret>) -> Self {
        Self { base, token, http: OnceLock::new() }
    }

    /// Host (and port) of the GitLab, for messages.
    pub fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Creates a pipeline (`POST /projects/:id/pipeline`).
    pub async fn create(&self, project: &str, reference: &str, body: &Value, deadline: Instant) -> Created {
        let path = ["projects", project, "pipeline"];
        let latest = deadline.checked_sub(TIME_TO_LOOK).unwrap_or(deadline);
        let mut refreshed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let max_age = if refreshed { Duration::ZERO } else { KEPT };
            let until = latest.min(Instant::now() + CREATE_TIMEOUT);
            let answer = match self.send(Method::POST, &path, &[], Some(body), max_age, until).await {
                Ok(answer) => answer,
                Err(NoAnswer::NotConnected(_)) if tries < TRIES && wait(back_off(tries), latest).await => continue,
                Err(failure) if failure.may_have_arrived() => return Created::Unclear(failure.explain(&self.host())),
                Err(failure) => return Created::NotCreated(failure.explain(&self.host())),
            };
            match answer.status {
                200..=299 => {
                    return match serde_json::from_slice(&answer.body) {
                        Ok(pipeline) => Created::Pipeline(pipeline),
                        Err(cause) => Created::Unclear(self.unreadable(&cause)),
                    };
                }
                // A rotated token: GitLab did nothing, and the secret may hold the new one by now.
                401 if !refreshed && self.token_may_change() => refreshed = true,
                429 if tries < TRIES && wait(answer.retry_after.unwrap_or_else(|| back_off(tries)), latest).await => {}
                _ => {
                    let about = About { project, reference: Some(reference), token: &self.token_source() };
                    let error = refusal::explain(&answer, about);
                    return if answer.is_ambiguous() { Created::Unclear(error) } else { Created::NotCreated(error) };
                }
            }
        }
    }

    /// Reads one pipeline.
    ///
    /// # Errors
    /// A sentence for a person.
    pub async fn pipeline(&self, project: &str, id: u64, deadline: Instant) -> Result<Pipeline, Error> {
        self.read(project, &["pipelines", &id.to_string()], &[], deadline).await
    }

    /// The first failed job of a pipeline that counts, and GitLab's reason: `terraform_apply (script_failure)`.
    ///
    /// # Errors
    /// A sentence for a person.
    pub async fn failed_job(&self, project: &str, id: u64, deadline: Instant) -> Result<Option<String>, Error> {
        let query = [("scope[]", "failed".to_owned()), ("per_page", "20".to_owned())];
        let jobs: Vec<wire::Job> =
            self.read(project, &["pipelines", &id.to_string(), "jobs"], &query, deadline).await?;
        Ok(jobs.into_iter().find(|job| !job.allow_failure).map(|job| match job.failure_reason {
            Some(reason) => format!("{} ({reason})", job.name),
            None => job.name,
        }))
    }

    /// One small authenticated request without repetition: its status tells whether GitLab answers and takes the token.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn probe(&self, project: &str, deadline: Instant) -> Result<u16, NoAnswer> {
        let query = [("per_page", "1".to_owned())];
        let path = ["projects", project, "pipelines"];
        Ok(self.send(Method::GET, &path, &query, None, KEPT, deadline).await?.status)
    }

    /// Reads JSON below a project, repeating what fails in passing.
    async fn read<T: DeserializeOwned>(
        &self,
        project: &str,
        path: &[&str],
        query: &[(&str, String)],
        deadline: Instant,
    ) -> Result<T, Error> {
        let path: Vec<&str> = ["projects", project].into_iter().chain(path.iter().copied()).collect();
        let mut refreshed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let max_age = if refreshed { Duration::ZERO } else { KEPT };
            let until = deadline.min(Instant::now() + READ_TIMEOUT);
            let answer = match self.send(Method::GET, &path, query, None, max_age, until).await {
                Ok(answer) => answer,
                Err(NoAnswer::NotConnected(_) | NoAnswer::Lost(_) | NoAnswer::TimedOut)
                    if tries < TRIES && wait(back_off(tries), deadline).await =>
                {
                    continue;
                }
                Err(failure) => return Err(failure.explain(&self.host())),
            };
            match answer.status {
                200..=299 => return serde_json::from_slice(&answer.body).map_err(|cause| self.unreadable(&cause)),
                401 if !refreshed && self.token_may_change() => refreshed = true,
                429 | 500..=599
                    if tries < TRIES && wait(answer.retry_after.unwrap_or_else(|| back_off(tries)), deadline).await => {
                }
                _ => {
                    let about = About { project, reference: None, token: &self.token_source() };
                    return Err(refusal::explain(&answer, about));
                }
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
        token_age: Duration,
        until: Instant,
    ) -> Result<Answer, NoAnswer> {
        let Some(token) = &self.token else {
            return Err(NoAnswer::Token(error::dependency(
                "This server has no GitLab access token: set GITLAB_TOKEN_SECRET (or GITLAB_TOKEN when run by hand).",
            )));
        };
        let token = token.get(token_age).await.map_err(NoAnswer::Token)?;
        let Ok(mut token) = HeaderValue::from_str(token.reveal()) else {
            return Err(NoAnswer::Token(error::dependency("The GitLab access token cannot be sent in a header.")));
        };
        token.set_sensitive(true);
        let timeout = until.saturating_duration_since(Instant::now());
        if timeout.is_zero() {
            return Err(NoAnswer::NoTime);
        }
        let mut request =
            self.http()?.request(method, self.address(path, query)).header("PRIVATE-TOKEN", token).timeout(timeout);
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|cause| no_answer(&cause))?;
        let text = |name: header::HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let mut answer = Answer {
            status: response.status().as_u16(),
            retry_after: text(header::RETRY_AFTER).and_then(|value| value.parse().ok()).map(Duration::from_secs),
            location: text(header::LOCATION).map(str::to_owned),
            body: Vec::new(),
        };
        while let Some(part) = response.chunk().await.map_err(|cause| no_answer(&cause))? {
            if answer.body.len() + part.len() > LARGEST_ANSWER {
                return Err(NoAnswer::Lost(format!("the answer has more than {LARGEST_ANSWER} bytes")));
            }
            answer.body.extend_from_slice(&part);
        }
        Ok(answer)
    }

    fn address(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // A path of a project is one segment: `group/project` becomes `group%2Fproject`.
            segments.pop_if_empty().extend(["api", "v4"]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The HTTP client, built at the first request: loading the root certificates takes longer than the rest of the start.
    fn http(&self) -> Result<&reqwest::Client, NoAnswer> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("switchyard-pipelines/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // The token is a header of our own, which a client would carry along to another host.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|cause| NoAnswer::NotConnected(chain(&cause)))?;
        Ok(self.http.get_or_init(|| client))
    }

    /// Whether another read of the token can give another one.
    fn token_may_change(&self) -> bool {
        self.token.as_ref().is_some_and(|token| matches!(token.source(), SecretSource::Manager(_)))
    }

    fn token_source(&self) -> String {
        self.token.as_ref().map_or_else(|| "GITLAB_TOKEN".to_owned(), |token| token.source().to_string())
    }

    fn unreadable(&self, cause: &serde_json::Error) -> Error {
        error::bad_gateway(format!(
            "GitLab at {} answered with something that is not its API. Check GITLAB_URL.",
            self.host()
        ))
        .with_source(cause.to_string())
    }
}

fn no_answer(cause: &reqwest::Error) -> NoAnswer {
    if cause.is_connect() || cause.is_builder() {
        NoAnswer::NotConnected(chain(cause))
    } else if cause.is_timeout() {
        NoAnswer::TimedOut
    } else {
        NoAnswer::Lost(chain(cause))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

const fn back_off(tries: u32) -> Duration {
    BACK_OFF.saturating_mul(1 << (tries - 1))
}

/// Waits, if the wait ends before the deadline.
async fn wait(time: Duration, deadline: Instant) -> bool {
    if Instant::now() + time >= deadline {
        return false;
    }
    tokio::time::sleep(time).await;
    true
}

#[cfg(test)]
mod tests;
