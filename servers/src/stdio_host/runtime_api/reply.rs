//! The answer of an event, whole or in parts.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Payload, RuntimeApiError,
    connection::{Connection, Task},
};

/// Names the kind of an error to Lambda, in a header or a trailer.
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
/// Carries an error after the beginning of a streamed answer: base64 of the error document.
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");
/// Marks a streamed answer.
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");

/// The one answer of an event. It must be used: Lambda waits for it.
#[derive(Debug)]
#[must_use = "Lambda waits for the answer"]
pub struct Reply {
    connection: Connection,
    request_id: String,
    headers: HeaderMap,
}

impl Reply {
    pub(super) const fn new(connection: Connection, request_id: String, headers: HeaderMap) -> Self {
        Self { connection, request_id, headers }
    }

    /// Posts the whole answer. Lambda passes at most 6 MB on.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn answer(mut self, content_type: &'static str, body: Bytes) -> Result<(), RuntimeApiError> {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.connection.post(&self.path("response"), self.headers, body).await
    }

    /// Begins an answer that is sent in parts. For an HTTP door `content_type` is
    /// `application/vnd.awslambda.http-integration-response`, and the first part is the prelude.
    ///
    /// # Errors
    /// The Runtime API cannot be reached.
    pub async fn stream(mut self, content_type: &'static str) -> Result<Stream, RuntimeApiError> {
        let headers = &mut self.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(RESPONSE_MODE, HeaderValue::from_static("streaming"));
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        headers.append(header::TRAILER, HeaderValue::from(ERROR_TYPE));
        headers.append(header::TRAILER, HeaderValue::from(ERROR_BODY));
        let (parts, body) = mpsc::channel(1);
        let path = self.path("response");
        let answer = self.connection.begin(&path, self.headers, Payload::Parts(body)).await?;
        Ok(Stream { parts, answer: Task::spawn(answer) })
    }

    /// Ends the invocation with an error of the function.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn fail(self, error_type: &str, message: &str) -> Result<(), RuntimeApiError> {
        let path = self.path("error");
        let (headers, body) = error_document(self.headers, error_type, message);
        self.connection.post(&path, headers, body).await
    }

    fn path(&self, last: &str) -> String {
        format!("/runtime/invocation/{}/{last}", self.request_id)
    }
}

/// An answer that is being sent in parts. Dropping it before its end closes the connection, so that nobody takes what was sent
/// for a whole answer.
#[derive(Debug)]
#[must_use = "Lambda waits for the end of the answer"]
pub struct Stream {
    parts: mpsc::Sender<Option<Frame<Bytes>>>,
    answer: Task<Result<(), RuntimeApiError>>,
}

impl Stream {
    /// Sends a part at once.
    ///
    /// # Errors
    /// Lambda no longer takes the answer: nobody will read it.
    pub async fn send(&mut self, part: Bytes) -> Result<(), RuntimeApiError> {
        if part.is_empty() {
            return Ok(());
        }
        self.parts
            .send(Some(Frame::data(part)))
            .await
            .map_err(|_| RuntimeApiError::Connection("it stopped reading the answer".to_owned()))
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn finish(self) -> Result<(), RuntimeApiError> {
        self.end(None).await
    }

    /// Ends the answer with an error, told in the trailers.
    ///
    /// # Errors
    /// The Runtime API did not take it.
    pub async fn fail(self, error_type: &str, message: &str) -> Result<(), RuntimeApiError> {
        let (mut trailers, body) = error_document(HeaderMap::new(), error_type, message);
        trailers.remove(header::CONTENT_TYPE);
        if let Ok(body) = HeaderValue::from_str(&STANDARD.encode(body)) {
            trailers.insert(ERROR_BODY, body);
        }
        self.end(Some(Frame::trailers(trailers))).await
    }

    async fn end(self, last: Option<Frame<Bytes>>) -> Result<(), RuntimeApiError> {
        // Where nobody reads on, the answer tells why.
        let _ = self.parts.send(last).await;
        self.answer.ended().await?
    }
}

/// The headers and the body of an error.
pub(super) fn error_document(mut headers: HeaderMap, error_type: &str, message: &str) -> (HeaderMap, Bytes) {
    let header = HeaderValue::from_str(error_type).unwrap_or_else(|_| HeaderValue::from_static("Runtime.Unknown"));
    headers.insert(ERROR_TYPE, header);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.aws.lambda.error+json"));
    let document = json!({ "errorMessage": message, "errorType": error_type, "stackTrace": [] });
    (headers, document.to_string().into())
}
