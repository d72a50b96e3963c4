//! Cuts the output of a child into messages, whatever it writes.
//!
//! A message is a line of JSON (MCP, "Transports", stdio). Servers also print banners, log lines and progress bars there,
//! with line ends of other systems, and more than one message to a line; those are told apart here. What looks like a message
//! and cannot be read is [`Frame::Broken`]: it may have been the answer somebody waits for, so nothing after it is trusted.

mod surrogates;

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use serde_json::Value;

/// Longest line in bytes. Lambda passes at most 6 MB on in one piece, and a server that writes everything outside ASCII as `\\uXXXX`
/// needs twice as much for most languages.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// How much of a text in bytes is handed on; [`super::chatter`] cuts it for the log.
const LONGEST_TEXT: usize = 68 * 1024;
/// The buffer is given back when it is empty and larger than this, so that one large answer does not stay for ever.
const KEPT_BUFFER: usize = 128 * 1024;
/// How much is read at once: what a pipe holds.
const READ: usize = 64 * 1024;

/// One thing that a child wrote.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Frame {
    /// A JSON-RPC 2.0 message.
    Message(Value),
    /// A line that is no message, for the log.
    Text(Bytes),
    /// What should have been a message; the reason why it is none.
    Broken(String),
}

/// The output of a child so far.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line end.
    scanned: usize,
    ready: VecDeque<Frame>,
    /// Whether the rest of a line that is too long is still to come.
    skipping: bool,
    begun: bool,
}

impl Frames {
    /// Where to read more output into.
    pub(super) fn space(&mut self) -> &mut BytesMut {
        self.buffer.reserve(READ);
        &mut self.buffer
    }

    /// The next thing that is complete, or `None` if more has to be read.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') else {
                self.scanned = self.buffer.len();
                return self.without_end();
            };
            let line = self.buffer.split_to(self.scanned + end);
            self.buffer.advance(1);
            self.scanned = 0;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if line.len() > LONGEST_LINE {
                return Some(too_long());
            }
            self.read_line(&line);
        }
    }

    /// What is left when the child closes its output: a last line without an end.
    pub(super) fn finish(&mut self) -> Option<Frame> {
        if !self.buffer.is_empty() || self.skipping {
            self.buffer.extend_from_slice(b"\n");
        }
        self.next()
    }

    /// What is there is not a whole line.
    fn without_end(&mut self) -> Option<Frame> {
        if self.buffer.len() > LONGEST_LINE || self.skipping {
            self.buffer.clear();
            self.scanned = 0;
            return (!std::mem::replace(&mut self.skipping, true)).then(too_long);
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BUFFER {
            self.buffer = BytesMut::new();
        }
        None
    }

    fn read_line(&mut self, line: &[u8]) {
        let line = if self.begun { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.begun = true;
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        if !may_be_message(line) {
            self.ready.push_back(text(line));
            return;
        }
        let mended = surrogates::replaced(line);
        let mut values = serde_json::Deserializer::from_slice(mended.as_deref().unwrap_or(line)).into_iter::<Value>();
        for value in values.by_ref() {
            match value {
                Ok(Value::Array(batch)) => self.ready.extend(batch.into_iter().map(message_or_text)),
                Ok(value) => self.ready.push_back(message_or_text(value)),
                Err(error) if names_protocol(line) => {
                    self.ready.push_back(Frame::Broken(format!("a message is not valid JSON: {error}")));
                    return;
                }
                Err(_) => {
                    self.ready.push_back(text(line));
                    return;
                }
            }
        }
    }
}

fn too_long() -> Frame {
    Frame::Broken(format!("a line of its output is longer than {} MiB", LONGEST_LINE >> 20))
}

/// Log lines may begin with a bracket, a batch begins with an object in one.
fn may_be_message(line: &[u8]) -> bool {
    match line {
        [b'{', ..] => true,
        [b'[', rest @ ..] => rest.trim_ascii_start().first() == Some(&b'{'),
        _ => false,
    }
}

/// Log lines may be JSON objects; a message names the protocol. Within a string of a log line the quotes are escaped.
fn names_protocol(line: &[u8]) -> bool {
    let name = b"\"jsonrpc\"";
    line.windows(name.len()).any(|window| window == name)
}

fn message_or_text(value: Value) -> Frame {
    if value.get("jsonrpc").is_some_and(|version| version == "2.0") {
        Frame::Message(value)
    } else {
        text(value.to_string().as_bytes())
    }
}

fn text(line: &[u8]) -> Frame {
    Frame::Text(Bytes::copy_from_slice(&line[..line.len().min(LONGEST_TEXT)]))
}

#[cfg(test)]
mod tests;
