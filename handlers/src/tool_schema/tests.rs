use std::time::{Duration, Instant};

use super::*;

mod fuzz;

/// The longest that a check may take in a test: an unoptimised build on a machine with other work to do.
const SOON: Duration = Duration::from_secs(20);

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn with(keyword: &str, value: Value) -> Value {
    json!({ "type": "object", keyword: value })
}

/// `levels` definitions, each of which asks for the one below by `reference`.
fn tower(levels: usize, reference: impl Fn(Value) -> Value) -> Value {
    let definition = |level: usize| match level {
        0 => json!({ "type": "string" }),
        _ => reference(json!({ "$ref": format!("#/$defs/d{}", level - 1) })),
    };
    let definitions: Map<String, Value> = (0..levels).map(|level| (format!("d{level}"), definition(level))).collect();
    json!({ "type": "object", "$defs": definitions, "properties": { "a": { "$ref": format!("#/$defs/d{}", levels - 1) } } })
}

fn arguments(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn schemas_that_generators_write_are_fit() {
    let schemas = [
        json!({ "type": "object" }),
        object(json!({ "a": true, "b": { "type": ["string", "null"], "format": "date-time", "default": null } })),
        // By zod, pydantic, .NET and quicktype.
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false,
                "properties": { "when": { "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$" } }, "required": ["when"] }),
        json!({ "type": "object", "definitions": { "Item": { "type": "object", "properties": { "next": { "$ref": "#/definitions/Item" } } } },
                "properties": { "items": { "type": "array", "items": { "$ref": "#/definitions/Item" } } } }),
        json!({ "type": "object", "$defs": { "List<int>": { "type": "array", "items": { "type": "integer" } } },
                "properties": { "numbers": { "$ref": "#/$defs/List%3Cint%3E" } } }),
        json!({ "$id": "https://example.com/tool.json", "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                "$defs": { "a": { "$anchor": "name", "type": "string" } }, "properties": { "n": { "$ref": "#name" } } }),
        // What looks like a keyword is a property, or data.
        object(json!({ "$ref": { "type": "string" }, "$id": { "type": "string" }, "pattern": { "type": "string" } })),
        with("examples", json!([{ "$ref": "https://example.com/", "pattern": "(" }])),
        with("x-other", json!({ "$ref": "https://example.com/" })),
        object(json!({ "a/b~c": { "type": "string" }, "d": { "$ref": "#/properties/a~1b~0c" } })),
        object(json!({ "name": { "pattern": "^[a-zA-Z0-9_.-]{1,256}$" }, "any": { "pattern": "^\\p{L}{1,20}$" } })),
    ];
    for schema in schemas {
        assert_eq!(problems(&schema), [], "{schema}");
    }
}

#[test]
fn an_unfit_schema_is_told_with_the_place_and_the_reason() {
    let deep = (0..DEEPEST_SCHEMA).fold(json!({}), |inner, _| json!({ "not": inner }));
    let cases = [
        (json!(true), "", "type \"object\""),
        (json!({ "type": "string" }), "", "type \"object\""),
        (json!({ "type": ["object"] }), "", "type \"object\""),
        (with("not", deep), "", "levels deep"),
        (with("description", "x".repeat(LARGEST_SCHEMA).into()), "", "bytes of JSON"),
        (with("allOf", vec![json!({}); MOST_SUBSCHEMAS].into()), "", "subschemas"),
        (with("allOf", vec![json!({ "pattern": "a" }); MOST_PATTERNS + 1].into()), "", "65 regular expressions"),
        (with("$schema", "http://json-schema.org/draft-04/schema#".into()), "/$schema", "2020-12"),
        (with("$schema", "https://example.com/".into()), "/$schema", "2020-12"),
        (with("$schema", json!(1)), "/$schema", "2020-12"),
        (object(json!({ "a": { "type": "text" } })), "/properties/a/type", "text"),
        (with("required", "a".into()), "/required", "array"),
        (object(json!({ "a": { "minLength": -1 } })), "/properties/a/minLength", "-1"),
        (with("properties", json!(["a"])), "/properties", "object"),
        (object(json!({ "a": { "$ref": "https://example.com/" } })), "/properties/a/$ref", "this document"),
        (object(json!({ "a": { "$ref": "file:///etc/passwd" } })), "/properties/a/$ref", "this document"),
        (object(json!({ "a": { "$ref": "http://169.254.169.254/latest" } })), "/properties/a/$ref", "this document"),
        (object(json!({ "a": { "$ref": "other.json#/a" } })), "/properties/a/$ref", "this document"),
        (object(json!({ "a": { "$ref": "#/properties/b" } })), "/properties/a/$ref", "this document"),
        (object(json!({ "a": { "$ref": "#nowhere" } })), "/properties/a/$ref", "this document"),
        (object(json!({ "a": { "$ref": "#/properties/%zz" } })), "/properties/a/$ref", "this document"),
        (object(json!({ "a": { "$ref": 1 } })), "/properties/a/$ref", "this document"),
        // Data is no schema, so that nothing is checked with what was not looked at.
        (object(json!({ "a": { "$ref": "#/x" } })), "/properties/a/$ref", "this document"),
        (
            object(json!({ "a": { "$id": "https://example.com/", "type": "string" } })),
            "/properties/a/$id",
            "at the top",
        ),
        (object(json!({ "a": { "$dynamicRef": "#meta" } })), "/properties/a/$dynamicRef", "only $ref"),
        (object(json!({ "a": { "$anchor": "x" }, "b": { "$anchor": "x" } })), "/properties/", "used twice"),
        (
            object(json!({ "a": { "pattern": "x".repeat(LONGEST_PATTERN + 1) } })),
            "/properties/a/pattern",
            "501 characters",
        ),
        (object(json!({ "a": { "pattern": "(" } })), "/properties/a/pattern", "("),
        (object(json!({ "a": { "pattern": "(a)\\1" } })), "/properties/a/pattern", "linear time"),
        (object(json!({ "a": { "pattern": "(?=a)b" } })), "/properties/a/pattern", "linear time"),
        (object(json!({ "a": { "pattern": "((a{100}){100}){100}" } })), "/properties/a/pattern", "linear time"),
        (
            object(json!({ "a": { "patternProperties": { "(?<!a)b": {} } } })),
            "/properties/a/patternProperties",
            "linear",
        ),
        (object(json!({ "a": { "$ref": "#/properties/a" } })), "/properties/a", "lead into each other"),
        (with("$ref", "#".into()), "", "lead into each other"),
        (tower(40, |below| json!({ "allOf": [below.clone(), below] })), "", "again and again"),
        (tower(200, |below| json!({ "allOf": [below] })), "", "lead into each other"),
    ];
    for (schema, pointer, reason) in cases {
        let begun = Instant::now();
        let found = problems(&schema);
        let shown = shorten(&schema.to_string(), 200);
        assert!(begun.elapsed() < SOON, "{:?} for {shown}", begun.elapsed());
        assert!(found.len() <= MOST_PROBLEMS, "{shown}");
        let told = found.iter().any(|(at, why)| at.starts_with(pointer) && why.contains(reason));
        assert!(told, "{shown}: expected {pointer} {reason}, found {found:?}");
    }
}

#[test]
fn arguments_are_checked_and_every_problem_has_its_place() {
    let schema = json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "pattern": "^[a-z]+$", "maxLength": 5 },
            "sizes": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
            "place": { "enum": ["here", "there"] },
        },
    });
    assert_eq!(check(&schema, &arguments(json!({ "name": "abc", "sizes": [1, 2], "place": "here" }))), Ok(()));
    let Err(Refusal::Arguments(found)) =
        check(&schema, &arguments(json!({ "sizes": [1, "two", 0], "place": "nowhere", "colour": "red" })))
    else {
        panic!("taken")
    };
    let at =
        |pointer: &str| found.iter().filter(|(at, _)| at == pointer).map(|(_, why)| why.as_str()).collect::<String>();
    assert!(at("").contains("\"name\" is a required property") && at("").contains("'colour'"), "{found:?}");
    assert!(at("/sizes/1").contains("integer") && at("/sizes/2").contains("minimum"), "{found:?}");
    assert!(at("/place").contains("\"here\""), "{found:?}");
    let many = json!({ "name": "abc", "sizes": vec!["x"; 1000] });
    let Err(Refusal::Arguments(found)) = check(&schema, &arguments(many)) else { panic!("taken") };
    assert_eq!(found.len(), MOST_PROBLEMS);
    let long = json!({ "name": "x\n".repeat(20_000) });
    let Err(Refusal::Arguments(found)) = check(&schema, &arguments(long)) else { panic!("taken") };
    assert!(
        found.iter().all(|(_, why)| why.chars().count() <= LONGEST_PROBLEM + 1 && !why.contains('\n')),
        "{found:?}"
    );
}

#[test]
fn draft_7_is_checked_as_draft_7() {
    let tuple = json!({ "type": "object", "properties": { "pair": { "items": [{ "type": "string" }, { "type": "integer" }] } } });
    let mut draft_7 = tuple.clone();
    draft_7["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    assert!(problems(&draft_7).is_empty() && !problems(&tuple).is_empty());
    assert!(check(&draft_7, &arguments(json!({ "pair": ["a", 1] }))).is_ok());
    assert!(check(&draft_7, &arguments(json!({ "pair": [1, "a"] }))).is_err());
}

#[test]
fn an_unfit_schema_checks_nothing() {
    for schema in [
        json!({}),
        object(json!({ "a": { "$ref": "https://example.com/" } })),
        object(json!({ "a": { "type": "text" } })),
        object(json!({ "a": { "pattern": "(?=a)b" } })),
    ] {
        let refusal = check(&schema, &arguments(json!({ "a": "b" }))).unwrap_err();
        assert!(matches!(refusal, Refusal::Schema(_)), "{refusal}");
    }
}

#[test]
fn checks_that_would_take_for_ever_are_not_begun() {
    let nested = |levels| (0..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    let again = json!({ "$ref": "#" });
    let cases = [
        (tower(30, |below| json!({ "anyOf": [below.clone(), below.clone(), below] })), json!({ "a": "x" })),
        (
            tower(12, |below| json!({ "unevaluatedProperties": false, "anyOf": [below.clone(), { "not": below }] })),
            json!({ "a": {} }),
        ),
        (json!({ "type": "object", "properties": { "a": { "allOf": [again, again, again] } } }), nested(60)),
        (
            json!({ "type": "object", "additionalProperties": { "items": { "enum": (0..5000).collect::<Vec<_>>() } } }),
            json!({ "a": vec![-1; 20_000] }),
        ),
        (json!({ "type": "object" }), json!({ "a": "x".repeat(LARGEST_ARGUMENTS) })),
        (json!({ "type": "object", "additionalProperties": { "$ref": "#" } }), nested(120)),
    ];
    for (schema, given) in cases {
        let begun = Instant::now();
        let refusal = check(&schema, &arguments(given)).unwrap_err();
        assert!(begun.elapsed() < SOON, "{:?} for {}", begun.elapsed(), shorten(&schema.to_string(), 200));
        let text = refusal.to_string();
        assert!(text.contains("take too long") || text.contains("bytes of JSON"), "{text}");
    }
}

#[test]
fn what_is_within_the_limits_is_checked_soon() {
    let long = "^[a-zA-Z0-9_.-]{1,256}$";
    let words = json!({ "type": "object", "additionalProperties": { "items": { "pattern": long } } });
    // Every character is in hundreds of states at once, and no two sets of states are the same.
    let slow = json!({ "type": "object", "additionalProperties": { "pattern": "[xy]*x[xy]{900}z" } });
    let mixed: String =
        (0..60_000_u32).map(|n| if n.wrapping_mul(2_654_435_761) >> 31 == 0 { 'x' } else { 'y' }).collect();
    let unicode =
        json!({ "type": "object", "additionalProperties": { "pattern": "[\\p{L}\\p{N}]*x[\\p{L}\\p{N}]{30}z" } });
    let cases = [
        (tower(10, |below| json!({ "allOf": [below.clone(), below] })), json!({ "a": "x" })),
        (tower(90, |below| json!({ "properties": { "a": below } })), json!({ "a": { "a": {} } })),
        (words, json!({ "a": vec!["some-name"; 4000] })),
        (slow, json!({ "a": mixed })),
        (unicode, json!({ "a": mixed })),
        (
            json!({ "type": "object", "properties": { "a": { "uniqueItems": true } } }),
            json!({ "a": (0..10_000).collect::<Vec<_>>() }),
        ),
        (json!({ "type": "object", "properties": { "a": { "multipleOf": 1e-300 } } }), json!({ "a": 1.7e308 })),
    ];
    for (schema, given) in cases {
        let begun = Instant::now();
        let outcome = check(&schema, &arguments(given));
        let shown = shorten(&schema.to_string(), 200);
        assert!(begun.elapsed() < SOON, "{:?} for {shown}", begun.elapsed());
        assert!(!outcome.is_err_and(|refusal| refusal.to_string().contains("take too long")), "{shown}");
        eprintln!("{:?} {shown}", begun.elapsed());
    }
}
