//! The frames of InvokeAgent's answer: `application/vnd.amazon.eventstream`.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::error::{AgentError, Fault, Result};

/// Media type of the answer.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// Most bytes of text in one chunk. Bedrock's limit is 1,000,000.
const MAX_CHUNK: usize = 750_000;

/// Least bytes of a piece when the final answer is streamed: a few words.
const PIECE: usize = 24;

fn frame(kind: &'static str, name_header: &'static str, name: &str, payload: &Value) -> Result<Bytes> {
    let text = |value: &str| HeaderValue::String(value.to_owned().into());
    let message = Message::new(Bytes::from(payload.to_string()))
        .add_header(Header::new(":message-type", text(kind)))
        .add_header(Header::new(name_header, text(name)))
        .add_header(Header::new(":content-type", text("application/json")));
    let mut buffer = Vec::new();
    write_message_to(&message, &mut buffer)
        .map_err(|error| AgentError::new(Fault::InternalServer, format!("A frame cannot be written: {error}.")))?;
    Ok(buffer.into())
}

/// An event: `chunk` or `trace`.
///
/// # Errors
/// The payload is larger than a frame can be.
pub(crate) fn event(name: &str, payload: &Value) -> Result<Bytes> {
    frame("event", ":event-type", name, payload)
}

/// An exception inside the stream; it ends the stream.
///
/// # Errors
/// The message is larger than a frame can be.
pub(crate) fn exception(error: &AgentError) -> Result<Bytes> {
    frame("exception", ":exception-type", error.fault.member(), &error.body())
}

/// The final answer: one chunk, or several that break after spaces.
///
/// # Errors
/// See [`event`].
pub(crate) fn chunks(text: &str, streamed: bool) -> Result<Vec<Bytes>> {
    let least = if streamed { PIECE } else { MAX_CHUNK };
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > least {
        let cut = rest
            .char_indices()
            .find(|(at, c)| *at >= least && c.is_whitespace() || *at >= MAX_CHUNK)
            .map_or(rest.len(), |(at, c)| at + c.len_utf8());
        let (piece, after) = rest.split_at(cut);
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces.into_iter().map(|piece| event("chunk", &json!({ "bytes": STANDARD.encode(piece) }))).collect()
}
