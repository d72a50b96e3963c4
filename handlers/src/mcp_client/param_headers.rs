//! Arguments that a tool wants repeated in headers, for gateways that route without reading bodies. Which ones is taken from
//! the approved schema, so nobody has to be asked for it before a call.
//!
//! Source: MCP 2026-07-28, transports, custom headers from tool parameters; tools, `x-mcp-header`.

use std::collections::HashSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use rmcp::model::JsonObject;
use serde_json::Value;

use super::error::shorten;

/// The annotation in a schema.
const ANNOTATION: &str = "x-mcp-header";

/// Schemas below each other whose annotations are looked for.
const MAX_DEPTH: usize = 32;

/// An argument and the header it goes to.
struct Mirrored<'a> {
    /// Names of the properties that lead to it.
    path: Vec<&'a str>,
    header: HeaderName,
}

/// The headers of a call with `arguments`. Empty for a schema without annotations.
///
/// # Errors
/// A phrase that says which annotation breaks which rule; such a tool must not be called.
pub(super) fn headers(schema: &Value, arguments: &JsonObject) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for Mirrored { path, header } in mirrored(schema)? {
        let mut steps = path.iter();
        let first = steps.next().and_then(|name| arguments.get(*name));
        let value = match steps.fold(first, |value, name| value?.get(name)) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Number(number)) => number.to_string(),
            // What is missing or null has no header; what does not fit the schema is for the server to refuse.
            _ => continue,
        };
        let value = HeaderValue::from_str(&encoded(&value)).map_err(|e| format!("{}: {e}", path.join(".")))?;
        headers.insert(header, value);
    }
    Ok(headers)
}

/// What is wrong with the annotations of a schema.
pub(super) fn problem(schema: &Value) -> Option<String> {
    mirrored(schema).err()
}

fn mirrored(schema: &Value) -> Result<Vec<Mirrored<'_>>, String> {
    let mut found = Vec::new();
    let mut names = HashSet::new();
    let mut open = vec![(Vec::new(), schema)];
    while let Some((path, schema)) = open.pop() {
        let Some(fields) = schema.as_object() else { continue };
        let place = if path.is_empty() { "the schema itself".to_owned() } else { format!("\"{}\"", path.join(".")) };
        let wrong = |reason: &str| format!("{ANNOTATION} of {} {reason}", shorten(&place, 120));
        if path.len() > MAX_DEPTH {
            return Err(wrong("cannot be looked for: it is nested too deeply"));
        }
        for (key, below) in fields {
            match key.as_str() {
                ANNOTATION => {
                    let header = below.as_str().ok_or_else(|| wrong("is not a string"))?;
                    if path.is_empty() {
                        return Err(wrong("has no argument that it belongs to"));
                    }
                    if !matches!(schema["type"].as_str(), Some("string" | "integer" | "boolean")) {
                        return Err(wrong("is for the types string, integer and boolean only"));
                    }
                    if !names.insert(header.to_ascii_lowercase()) {
                        return Err(wrong("names the header of another argument"));
                    }
                    let name = (!header.is_empty()).then(|| format!("mcp-param-{header}"));
                    let header = name.and_then(|name| name.parse().ok());
                    let header = header.ok_or_else(|| wrong("cannot be part of a header's name"))?;
                    found.push(Mirrored { path: path.clone(), header });
                }
                "properties" => {
                    for (name, below) in below.as_object().into_iter().flatten() {
                        open.push((path.iter().copied().chain([name.as_str()]).collect(), below));
                    }
                }
                // Data, and no schemas.
                "default" | "const" | "enum" | "examples" => {}
                _ if mentions(below) => return Err(wrong(&format!("stands below \"{}\"", shorten(key, 40)))),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Whether an annotation stands anywhere in `value`. Its depth is bounded by the parser that made it.
fn mentions(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(key, below)| key == ANNOTATION || mentions(below)),
        Value::Array(items) => items.iter().any(mentions),
        _ => false,
    }
}

/// The text as it may stand in a header.
fn encoded(text: &str) -> String {
    let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_padded = text.starts_with(' ') || text.ends_with(' ');
    let is_wrapped = text.starts_with("=?base64?") && text.ends_with("?=");
    if is_printable && !is_padded && !is_wrapped {
        text.to_owned()
    } else {
        format!("=?base64?{}?=", BASE64_STANDARD.encode(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(properties: Value) -> Value {
        json!({ "type": "object", "properties": properties })
    }

    #[test]
    fn arguments_go_to_the_headers_that_the_schema_names() {
        let schema = schema(json!({
            "region": { "type": "string", "x-mcp-header": "Region" },
            "n": { "type": "integer", "x-mcp-header": "N" },
            "dry": { "type": "boolean", "x-mcp-header": "Dry" },
            "absent": { "type": "string", "x-mcp-header": "Absent" },
            "nothing": { "type": "string", "x-mcp-header": "Nothing" },
            "query": { "type": "string", "default": { "x-mcp-header": "no annotation" } },
            "inner": { "type": "object", "properties": { "deep": { "type": "string", "x-mcp-header": "Deep" } } },
        }));
        let arguments =
            json!({ "region": "eu", "n": 7, "dry": false, "nothing": null, "query": "q", "inner": { "deep": "d" } });
        let headers = headers(&schema, arguments.as_object().unwrap()).unwrap();
        let mut found: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        found.sort_unstable();
        let expected =
            [("mcp-param-deep", "d"), ("mcp-param-dry", "false"), ("mcp-param-n", "7"), ("mcp-param-region", "eu")];
        assert_eq!(found, expected);
    }

    #[test]
    fn text_that_a_header_cannot_carry_is_wrapped() {
        for (text, header) in [
            ("us west 1", "us west 1"),
            ("", ""),
            (" padded", "=?base64?IHBhZGRlZA==?="),
            ("a\r\nHost: evil", "=?base64?YQ0KSG9zdDogZXZpbA==?="),
            ("\tx", "=?base64?CXg=?="),
            ("Zürich", "=?base64?WsO8cmljaA==?="),
            ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="),
        ] {
            assert_eq!(encoded(text), header, "{text:?}");
        }
    }

    #[test]
    fn annotations_that_break_a_rule_are_named() {
        let with = |header: Value| schema(json!({ "a": { "type": "string", "x-mcp-header": header } }));
        for (schema, part) in [
            (with(json!("")), "cannot be part of a header's name"),
            (with(json!("My Region")), "cannot be part of a header's name"),
            (with(json!("Region:Primary")), "cannot be part of a header's name"),
            (with(json!("Région")), "cannot be part of a header's name"),
            (with(json!("R\t1")), "cannot be part of a header's name"),
            (with(json!("R\r\nHost")), "cannot be part of a header's name"),
            (with(json!(7)), "is not a string"),
            (schema(json!({ "a": { "type": "object", "x-mcp-header": "A" } })), "string, integer and boolean only"),
            (schema(json!({ "a": { "type": "number", "x-mcp-header": "A" } })), "string, integer and boolean only"),
            (schema(json!({ "a": { "x-mcp-header": "A" } })), "string, integer and boolean only"),
            (
                schema(json!({
                    "a": { "type": "string", "x-mcp-header": "Field" },
                    "b": { "type": "string", "x-mcp-header": "field" },
                })),
                "names the header of another argument",
            ),
            (json!({ "x-mcp-header": "A" }), "has no argument"),
            (
                json!({ "anyOf": [schema(json!({ "a": { "type": "string", "x-mcp-header": "A" } }))] }),
                "below \"anyOf\"",
            ),
            (json!({ "$defs": { "d": { "type": "string", "x-mcp-header": "A" } } }), "below \"$defs\""),
        ] {
            let problem = problem(&schema).unwrap_or_else(|| panic!("{schema}"));
            assert!(problem.contains(part), "{problem}");
            assert!(headers(&schema, &JsonObject::new()).is_err());
        }
        for schema in [json!(true), json!({}), schema(json!({ "a": true, "properties": { "type": "object" } }))] {
            assert_eq!(problem(&schema), None, "{schema}");
        }
    }
}
