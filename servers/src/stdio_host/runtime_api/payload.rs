//! The body of a request to the Runtime API: whole, or in parts as they come.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::sync::mpsc;

/// The answer was given up before its end. Whoever reads it must not take it for a whole one: the connection is closed.
#[derive(Debug, Error)]
#[error("the answer was given up before its end")]
pub(super) struct GivenUp;

/// What is sent.
#[derive(Debug)]
pub(super) enum Payload {
    /// All of it, once.
    Whole(Option<Bytes>),
    /// What comes through the channel, until `None` comes.
    Parts(mpsc::Receiver<Option<Frame<Bytes>>>),
}

impl Body for Payload {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Parts(parts) => parts.poll_recv(context).map(|part| part.ok_or(GivenUp).transpose()),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Parts(_) => SizeHint::default(),
        }
    }
}
