//! One conversation with a server: the transport by the endpoint, the lifecycle by the MCP version.
//!
//! A server known to speak 2026-07-28 gets its request at once. One known to speak an older version gets the `initialize`
//! handshake that those versions demand. An unknown one is asked by `server/discover` first.

use std::{sync::Arc, time::Duration};

use aws_config::{SdkConfig, retry::RetryConfig};
use http::HeaderMap;
use rmcp::{
    RoleClient,
    model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, ServerCapabilities, ServerPeerInfo},
    service::{
        ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, RunningService, ServiceError, serve_directly,
    },
    transport::IntoTransport,
};
use tokio::{sync::OnceCell, time::Instant};

use super::{
    error::{Failure, shorten},
    exchange::Exchange,
    guard::{Endpoint, Guard},
    https::GuardedHttp,
    lambda::LambdaTransport,
    proof::Proof,
    requests::{self, Requests},
    unattended::Nobody,
};

/// How long an unknown server may think about `server/discover` before the older handshake is tried.
const DISCOVER_TIMEOUT: Duration = Duration::from_secs(3);

/// Time to say goodbye to a server that keeps sessions.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The newest version with a handshake.
const LEGACY: ProtocolVersion = ProtocolVersion::LATEST_WITH_INITIALIZE;

/// The newest version of all.
const MODERN: ProtocolVersion = ProtocolVersion::V_2026_07_28;

/// The clients that calls go out by, made when first needed.
#[derive(Debug, Clone)]
pub(super) struct Routes {
    guard: Guard,
    pub(super) lambda: aws_sdk_lambda::Client,
    https: Arc<OnceCell<reqwest::Client>>,
    plain: Arc<OnceCell<reqwest::Client>>,
}

/// A conversation with a server.
pub(super) struct Session {
    service: RunningService<RoleClient, Nobody>,
    /// The MCP version agreed on.
    pub(super) version: ProtocolVersion,
    exchange: Exchange,
}

/// How a conversation begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opening {
    /// The version is known.
    Known(ProtocolVersion),
    /// Ask the server.
    Ask,
    /// The version is known to be the newest; `server/discover` is all that is wanted.
    Discover,
}

impl Opening {
    /// How to begin with a server whose version is stored as `version`.
    pub(super) fn of(version: Option<&str>) -> Self {
        let known = ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| Some(known.as_str()) == version);
        known.map_or(Self::Ask, |known| Self::Known(known.clone()))
    }

    /// How to begin where nothing is wanted but an answer.
    pub(super) fn of_check(version: Option<&str>) -> Self {
        match Self::of(version) {
            Self::Known(version) if !version.has_initialize() => Self::Discover,
            other => other,
        }
    }

    /// Whether this failure means that the server does not speak the version that the conversation began with.
    pub(super) fn is_refused(&self, failure: &Failure) -> bool {
        match self {
            Self::Discover => is_no_modern_server(failure),
            Self::Known(_) | Self::Ask => is_version_refused(failure),
        }
    }

    /// How to begin again after that.
    pub(super) fn instead(&self) -> Self {
        match self {
            Self::Discover => Self::Known(LEGACY),
            Self::Known(_) | Self::Ask => Self::Ask,
        }
    }
}

impl Routes {
    pub(super) fn new(config: &SdkConfig, guard: &Guard) -> Self {
        // A tool that was invoked must not be invoked again by the SDK on its own.
        let lambda = aws_sdk_lambda::config::Builder::from(config).retry_config(RetryConfig::disabled()).build();
        Self {
            guard: guard.clone(),
            lambda: aws_sdk_lambda::Client::from_conf(lambda),
            https: Arc::default(),
            plain: Arc::default(),
        }
    }

    /// Opens a conversation. Everything that happens is noted in `exchange`; `tool_headers` go with a call of a tool.
    pub(super) async fn open(
        &self,
        endpoint: &Endpoint,
        proof: &Proof,
        opening: &Opening,
        tool_headers: &HeaderMap,
        exchange: &Exchange,
        deadline: Instant,
    ) -> Result<Session, Failure> {
        let begin = async |opening: Begin, exchange: Exchange| match endpoint {
            Endpoint::Lambda(arn) => {
                let transport = LambdaTransport::new(self.lambda.clone(), arn.clone(), &self.guard, exchange.clone());
                begin(transport, opening, exchange).await
            }
            Endpoint::Http { .. } => {
                let requests = self.requests(endpoint, proof, &exchange).await?;
                let http = GuardedHttp { requests, tool_headers: tool_headers.clone() };
                begin(http.transport(), opening, exchange).await
            }
        };
        match opening {
            Opening::Known(version) if version.has_initialize() => {
                begin(Begin::Initialize(version.clone()), exchange.clone()).await
            }
            Opening::Known(version) => begin(Begin::Directly(version.clone()), exchange.clone()).await,
            Opening::Discover => begin(Begin::Discover, exchange.clone()).await,
            Opening::Ask => {
                // The probe has notes of its own: that it failed is no failure of the call.
                let patience = deadline.min(Instant::now() + DISCOVER_TIMEOUT);
                match tokio::time::timeout_at(patience, begin(Begin::Discover, exchange.another_attempt())).await {
                    Ok(Ok(session)) => Ok(session),
                    Ok(Err(failure)) if !is_no_modern_server(&failure) => Err(failure),
                    Ok(Err(_)) | Err(_) => begin(Begin::Initialize(LEGACY), exchange.clone()).await,
                }
            }
        }
    }

    /// Requests to an https endpoint.
    pub(super) async fn requests(
        &self,
        endpoint: &Endpoint,
        proof: &Proof,
        exchange: &Exchange,
    ) -> Result<Requests, Failure> {
        let Endpoint::Http { url, via } = endpoint else {
            return Err(Failure::Unsupported("plain HTTP to a Lambda function".to_owned()));
        };
        let client = self.http(Requests::is_plain(endpoint)).await?;
        Requests::new(client, url, *via, proof.clone(), exchange.clone())
    }

    /// The guard that these routes obey.
    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    async fn http(&self, plain: bool) -> Result<reqwest::Client, Failure> {
        let cell = if plain { &self.plain } else { &self.https };
        let client = cell.get_or_try_init(|| async { requests::client(&self.guard, plain) }).await;
        client.cloned().map_err(|e| Failure::Unsupported(format!("TLS on this machine ({e})")))
    }
}

/// The first step on a new connection.
enum Begin {
    Directly(ProtocolVersion),
    Discover,
    Initialize(ProtocolVersion),
}

async fn begin<T, E, A>(transport: T, begin: Begin, exchange: Exchange) -> Result<Session, Failure>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let identity = Implementation::new("switchyard", env!("CARGO_PKG_VERSION"));
    let config = ClientConfig::new(ClientCapabilities::default(), identity);
    let client = |version| Nobody(config.with_protocol_version(version));
    let started = match begin {
        Begin::Directly(version) => {
            let server = ServerPeerInfo::new(version, ServerCapabilities::default());
            Ok(serve_directly(client(LEGACY), transport, Some(server)))
        }
        Begin::Discover => {
            let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![MODERN] };
            client(LEGACY).serve_with_lifecycle(transport, lifecycle).await
        }
        Begin::Initialize(version) => {
            client(version).serve_with_lifecycle(transport, ClientLifecycleMode::Initialize).await
        }
    };
    let service = started.map_err(|error| start_failure(&exchange, error))?;
    let info = service.peer().peer_info();
    let version = info.map_or(LEGACY, |info| info.protocol_version.clone());
    Ok(Session { service, version, exchange })
}

impl Session {
    /// Does one thing with the server and translates what went wrong.
    pub(super) async fn run<T>(
        &self,
        request: impl AsyncFnOnce(&RunningService<RoleClient, Nobody>) -> Result<T, ServiceError>,
    ) -> Result<T, Failure> {
        request(&self.service).await.map_err(|error| request_failure(&self.exchange, error))
    }

    /// Ends the conversation, politely where the server keeps a session.
    pub(super) async fn close(mut self, deadline: Instant) {
        let patience = CLOSE_TIMEOUT.min(deadline.saturating_duration_since(Instant::now()));
        // Whatever happens now, the answer is there already.
        let _ = self.service.close_with_timeout(patience).await;
    }
}

/// Whether this failure of `server/discover` is how older servers and their gateways refuse what they do not know.
fn is_no_modern_server(failure: &Failure) -> bool {
    match failure {
        Failure::Status { status } => (400..500).contains(status) && *status != 429,
        Failure::Rpc { .. } | Failure::Malformed(_) | Failure::Timeout { .. } => true,
        // Older Lambda servers fail on methods they do not know; a discovery changes nothing, so asking again is safe.
        Failure::Function(_) => true,
        _ => false,
    }
}

/// Whether this failure of a call means that the server does not speak the version it was addressed in; then the call was
/// not taken up.
fn is_version_refused(failure: &Failure) -> bool {
    match failure {
        // UnsupportedProtocolVersion and HeaderMismatch. Source: MCP 2026-07-28, error codes.
        Failure::Rpc { code: -32022 | -32020, .. } => true,
        // How servers of other versions reject a request without session, handshake or known version header.
        Failure::Rpc { code, status: Some(400), .. } => matches!(code, -32600 | -32000),
        Failure::Status { status: 400 } => true,
        _ => false,
    }
}

fn start_failure(exchange: &Exchange, error: ClientInitializeError) -> Failure {
    exchange.failure().unwrap_or_else(|| match error {
        ClientInitializeError::JsonRpcError(error) => rpc(exchange, error.code.0, &error.message),
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            let versions: Vec<_> = server_supported.iter().map(|version| version.as_str()).collect();
            rpc(exchange, -32022, &format!("it speaks only {}", versions.join(", ")))
        }
        ClientInitializeError::ConnectionClosed(_) => {
            Failure::Malformed("the stream ended without a response".to_owned())
        }
        other => Failure::Malformed(shorten(&other.to_string(), 200)),
    })
}

fn request_failure(exchange: &Exchange, error: ServiceError) -> Failure {
    exchange.failure().unwrap_or_else(|| match error {
        ServiceError::McpError(error) => rpc(exchange, error.code.0, &error.message),
        ServiceError::UnexpectedResponse => Failure::Malformed("a response of another kind".to_owned()),
        ServiceError::TransportClosed => Failure::Malformed("the stream ended without a response".to_owned()),
        other => Failure::Interrupted(shorten(&other.to_string(), 200)),
    })
}

fn rpc(exchange: &Exchange, code: i32, message: &str) -> Failure {
    Failure::Rpc { code, message: shorten(message, 500), status: exchange.status() }
}
