//! What a function posts for an event.

use std::time::Instant;

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

#[derive(Debug)]
pub(super) enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
    End(Instant),
}

/// The answer to an event while it is being posted.
#[derive(Debug)]
pub struct Post {
    /// Id of the request.
    pub request_id: String,
    /// Headers of the post.
    pub headers: HeaderMap,
    /// The event ended in an error, which the body describes.
    pub failed: bool,
    /// When Lambda ends the environment if the answer is not there.
    pub deadline: Instant,
    /// Trailers of the post, once there is no further piece.
    pub trailers: HeaderMap,
    parts: mpsc::UnboundedReceiver<Part>,
    ended: Option<Instant>,
}

impl Post {
    pub(super) fn new(
        request_id: String,
        headers: HeaderMap,
        failed: bool,
        deadline: Instant,
        parts: mpsc::UnboundedReceiver<Part>,
    ) -> Self {
        Self { request_id, headers, failed, deadline, trailers: HeaderMap::new(), parts, ended: None }
    }

    /// The next piece of the body, in the pieces it came in.
    ///
    /// # Errors
    /// The post broke off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, String> {
        while self.ended.is_none() {
            match self.parts.recv().await {
                Some(Part::Data(data)) => return Ok(Some(data)),
                Some(Part::Trailers(trailers)) => self.trailers = trailers,
                Some(Part::End(at)) => self.ended = Some(at),
                None => return Err("the answer broke off".to_owned()),
            }
        }
        Ok(None)
    }

    /// All of it.
    ///
    /// # Errors
    /// The post broke off.
    pub async fn whole(mut self) -> Result<Answer, String> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.next().await? {
            pieces.push(piece);
        }
        let at = self.ended.unwrap_or_else(Instant::now);
        let Self { request_id, headers, failed, deadline, trailers, .. } = self;
        Ok(Answer { request_id, headers, pieces, trailers, failed, deadline, at })
    }
}

/// What a function posted for an event.
#[derive(Debug)]
pub struct Answer {
    /// Id of the request.
    pub request_id: String,
    /// Headers of the post.
    pub headers: HeaderMap,
    /// The body in the pieces it came in.
    pub pieces: Vec<Bytes>,
    /// Trailers of the post: an error that came after the beginning of the answer.
    pub trailers: HeaderMap,
    /// The event ended in an error, which the body describes.
    pub failed: bool,
    /// When Lambda ends the environment if the answer is not there.
    pub deadline: Instant,
    /// When the last piece was there.
    pub at: Instant,
}

impl Answer {
    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }
}
