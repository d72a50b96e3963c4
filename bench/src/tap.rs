//! The one address the functions know during the rehearsal: it passes every request on and keeps what was answered.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, Response, StatusCode, Uri, header},
};
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::{
    Result,
    exchange::{Exchange, Recording, question},
};

/// Where requests go.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// Lambda, Secrets Manager, and CloudFormation's mailbox.
    pub aws: String,
    /// DynamoDB.
    pub dynamodb: String,
    /// Agents on Bedrock.
    pub agents: String,
    /// GitLab.
    pub gitlab: String,
}

impl Endpoints {
    /// One address for everything.
    pub fn all(address: &str) -> Self {
        let address = || address.to_owned();
        Self { aws: address(), dynamodb: address(), agents: address(), gitlab: address() }
    }

    fn of(&self, uri: &Uri, headers: &HeaderMap) -> &str {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        match uri.path() {
            _ if target.starts_with("DynamoDB_") => &self.dynamodb,
            path if path.starts_with("/agents/") => &self.agents,
            path if path.starts_with("/api/v4/") => &self.gitlab,
            _ => &self.aws,
        }
    }
}

#[derive(Clone)]
struct Tap {
    endpoints: Arc<Endpoints>,
    recording: Arc<Recording>,
    client: reqwest::Client,
}

/// Starts a tap in front of these endpoints and tells its address.
///
/// # Errors
/// There is no free port.
pub async fn start(endpoints: Endpoints, recording: Arc<Recording>) -> Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let tap = Tap { endpoints: Arc::new(endpoints), recording, client };
    let router = Router::new().fallback(pass_on).layer(DefaultBodyLimit::disable()).with_state(tap);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn pass_on(State(tap): State<Tap>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let question = question(method.as_str(), &uri, &headers, &body);
    match tap.forward(method, &uri, headers, body.clone()).await {
        Ok(exchange) => {
            tap.recording.keep(question, exchange.clone());
            exchange.again(&body)
        }
        Err(error) => {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

impl Tap {
    async fn forward(
        &self,
        method: Method,
        uri: &Uri,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> reqwest::Result<Exchange> {
        let url = format!("{}{uri}", self.endpoints.of(uri, &headers));
        headers.remove(header::HOST);
        let answer = self.client.request(method, url).headers(headers).body(body).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Exchange { status, headers, body: answer.bytes().await? })
    }
}
