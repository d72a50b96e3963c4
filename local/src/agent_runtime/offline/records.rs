//! Finding runs and their states in the answers of functions, whatever these answers look like around them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    candidates::Candidate,
    lexicon,
    slots::is_party,
    text::{Token, tokens},
};

/// How deep an answer is searched; JSON inside strings counts as a level.
const MAX_DEPTH: usize = 8;

/// An object with a `status`: its text values, those of nested objects included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record(BTreeMap<String, String>);

impl Record {
    fn read(object: &Map<String, Value>) -> Option<Self> {
        object.get("status")?.as_str()?;
        let mut fields = BTreeMap::new();
        collect(object, &mut fields, 0);
        Some(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the work is still going on.
    pub(super) fn is_open(&self) -> bool {
        self.get("status").is_some_and(|state| lexicon::OPEN_STATES.contains(&state))
    }

    /// Whether one of its values is this name: the specialist's, for example.
    pub(super) fn names(&self, name: &str) -> bool {
        self.0.values().any(|value| value == name)
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Outer values win over nested ones of the same name.
fn collect(object: &Map<String, Value>, fields: &mut BTreeMap<String, String>, depth: usize) {
    for (name, value) in object {
        if let Some(text) = plain(value) {
            fields.entry(name.clone()).or_insert(text);
        }
    }
    if depth < 3 {
        for nested in object.values().filter_map(Value::as_object) {
            collect(nested, fields, depth + 1);
        }
    }
}

/// A single value as text.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The name under which runs carry their id: that of the id which the asking functions take.
pub(super) fn id_name<'a>(all: &[Candidate<'a>]) -> Option<&'a str> {
    let asking = all.iter().filter(|one| !one.acting);
    let mut parameters = asking.flat_map(|one| &one.innermost().parameters);
    parameters.find(|p| p.required && p.name.ends_with("_id") && !is_party(p)).map(|p| p.name.as_str())
}

/// Visits every object of the answer, from the outside in, JSON inside strings included.
fn visit(value: &Value, depth: usize, see: &mut impl FnMut(&Map<String, Value>)) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(object) => {
            see(object);
            object.values().for_each(|value| visit(value, depth + 1, see));
        }
        Value::Array(list) => list.iter().for_each(|value| visit(value, depth + 1, see)),
        Value::String(text) if text.trim_start().starts_with('{') => {
            if let Ok(inner) = serde_json::from_str(text) {
                visit(&inner, depth + 1, see);
            }
        }
        _ => {}
    }
}

fn records(body: &str) -> Vec<Record> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_str(body) {
        visit(&value, 0, &mut |object| found.extend(Record::read(object)));
    }
    found
}

/// A run that is still going on and is the same as the wish: every value both have is the same, and where the wish is for a
/// specialist the record names it.
pub(super) fn open_for(body: &str, facts: &BTreeMap<String, String>, specialist: Option<&str>) -> Option<Record> {
    records(body).into_iter().find(|record| {
        let same =
            facts.iter().all(|(name, value)| record.get(name).is_none_or(|other| other.eq_ignore_ascii_case(value)));
        let shared = facts.keys().any(|name| record.get(name).is_some());
        record.is_open() && same && shared && specialist.is_none_or(|name| record.names(name))
    })
}

/// The state of the run with this id.
pub(super) fn state_of(body: &str, id_name: &str, id: &str) -> Option<String> {
    single(body, id_name, id).and_then(|record| record.get("status").map(str::to_owned))
}

/// The run with this id; the innermost object that has it, which the answer of the tool itself is.
pub(super) fn single(body: &str, id_name: &str, id: &str) -> Option<Record> {
    records(body).into_iter().rfind(|record| record.get(id_name).is_some_and(|other| other.eq_ignore_ascii_case(id)))
}

/// Any state that the answer reports, the innermost first.
pub(super) fn any_state(body: &str) -> Option<String> {
    records(body).last().and_then(|record| record.get("status").map(str::to_owned))
}

/// The first run's id in the answer.
pub(super) fn first_id(body: &str, id_name: &str) -> Option<String> {
    let mut found = None;
    // An answer that was cut off, or a plain sentence, may still name it.
    let in_words = || tokens(body).into_iter().find(Token::is_uuid).map(|token| token.lower);
    let Ok(value) = serde_json::from_str::<Value>(body) else { return in_words() };
    visit(&value, 0, &mut |object| {
        if found.is_none() {
            found = object
                .get(id_name)
                .and_then(Value::as_str)
                .filter(|id| uuid::Uuid::parse_str(id).is_ok())
                .map(str::to_owned);
        }
    });
    found.or_else(|| {
        value
            .get("message")
            .and_then(Value::as_str)
            .and_then(|text| tokens(text).into_iter().find(Token::is_uuid))
            .map(|token| token.lower)
    })
}
