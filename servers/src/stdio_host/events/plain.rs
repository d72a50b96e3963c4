//! Tool calls without a protocol around them: those of AgentCore Gateway, which names the tool in the client context and sends
//! the arguments alone, and `{toolName, arguments}` by Invoke.
//!
//! Source: Amazon Bedrock AgentCore developer guide, "AWS Lambda function targets".

use serde_json::{Map, Value, json};

use super::refusal::{INTERNAL_ERROR, INVALID_PARAMS, Refusal};

/// The client context's key for the tool, also an alias of `toolName`.
const CONTEXT_KEY: &str = "bedrockAgentCoreToolName";

/// Where an event names its tool, the first that is there.
const TOOL_KEYS: [&str; 3] = ["toolName", "tool_name", CONTEXT_KEY];

/// Between target and tool in the names that a gateway gives to tools.
const SEPARATOR: &str = "___";

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToolCall {
    tool: String,
    arguments: Map<String, Value>,
}

impl ToolCall {
    /// The call as a message. Its id is of no interest to anybody: the answer goes back without it.
    pub(super) fn message(self) -> Value {
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": self.tool, "arguments": self.arguments } })
    }
}

/// The tool that a client context names. The context is read as loosely as possible: the gateway puts objects and numbers
/// where the documentation of Lambda has strings only, and other senders leave parts of it empty.
pub(super) fn context_tool(client_context: Option<&str>) -> Option<String> {
    let context: Value = serde_json::from_str(client_context?).ok()?;
    named(&context["custom"][CONTEXT_KEY])
}

/// The call of an AgentCore Gateway: the event holds the arguments and nothing else.
///
/// # Errors
/// The event is no object.
pub(super) fn of_gateway(tool: &str, event: Value) -> Result<ToolCall, Refusal> {
    Ok(ToolCall { tool: without_target(tool).to_owned(), arguments: arguments(event)? })
}

/// The call in an event that names its tool itself, by `toolName`, `tool_name` or `bedrockAgentCoreToolName`, or by the last
/// of these in `headers`. The arguments are its `arguments`, or else everything in it but the name.
///
/// # Errors
/// No tool is named, or `arguments` is no object.
pub(super) fn of_event(event: Value, server_id: &str, server_name: &str) -> Result<ToolCall, Refusal> {
    let missing = || {
        Refusal::new(400, INTERNAL_ERROR, format!("Internal error: Missing {CONTEXT_KEY} in context"))
            .with_data(json!({ "server_id": server_id, "server_name": server_name }))
    };
    let Value::Object(mut fields) = event else { return Err(missing()) };
    let own = TOOL_KEYS.iter().find_map(|key| named(fields.get(*key)?));
    let headers = if own.is_none() { header(&fields) } else { None };
    let tool = own.or_else(|| headers.clone()).ok_or_else(missing)?;
    let arguments = match fields.remove("arguments") {
        Some(given) => arguments(given)?,
        None => {
            fields.retain(|name, _| !(TOOL_KEYS.contains(&name.as_str()) || headers.is_some() && name == "headers"));
            fields
        }
    };
    Ok(ToolCall { tool: without_target(&tool).to_owned(), arguments })
}

/// Whether an event names a tool.
pub(super) fn names_tool(event: &Value) -> bool {
    event.as_object().is_some_and(|fields| {
        TOOL_KEYS.iter().any(|key| fields.get(*key).and_then(named).is_some()) || header(fields).is_some()
    })
}

fn header(fields: &Map<String, Value>) -> Option<String> {
    let headers = fields.get("headers")?.as_object()?;
    headers.iter().find_map(|(name, value)| name.eq_ignore_ascii_case(CONTEXT_KEY).then(|| named(value))?)
}

fn named(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn arguments(value: Value) -> Result<Map<String, Value>, Refusal> {
    match value {
        Value::Object(arguments) => Ok(arguments),
        Value::Null => Ok(Map::new()),
        _ => Err(Refusal::new(400, INVALID_PARAMS, "Invalid params: the arguments of a tool must be an object.")),
    }
}

/// The name the hosted server knows the tool by. Only what can be a target's name is taken off.
/// Source: AWS::BedrockAgentCore::GatewayTarget, `Name`: `([0-9a-zA-Z][-]?){1,100}`.
fn without_target(name: &str) -> &str {
    let is_target = |target: &str| {
        let alone = |pair: &[u8]| pair != b"--";
        target.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && target.bytes().next().is_some_and(|first| first != b'-')
            && target.as_bytes().windows(2).all(alone)
    };
    match name.split_once(SEPARATOR) {
        Some((target, tool)) if is_target(target) && !tool.is_empty() => tool,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(event: Value) -> Result<(String, Value), Refusal> {
        of_event(event, "core-mcp", "AWS Labs Core MCP Server").map(|call| (call.tool, Value::Object(call.arguments)))
    }

    #[test]
    fn the_tool_is_found_under_each_of_its_names() {
        let a = json!({ "a": 1 });
        for (event, arguments) in [
            (json!({ "toolName": "t", "arguments": { "a": 1 } }), &a),
            (json!({ "tool_name": "t", "arguments": { "a": 1 }, "ignored": 1 }), &a),
            (json!({ "bedrockAgentCoreToolName": "t", "a": 1 }), &a),
            (json!({ "headers": { "bedrockAgentCoreToolName": "t" }, "a": 1 }), &a),
            (json!({ "headers": { "bedrockagentcoretoolname": "t" }, "arguments": { "a": 1 } }), &a),
            (json!({ "toolName": "core-mcp-1___t", "a": 1 }), &a),
            (json!({ "toolName": "", "tool_name": " t ", "a": 1 }), &a),
            (json!({ "toolName": "t", "arguments": null }), &json!({})),
            (json!({ "toolName": "t" }), &json!({})),
            // Only what named the tool is taken away.
            (json!({ "toolName": "t", "headers": { "accept": "x" } }), &json!({ "headers": { "accept": "x" } })),
        ] {
            assert_eq!(call(event.clone()), Ok(("t".to_owned(), arguments.clone())), "{event}");
        }
    }

    #[test]
    fn an_event_without_a_tool_gets_the_error_of_the_guide() {
        for event in [
            json!({}),
            json!(null),
            json!([]),
            json!("x"),
            json!({ "toolName": 1, "headers": null }),
            json!({ "a": 1 }),
        ] {
            assert!(!names_tool(&event));
            let refusal = call(event).unwrap_err();
            assert_eq!(
                json!(refusal.error),
                json!({ "code": -32603, "message": "Internal error: Missing bedrockAgentCoreToolName in context",
                        "data": { "server_id": "core-mcp", "server_name": "AWS Labs Core MCP Server" } })
            );
        }
    }

    #[test]
    fn arguments_are_an_object() {
        for arguments in [json!([]), json!("x"), json!(1), json!(true)] {
            let refusal = call(json!({ "toolName": "t", "arguments": arguments })).unwrap_err();
            assert_eq!(refusal.error.code, INVALID_PARAMS);
            assert_eq!(of_gateway("t", arguments).unwrap_err().error.code, INVALID_PARAMS);
        }
        assert_eq!(of_gateway("t", json!(null)).unwrap().arguments, Map::new());
    }

    #[test]
    fn a_target_is_taken_off_but_no_part_of_a_tool() {
        for (name, tool) in [
            ("target-1___list_tables", "list_tables"),
            ("t___a___b", "a___b"),
            ("t____private", "_private"),
            ("plain", "plain"),
            ("under_score___tool", "under_score___tool"),
            ("___tool", "___tool"),
            ("target___", "target___"),
            ("-x___tool", "-x___tool"),
            ("x--y___tool", "x--y___tool"),
        ] {
            assert_eq!(without_target(name), tool);
        }
    }

    #[test]
    fn client_contexts_are_read_loosely() {
        for (context, tool) in [
            (r#"{"custom":{"bedrockAgentCoreToolName":"a___b"}}"#, Some("a___b")),
            (r#"{"client":null,"custom":{"bedrockAgentCoreToolName":"b","x":{"y":[1]},"n":1},"env":null}"#, Some("b")),
            (
                r#"{"client":{},"custom":{"bedrockAgentCorePropagatedHeaders":{"a":"b"},"bedrockAgentCoreToolName":"b"}}"#,
                Some("b"),
            ),
            (r#"{"custom":null}"#, None),
            (r#"{"custom":{"bedrockAgentCoreToolName":{"a":1}}}"#, None),
            (r#"{"custom":{"bedrockAgentCoreToolName":""}}"#, None),
            (r#"{"custom":[]}"#, None),
            ("null", None),
            ("", None),
            ("{", None),
        ] {
            assert_eq!(context_tool(Some(context)).as_deref(), tool, "{context}");
        }
        assert_eq!(context_tool(None), None);
    }
}
