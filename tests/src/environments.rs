//! Several environments of one function, as Lambda has them: each serves one request at a time, which of the free ones is next is
//! chance, and between two requests an environment is frozen. What is in one is not in another.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::http::HeaderMap;
use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::timeout_at,
};

use crate::{
    processes,
    runtime_api::{Answer, Environment, Function, Invocation, Post},
};

/// The environments of one function.
#[derive(Debug)]
pub struct Environments {
    function: Function,
    free: Mutex<Vec<Environment>>,
    started: Mutex<Vec<u32>>,
    seats: Arc<Semaphore>,
}

/// An answer that is being given.
#[derive(Debug)]
pub struct Answering {
    request_id: String,
    deadline: Instant,
    /// Headers of the post.
    pub headers: HeaderMap,
    /// The event ended in an error, which the body describes.
    pub failed: bool,
    pieces: mpsc::UnboundedReceiver<Result<Bytes, String>>,
}

impl Answering {
    /// The next piece of the body.
    ///
    /// # Errors
    /// The answer broke off, or ended with an error in its trailers.
    pub async fn next(&mut self) -> Result<Option<Bytes>, String> {
        self.pieces.recv().await.transpose()
    }
}

impl Environments {
    /// Starts this many, and freezes them as soon as they ask for an event.
    ///
    /// # Errors
    /// One cannot be started.
    pub async fn start(function: Function, count: usize) -> Result<Arc<Self>, String> {
        let seats = Arc::new(Semaphore::new(count));
        let all = Self { function, free: Mutex::default(), started: Mutex::default(), seats };
        for _ in 0..count {
            let environment = all.new_one().await?;
            all.free().push(environment);
        }
        Ok(Arc::new(all))
    }

    /// The processes of those that are there.
    pub fn pids(&self) -> Vec<u32> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain(|pid| processes::alive(*pid));
        started.clone()
    }

    /// Ends one of those that are free, by chance, and starts a new one in its place.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn replace(&self) -> Result<(), String> {
        let Some(old) = self.take() else { return Ok(()) };
        drop(old);
        let new = self.new_one().await?;
        self.free().push(new);
        Ok(())
    }

    /// Has one of them serve an event, up to the beginning of its answer. It goes on when nobody waits for the answer.
    ///
    /// # Errors
    /// It ended before it answered, or took too long.
    pub async fn begin(self: &Arc<Self>, invocation: Invocation) -> Result<Answering, String> {
        let (sender, receiver) = oneshot::channel();
        let all = Arc::clone(self);
        tokio::spawn(async move {
            // It is never closed.
            let Ok(seat) = Arc::clone(&all.seats).acquire_owned().await else { return };
            all.serve(invocation, sender, seat).await;
        });
        receiver.await.map_err(|_| "the environment was given up".to_owned())?
    }

    /// Has one of them serve an event.
    ///
    /// # Errors
    /// It ended before it answered, or took too long.
    pub async fn call(self: &Arc<Self>, invocation: Invocation) -> Result<Answer, String> {
        let mut answering = self.begin(invocation).await?;
        let mut pieces = Vec::new();
        while let Some(piece) = answering.next().await? {
            pieces.push(piece);
        }
        let (headers, failed) = (answering.headers, answering.failed);
        let at = Instant::now();
        let (request_id, deadline, trailers) = (answering.request_id, answering.deadline, HeaderMap::new());
        Ok(Answer { request_id, headers, pieces, trailers, failed, deadline, at })
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Environment>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Environment> {
        let mut free = self.free();
        if free.is_empty() {
            return None;
        }
        let index = fastrand::usize(..free.len());
        Some(free.swap_remove(index))
    }

    async fn new_one(&self) -> Result<Environment, String> {
        let mut environment = Environment::start(&self.function).await?;
        self.started.lock().unwrap_or_else(PoisonError::into_inner).push(environment.pid());
        environment.ready().await?;
        environment.freeze();
        Ok(environment)
    }

    async fn serve(
        &self,
        invocation: Invocation,
        sender: oneshot::Sender<Result<Answering, String>>,
        _seat: OwnedSemaphorePermit,
    ) {
        let begun = async {
            let mut environment = match self.take() {
                Some(environment) => environment,
                None => self.new_one().await?,
            };
            environment.thaw();
            let post = environment.begin(invocation).await?;
            Ok((environment, post))
        };
        // Whoever waited may have given up, here and below: the function is not told.
        let (mut environment, post) = match begun.await {
            Ok(begun) => begun,
            Err(error) => return drop(sender.send(Err(error))),
        };
        let (pieces, receiver) = mpsc::unbounded_channel();
        let (request_id, headers) = (post.request_id.clone(), post.headers.clone());
        let (failed, deadline) = (post.failed, post.deadline);
        let _ = sender.send(Ok(Answering { request_id, deadline, headers, failed, pieces: receiver }));
        if pass_on(post, &pieces).await.is_ok() && environment.idle().await.is_ok() {
            environment.freeze();
            self.free().push(environment);
        }
    }
}

/// Hands the pieces of an answer on; tells whether its environment is still there.
async fn pass_on(mut post: Post, pieces: &mpsc::UnboundedSender<Result<Bytes, String>>) -> Result<(), ()> {
    let deadline = post.deadline.into();
    loop {
        let late = |_| Err("Lambda would have ended it before the end of its answer".to_owned());
        let piece = match timeout_at(deadline, post.next()).await.unwrap_or_else(late) {
            Ok(Some(piece)) => Ok(piece),
            Ok(None) => break,
            Err(error) => {
                let _ = pieces.send(Err(error));
                return Err(());
            }
        };
        let _ = pieces.send(piece);
    }
    if let Some(error) = post.trailers.get("lambda-runtime-function-error-type") {
        let _ = pieces.send(Err(format!("the answer ended with {error:?}")));
    }
    Ok(())
}
