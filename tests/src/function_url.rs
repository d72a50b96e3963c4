//! A function URL: an HTTP door in front of the environments of a function.
//! Source: AWS Lambda developer guide, "Invoking Lambda function URLs" and "Response streaming for Lambda functions".

mod answer;
mod event;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{environments::Environments, runtime_api::Invocation};

/// Longest body that Lambda takes.
const LONGEST_BODY: usize = 6 << 20;

/// The door. It closes when this is dropped.
#[derive(Debug)]
pub struct FunctionUrl {
    address: SocketAddr,
    server: JoinHandle<()>,
}

struct Door {
    environments: Arc<Environments>,
    /// What its own name is, as requests name it.
    domain: String,
}

impl FunctionUrl {
    /// Opens it on a free port, or on this one.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn open(environments: Arc<Environments>, port: u16) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("127.0.0.1:{port}: {error}");
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let door = Arc::new(Door { environments, domain: address.to_string() });
        let router = Router::new().fallback(serve).with_state(door);
        // It serves until it is aborted.
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, server })
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FunctionUrl {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "Request must be smaller than 6291456 bytes");
    };
    let event = event::of(&parts, &body, &door.domain);
    let answered = match door.environments.begin(Invocation::of(event.to_string())).await {
        Ok(answering) => answer::of(answering).await,
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| plain(StatusCode::BAD_GATEWAY, &error))
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
