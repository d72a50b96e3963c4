//! Server-sent events (HTML standard, section 9.2) of a streamed answer.

use serde::Deserialize;

use super::{Answer, ChatError, Problem, Step};

/// An event of `POST /chat`, by its name on the wire.
#[derive(Debug, PartialEq)]
pub(super) enum StreamEvent {
    /// `step`
    Step(Step),
    /// `text`: `{"text": …}`
    Text(String),
    /// `done`: the whole answer, the last event of a good run
    Answer(Answer),
    /// `error`: the last event of a failed run
    Failed(Problem),
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

/// Puts events together from the pieces that the network delivers.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    line: Vec<u8>,
    name: String,
    data: String,
}

impl EventReader {
    /// Takes bytes and returns the events they complete. Comments (keep-alive) and events of unknown names are skipped.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<StreamEvent>, ChatError> {
        let mut events = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
            if line.is_empty() {
                events.extend(self.complete()?);
            } else {
                let (field, value) = line.split_once(':').unwrap_or((&line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "event" => value.clone_into(&mut self.name),
                    "data" if self.data.is_empty() => value.clone_into(&mut self.data),
                    "data" => self.data = format!("{}\n{value}", self.data),
                    _ => {}
                }
            }
        }
        Ok(events)
    }

    fn complete(&mut self) -> Result<Option<StreamEvent>, ChatError> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        let event = match &*name {
            "step" => serde_json::from_str(&data).map(StreamEvent::Step),
            "text" => serde_json::from_str::<Text>(&data).map(|piece| StreamEvent::Text(piece.text)),
            "done" => serde_json::from_str(&data).map(StreamEvent::Answer),
            "error" => serde_json::from_str(&data).map(StreamEvent::Failed),
            _ => return Ok(None),
        };
        event.map(Some).map_err(|error| ChatError::Unreadable(format!("event {name}: {error}")))
    }
}
