//! Whatever a schema says: it is fit or told why not, soon, and with a fit one every value is checked without a panic.

use proptest::prelude::*;

use super::*;
use crate::fuzz::{Source, explore, readable};

/// Schemas to change at random.
fn documents() -> Vec<Value> {
    vec![
        object(
            json!({ "a": { "type": "string", "pattern": "^a+$", "maxLength": 4 }, "b": { "enum": [1, "x", null] } }),
        ),
        json!({ "type": "object", "$defs": { "n": { "properties": { "a": { "$ref": "#/$defs/n" }, "b": { "$ref": "#" } } } },
                "allOf": [{ "$ref": "#/$defs/n" }, { "required": ["a"] }], "additionalProperties": { "type": "integer" } }),
        json!({ "type": "object", "patternProperties": { "^[ab]": { "items": { "multipleOf": 0.1 }, "uniqueItems": true } },
                "propertyNames": { "maxLength": 3 }, "if": { "minProperties": 1 }, "then": { "not": { "const": {} } } }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "dependencies": { "a": ["b"], "b": { "type": "object" } },
                "properties": { "a": { "items": [{ "oneOf": [{}, { "type": "null" }] }], "contains": { "$ref": "#/definitions/x" } } },
                "definitions": { "x": { "$id": "#x", "anyOf": [true, false] } } }),
        json!({ "type": "object", "unevaluatedProperties": false, "dependentSchemas": { "a": { "prefixItems": [{ "$anchor": "q" }] } },
                "properties": { "a": { "unevaluatedItems": { "$ref": "#q" } } } }),
    ]
}

fn input(source: &mut Source) -> (Value, Value) {
    let schema = source.like(&documents());
    let mut given = Map::new();
    for name in ["a", "b"] {
        if source.chance(70) {
            given.insert(name.into(), source.json(3));
        }
    }
    (schema, Value::Object(given))
}

#[test]
fn every_schema_is_fit_or_told_why_not_and_checks_anything() {
    let outcomes = explore(file!(), 300, 20, input, |(schema, given)| {
        let begun = Instant::now();
        let found = problems(&schema);
        let checked = check(&schema, &arguments(given));
        prop_assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        prop_assert!(found.len() <= MOST_PROBLEMS);
        for (pointer, reason) in &found {
            readable(reason, LONGEST_PROBLEM + 1)?;
            prop_assert!(pointer.is_empty() || pointer.starts_with('/'), "{}", pointer);
        }
        Ok(match checked {
            Ok(()) if found.is_empty() => "fits",
            Err(Refusal::Arguments(refused)) if found.is_empty() => {
                for (_, reason) in &refused {
                    readable(reason, LONGEST_PROBLEM + 1)?;
                }
                prop_assert!((1..=MOST_PROBLEMS).contains(&refused.len()));
                "refused"
            }
            Err(Refusal::Schema(why)) if found.is_empty() => {
                return Err(TestCaseError::fail(format!("fit, but {why:?}")));
            }
            _ => "unfit",
        })
    });
    outcomes.include(&["fits", "refused", "unfit"]);
}
