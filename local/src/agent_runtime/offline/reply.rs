//! Answers in words: the sentence a function gave, and the data beside it.

use serde_json::{Map, Value};

use super::{
    records::{Record, plain},
    text::words_of,
};

/// Most entries of a list that are shown.
const MAX_LINES: usize = 20;
/// Most values of one entry.
const MAX_FIELDS: usize = 10;

/// The sentence of an answer: its `message`, or the answer itself where it has none.
pub(super) fn message(body: &str) -> String {
    let value: Option<Value> = serde_json::from_str(body).ok();
    let message = value.as_ref().and_then(|value| value.get("message")).and_then(Value::as_str);
    message.unwrap_or(body).trim().to_owned()
}

/// The sentence, and the single values beside it that it does not already say: the id, the state, the link.
pub(super) fn outcome(body: &str) -> String {
    let mut text = message(body);
    if let Ok(Value::Object(object)) = serde_json::from_str(body) {
        let missing: Vec<String> = object
            .iter()
            .filter(|(name, value)| *name != "message" && value.is_string())
            .filter_map(|(name, value)| Some((name, plain(value)?)))
            .filter(|(_, value)| !value.is_empty() && !text.contains(value.as_str()))
            .map(|(name, value)| format!("{}: {value}", words_of(name).join(" ")))
            .collect();
        if !missing.is_empty() {
            text.push('\n');
            text.push_str(&missing.join("\n"));
        }
    }
    text
}

/// The sentence, and the entries of the lists and objects beside it.
pub(super) fn findings(body: &str) -> String {
    let message = message(body);
    let mut text = message.clone();
    let Ok(Value::Object(object)) = serde_json::from_str(body) else { return text };
    // The sentence may list the entries itself.
    let said = |entry: &Map<String, Value>| {
        let mut values = entry.values().filter_map(Value::as_str);
        values.any(|value| uuid::Uuid::parse_str(value).is_ok() && message.contains(value))
    };
    for value in object.values() {
        let entries: Vec<&Map<String, Value>> = match value {
            Value::Array(list) => list.iter().filter_map(Value::as_object).collect(),
            Value::Object(entry) => vec![entry],
            _ => continue,
        };
        for line in entries.iter().take(MAX_LINES).filter(|entry| !said(entry)).map(|entry| line(entry)) {
            if !line.is_empty() {
                text.push_str(&format!("\n- {line}"));
            }
        }
        let more = entries.len().saturating_sub(MAX_LINES);
        if more > 0 {
            text.push_str(&format!("\n- and {more} more"));
        }
    }
    text
}

fn line(entry: &Map<String, Value>) -> String {
    let fields =
        entry.iter().filter_map(|(name, value)| Some((name, plain(value)?))).filter(|(_, value)| !value.is_empty());
    let fields: Vec<String> =
        fields.take(MAX_FIELDS).map(|(name, value)| format!("{}: {value}", words_of(name).join(" "))).collect();
    fields.join(", ")
}

/// The answer when the wish is already being done.
pub(super) fn under_way(label: &str, record: &Record, now: Option<&str>) -> String {
    let fields: Vec<String> = record
        .fields()
        .filter(|(name, _)| {
            name.ends_with("_id") || matches!(*name, "status" | "environment" | "web_url" | "started_at")
        })
        .filter(|(name, _)| *name != "session_id")
        .map(|(name, value)| format!("{}: {value}", words_of(name).join(" ")))
        .collect();
    let now = now.map(|now| format!("\n{now}")).unwrap_or_default();
    format!("The same is already under way for {label}, so I started nothing.\n{}{now}", fields.join(", "))
}
