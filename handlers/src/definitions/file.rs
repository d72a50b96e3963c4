//! One agent's file: from text to [`Agent`], or the place and the reason why not.
//!
//! The CDK app reads the same files with another library: what one of the two takes and the other refuses would be found at
//! deployment, or worse, at the start of a function. So the shape is as strict here as in `agents/schema.json`.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::Agent;
use crate::{error::shorten, yaml};

/// Whole numbers up to here are the same in every reader of JSON and YAML (RFC 8259, section 6).
pub(super) const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// Reads a file.
///
/// # Errors
/// Key path, empty for the whole file, and reason.
pub(super) fn read(text: &str) -> Result<Agent, (String, String)> {
    let whole = |reason| (String::new(), reason);
    let mut document = yaml::read(text).map_err(|reason| whole(format!("not valid YAML: {reason}")))?;
    settle(&mut document).map_err(|key| (key, "has no value".to_owned()))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let key = error.path().to_string();
        let key = if key == "." { String::new() } else { shorten(&key, 200) };
        (key, shorten(&error.inner().to_string(), 300))
    })
}

/// Writes whole numbers in one way, `60.0` as `60`, and finds a key without a value, which no key may be. The error is its path.
fn settle(value: &mut Value) -> Result<(), String> {
    match value {
        Value::Null => Err(String::new()),
        Value::Number(number) if !number.is_i64() && !number.is_u64() => {
            let float = number.as_f64().unwrap_or_default();
            if float.fract() == 0.0 && float.abs() <= LARGEST_INTEGER as f64 {
                // In range by the guard, so the cast is exact.
                *value = Value::from(float as i64);
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| settle(item).map_err(|inner| format!("[{index}]{inner}"))),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(key, value)| {
            settle(value).map_err(|inner| {
                let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
                shorten(&format!("{key}{dot}{inner}"), 200)
            })
        }),
        _ => Ok(()),
    }
}

/// Allowed values: at least one, each a text or a number, none twice.
pub(super) fn allowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    let values = Vec::<Value>::deserialize(deserializer)?;
    if values.is_empty() {
        return Err(D::Error::custom("is empty, there must be at least one value"));
    }
    if values.iter().any(|value| !value.is_string() && !value.is_number()) {
        return Err(D::Error::custom("each value must be a text or a number"));
    }
    if values.iter().enumerate().any(|(index, value)| values[..index].contains(value)) {
        return Err(D::Error::custom("has a value twice"));
    }
    Ok(values)
}

/// A default: a text, a number, `true` or `false`.
pub(super) fn default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(_) | Value::Object(_) => Err(D::Error::custom("must be a text, a number, true or false")),
        value => Ok(Some(value)),
    }
}
