//! Requests to registered endpoints: whatever is spoken over https goes out by these, under the guard's eyes.

use std::{error::Error as _, io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use url::Url;

use super::{
    error::{Failure, shorten},
    exchange::Exchange,
    guard::{Blocked, Endpoint, Guard},
    proof::Proof,
};

/// Header that tells a server without MCP which execution was reserved for the call.
pub(super) const EXECUTION_ID_HEADER: &str = "switchyard-execution-id";

/// Time for the TCP and TLS handshakes. Short, so that what times out later has certainly been sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle connections are closed after this time: networks drop them silently while Lambda freezes the process.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Header names that the protocol or HTTP itself uses: none of them may carry an API key.
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "last-event-id",
    "origin",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// Beginnings of such names.
const RESERVED_PREFIXES: &[&str] = &["content-", "mcp-", "proxy-", "sec-", "switchyard-", "x-amz-", "x-forwarded-"];

/// The header that carries an API key.
///
/// # Errors
/// The name is not a header name, or one that HTTP or MCP needs for itself.
pub(crate) fn api_key_header(name: &str) -> Result<HeaderName, String> {
    let header: HeaderName = name.parse().map_err(|_| format!("\"{name}\" is not an HTTP header name"))?;
    let reserved = RESERVED_HEADERS.contains(&header.as_str())
        || RESERVED_PREFIXES.iter().any(|prefix| header.as_str().starts_with(prefix));
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

/// Requests to one endpoint during one call.
#[derive(Clone)]
pub(super) struct Requests {
    client: Client,
    url: Url,
    /// Host header of the registered endpoint, when the connection goes elsewhere.
    host: Option<HeaderValue>,
    proof: Proof,
    pub(super) exchange: Exchange,
}

impl Requests {
    /// Requests to `url` by `client`, which must have been made by [`client`] with the endpoint's scheme.
    pub(super) fn new(
        client: Client,
        url: &Url,
        via: Option<SocketAddr>,
        proof: Proof,
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
        Ok(Self { client, url: target, host, proof, exchange })
    }

    /// Whether a call to `endpoint` goes out in plain http.
    pub(super) fn is_plain(endpoint: &Endpoint) -> bool {
        matches!(endpoint, Endpoint::Http { url, via } if via.is_some() || url.scheme() == "http")
    }

    /// Where the requests go.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// A request to the endpoint itself.
    pub(super) fn request(&self, method: Method) -> RequestBuilder {
        self.client.request(method, self.url.clone())
    }

    /// A request to `url`, which must be on the endpoint's host.
    pub(super) fn request_to(&self, method: Method, url: Url) -> Result<RequestBuilder, Failure> {
        if url.origin() != self.url.origin() {
            return Err(Failure::Refused("the request would leave the endpoint's host".to_owned()));
        }
        Ok(self.client.request(method, url))
    }

    /// Sends a request; an answer that does not let the caller in is a failure.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = self.execute(request).await?;
        match response.status() {
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(Failure::Unauthorized { status: status.as_u16(), secret: None })
            }
            _ => Ok(response),
        }
    }

    /// Sends a request with the proof of who calls, and takes whatever comes back.
    pub(super) async fn execute(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let mut request = request.build().map_err(|e| self.classify(e))?;
        if let Some(host) = &self.host {
            request.headers_mut().insert(header::HOST, host.clone());
        }
        // Last, because a signature covers what is there.
        self.proof.put_on(&mut request)?;
        self.client.execute(request).await.map_err(|e| self.classify(e))
    }

    /// What a failed request means.
    pub(super) fn classify(&self, error: reqwest::Error) -> Failure {
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
    pub(super) async fn body(&self, response: Response, limit: usize) -> Result<Bytes, Failure> {
        let mut body = BytesMut::new();
        let mut stream = response.bytes_stream();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|e| self.classify(e))?;
            self.exchange.received(part.len())?;
            if body.len() + part.len() > limit {
                return Err(Failure::Oversized { limit });
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }
}

/// The error at the bottom of nested ones: the TLS library's errors are wrapped twice.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error, innermost)
}

/// The media type of an answer, with its parameters.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
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
        let requests = Requests::new(client, &url, None, Proof::Nothing, Exchange::default()).unwrap();
        let failure = requests.classify(error).to_string();
        assert!(failure.contains("500") && !failure.contains("very-secret"), "{failure}");
    }

    #[test]
    fn a_request_does_not_leave_its_host() {
        let url: Url = "https://api.example.com/v1".parse().unwrap();
        let requests = Requests::new(Client::new(), &url, None, Proof::Nothing, Exchange::default()).unwrap();
        assert!(requests.request_to(Method::GET, "https://api.example.com/v1/cities".parse().unwrap()).is_ok());
        for other in ["https://evil.example.com/v1", "http://api.example.com/v1", "https://api.example.com:8443/v1"] {
            let refused = requests.request_to(Method::GET, other.parse().unwrap()).err();
            assert!(matches!(refused, Some(Failure::Refused(_))), "{other}");
        }
    }
}
