//! From the SDK's types to ours.

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::Value;

use super::{
    ToolResult,
    error::{Failure, shorten},
};
use crate::registry::Tool;

/// What a tool answered, or why that is no result.
pub(super) fn tool_result(response: CallToolResponse) -> Result<ToolResult, Failure> {
    match response {
        CallToolResponse::Complete(result) => Ok(complete(result)),
        _ => Err(Failure::InputRequired("it runs as a task".to_owned())),
    }
}

fn complete(result: CallToolResult) -> ToolResult {
    let parts: Vec<String> = result.content.into_iter().map(text_of).collect();
    ToolResult {
        is_error: result.is_error == Some(true),
        text: parts.join("\n"),
        structured: result.structured_content.filter(|value| !value.is_null()),
    }
}

fn text_of(block: ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Image(image) => format!("[image, {}]", image.mime_type),
        ContentBlock::Audio(audio) => format!("[audio, {}]", audio.mime_type),
        ContentBlock::ResourceLink(link) => format!("[resource {}]", link.uri),
        ContentBlock::Resource(_) => "[embedded resource]".to_owned(),
        _ => "[content of an unknown type]".to_owned(),
    }
}

/// A tool as the registry stores it.
///
/// # Errors
/// [`Failure::Malformed`]: the declaration is not one the registry can hold.
pub(super) fn declared_tool(tool: &rmcp::model::Tool) -> Result<Tool, Failure> {
    let malformed = |e: serde_json::Error| {
        let (name, reason) = (shorten(&tool.name, 80), shorten(&e.to_string(), 200));
        Failure::Malformed(format!("the declaration of the tool {name} ({reason})"))
    };
    let mut declaration = serde_json::to_value(tool).map_err(malformed)?;
    let title = tool.title.clone();
    if let (Some(title), Some(fields)) = (title, declaration.as_object_mut()) {
        let annotations = fields.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.entry("title").or_insert(Value::String(title));
        }
    }
    serde_json::from_value(declaration).map_err(malformed)
}
