//! One declared parameter of a pipeline type: its type, its rules, and the check of a value against them.

use handlers::error::shorten;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Whole numbers beyond this are not exact in every JSON reader (RFC 8259, section 6).
const LARGEST_INTEGER: i64 = (1 << 53) - 1;
/// Longest text of one parameter, in characters.
const LONGEST_TEXT: usize = 1024;

/// Type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any finite number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Type {
    /// The type's name in JSON Schema.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// A parameter as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParameter {
    r#type: Type,
    description: String,
    #[serde(default)]
    required: bool,
    default: Option<Value>,
    pattern: Option<String>,
    r#enum: Option<Vec<String>>,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

/// A parameter, checked.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its type.
    pub kind: Type,
    /// What it means, for the reader of the tool list.
    pub description: String,
    /// Whether a call must give it.
    pub required: bool,
    /// What it is when a call does not give it.
    pub default: Option<Value>,
    pattern: Option<Regex>,
    choices: Option<Vec<String>>,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

impl Parameter {
    /// Checks a declaration; what is wrong goes to `problems` with its key path.
    pub(super) fn check(raw: RawParameter, at: &str, problems: &mut Vec<String>) -> Self {
        let numeric = matches!(raw.r#type, Type::Integer | Type::Number);
        let mut problem = |key: &str, reason: String| problems.push(format!("{at}.{key}: {reason}"));
        let description = raw.description.trim().to_owned();
        if description.is_empty() || description.chars().count() > 500 {
            problem("description", "must have 1 to 500 characters".to_owned());
        }
        if raw.r#type != Type::String {
            let rules = [("pattern", raw.pattern.is_some()), ("enum", raw.r#enum.is_some())];
            for (key, _) in rules.iter().filter(|(_, given)| *given) {
                problem(key, format!("is a rule for strings, and the type is {}", raw.r#type.name()));
            }
        }
        for (key, bound) in [("minimum", raw.minimum), ("maximum", raw.maximum)] {
            match bound {
                Some(_) if !numeric => {
                    problem(key, format!("is a rule for numbers, and the type is {}", raw.r#type.name()))
                }
                Some(bound) if !bound.is_finite() => problem(key, "must be a finite number".to_owned()),
                _ => {}
            }
        }
        if let (Some(minimum), Some(maximum)) = (raw.minimum, raw.maximum)
            && minimum > maximum
        {
            problem("minimum", format!("{minimum} is greater than the maximum {maximum}"));
        }
        if raw.r#enum.as_ref().is_some_and(Vec::is_empty) {
            problem("enum", "must name at least one value".to_owned());
        }
        let pattern = raw.pattern.and_then(|pattern| match Regex::new(&pattern) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                problem("pattern", format!("`{pattern}` is not a regular expression: {error}"));
                None
            }
        });
        let parameter = Self {
            kind: raw.r#type,
            description,
            required: raw.required,
            default: raw.default,
            pattern,
            choices: raw.r#enum,
            minimum: raw.minimum,
            maximum: raw.maximum,
        };
        if parameter.required && parameter.default.is_some() {
            problem("default", "a required parameter cannot have a default".to_owned());
        }
        if let Some(Err(reason)) = parameter.default.as_ref().map(|default| parameter.accept(default)) {
            problem("default", reason);
        }
        for choice in parameter.choices.iter().flatten() {
            if let Err(reason) = parameter.accept(&Value::from(choice.as_str())) {
                problem("enum", reason);
            }
        }
        parameter
    }

    /// Checks one value and returns it in its plain form (`3.0` of an integer becomes `3`).
    ///
    /// # Errors
    /// What the value must be and what it is.
    pub fn accept(&self, value: &Value) -> Result<Value, String> {
        match (self.kind, value) {
            (Type::String, Value::String(text)) => self.accept_text(text).map(|()| value.clone()),
            (Type::Boolean, Value::Bool(_)) => Ok(value.clone()),
            (Type::Number, Value::Number(number)) => {
                self.accept_number(number.as_f64().unwrap_or(f64::NAN), value).map(|()| value.clone())
            }
            (Type::Integer, Value::Number(number)) => {
                let whole = number.as_i64().or_else(|| {
                    let float =
                        number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= LARGEST_INTEGER as f64);
                    float.map(|float| float as i64)
                });
                match whole.filter(|whole| whole.unsigned_abs() <= LARGEST_INTEGER.unsigned_abs()) {
                    Some(whole) => self.accept_number(whole as f64, value).map(|()| Value::from(whole)),
                    None => Err(format!("must be an integer, not {value}")),
                }
            }
            _ => Err(format!("must be of type {}, not {}", self.kind.name(), shown(value))),
        }
    }

    fn accept_text(&self, text: &str) -> Result<(), String> {
        if text.chars().count() > LONGEST_TEXT {
            return Err(format!("must have at most {LONGEST_TEXT} characters"));
        }
        // GitLab expands `$NAME` in values: a caller could read the project's protected variables that way.
        if text.contains(|c: char| c.is_control() || c == '$') {
            return Err("must not contain control characters, line ends or `$`".to_owned());
        }
        if let Some(choices) = &self.choices
            && !choices.iter().any(|choice| choice == text)
        {
            return Err(format!("must be one of {}, not {:?}", choices.join(", "), shorten(text, 60)));
        }
        match &self.pattern {
            Some(pattern) if !pattern.is_match(text) => {
                Err(format!("must match {pattern}, and {:?} does not", shorten(text, 60)))
            }
            _ => Ok(()),
        }
    }

    fn accept_number(&self, number: f64, value: &Value) -> Result<(), String> {
        if !number.is_finite() {
            return Err(format!("must be a finite number, not {value}"));
        }
        match (self.minimum, self.maximum) {
            (Some(minimum), _) if number < minimum => Err(format!("must be at least {minimum}, not {value}")),
            (_, Some(maximum)) if number > maximum => Err(format!("must be at most {maximum}, not {value}")),
            _ => Ok(()),
        }
    }

    /// A value that arrived as text (a Bedrock agent passes nothing else), in the declared type where it reads as one.
    pub fn from_text(&self, value: &Value) -> Value {
        let Value::String(text) = value else { return value.clone() };
        let text = text.trim();
        let parsed = match self.kind {
            Type::String => None,
            Type::Integer => text.parse::<i64>().ok().map(Value::from),
            Type::Number => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
            Type::Boolean => text.parse::<bool>().ok().map(Value::from),
        };
        parsed.unwrap_or_else(|| value.clone())
    }

    /// The JSON Schema of a value.
    pub fn schema(&self) -> Value {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!(self.kind.name()));
        schema.insert("description".to_owned(), json!(self.description));
        if let Some(default) = &self.default {
            schema.insert("default".to_owned(), default.clone());
        }
        if let Some(pattern) = &self.pattern {
            schema.insert("pattern".to_owned(), json!(pattern.as_str()));
        }
        if let Some(choices) = &self.choices {
            schema.insert("enum".to_owned(), json!(choices));
        }
        for (key, bound) in [("minimum", self.minimum), ("maximum", self.maximum)] {
            match bound {
                // `20`, not `20.0`: the schema is shown to people and models.
                Some(bound) if bound.fract() == 0.0 && bound.abs() <= LARGEST_INTEGER as f64 => {
                    schema.insert(key.to_owned(), json!(bound as i64));
                }
                Some(bound) => {
                    schema.insert(key.to_owned(), json!(bound));
                }
                None => {}
            }
        }
        Value::Object(schema)
    }
}

/// What a value is, for an error: its type, and itself where it is short.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 60 => format!("the string {text:?}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
