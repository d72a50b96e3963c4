//! The one connection to the Runtime API, opened again when the other side closed it.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Mutex};

use super::{Payload, RuntimeApiError, refused};

/// What the paths of this version of the API begin with.
const VERSION: &str = "/2018-06-01";
/// How this client names itself to Lambda.
const USER_AGENT: &str = concat!("switchyard-stdio-host/", env!("CARGO_PKG_VERSION"));

/// A connection that is shared by the clones of it.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    address: Arc<str>,
    open: Arc<Mutex<Option<SendRequest<Payload>>>>,
}

impl Connection {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.into(), open: Arc::default() }
    }

    /// Sends a request and gives the head of its answer. A connection that the other side closed while it was idle is opened
    /// again: nothing of the request was read on it.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, RuntimeApiError> {
        let mut open = self.open.lock().await;
        let reused = open.as_ref().is_some_and(|sender| !sender.is_closed());
        let whole = |body| Payload::Whole(Some(body));
        let request = self.request(method.clone(), path, headers.clone(), whole(body.clone()))?;
        let sender = self.ready(&mut open).await?;
        match sender.send_request(request).await {
            Err(error) if reused && (error.is_canceled() || error.is_closed() || error.is_incomplete_message()) => {
                *open = None;
                let request = self.request(method, path, headers, whole(body))?;
                self.ready(&mut open).await?.send_request(request).await
            }
            other => other,
        }
        .map_err(failed)
    }

    /// Posts a body and reads whether it was taken.
    pub(super) async fn post(&self, path: &str, headers: HeaderMap, body: Bytes) -> Result<(), RuntimeApiError> {
        taken(self.send(Method::POST, path, headers, body).await?).await
    }

    /// Begins a request whose body comes in parts; the future ends when the answer is there.
    pub(super) async fn begin(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Payload,
    ) -> Result<impl Future<Output = Result<(), RuntimeApiError>> + Send + use<>, RuntimeApiError> {
        let mut open = self.open.lock().await;
        let request = self.request(Method::POST, path, headers, body)?;
        let answer = self.ready(&mut open).await?.send_request(request);
        Ok(async move { taken(answer.await.map_err(failed)?).await })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Payload,
    ) -> Result<Request<Payload>, RuntimeApiError> {
        let wrong = |reason: String| RuntimeApiError::Connection(reason);
        let uri: Uri = format!("{VERSION}{path}").parse().map_err(|error| wrong(format!("{path}: {error}")))?;
        let host = HeaderValue::from_str(&self.address).map_err(|error| wrong(error.to_string()))?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request.headers_mut().insert(header::HOST, host);
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        Ok(request)
    }

    async fn ready<'a>(
        &self,
        open: &'a mut Option<SendRequest<Payload>>,
    ) -> Result<&'a mut SendRequest<Payload>, RuntimeApiError> {
        if let Some(sender) = open.as_mut()
            && sender.ready().await.is_err()
        {
            *open = None;
        }
        match open {
            Some(sender) => Ok(sender),
            None => Ok(open.insert(self.connect().await?)),
        }
    }

    async fn connect(&self) -> Result<SendRequest<Payload>, RuntimeApiError> {
        let wrong = |error: String| RuntimeApiError::Connection(format!("{}: {error}", self.address));
        let socket = TcpStream::connect(&*self.address).await.map_err(|error| wrong(error.to_string()))?;
        // Without this a part of a stream waits up to 40 ms for the acknowledgement of the one before.
        socket.set_nodelay(true).map_err(|error| wrong(error.to_string()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(socket)).await.map_err(|error| wrong(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to the Runtime API ended");
            }
        });
        Ok(sender)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn failed(error: hyper::Error) -> RuntimeApiError {
    RuntimeApiError::Connection(error.to_string())
}

/// Reads an answer to its end, so that the connection can be used again.
async fn taken(response: Response<Incoming>) -> Result<(), RuntimeApiError> {
    let status = response.status();
    let body = response.into_body().collect().await.map_err(failed)?.to_bytes();
    if status.is_success() { Ok(()) } else { Err(refused(status.as_u16(), &body)) }
}
