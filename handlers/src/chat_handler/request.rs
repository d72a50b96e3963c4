//! What a request must be, checked in the order in which a client can mend it: method, media type, size, JSON, fields.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header::ACCEPT},
};
use serde_json::{Map, Value};

use crate::{
    error::{Error, Kind, Result, invalid},
    identity, json_body,
};

/// Longest message, in characters. Source: this API's contract.
const MESSAGE_LENGTH: usize = 25_000;
/// Largest body, in bytes: the longest message with every character escaped as two surrogates, and room for the rest.
const BODY_SIZE: usize = MESSAGE_LENGTH * 12 + 4096;
/// Longest part of a client's text that an error repeats, in characters.
const QUOTE_LENGTH: usize = 40;

/// A valid request.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) text: String,
    /// The session id as the client knows it.
    pub(super) session_id: String,
}

impl Message {
    /// Reads and checks everything but the method.
    pub(super) async fn read(request: Request) -> Result<Self> {
        json_body::check_content_type(request.headers())?;
        Self::parse(&json_body::read(request.into_body(), BODY_SIZE, "Shorten the message.").await?)
    }

    fn parse(body: &[u8]) -> Result<Self> {
        let mut fields = json_body::object(body, EXAMPLE)?;
        let text =
            text(&mut fields, "message")?.ok_or_else(|| invalid(format!("message is missing. Send {EXAMPLE}.")))?;
        let session_id = text_or_nothing(&mut fields)?;
        if let Some(name) = fields.keys().next() {
            let name: String = name.chars().take(QUOTE_LENGTH).collect();
            return Err(invalid(format!("There is no field {name:?}. The fields are message and session_id.")));
        }
        if text.chars().nth(MESSAGE_LENGTH).is_some() {
            return Err(Error::new(
                Kind::TooLarge,
                format!(
                    "message has {} characters; at most {MESSAGE_LENGTH} are taken. Shorten it.",
                    text.chars().count()
                ),
            ));
        }
        if text.trim().is_empty() {
            return Err(invalid("message is empty. Say what you want to be done or to know."));
        }
        Ok(Self { text, session_id: identity::client_session_id(session_id)? })
    }
}

/// What a valid body looks like.
const EXAMPLE: &str = r#"{"message": "What is running in dev?"}"#;

/// Only POST is served.
pub(super) fn check_method(method: &Method) -> Result<()> {
    if method == Method::POST {
        return Ok(());
    }
    Err(Error::new(Kind::MethodNotAllowed, "The chat takes POST only."))
}

/// Whether the client takes server-sent events: it names them; a wildcard asks for what everybody gets.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("text/event-stream"));
            let refused = parts
                .filter_map(|parameter| parameter.split_once('='))
                .any(|(name, value)| name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0_f32));
            named && !refused
        },
    )
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>> {
    match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("{name} must be a string."))),
    }
}

/// `session_id`, where `null` counts as left out: clients keep the field until they have one.
fn text_or_nothing(fields: &mut Map<String, Value>) -> Result<Option<String>> {
    if fields.get("session_id") == Some(&Value::Null) {
        fields.remove("session_id");
    }
    text(fields, "session_id")
}

#[cfg(test)]
mod tests;
