//! The subschemas of a schema, found by the keywords that hold schemas, and the limits on them.

use std::collections::HashMap;

use serde_json::Value;

use super::{LONGEST_PATTERN, MOST_PATTERNS, MOST_PROBLEMS, MOST_SUBSCHEMAS, Problem};
use crate::error::shorten;

/// Keywords that hold one schema, or, in older dialects, a list of them.
pub(super) const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords that hold a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords that hold schemas by name; of `dependencies` some values are lists of names.
const NAMED: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];
/// Keywords whose meaning depends on the way by which a schema was reached, so that nobody could follow it here.
const DYNAMIC: [&str; 4] = ["$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"];

/// What was found in a schema.
#[derive(Debug, Default)]
pub(super) struct Scan<'a> {
    /// Every subschema, the schema itself included, with its JSON Pointer.
    pub(super) subschemas: Vec<(String, &'a Value)>,
    /// Every regular expression with the place where it stands.
    pub(super) patterns: Vec<(String, &'a str)>,
    by_pointer: HashMap<String, &'a Value>,
    anchors: HashMap<&'a str, &'a Value>,
}

impl<'a> Scan<'a> {
    /// Finds the subschemas.
    ///
    /// # Errors
    /// There are too many, or one has a keyword that is not allowed or a reference to something else than a subschema.
    pub(super) fn of(schema: &'a Value) -> Result<Self, Vec<Problem>> {
        let mut scan = Self::default();
        let mut problems = Vec::new();
        let mut next = vec![(String::new(), schema)];
        while let Some((pointer, subschema)) = next.pop() {
            if scan.subschemas.len() == MOST_SUBSCHEMAS {
                let reason = format!("has more than {MOST_SUBSCHEMAS} subschemas");
                return Err(vec![(String::new(), reason)]);
            }
            scan.enter(&pointer, subschema, &mut problems);
            inner(&pointer, subschema, &mut next);
        }
        if scan.patterns.len() > MOST_PATTERNS {
            let count = scan.patterns.len();
            let reason = format!("has {count} regular expressions, at most {MOST_PATTERNS} are allowed");
            problems.push((String::new(), reason));
        }
        for (pointer, subschema) in &scan.subschemas {
            let Some(reference) = subschema.get("$ref") else { continue };
            if scan.target(reference).is_none() {
                let reference = shorten(&reference.to_string(), 100);
                let reason = format!("{reference} is not a reference to a subschema of this document (#/… or #anchor)");
                problems.push((format!("{pointer}/$ref"), reason));
            }
        }
        problems.truncate(MOST_PROBLEMS);
        if problems.is_empty() { Ok(scan) } else { Err(problems) }
    }

    /// The subschema that the value of a `$ref` means.
    pub(super) fn target(&self, reference: &Value) -> Option<&'a Value> {
        let fragment = decoded(reference.as_str()?.strip_prefix('#')?)?;
        let found =
            if fragment.is_empty() || fragment.starts_with('/') { self.by_pointer.get(&fragment) } else { None };
        found.or_else(|| self.anchors.get(fragment.as_str())).copied()
    }

    fn enter(&mut self, pointer: &str, subschema: &'a Value, problems: &mut Vec<Problem>) {
        self.subschemas.push((pointer.to_owned(), subschema));
        self.by_pointer.insert(pointer.to_owned(), subschema);
        let mut refuse =
            |keyword: &str, reason: &str| problems.push((format!("{pointer}/{keyword}"), reason.to_owned()));
        let Value::Object(keywords) = subschema else { return };
        for keyword in DYNAMIC.into_iter().filter(|keyword| keywords.contains_key(*keyword)) {
            refuse(keyword, "is not allowed: only $ref and $anchor are");
        }
        for keyword in ["$id", "$schema"].into_iter().filter(|keyword| keywords.contains_key(*keyword)) {
            if !pointer.is_empty() {
                refuse(keyword, "is only allowed at the top: the schema is one document");
            }
        }
        if let Some(anchor) = keywords.get("$anchor").and_then(Value::as_str)
            && self.anchors.insert(anchor, subschema).is_some()
        {
            refuse("$anchor", "is used twice");
        }
        let of_names = keywords.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        let patterns = of_names
            .map(|(pattern, _)| ("patternProperties", pattern.as_str()))
            .chain(keywords.get("pattern").and_then(Value::as_str).map(|pattern| ("pattern", pattern)));
        for (keyword, pattern) in patterns {
            let length = pattern.chars().count();
            if length > LONGEST_PATTERN {
                refuse(
                    keyword,
                    &format!("a regular expression of {length} characters, at most {LONGEST_PATTERN} are allowed"),
                );
            }
            self.patterns.push((format!("{pointer}/{keyword}"), pattern));
        }
    }
}

/// Adds the schemas that stand directly in this one.
fn inner<'a>(pointer: &str, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords {
        let at = format!("{pointer}/{}", escaped(keyword));
        match value {
            Value::Array(items) if LIST.contains(&keyword.as_str()) || keyword == "items" => {
                found.extend(items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)));
            }
            Value::Object(named) if NAMED.contains(&keyword.as_str()) => found.extend(
                named
                    .iter()
                    .filter(|(_, value)| !value.is_array())
                    .map(|(name, value)| (format!("{at}/{}", escaped(name)), value)),
            ),
            value if ONE.contains(&keyword.as_str()) => found.push((at, value)),
            _ => {}
        }
    }
}

/// A key as it stands in a JSON Pointer (RFC 6901, section 3).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A fragment without its percent-encoding (RFC 3986, section 2.1); none if it is not one.
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = fragment.bytes();
    let mut decoded = Vec::with_capacity(fragment.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(bytes.next()?)? * 16 + digit(bytes.next()?)?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}
