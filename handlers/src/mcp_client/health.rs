//! Whether a server is well: what its health URL says, or else the smallest thing that its protocol knows.
//!
//! | server | asked | healthy |
//! | --- | --- | --- |
//! | with a health URL | GET of it | 2xx, and a JSON body with a `status` does not say otherwise |
//! | MCP 2026-07-28 | `server/discover` | a result |
//! | older MCP | `initialize`, then `ping` | a result |
//! | GraphQL | POST `{__typename}` | data |
//! | REST | GET of its endpoint | any answer below 500, since nobody says what is there; 401 only if nothing was proven |
//!
//! A check proves who calls as a call does. A health URL gets that proof only if it has the origin of the endpoint (scheme,
//! host, port): whoever can name a URL must not receive a key with it.

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use reqwest::Method;
use rmcp::model::{ClientRequest, PingRequest};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::{
    McpClient,
    connection::{Opening, Session},
    error::{CallError, Failure},
    exchange::Exchange,
    graphql,
    guard::Endpoint,
    proof::Proof,
    requests::{Requests, content_type},
    web::Answer,
    within,
};
use crate::registry::{AuthenticationType, ProtocolType, Server};

/// Largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// What `status` says in the answer of a health URL when the server is not well. Source: draft-inadarei-api-health-check-06,
/// section 3.1 (`fail`, and the aliases in use for it), and `unhealthy`, which our own servers say.
const NOT_WELL: &[&str] = &["unhealthy", "fail", "error", "down"];

/// JSON-RPC 2.0: the method does not exist.
const METHOD_NOT_FOUND: i32 = -32601;

/// What a healthy server was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// From the first step of the check, fetching secrets included, to the answer.
    pub response_time: Duration,
    /// The MCP version agreed on, if the check was one of MCP.
    pub mcp_version: Option<String>,
}

impl McpClient {
    /// Checks a server's health.
    ///
    /// # Errors
    /// A [`CallError`], each with a sentence for a person: the server is not healthy, or cannot be asked.
    pub async fn check_health(&self, server: &Server, deadline: Instant) -> Result<Health, CallError> {
        let start = Instant::now();
        let mcp_version = match (&server.health_check_url, server.protocol_type) {
            (Some(url), _) => self.ask_health_url(server, url, deadline).await.map(|()| None)?,
            (None, ProtocolType::JsonRpc) => return self.ping(server, start, deadline).await,
            (None, ProtocolType::GraphQl) => self.request(server, deadline, typename).await.map(|()| None)?,
            (None, ProtocolType::Rest) => {
                let with_proof = server.authentication_type != AuthenticationType::None;
                let knock = async move |requests: &Requests| knock(requests, with_proof).await;
                self.request(server, deadline, knock).await.map(|()| None)?
            }
        };
        Ok(Health { response_time: start.elapsed(), mcp_version })
    }

    /// Asks an MCP server for a sign of life.
    async fn ping(&self, server: &Server, start: Instant, deadline: Instant) -> Result<Health, CallError> {
        let opening = Opening::of_check(server.mcp_version.as_deref());
        let answered = async move |session: &Session| {
            if session.version.has_initialize() {
                ping(session).await?;
            }
            Ok(start.elapsed())
        };
        let (version, response_time) =
            self.converse_from(opening, server, &http::HeaderMap::new(), deadline, answered).await?;
        Ok(Health { response_time, mcp_version: Some(version.to_string()) })
    }

    async fn ask_health_url(&self, server: &Server, text: &str, deadline: Instant) -> Result<(), CallError> {
        let failed = |failure: Failure| failure.of(&server.server_id, false);
        let url = match self.guard.endpoint(text) {
            Ok(Endpoint::Http { url, via }) => Endpoint::Http { url, via },
            Ok(Endpoint::Lambda(_)) => {
                return Err(failed(Failure::Misdeclared("health_check_url must be an https URL".to_owned())));
            }
            Err(Failure::Refused(reason)) => {
                return Err(failed(Failure::Refused(format!("health_check_url: {reason}"))));
            }
            Err(failure) => return Err(failed(failure)),
        };
        match own_path(server, &url) {
            Some(own) => {
                let own = own.clone();
                let ask = async move |requests: &Requests| {
                    // The requests know where the endpoint's origin is reached.
                    let mut target = requests.url().clone();
                    target.set_path(own.path());
                    target.set_query(own.query());
                    well(requests, target).await
                };
                self.request(server, deadline, ask).await
            }
            None => {
                let ask = async {
                    let requests = self.routes.requests(&url, &Proof::Nothing, &Exchange::default()).await?;
                    well(&requests, requests.url().clone()).await
                };
                within(deadline, Box::pin(ask)).await.map_err(failed)
            }
        }
    }
}

/// A health URL that has the origin of the server's endpoint.
fn own_path<'a>(server: &Server, health: &'a Endpoint) -> Option<&'a Url> {
    let Endpoint::Http { url, .. } = health else { return None };
    // The origin of an ARN is like no other.
    let endpoint = Url::parse(&server.endpoint_url).ok()?;
    (endpoint.origin() == url.origin()).then_some(url)
}

async fn ping(session: &Session) -> Result<(), Failure> {
    let request = ClientRequest::PingRequest(PingRequest::default());
    match session.run(async |server| server.send_request(request).await).await {
        // It shook hands; simple servers know no ping.
        Ok(_) | Err(Failure::Rpc { code: METHOD_NOT_FOUND, .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// The health URL says that the server is well.
async fn well(requests: &Requests, url: Url) -> Result<(), Failure> {
    let request = requests.request_to(Method::GET, url)?.header(header::ACCEPT, "application/json, */*;q=0.1");
    let response = requests.execute(request).await?;
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED {
        return Err(Failure::Unauthorized { status: status.as_u16(), secret: None });
    }
    if !status.is_success() {
        return Err(Failure::Unhealthy(format!("its health URL answered HTTP {}", status.as_u16())));
    }
    let media_type = content_type(response.headers()).to_owned();
    let answer = Answer { status: status.as_u16(), media_type, body: Bytes::new() };
    if !answer.is_json() {
        return Ok(());
    }
    let body = requests.body(response, MAX_ANSWER).await?;
    match says_not_well(&body) {
        Some(word) => Err(Failure::Unhealthy(format!("its health URL says {word}"))),
        None => Ok(()),
    }
}

/// The word by which an answer says that the server is not well.
fn says_not_well(body: &[u8]) -> Option<&'static str> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let status = body.get("status")?.as_str()?;
    NOT_WELL.iter().copied().find(|word| status.eq_ignore_ascii_case(word))
}

/// A GraphQL service answers the smallest query there is.
async fn typename(requests: &Requests) -> Result<(), Failure> {
    let request = requests
        .request(Method::POST)
        .header(header::ACCEPT, graphql::ACCEPT)
        .json(&json!({ "query": "{__typename}" }));
    let response = requests.send(request).await?;
    let status = response.status();
    if !status.is_success() {
        return Err(Failure::Status { status: status.as_u16() });
    }
    let media_type = content_type(response.headers()).to_owned();
    let body = requests.body(response, MAX_ANSWER).await?;
    let result = graphql::result(&Answer { status: status.as_u16(), media_type, body })?;
    match result.structured.as_ref().and_then(|data| data.get("__typename")) {
        Some(Value::String(_)) => Ok(()),
        _ => Err(Failure::Unhealthy("it does not answer {__typename}".to_owned())),
    }
}

/// Somebody answers at the endpoint. `with_proof`: the request proves who calls, so that being refused means something.
async fn knock(requests: &Requests, with_proof: bool) -> Result<(), Failure> {
    let request = requests.request(Method::GET).header(header::ACCEPT, "*/*");
    match requests.execute(request).await?.status() {
        StatusCode::UNAUTHORIZED if with_proof => Err(Failure::Unauthorized { status: 401, secret: None }),
        status if status.is_server_error() => Err(Failure::Status { status: status.as_u16() }),
        _ => Ok(()),
    }
}
