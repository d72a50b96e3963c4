//! The schema of a tool's arguments, cut down to what a model needs to write them.

use serde_json::{Map, Value};

use crate::error::shorten;

/// The largest schema that is passed on, in bytes of JSON.
const LARGEST: usize = 4000;
/// Longest description of an argument in characters.
const LONGEST_DESCRIPTION: usize = 200;
/// Most allowed values that are listed.
const MOST_VALUES: usize = 50;

/// Keywords that say nothing to whoever writes arguments.
const NOISE: [&str; 9] =
    ["$comment", "$id", "$schema", "deprecated", "examples", "readOnly", "title", "writeOnly", "contentSchema"];

/// The schema without noise, with short descriptions, and, if it is still large, without descriptions or without its inner
/// levels. What is cut is checked all the same.
pub fn compact(schema: &Value) -> Value {
    let full = reduced(schema, &Level { descriptions: true, levels: usize::MAX });
    let smaller = [(true, 4), (false, 4), (false, 2), (false, 1)];
    let mut candidates = smaller.into_iter().map(|(descriptions, levels)| Level { descriptions, levels });
    let mut found = full;
    while found.to_string().len() > LARGEST {
        let Some(level) = candidates.next() else {
            return Value::from(
                "Too large to be shown: what is wrong with the arguments is said when they are checked.",
            );
        };
        found = reduced(schema, &level);
    }
    found
}

/// How much is kept.
struct Level {
    descriptions: bool,
    levels: usize,
}

fn reduced(schema: &Value, level: &Level) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let mut kept = Map::new();
    for (keyword, value) in keywords {
        let value = match (keyword.as_str(), value) {
            (noise, _) if NOISE.contains(&noise) || noise.starts_with("x-") => continue,
            ("description", Value::String(text)) if level.descriptions => {
                Value::from(shorten(text.trim(), LONGEST_DESCRIPTION))
            }
            ("description", _) => continue,
            ("enum", Value::Array(values)) => values.iter().take(MOST_VALUES).cloned().collect(),
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(named),
            ) => match inner(level) {
                Some(level) => {
                    let reduced = named.iter().map(|(name, schema)| (name.clone(), reduced(schema, &level)));
                    Value::Object(reduced.collect())
                }
                None => continue,
            },
            (
                "items" | "additionalProperties" | "not" | "if" | "then" | "else" | "contains" | "propertyNames",
                schema,
            ) => match inner(level) {
                Some(level) => reduced(schema, &level),
                None => continue,
            },
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => match inner(level) {
                Some(level) => schemas.iter().map(|schema| reduced(schema, &level)).collect(),
                None => continue,
            },
            (_, value) => value.clone(),
        };
        kept.insert(keyword.clone(), value);
    }
    Value::Object(kept)
}

fn inner(level: &Level) -> Option<Level> {
    level.levels.checked_sub(1).map(|levels| Level { levels, ..*level })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_cut_down_to_what_writing_arguments_takes() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Args", "type": "object", "required": ["place"],
            "properties": {
                "place": { "type": "string", "title": "Place", "description": format!("  Where. {}", "x".repeat(500)) },
                "title": { "type": "string", "enum": ["a", "b"], "examples": ["a"], "x-order": 1 },
            },
        });
        let compact = compact(&schema);
        assert_eq!(compact["required"], json!(["place"]));
        assert_eq!(compact["properties"]["title"], json!({ "type": "string", "enum": ["a", "b"] }));
        let description = compact["properties"]["place"]["description"].as_str().unwrap();
        assert!(description.starts_with("Where. x") && description.chars().count() <= LONGEST_DESCRIPTION + 1);
        assert_eq!(compact.as_object().unwrap().keys().collect::<Vec<_>>(), ["properties", "required", "type"]);
    }

    #[test]
    fn a_large_schema_loses_its_inside_and_never_its_first_level() {
        let wide: Map<String, Value> = (0..40)
            .map(|n| (format!("p{n}"), json!({ "type": "object", "description": "d".repeat(150), "properties": { "q": { "enum": vec!["v"; 40] } } })))
            .collect();
        let compact = compact(&json!({ "type": "object", "properties": wide }));
        assert!(compact.to_string().len() <= LARGEST);
        assert_eq!(compact["properties"].as_object().unwrap().len(), 40);
        assert_eq!(compact["properties"]["p0"], json!({ "type": "object" }));
        let huge: Map<String, Value> =
            (0..400).map(|n| (format!("property_{n}"), json!({ "type": "string" }))).collect();
        assert!(super::compact(&json!({ "type": "object", "properties": huge })).as_str().is_some());
    }
}
