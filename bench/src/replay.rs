//! Everything the functions call, answering at once with what was answered in the rehearsal.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, Response, StatusCode, Uri},
    serve::ListenerExt as _,
};
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::{
    Result,
    exchange::{Answers, question},
    statistics,
};

/// A running replay.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Its address.
    pub address: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    answers: Answers,
    answered: AtomicU64,
    unknown: Mutex<Option<String>>,
}

impl Replay {
    /// Starts to answer.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(answers: Answers) -> Result<Self> {
        let shared = Arc::new(Shared { answers, answered: AtomicU64::new(0), unknown: Mutex::new(None) });
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, shared })
    }

    /// How many requests were answered.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Whether everything that was asked was known.
    ///
    /// # Errors
    /// Something was not.
    pub fn complete(&self) -> Result<()> {
        let unknown = self.shared.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        match &*unknown {
            None => Ok(()),
            Some(question) => {
                let mut known: Vec<_> = self.shared.answers.keys().map(String::as_str).collect();
                known.sort_unstable();
                Err(format!("the rehearsal has no answer to `{question}`, only to: {}", known.join("; ")).into())
            }
        }
    }

    /// How long a plain client waits for one of the answers: what the replay adds to each call of a function.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn latency(&self, calls: usize) -> Result<Duration> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/", self.address);
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let start = Instant::now();
            let request = client.post(&url).header("x-amz-target", "secretsmanager.GetSecretValue").body("{}");
            request.send().await?.error_for_status()?.bytes().await?;
            times.push(start.elapsed());
        }
        Ok(statistics::median(&times))
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    shared.answered.fetch_add(1, Ordering::Relaxed);
    let question = question(method.as_str(), &uri, &headers, &body);
    match shared.answers.get(&question) {
        Some(exchange) => exchange.again(&body),
        None => {
            let mut response = Response::new(Body::from(format!("no recorded answer to {question}")));
            *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
            shared.unknown.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(question);
            response
        }
    }
}
