//! The one connection to the Runtime API, opened again when the other side closed it.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use super::{Payload, RuntimeApiError, refused};

/// What the paths of this version of the API begin with.
const VERSION: &str = "/2018-06-01";
/// How this client names itself to Lambda.
const USER_AGENT: &str = concat!("switchyard-stdio-host/", env!("CARGO_PKG_VERSION"));

/// How long an open connection may still be busy with a request that was answered: the other side need not read to its end.
const BUSY: Duration = Duration::from_millis(500);

/// A connection that is shared by the clones of it.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    address: Arc<str>,
    /// The connection while it is idle. A request takes it and puts it back once its answer has been read, so that one that is
    /// given up, by an error or by being dropped, closes its connection.
    idle: Arc<Mutex<Option<Open>>>,
}

/// Dropping it closes the connection, whatever is still to be sent.
#[derive(Debug)]
struct Open {
    sender: SendRequest<Payload>,
    _connection: Task<()>,
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    pub(super) async fn ended(mut self) -> Result<T, RuntimeApiError> {
        (&mut self.0).await.map_err(|error| RuntimeApiError::Connection(error.to_string()))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.into(), idle: Arc::default() }
    }

    /// Sends a request and reads its answer. A connection that the other side closed while it was idle is opened again: nothing
    /// of the request was read on it.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, RuntimeApiError> {
        let whole = |body| Payload::Whole(Some(body));
        let request = self.request(method.clone(), path, headers.clone(), whole(body.clone()))?;
        let (mut open, reused) = match self.idle().await {
            Some(open) => (open, true),
            None => (self.connect().await?, false),
        };
        let response = match open.sender.send_request(request).await {
            Err(error) if reused && (error.is_canceled() || error.is_closed() || error.is_incomplete_message()) => {
                let request = self.request(method, path, headers, whole(body))?;
                open = self.connect().await?;
                open.sender.send_request(request).await
            }
            other => other,
        };
        self.read(response, open).await
    }

    /// Posts a body and reads whether it was taken.
    pub(super) async fn post(&self, path: &str, headers: HeaderMap, body: Bytes) -> Result<(), RuntimeApiError> {
        taken(&self.send(Method::POST, path, headers, body).await?)
    }

    /// Begins a request whose body comes in parts; the future ends when the answer is there.
    pub(super) async fn begin(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Payload,
    ) -> Result<impl Future<Output = Result<(), RuntimeApiError>> + Send + use<>, RuntimeApiError> {
        let request = self.request(Method::POST, path, headers, body)?;
        let mut open = match self.idle().await {
            Some(open) => open,
            None => self.connect().await?,
        };
        let answer = open.sender.send_request(request);
        let connection = self.clone();
        Ok(async move { taken(&connection.read(answer.await, open).await?) })
    }

    /// Reads an answer to its end, so that the connection can be used again.
    async fn read(
        &self,
        response: hyper::Result<Response<Incoming>>,
        open: Open,
    ) -> Result<Response<Bytes>, RuntimeApiError> {
        let (head, body) = response.map_err(failed)?.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        Ok(Response::from_parts(head, body))
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

    /// The open connection, if a request can be sent on it.
    async fn idle(&self) -> Option<Open> {
        let mut open = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let ready = timeout(BUSY, open.sender.ready()).await;
        matches!(ready, Ok(Ok(()))).then_some(open)
    }

    async fn connect(&self) -> Result<Open, RuntimeApiError> {
        let wrong = |error: String| RuntimeApiError::Connection(format!("{}: {error}", self.address));
        let socket = TcpStream::connect(&*self.address).await.map_err(|error| wrong(error.to_string()))?;
        // Without this a part of a stream waits up to 40 ms for the acknowledgement of the one before.
        socket.set_nodelay(true).map_err(|error| wrong(error.to_string()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(socket)).await.map_err(|error| wrong(error.to_string()))?;
        let connection = Task::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to the Runtime API ended");
            }
        });
        Ok(Open { sender, _connection: connection })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn failed(error: hyper::Error) -> RuntimeApiError {
    RuntimeApiError::Connection(error.to_string())
}

/// Whether what was posted was taken.
fn taken(response: &Response<Bytes>) -> Result<(), RuntimeApiError> {
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(refused(status.as_u16(), response.body())) }
}
