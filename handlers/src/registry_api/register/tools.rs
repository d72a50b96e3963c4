//! The tools in a body: how one is read, and whether its name leaves room for the prefix of a gateway.

use serde_json::{Value, json};

use crate::{
    problem::Fault,
    registry::{Annotations, Tool},
    registry_api::reader::Reader,
};

/// What of MCP's `Tool` is taken and not kept, because nobody here acts on it.
/// Source: MCP 2026-07-28, schema, `Tool`.
const NOT_KEPT: [&str; 3] = ["title", "icons", "execution"];

/// Longest name of a tool as models see it, in characters.
/// Source: Amazon Bedrock API reference, `ToolSpecification`, `name`.
const LONGEST_NAME: usize = 64;

/// What a gateway puts between the name of a target and that of a tool.
/// Source: Amazon Bedrock AgentCore developer guide, "Call a tool in a gateway".
const SEPARATOR: &str = "___";

/// Reads the tool at a JSON pointer. What cannot be read is a fault and left empty.
pub(super) fn read(place: String, tool: Value) -> (Tool, Vec<Fault>) {
    let (fields, faults) = match tool {
        Value::Object(fields) => (fields, Vec::new()),
        _ => (serde_json::Map::new(), vec![Fault::at(place.as_str(), "must be an object")]),
    };
    let mut read = Reader::new(place, fields);
    for name in NOT_KEPT {
        read.take(name);
    }
    let tool = Tool {
        name: read.required("name", |_| Ok(())),
        description: read.text("description").unwrap_or_default(),
        input_schema: read.take("inputSchema").unwrap_or_else(|| {
            read.fault("inputSchema", "is missing");
            json!({ "type": "object" })
        }),
        output_schema: read.take("outputSchema"),
        annotations: annotations(&mut read),
        meta: read.take("_meta").unwrap_or_default(),
    };
    // One that is no object has no fields that could be missing.
    if faults.is_empty() { (tool, read.finish()) } else { (tool, faults) }
}

fn annotations(tool: &mut Reader) -> Annotations {
    let Some(fields) = tool.object("annotations") else { return Annotations::default() };
    let mut read = Reader::new(tool.pointer("annotations"), fields);
    let annotations = Annotations {
        title: read.text("title"),
        read_only_hint: read.flag("readOnlyHint"),
        destructive_hint: read.flag("destructiveHint"),
        idempotent_hint: read.flag("idempotentHint"),
        open_world_hint: read.flag("openWorldHint"),
    };
    tool.extend(read.finish());
    annotations
}

/// Names that are too long once a gateway has put the server's id before them.
pub(super) fn gateway_faults(server_id: &str, tools: &[Tool]) -> Vec<Fault> {
    let prefix = server_id.len() + SEPARATOR.len();
    let too_long = tools.iter().enumerate().filter(|(_, tool)| {
        let length = tool.name.chars().count();
        length <= LONGEST_NAME && prefix + length > LONGEST_NAME
    });
    too_long
        .map(|(index, tool)| {
            let length = tool.name.chars().count();
            let room = LONGEST_NAME.saturating_sub(length + SEPARATOR.len());
            let advice = match room {
                0 => "shorten it".to_owned(),
                _ => format!("shorten it, or give a server_id of at most {room} characters"),
            };
            Fault::at(
                format!("/available_tools/{index}/name"),
                format!(
                    "has {length} characters, and {} with the prefix \"{server_id}{SEPARATOR}\" that gateways put before it; \
                     at most {LONGEST_NAME} are allowed: {advice}",
                    prefix + length
                ),
            )
        })
        .collect()
}
