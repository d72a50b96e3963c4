//! The https transport: rmcp's streamable HTTP client on top of requests that the guard watches.

use std::{collections::HashMap, error::Error as _, io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Client, RequestBuilder, Response, redirect};
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{
        common::client_side_sse::SseRetryPolicy,
        streamable_http_client::{
            SseError, StreamableHttpClient, StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
            StreamableHttpError, StreamableHttpPostResponse,
        },
    },
};
use sse_stream::{Sse, SseStream};
use url::Url;

use super::{
    error::{Failure, shorten},
    exchange::Exchange,
    guard::{Blocked, Endpoint, Guard},
};

/// Time for the TCP and TLS handshakes. Short, so that what times out later has certainly been sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle connections are closed after this time: networks drop them silently while Lambda freezes the process.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Largest body of an error answer that is searched for a JSON-RPC error.
const MAX_ERROR_BODY: usize = 64 * 1024;

const SESSION_ID: &str = "mcp-session-id";
const LAST_EVENT_ID: &str = "last-event-id";
const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// Header names that the protocol or HTTP itself uses: none of them may carry an API key.
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "origin",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The header that carries an API key.
///
/// # Errors
/// The name is not a header name, or one that HTTP or MCP needs for itself.
pub(crate) fn api_key_header(name: &str) -> Result<HeaderName, String> {
    let header: HeaderName = name.parse().map_err(|_| format!("\"{name}\" is not an HTTP header name"))?;
    let reserved = RESERVED_HEADERS.contains(&header.as_str())
        || ["mcp-", "sec-", "x-amz-", "x-forwarded-"].iter().any(|prefix| header.as_str().starts_with(prefix));
    if reserved { Err(format!("the header \"{name}\" is reserved and cannot carry an API key")) } else { Ok(header) }
}

/// Makes the connections: one client for https and one for http inside the operator's ranges.
///
/// # Errors
/// No TLS configuration can be made on this machine.
pub(super) fn client(guard: &Guard, plain: bool) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("switchyard/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(guard.resolver(plain))
        .https_only(!plain)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
}

/// How often a broken event stream is resumed: the server goes on with the same answer, nothing is sent again.
#[derive(Debug)]
struct Resume;

impl SseRetryPolicy for Resume {
    fn retry(&self, current_times: usize) -> Option<Duration> {
        (current_times < 3).then_some(Duration::from_secs(1))
    }
}

/// One endpoint during one call.
#[derive(Clone)]
pub(super) struct GuardedHttp {
    client: Client,
    url: Url,
    /// Host header of the registered endpoint, when the connection goes elsewhere.
    host: Option<HeaderValue>,
    api_key: Option<(HeaderName, HeaderValue)>,
    exchange: Exchange,
}

impl GuardedHttp {
    /// Requests to `endpoint` by `client`, which must have been made by [`client`] with the endpoint's scheme.
    pub(super) fn new(
        client: Client,
        url: &Url,
        via: Option<std::net::SocketAddr>,
        api_key: Option<(HeaderName, HeaderValue)>,
        exchange: Exchange,
    ) -> Result<Self, Failure> {
        let mut target = url.clone();
        let mut host = None;
        if let Some(via) = via {
            let unusable = || Failure::Refused("it cannot be led to the local stage".to_owned());
            target.set_scheme("http").map_err(|()| unusable())?;
            target.set_ip_host(via.ip()).map_err(|()| unusable())?;
            target.set_port(Some(via.port())).map_err(|()| unusable())?;
            let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
            host = Some(HeaderValue::from_str(authority).map_err(|_| unusable())?);
        }
        Ok(Self { client, url: target, host, api_key, exchange })
    }

    /// Whether a call to `endpoint` goes out in plain http.
    pub(super) fn is_plain(endpoint: &Endpoint) -> bool {
        matches!(endpoint, Endpoint::Http { url, via } if via.is_some() || url.scheme() == "http")
    }

    /// The SDK's transport over these requests. It never repeats a request by itself.
    pub(super) fn transport(self) -> StreamableHttpClientTransport<Self> {
        let mut config =
            StreamableHttpClientTransportConfig::with_uri(self.url.as_str()).reinit_on_expired_session(false);
        config.retry_config = Arc::new(Resume);
        StreamableHttpClientTransport::with_client(self, config)
    }

    fn prepare(&self, mut request: RequestBuilder, headers: HashMap<HeaderName, HeaderValue>) -> RequestBuilder {
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = &self.api_key {
            request = request.header(name, value);
        }
        if let Some(host) = &self.host {
            request = request.header(header::HOST, host);
        }
        request
    }

    /// Notes the failure and gives the SDK something to stop with.
    fn fail(&self, failure: Failure) -> StreamableHttpError<io::Error> {
        let text = failure.to_string();
        self.exchange.failed(failure);
        StreamableHttpError::Client(io::Error::other(text))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, StreamableHttpError<io::Error>> {
        let response = request.send().await.map_err(|e| self.fail(self.classify(e)))?;
        match response.status() {
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(self.fail(Failure::Unauthorized { status: status.as_u16(), secret: None }))
            }
            _ => Ok(response),
        }
    }

    fn classify(&self, error: reqwest::Error) -> Failure {
        // The query of a URL may hold a password.
        let error = error.without_url();
        let host = format!(
            "{}:{}",
            self.url.host_str().unwrap_or_default(),
            self.url.port_or_known_default().unwrap_or_default()
        );
        let mut reason = error.to_string();
        let mut kind = None;
        let mut next = error.source();
        while let Some(cause) = next {
            if let Some(blocked) = cause.downcast_ref::<Blocked>() {
                return match blocked {
                    Blocked::Refused(reason) => Failure::Refused(reason.clone()),
                    Blocked::Unresolvable(host) => Failure::Unresolvable(host.clone()),
                };
            }
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                kind = Some(innermost(io).kind());
            }
            reason = cause.to_string();
            next = cause.source();
        }
        let reason = shorten(&reason, 200);
        if !error.is_connect() {
            return Failure::Interrupted(reason);
        }
        if error.is_timeout() {
            return Failure::Connect { host, reason: format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()) };
        }
        match kind {
            Some(io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => Failure::Tls { host, reason },
            _ => Failure::Connect { host, reason },
        }
    }

    /// The body, counted while it arrives.
    async fn body(&self, response: Response, limit: usize) -> Result<Bytes, StreamableHttpError<io::Error>> {
        let mut body = BytesMut::new();
        let mut stream = response.bytes_stream();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|e| self.fail(self.classify(e)))?;
            self.exchange.received(part.len()).map_err(|failure| self.fail(failure))?;
            if body.len() + part.len() > limit {
                return Err(self.fail(Failure::Oversized { limit }));
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }

    /// The event stream, counted while it arrives.
    fn events(&self, response: Response) -> BoxStream<'static, Result<Sse, SseError>> {
        let this = self.clone();
        let bytes = response.bytes_stream().map(move |part| {
            let failure = match part {
                Ok(part) => match this.exchange.received(part.len()) {
                    Ok(()) => return Ok(part),
                    Err(failure) => failure,
                },
                Err(error) => this.classify(error),
            };
            let text = failure.to_string();
            this.exchange.failed(failure);
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
                self.exchange.rpc_status(status);
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
        let mut request = self.client.post(self.url.clone()).header(header::ACCEPT, format!("{JSON}, {EVENT_STREAM}"));
        if let Some(session_id) = &session_id {
            request = request.header(SESSION_ID, session_id.as_ref());
        }
        self.exchange.sending(&message);
        let response = self.send(self.prepare(request, custom_headers).json(&message)).await?;
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
        let request = self.client.delete(self.url.clone()).header(SESSION_ID, session_id.as_ref());
        // The call is over; a server that cannot or will not end its session forgets it in its own time.
        let _ = self.prepare(request, custom_headers).send().await;
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
        let is_over = matches!(self.exchange.failure(), Some(Failure::Oversized { .. }));
        let Some(last_event_id) = last_event_id.filter(|_| !is_over) else {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        };
        let mut request = self.client.get(self.url.clone()).header(header::ACCEPT, EVENT_STREAM);
        request = request.header(LAST_EVENT_ID, last_event_id);
        if let Some(session_id) = &session_id {
            request = request.header(SESSION_ID, session_id.as_ref());
        }
        let response = self.send(self.prepare(request, custom_headers)).await?;
        if response.status().is_success() && content_type(response.headers()).starts_with(EVENT_STREAM) {
            self.exchange.recovered();
            return Ok(self.events(response));
        }
        Err(self.fail(Failure::Interrupted("the server does not let the answer be resumed".to_owned())))
    }
}

/// The error at the bottom of nested ones: the TLS library's errors are wrapped twice.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error, innermost)
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;

    #[tokio::test]
    async fn no_failure_tells_the_query_of_the_endpoint() {
        let mock = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount(&mock).await;
        let url: Url = format!("{}/mcp?token=very-secret", mock.uri()).parse().unwrap();
        let client = Client::new();
        let error = client.get(url.clone()).send().await.unwrap().error_for_status().unwrap_err();
        assert!(error.to_string().contains("very-secret"), "reqwest tells it: {error}");
        let http = GuardedHttp::new(client, &url, None, None, Exchange::default()).unwrap();
        let failure = http.classify(error).to_string();
        assert!(failure.contains("500") && !failure.contains("very-secret"), "{failure}");
    }
}
