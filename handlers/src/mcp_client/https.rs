//! The https transport: rmcp's streamable HTTP client on top of requests that the guard watches.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Method, RequestBuilder, Response};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ServerJsonRpcMessage},
    transport::{
        common::client_side_sse::SseRetryPolicy,
        streamable_http_client::{
            SseError, StreamableHttpClient, StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
            StreamableHttpError, StreamableHttpPostResponse,
        },
    },
};
use sse_stream::{Sse, SseStream};

use super::{
    error::{Failure, shorten},
    requests::{Requests, content_type},
};

/// Largest body of an error answer that is searched for a JSON-RPC error.
const MAX_ERROR_BODY: usize = 64 * 1024;

const SESSION_ID: &str = "mcp-session-id";
const TOOL_NAME: &str = "mcp-name";
const LAST_EVENT_ID: &str = "last-event-id";
const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// How often a broken event stream is resumed: the server goes on with the same answer, nothing is sent again.
#[derive(Debug)]
struct Resume;

impl SseRetryPolicy for Resume {
    fn retry(&self, current_times: usize) -> Option<Duration> {
        (current_times < 3).then_some(Duration::from_secs(1))
    }
}

/// MCP's requests to one endpoint during one call.
#[derive(Clone)]
pub(super) struct GuardedHttp {
    pub(super) requests: Requests,
    /// What goes with a call of a tool, in versions that know such headers.
    pub(super) tool_headers: HeaderMap,
}

impl GuardedHttp {
    /// The SDK's transport over these requests. It never repeats a request by itself.
    pub(super) fn transport(self) -> StreamableHttpClientTransport<Self> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.requests.url().as_str())
            .reinit_on_expired_session(false);
        config.retry_config = Arc::new(Resume);
        StreamableHttpClientTransport::with_client(self, config)
    }

    /// Notes the failure and gives the SDK something to stop with.
    fn fail(&self, failure: Failure) -> StreamableHttpError<io::Error> {
        let text = failure.to_string();
        self.requests.exchange.failed(failure);
        StreamableHttpError::Client(io::Error::other(text))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, StreamableHttpError<io::Error>> {
        self.requests.send(request).await.map_err(|failure| self.fail(failure))
    }

    async fn body(&self, response: Response, limit: usize) -> Result<Bytes, StreamableHttpError<io::Error>> {
        self.requests.body(response, limit).await.map_err(|failure| self.fail(failure))
    }

    /// The event stream, counted while it arrives.
    fn events(&self, response: Response) -> BoxStream<'static, Result<Sse, SseError>> {
        let this = self.clone();
        let bytes = response.bytes_stream().map(move |part| {
            let failure = match part {
                Ok(part) => match this.requests.exchange.received(part.len()) {
                    Ok(()) => return Ok(part),
                    Err(failure) => failure,
                },
                Err(error) => this.requests.classify(error),
            };
            let text = failure.to_string();
            this.requests.exchange.failed(failure);
            Err(io::Error::other(text))
        });
        SseStream::from_bytes_stream(bytes).boxed()
    }

    /// A JSON-RPC error in an answer that is no success, or the bare status.
    async fn refusal(
        &self,
        response: Response,
        message: &ClientJsonRpcMessage,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<io::Error>> {
        let status = response.status().as_u16();
        let is_json = content_type(response.headers()).starts_with(JSON);
        if let (true, ClientJsonRpcMessage::Request(request)) = (is_json, message) {
            let body = self.body(response, MAX_ERROR_BODY).await?;
            if let Ok(ServerJsonRpcMessage::Error(error)) = serde_json::from_slice(&body) {
                self.requests.exchange.rpc_status(status);
                // Whoever refuses early often does not know the id; this is the answer to this request all the same.
                let answer = ServerJsonRpcMessage::error(error.error, Some(request.id.clone()));
                return Ok(StreamableHttpPostResponse::Json(answer, None));
            }
        }
        Err(self.fail(Failure::Status { status }))
    }
}

impl StreamableHttpClient for GuardedHttp {
    type Error = io::Error;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<Self::Error>> {
        let mut request = self.requests.request(Method::POST).header(header::ACCEPT, format!("{JSON}, {EVENT_STREAM}"));
        if let Some(session_id) = &session_id {
            request = request.header(SESSION_ID, session_id.as_ref());
        }
        let headers = map_of(custom_headers);
        let is_tool_call = matches!(&message, ClientJsonRpcMessage::Request(call) if matches!(call.request, ClientRequest::CallToolRequest(_)));
        // The SDK names the tool in a header in those versions only.
        if is_tool_call && headers.contains_key(TOOL_NAME) {
            request = request.headers(self.tool_headers.clone());
        }
        self.requests.exchange.sending(&message);
        let response = self.send(request.json(&message).headers(headers)).await?;
        let status = response.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if !status.is_success() {
            return self.refusal(response, &message).await;
        }
        let session_id = response.headers().get(SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let media_type = content_type(response.headers()).to_owned();
        if media_type.starts_with(EVENT_STREAM) {
            return Ok(StreamableHttpPostResponse::Sse(self.events(response), session_id));
        }
        if !matches!(message, ClientJsonRpcMessage::Request(_)) {
            // Should have been 202; some servers answer notifications with an empty or meaningless 200.
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if !media_type.starts_with(JSON) {
            let seen = shorten(&media_type, 80);
            return Err(
                self.fail(Failure::Malformed(format!("the content type is \"{seen}\", not JSON or an event stream")))
            );
        }
        let body = self.body(response, usize::MAX).await?;
        let answer = parse_answer(&body).map_err(|failure| self.fail(failure))?;
        Ok(StreamableHttpPostResponse::Json(answer, session_id))
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), StreamableHttpError<Self::Error>> {
        let request = self.requests.request(Method::DELETE).header(SESSION_ID, session_id.as_ref());
        // The call is over; a server that cannot or will not end its session forgets it in its own time.
        let _ = self.requests.send(request.headers(map_of(custom_headers))).await;
        Ok(())
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, StreamableHttpError<Self::Error>> {
        // The general stream of a session is for servers that speak unasked; a single call only resumes its own answer.
        // What was cut off because it is too large would only be too large again.
        let is_over = matches!(self.requests.exchange.failure(), Some(Failure::Oversized { .. }));
        let Some(last_event_id) = last_event_id.filter(|_| !is_over) else {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        };
        let mut request = self.requests.request(Method::GET).header(header::ACCEPT, EVENT_STREAM);
        request = request.header(LAST_EVENT_ID, last_event_id);
        if let Some(session_id) = &session_id {
            request = request.header(SESSION_ID, session_id.as_ref());
        }
        let response = self.send(request.headers(map_of(custom_headers))).await?;
        if response.status().is_success() && content_type(response.headers()).starts_with(EVENT_STREAM) {
            self.requests.exchange.recovered();
            return Ok(self.events(response));
        }
        Err(self.fail(Failure::Interrupted("the server does not let the answer be resumed".to_owned())))
    }
}

fn map_of(headers: HashMap<HeaderName, HeaderValue>) -> HeaderMap {
    headers.into_iter().collect()
}

/// A JSON-RPC message from a server.
///
/// # Errors
/// [`Failure::Malformed`] with the beginning of what came instead.
pub(super) fn parse_answer(body: &[u8]) -> Result<ServerJsonRpcMessage, Failure> {
    serde_json::from_slice(body).map_err(|_| {
        let start = String::from_utf8_lossy(body.get(..200).unwrap_or(body)).into_owned();
        Failure::Malformed(format!("expected a JSON-RPC response, got \"{}\"", shorten(&start, 120)))
    })
}
