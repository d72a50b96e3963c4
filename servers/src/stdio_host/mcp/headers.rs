//! Headers that repeat what the body says: they have to agree.
//! Source: MCP 2026-07-28, "Streamable HTTP", request metadata.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;

use super::rpc::Request;
use crate::stdio_host::ask::McpHeaders;

/// Checks `Mcp-Method` and `Mcp-Name`.
///
/// # Errors
/// A sentence that names the header.
pub(super) fn check(request: &Request, headers: &McpHeaders) -> Result<(), String> {
    let method = headers.method.as_deref().ok_or("The header Mcp-Method is missing.")?;
    if method != request.method {
        return Err(format!("The header Mcp-Method says `{method}`, the body `{}`.", request.method));
    }
    let member = match request.method.as_str() {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return Ok(()),
    };
    let Some(name) = request.params.get(member).and_then(Value::as_str) else { return Ok(()) };
    let header = headers.name.as_deref().ok_or("The header Mcp-Name is missing.")?;
    match decode(header) {
        Some(header) if header == name => Ok(()),
        Some(header) => Err(format!("The header Mcp-Name says `{header}`, the body `{name}`.")),
        None => Err("The header Mcp-Name is not encoded as it has to be.".to_owned()),
    }
}

/// Checks the `Mcp-Param-*` headers that the definition of a tool asks for.
///
/// # Errors
/// A sentence that names the header.
pub(super) fn check_params(
    tool: &Value,
    arguments: Option<&Value>,
    headers: &BTreeMap<String, String>,
) -> Result<(), String> {
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
                let said = decode(header)
                    .ok_or_else(|| format!("The header Mcp-Param-{name} is not encoded as it has to be."))?;
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

/// The value of a header: as it is, or what is between the marks in base64.
fn decode(header: &str) -> Option<String> {
    let plain = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    match header.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        None => header.bytes().all(plain).then(|| header.to_owned()),
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

    fn request(method: &str, params: Value) -> Request {
        Request { id: json!(1), method: method.into(), params: params.as_object().unwrap().clone() }
    }

    fn headers(method: Option<&str>, name: Option<&str>) -> McpHeaders {
        McpHeaders { method: method.map(Into::into), name: name.map(Into::into), ..McpHeaders::default() }
    }

    #[test]
    fn method_and_name_have_to_be_there_and_to_agree() {
        let call = request("tools/call", json!({ "name": "grüßen" }));
        let read = request("resources/read", json!({ "uri": "file:///a" }));
        let list = request("tools/list", json!({}));
        for (request, method, name, good) in [
            (&list, Some("tools/list"), None, true),
            (&list, None, None, false),
            (&list, Some("tools/call"), None, false),
            (&read, Some("resources/read"), Some("file:///a"), true),
            (&read, Some("resources/read"), Some("file:///b"), false),
            (&read, Some("resources/read"), None, false),
            (&call, Some("tools/call"), Some("=?base64?Z3LDvMOfZW4=?="), true),
            (&call, Some("tools/call"), Some("=?base64?***?="), false),
            (&call, Some("tools/call"), Some("grüßen"), false),
        ] {
            assert_eq!(check(request, &headers(method, name)).is_ok(), good, "{method:?} {name:?}");
        }
    }

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
            assert_eq!(check_params(&tool, Some(&arguments), &given).is_ok(), good, "{arguments} {given:?}");
        }
    }
}
