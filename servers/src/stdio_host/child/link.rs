//! The way to and from a child: messages in both directions.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Failure,
    chatter::Chatter,
    frames::{Frame, Frames},
    incoming::Incoming,
    process::{Process, described},
};
use crate::moment::Moment;

/// How long the output of a process that has ended is read on: something that it started may hold the pipe open.
const LAST_OUTPUT: Duration = Duration::from_millis(100);
/// How long a process that closed its output may take to end.
const LAST_STEPS: Duration = Duration::from_millis(500);

/// A running child and the messages from it that nobody has read yet.
#[derive(Debug)]
pub(super) struct Link {
    process: Process,
    frames: Frames,
    chatter: Chatter,
    /// How the process ended, and until when its output is read.
    ended: Option<(String, Instant)>,
    failure: Option<Failure>,
    heard: Moment,
}

impl Link {
    pub(super) fn new(process: Process, chatter: Chatter) -> Self {
        Self { process, frames: Frames::default(), chatter, ended: None, failure: None, heard: Moment::now() }
    }

    /// Sends a message. Nothing is waited for; a child that has long read nothing is given up.
    pub(super) fn send(&mut self, message: &Value) {
        let mut line = message.to_string();
        line.push('\n');
        if self.process.write(line.into()).is_err() {
            self.poison("it does not read its input");
        }
    }

    /// The next message. Safe to cancel: nothing is lost.
    ///
    /// # Errors
    /// [`Failure::Died`] or [`Failure::Poisoned`], and the same from then on.
    pub(super) async fn next(&mut self) -> Result<Incoming, Failure> {
        loop {
            if let Some(failure) = &self.failure {
                return Err(failure.clone());
            }
            while let Some(frame) = self.frames.next() {
                if let Some(result) = self.understood(frame) {
                    return result;
                }
            }
            if let Some(status) = self.read().await {
                // A last line without an end may still be an answer.
                while let Some(frame) = self.frames.finish() {
                    if let Some(Ok(incoming)) = self.understood(frame) {
                        self.failure = Some(Failure::Died { status });
                        return Ok(incoming);
                    }
                }
                self.failure.get_or_insert(Failure::Died { status });
            }
        }
    }

    /// A message that is there already, or the failure.
    pub(super) fn stale(&mut self) -> Option<Result<Incoming, Failure>> {
        self.next().now_or_never()
    }

    /// Why nothing more comes from this child.
    pub(super) const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Gives the child up.
    pub(super) fn poison(&mut self, reason: &str) -> Failure {
        self.failure.get_or_insert_with(|| Failure::Poisoned { reason: reason.to_owned() }).clone()
    }

    /// Time since the child last said something.
    pub(super) fn silent_for(&self) -> Duration {
        self.heard.elapsed()
    }

    /// See [`Chatter::brief`].
    pub(super) fn brief(&self, text: &str) -> String {
        self.chatter.brief(text)
    }

    /// The process.
    pub(super) const fn process(&self) -> &Process {
        &self.process
    }

    /// See [`Process::end`].
    pub(super) async fn end(self, grace: Option<Duration>) {
        self.process.end(grace).await;
    }

    /// Reads some output. `Some` with how the process ended, when there is none any more.
    async fn read(&mut self) -> Option<String> {
        let (output, child) = self.process.split();
        let space = self.frames.space();
        let read = match &self.ended {
            Some((status, until)) => {
                if Instant::now() >= *until {
                    return Some(status.clone());
                }
                timeout_at(*until, output.read_buf(space)).await.unwrap_or(Ok(0))
            }
            None => tokio::select! {
                biased;
                read = output.read_buf(space) => read,
                status = child.wait() => {
                    self.ended = Some((described(status), Instant::now() + LAST_OUTPUT));
                    return None;
                }
            },
        };
        if let Ok(1..) = read {
            self.heard = Moment::now();
            return None;
        }
        if let Some((status, _)) = &self.ended {
            return Some(status.clone());
        }
        let status = timeout(LAST_STEPS, self.process.exited()).await;
        Some(status.unwrap_or_else(|_| "it closed its output and lives on".to_owned()))
    }

    fn understood(&mut self, frame: Frame) -> Option<Result<Incoming, Failure>> {
        match frame {
            Frame::Message(message) => match Incoming::read(message) {
                Incoming::Malformed(reason) => Some(Err(self.poison(reason))),
                incoming => Some(Ok(incoming)),
            },
            Frame::Text(line) => {
                self.chatter.line("stdout", &line);
                None
            }
            Frame::Broken(reason) => Some(Err(self.poison(&reason))),
        }
    }
}
