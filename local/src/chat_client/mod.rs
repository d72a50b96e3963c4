//! The chat API seen from a client: requests signed with SigV4, answers as JSON or as an event stream, errors as problem
//! documents (RFC 9457).

mod answer;
mod events;
mod sign;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_credential_types::{Credentials, provider::ProvideCredentials, provider::SharedCredentialsProvider};
use bytes::Bytes;
use http::{Method, header};
use serde_json::json;
use url::Url;

pub use answer::{Answer, ChatError, Problem, Step};
use events::{EventReader, StreamEvent};

/// API Gateway ends a streamed answer after 15 minutes; waiting longer is of no use.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of one deployment's chat API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ChatClient {
    http: reqwest::Client,
    url: Url,
    region: String,
    credentials: SharedCredentialsProvider,
}

/// What arrives before the answer is complete.
#[derive(Debug)]
pub enum Progress<'a> {
    /// An agent called a function and has its result.
    Step(&'a Step),
    /// A piece of the reply.
    Text(&'a str),
}

impl ChatClient {
    /// A client for the API at `url` (the stage's address, with or without `/chat`).
    ///
    /// # Errors
    /// When no HTTP client can be set up (certificates of the system, for one).
    pub fn new(mut url: Url, region: String, credentials: SharedCredentialsProvider) -> Result<Self, ChatError> {
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/chat").unwrap_or(path).to_owned();
        url.set_path(&format!("{path}/"));
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // A redirected signature is not valid at its target, and our API never redirects.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(ChatError::Transport)?;
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

    /// Asks one thing and waits for the whole answer. `progress` hears of steps and text as they arrive; with a server that
    /// answers at once it hears of them at the end, steps first.
    ///
    /// # Errors
    /// When the request cannot be signed or sent, or when the API answers with an error.
    pub async fn ask(
        &self,
        message: &str,
        session_id: Option<&str>,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Answer, ChatError> {
        let mut body = json!({ "message": message });
        if let Some(session_id) = session_id {
            body["session_id"] = json!(session_id);
        }
        let headers =
            [(header::CONTENT_TYPE, "application/json"), (header::ACCEPT, "text/event-stream, application/json")];
        let response = self.send(Method::POST, "chat", &headers, body.to_string().into()).await?;
        if !response.status().is_success() {
            return Err(ChatError::Refused(Box::new(answer::problem(response).await)));
        }
        let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if media_type.is_some_and(|media_type| media_type.starts_with("text/event-stream")) {
            return read_events(response, progress).await;
        }
        let bytes = response.bytes().await.map_err(ChatError::Transport)?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(|error| {
            ChatError::Unreadable(format!("{error}; it begins with {:?}", answer::beginning(&bytes)))
        })?;
        answer.steps.iter().for_each(|step| progress(Progress::Step(step)));
        progress(Progress::Text(&answer.reply));
        Ok(answer)
    }

    /// Sends one signed request to `path`, relative to the API's stage, and returns whatever is answered.
    ///
    /// # Errors
    /// When there are no credentials, when the request cannot be signed, or when nothing answers.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: Bytes,
    ) -> Result<reqwest::Response, ChatError> {
        let url = self.url.join(path).map_err(|error| ChatError::Unsendable(format!("{path}: {error}")))?;
        let credentials =
            self.credentials.provide_credentials().await.map_err(|error| ChatError::Credentials(Box::new(error)))?;
        let request = sign::sign(method, &url, headers, body, &self.region, credentials)?;
        let request = request.try_into().map_err(ChatError::Transport)?;
        self.http.execute(request).await.map_err(ChatError::Transport)
    }
}

/// Reads an event stream to its last event.
async fn read_events(
    mut response: reqwest::Response,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Answer, ChatError> {
    let mut reader = EventReader::default();
    let mut steps = Vec::new();
    let mut text = String::new();
    while let Some(bytes) = response.chunk().await.map_err(ChatError::Transport)? {
        for event in reader.push(&bytes)? {
            match event {
                StreamEvent::Step(step) => {
                    progress(Progress::Step(&step));
                    steps.push(step);
                }
                StreamEvent::Text(piece) => {
                    progress(Progress::Text(&piece));
                    text.push_str(&piece);
                }
                StreamEvent::Answer(answer) => {
                    // What came in pieces is not shown again; what did not come in pieces is.
                    answer.steps.iter().skip(steps.len()).for_each(|step| progress(Progress::Step(step)));
                    if text.is_empty() {
                        progress(Progress::Text(&answer.reply));
                    }
                    return Ok(answer);
                }
                StreamEvent::Failed(problem) => return Err(ChatError::Refused(Box::new(problem))),
            }
        }
    }
    Err(ChatError::Unreadable("the stream ended before the answer was complete".to_owned()))
}
