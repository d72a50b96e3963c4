//! From the strings of a call to typed arguments.
//!
//! Bedrock sends every value as a string and holds the model to no enum and no default, so this is where both are enforced.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::{Function, Parameter, ParameterType, file::LARGEST_INTEGER, list, plain};
use crate::error::shorten;

/// How many parameters that do not exist are named in one refusal.
const MOST_UNKNOWN: usize = 5;

impl Function {
    /// The call's arguments: parsed to the declared types, defaults filled in. A value that is empty counts as left out,
    /// because models send empty strings for parameters they do not use.
    ///
    /// # Errors
    /// One sentence for the model with everything it has to mend.
    pub fn arguments(&self, raw: &BTreeMap<String, String>) -> Result<Map<String, Value>, String> {
        let mut arguments = Map::new();
        let mut faults = Vec::new();
        for parameter in &self.parameters {
            let value = raw.get(&parameter.name).map(|value| value.trim()).filter(|value| !value.is_empty());
            match (value, &parameter.default) {
                (Some(text), _) => match parameter.parse(text) {
                    Ok(value) => drop(arguments.insert(parameter.name.clone(), value)),
                    Err(fault) => faults.push(fault),
                },
                (None, Some(default)) => drop(arguments.insert(parameter.name.clone(), default.clone())),
                (None, None) if parameter.required => {
                    faults.push(format!("`{}` is missing: {}", parameter.name, parameter.rendered_description()))
                }
                (None, None) => {}
            }
        }
        let known: Vec<_> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let mut unknown = raw.keys().filter(|name| !known.contains(&name.as_str()));
        for name in unknown.by_ref().take(MOST_UNKNOWN) {
            let name = short(name);
            faults.push(format!("there is no parameter `{name}`; the parameters are {}", known.join(", ")));
        }
        match unknown.count() {
            0 => {}
            more => faults.push(format!("and {more} more that do not exist")),
        }
        if faults.is_empty() { Ok(arguments) } else { Err(format!("{}: {}.", self.name, faults.join("; "))) }
    }
}

impl Parameter {
    /// The value behind the text, in the declared type and in the spelling of the allowed values.
    pub(super) fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            ParameterType::String => Some(Value::from(text)),
            ParameterType::Integer => integer(text).map(Value::from),
            ParameterType::Number => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
            ParameterType::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            ParameterType::Array => Some(array(text)),
        };
        let value =
            value.ok_or_else(|| format!("`{}` must be of type {}, not `{}`", self.name, self.kind, short(text)))?;
        if self.allowed.is_empty() {
            return Ok(value);
        }
        let same = |allowed: &&Value| match (allowed, &value) {
            (Value::String(allowed), Value::String(given)) => allowed.eq_ignore_ascii_case(given),
            (allowed, given) => *allowed == given,
        };
        self.allowed.iter().find(same).cloned().ok_or_else(|| {
            format!("`{}` must be one of {}, not `{}`", self.name, list(&self.allowed), short(&plain(&value)))
        })
    }

    /// Whether a value of the definition itself is of the declared type.
    pub(super) fn check_type(&self, value: &Value) -> Result<(), String> {
        let fits = match self.kind {
            ParameterType::String => value.is_string(),
            ParameterType::Integer => value.as_i64().is_some_and(|number| number.unsigned_abs() <= LARGEST_INTEGER),
            ParameterType::Number => value.is_number(),
            ParameterType::Boolean => value.is_boolean(),
            ParameterType::Array => value.is_array(),
        };
        if fits { Ok(()) } else { Err(format!("`{}` is not of type {}", plain(value), self.kind)) }
    }
}

/// The beginning of a value: enough to recognise it.
pub(super) fn short(text: &str) -> String {
    shorten(text, 60)
}

/// A whole number; models also write `3.0`.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.strip_suffix(".0").and_then(|whole| whole.parse().ok()))
}

/// A list: JSON where it is JSON, else the way Java prints one (`[a, b]`), which is what Bedrock sends for some models.
fn array(text: &str) -> Value {
    if let Ok(value @ Value::Array(_)) = serde_json::from_str(text) {
        return value;
    }
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    inner.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()
}
