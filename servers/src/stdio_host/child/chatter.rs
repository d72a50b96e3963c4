//! What a child prints, into the log: one structured line for each, with limits, and without the child's secrets.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::Instant,
};

/// Longest line in bytes in the log; what is beyond is left out.
const LONGEST_LINE: usize = 4096;
/// Characters of a child's own words in an error.
const BRIEF: usize = 200;
/// How much of a line is kept until the secrets in it are hidden: more than the 64 KiB of the longest secret, so that cutting a
/// line never leaves a part of one.
const KEPT_LINE: usize = LONGEST_LINE + 64 * 1024;
/// Lines that may come at once, and lines a second after that. A server that prints more hides its own log.
const BURST: u32 = 500;
const PER_SECOND: u32 = 100;
/// A shorter value than this is no secret worth the name, and hiding it would make the log unreadable.
const SHORTEST_SECRET: usize = 6;

/// Where the lines of a child go. Clones share the limit.
#[derive(Clone)]
pub(super) struct Chatter {
    server_id: Arc<str>,
    secrets: Arc<[String]>,
    request: Arc<Mutex<String>>,
    budget: Arc<Mutex<Budget>>,
}

/// The id of the invocation that is under way, for log lines; shared by all children of a supervisor.
pub(super) type RequestId = Arc<Mutex<String>>;

struct Budget {
    lines: u32,
    filled: Instant,
    dropped: u64,
}

impl Chatter {
    /// `secrets` are replaced by asterisks wherever a line contains them.
    pub(super) fn new(server_id: &str, secrets: impl IntoIterator<Item = String>, request: RequestId) -> Self {
        // A secret of several lines is printed as several lines.
        let lines = secrets.into_iter().flat_map(|secret| secret.lines().map(str::to_owned).collect::<Vec<_>>());
        let mut secrets: Vec<String> = lines.filter(|secret| secret.len() >= SHORTEST_SECRET).collect();
        // A secret that is a part of another would leave the rest of that one.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let budget = Budget { lines: BURST, filled: Instant::now(), dropped: 0 };
        Self { server_id: server_id.into(), secrets: secrets.into(), request, budget: Arc::new(Mutex::new(budget)) }
    }

    /// Logs a line of `stdout` or `stderr`.
    pub(super) fn line(&self, stream: &'static str, line: &[u8]) {
        let Some(dropped) = self.budget.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()) else {
            return;
        };
        let server_id = &*self.server_id;
        let request_id = self.request.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if dropped > 0 {
            tracing::warn!(server_id, request_id, dropped, "the server prints too much; lines were left out");
        }
        tracing::info!(server_id, request_id, stream, line = self.readable(line), "server output");
    }

    /// Logs everything that comes through a pipe, until it is closed.
    pub(super) async fn drain(self, stream: &'static str, mut pipe: impl AsyncRead + Unpin) {
        let mut line = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut piece).await {
            for byte in &piece[..length] {
                // Progress bars return to the beginning of their line.
                match byte {
                    b'\n' | b'\r' => self.flush(stream, &mut line),
                    _ if line.len() < KEPT_LINE => line.push(*byte),
                    _ => {}
                }
            }
        }
        self.flush(stream, &mut line);
    }

    fn flush(&self, stream: &'static str, line: &mut Vec<u8>) {
        if !line.trim_ascii().is_empty() {
            self.line(stream, line.trim_ascii_end());
        }
        line.clear();
    }

    /// The child's own words, short enough for an error and without secrets: whole ones, since they are hidden before the cut.
    pub(super) fn brief(&self, text: &str) -> String {
        self.hidden(text.to_owned()).chars().take(BRIEF).collect()
    }

    fn hidden(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// The line as text, cut, without secrets.
    fn readable(&self, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(&line[..line.len().min(KEPT_LINE)]).into_owned();
        let mut text = self.hidden(text);
        if text.len() > LONGEST_LINE {
            text.truncate(text.floor_char_boundary(LONGEST_LINE));
            text.push_str(" …");
        }
        text
    }
}

impl std::fmt::Debug for Chatter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chatter").field("server_id", &self.server_id).finish_non_exhaustive()
    }
}

impl Budget {
    /// Whether another line may be logged, and how many were not since the last one.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let earned =
            (now.duration_since(self.filled).as_millis() * u128::from(PER_SECOND) / 1000).min(u128::from(BURST)) as u32;
        if earned > 0 {
            self.filled = now;
            self.lines = (self.lines + earned).min(BURST);
        }
        match self.lines.checked_sub(1) {
            Some(left) => {
                self.lines = left;
                Some(std::mem::take(&mut self.dropped))
            }
            None => {
                self.dropped += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
