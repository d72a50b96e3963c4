//! Headers that repeat arguments of a tool: they have to agree. Those that repeat other parts of a message the door has checked.
//! Source: MCP 2026-07-28, "Streamable HTTP", request metadata.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stdio_host::ask::McpHeaders;

/// Checks the `Mcp-Param-*` headers that the definition of a tool asks for.
///
/// # Errors
/// A sentence that names the header.
pub(super) fn check(tool: &Value, arguments: Option<&Value>, headers: &BTreeMap<String, String>) -> Result<(), String> {
    let mut annotated = Vec::new();
    collect(&tool["inputSchema"], &mut Vec::new(), &mut annotated);
    for (name, path) in annotated {
        let value = path.iter().try_fold(arguments.unwrap_or(&Value::Null), |value, member| value.get(member));
        let value = value.filter(|value| !value.is_null());
        match (value, headers.get(&name.to_ascii_lowercase())) {
            (None, None) => {}
            (None, Some(_)) => return Err(format!("The header Mcp-Param-{name} has no value in the body.")),
            (Some(_), None) => return Err(format!("The header Mcp-Param-{name} is missing.")),
            (Some(value), Some(header)) => {
                let said = McpHeaders::decoded(header);
                let said = said.map_err(|reason| format!("The header Mcp-Param-{name} {reason}."))?;
                if !agree(value, &said) {
                    return Err(format!("The header Mcp-Param-{name} differs from the value in the body."));
                }
            }
        }
    }
    Ok(())
}

/// Properties with `x-mcp-header`, wherever only `properties` leads to them; elsewhere the annotation counts for nothing.
fn collect<'a>(schema: &'a Value, path: &mut Vec<&'a str>, found: &mut Vec<(&'a str, Vec<&'a str>)>) {
    for (member, property) in schema["properties"].as_object().into_iter().flatten() {
        path.push(member);
        if let Some(name) = property["x-mcp-header"].as_str()
            && !name.is_empty()
            && matches!(property["type"].as_str(), Some("string" | "integer" | "boolean"))
        {
            found.push((name, path.clone()));
        }
        collect(property, path, found);
        path.pop();
    }
}

fn agree(value: &Value, header: &str) -> bool {
    match value {
        Value::String(text) => text == header,
        Value::Bool(flag) => header == if *flag { "true" } else { "false" },
        // 42 and 42.0 are the same number; within 2^53 a double holds each integer.
        Value::Number(number) => header.parse::<f64>().is_ok_and(|said| number.as_f64() == Some(said)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_repeat_what_the_tool_asks_for() {
        let tool = json!({ "inputSchema": { "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
            "deep": { "properties": { "flag": { "type": "boolean", "x-mcp-header": "Flag" } } },
            "price": { "type": "number", "x-mcp-header": "Price" },
            "list": { "items": { "properties": { "x": { "type": "string", "x-mcp-header": "X" } } } },
        } } });
        for (arguments, given, good) in [
            (json!({}), &[][..], true),
            (json!({ "region": null, "price": 1, "list": [{ "x": "y" }] }), &[], true),
            (json!({ "region": "us-west1" }), &[("region", "us-west1")], true),
            (json!({ "region": "us-west1" }), &[("region", "us-west1"), ("unknown", "x")], true),
            (json!({ "region": "us-west1" }), &[("region", "us-east1")], false),
            (json!({ "region": "us-west1" }), &[], false),
            (json!({}), &[("region", "us-west1")], false),
            (json!({ "region": "ö" }), &[("region", "=?base64?w7Y=?=")], true),
            (json!({ "count": 42, "deep": { "flag": true } }), &[("count", "42.0"), ("flag", "true")], true),
            (json!({ "count": 42 }), &[("count", "43")], false),
            (json!({ "deep": { "flag": true } }), &[("flag", "True")], false),
        ] {
            let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(check(&tool, Some(&arguments), &given).is_ok(), good, "{arguments} {given:?}");
        }
    }
}
