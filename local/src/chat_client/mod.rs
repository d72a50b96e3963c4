//! The chat API seen from a client: answers as JSON or as an event stream.

mod answer;
mod events;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use bytes::Bytes;
use http::{Method, header};
use serde_json::json;
use url::Url;

use crate::api::{self, Api};
pub use crate::api::{ApiError as ChatError, Problem};
pub use answer::{Answer, Step};
use events::{EventReader, StreamEvent};

/// API Gateway ends a streamed answer after 15 minutes; waiting longer is of no use.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// A client of one deployment's chat API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ChatClient {
    api: Api,
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
        url.set_path(&path);
        Api::new(url, region, credentials, ANSWER_TIMEOUT).map(|api| Self { api })
    }

    /// The same API for somebody else.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        Self { api: self.api.with_credentials(credentials) }
    }

    /// Address of the API's stage; ends with a slash.
    pub fn url(&self) -> &Url {
        self.api.url()
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
            return Err(ChatError::Refused(Box::new(api::problem(response).await)));
        }
        let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if media_type.is_some_and(|media_type| media_type.starts_with("text/event-stream")) {
            return read_events(response, progress).await;
        }
        let bytes = response.bytes().await.map_err(ChatError::Transport)?;
        let answer: Answer = serde_json::from_slice(&bytes)
            .map_err(|error| ChatError::Unreadable(format!("{error}; it begins with {:?}", api::beginning(&bytes))))?;
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
        self.api.send(method, path, headers, body).await
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
