//! How much work checking a value would be, counted before it is begun.
//!
//! References make a small schema large: twenty definitions, each of which requires the next one twice, are a million checks.
//! So the ways that a check would take are walked first, without checking anything, and the walk is given up at a limit. It
//! counts too much rather than too little: every branch of an `anyOf`, every keyword whatever the value's type is.

use serde_json::{Map, Value};

use super::scan::Scan;

/// The most steps that one check may take. A step is a comparison or so: this many are some ten milliseconds.
const MOST_STEPS: usize = 200_000;
/// The most schemas that lead into each other on one way. Each is some frames on the stack.
const DEEPEST_WAY: usize = 100;
/// Characters that a regular expression reads in a step.
const CHARACTERS_PER_STEP: usize = 2;
/// How often a schema that asks what was evaluated is gone through: for itself, and for what its parts have looked at.
const EVALUATED_AGAIN: usize = 3;

/// Keywords whose schema is applied to the very value that the schema around it is applied to.
const SAME_VALUE: [&str; 4] = ["else", "if", "not", "then"];
const SAME_VALUE_LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const SAME_VALUE_NAMED: [&str; 2] = ["dependencies", "dependentSchemas"];

/// Counts the steps of one check.
pub(super) struct Work<'s, 'a> {
    scan: &'s Scan<'a>,
    steps: usize,
}

impl<'s, 'a> Work<'s, 'a> {
    pub(super) fn new(scan: &'s Scan<'a>) -> Self {
        Self { scan, steps: 0 }
    }

    /// Counts the check of a value, or of any value that has no parts.
    ///
    /// # Errors
    /// It is more than allowed; the sentence says in which way.
    pub(super) fn of(mut self, schema: &Value, value: Option<&Value>) -> Result<(), String> {
        self.walk(schema, value, 0)
    }

    fn walk(&mut self, schema: &Value, value: Option<&Value>, depth: usize) -> Result<(), String> {
        if depth == DEEPEST_WAY {
            return Err(format!("more than {DEEPEST_WAY} schemas lead into each other"));
        }
        let Value::Object(keywords) = schema else { return self.spend(1) };
        let own = keywords.iter().map(|(keyword, value)| match keyword.as_str() {
            "const" | "enum" => parts(value),
            _ => entries(value),
        });
        self.spend(own.sum::<usize>() + 1)?;
        let again = ["unevaluatedItems", "unevaluatedProperties"].iter().any(|keyword| keywords.contains_key(*keyword));
        for _ in 0..if again { EVALUATED_AGAIN } else { 1 } {
            self.same_value(keywords, value, depth)?;
        }
        match value {
            Some(Value::Object(fields)) => self.fields(keywords, fields, depth),
            Some(Value::Array(items)) => self.items(keywords, items, depth),
            Some(Value::String(text)) if keywords.contains_key("pattern") => {
                self.spend(text.len() / CHARACTERS_PER_STEP)
            }
            _ => Ok(()),
        }
    }

    fn same_value(&mut self, keywords: &Map<String, Value>, value: Option<&Value>, depth: usize) -> Result<(), String> {
        if let Some(target) = keywords.get("$ref").and_then(|reference| self.scan.target(reference)) {
            self.walk(target, value, depth + 1)?;
        }
        let one = SAME_VALUE.iter().filter_map(|keyword| keywords.get(*keyword));
        let listed = SAME_VALUE_LIST.iter().filter_map(|keyword| keywords.get(*keyword)?.as_array()).flatten();
        let named = SAME_VALUE_NAMED.iter().filter_map(|keyword| Some(keywords.get(*keyword)?.as_object()?.values()));
        for schema in one.chain(listed).chain(named.flatten()) {
            self.walk(schema, value, depth + 1)?;
        }
        Ok(())
    }

    fn fields(
        &mut self,
        keywords: &Map<String, Value>,
        fields: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), String> {
        let declared = keywords.get("properties").and_then(Value::as_object);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        for (name, value) in fields {
            self.spend(1)?;
            if let Some(schema) = declared.and_then(|declared| declared.get(name)) {
                self.walk(schema, Some(value), depth + 1)?;
            }
            for schema in patterns.into_iter().flat_map(Map::values) {
                self.spend(name.len() / CHARACTERS_PER_STEP)?;
                self.walk(schema, Some(value), depth + 1)?;
            }
            for keyword in ["additionalProperties", "unevaluatedProperties"] {
                if let Some(schema) = keywords.get(keyword) {
                    self.walk(schema, Some(value), depth + 1)?;
                }
            }
            if let Some(schema) = keywords.get("propertyNames") {
                self.walk(schema, Some(&Value::from(name.as_str())), depth + 1)?;
            }
        }
        Ok(())
    }

    fn items(&mut self, keywords: &Map<String, Value>, items: &[Value], depth: usize) -> Result<(), String> {
        for (index, value) in items.iter().enumerate() {
            // Comparing all items with each other, where they have to be unique.
            self.spend(1 + if keywords.contains_key("uniqueItems") { parts(value) } else { 0 })?;
            let by_place = ["prefixItems", "items"].iter().filter_map(|keyword| keywords.get(*keyword)?.get(index));
            let all = ["additionalItems", "contains", "items", "unevaluatedItems"]
                .iter()
                .filter_map(|keyword| keywords.get(*keyword))
                .filter(|schema| !schema.is_array());
            for schema in by_place.chain(all) {
                self.walk(schema, Some(value), depth + 1)?;
            }
        }
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Result<(), String> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MOST_STEPS {
            return Err(format!("more than {MOST_STEPS} steps, since schemas lead into each other again and again"));
        }
        Ok(())
    }
}

/// How many values a keyword's value has.
fn entries(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len() + 1,
        Value::Object(fields) => fields.len() + 1,
        _ => 1,
    }
}

/// How many values a value consists of, itself included.
fn parts(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(parts).sum(),
        Value::Object(fields) => fields.values().map(parts).sum(),
        _ => 0,
    }
}
