//! The tools, as a client is told of them.

use serde_json::{Value, json};

/// Tools that answer from what they were given.
const PLAIN: [(&str, &str); 10] = [
    ("test_simple_text", "Answers with a text"),
    ("test_image_content", "Answers with an image"),
    ("test_audio_content", "Answers with a sound"),
    ("test_embedded_resource", "Answers with a resource"),
    ("test_multiple_content_types", "Answers with a text, an image and a resource"),
    ("test_error_handling", "Always fails"),
    ("test_tool_with_logging", "Logs while it works"),
    ("test_logging_tool", "Logs while it works"),
    ("test_tool_with_progress", "Tells how far it is"),
    ("test_missing_capability", "Has the client's model say something, and fails without one"),
];

/// Tools that ask a person, a model or for folders. They keep nothing: called again, they ask the same again.
const ASKING: [(&str, &str); 11] = [
    ("test_elicitation_sep1034_defaults", "Asks a person to fill in a form that is filled in already"),
    ("test_elicitation_sep1330_enums", "Asks a person to choose"),
    ("test_streaming_elicitation", "Asks a person to confirm"),
    ("test_input_required_result_elicitation", "Asks a person for a name"),
    ("test_input_required_result_sampling", "Asks the client's model for a capital"),
    ("test_input_required_result_list_roots", "Asks for the client's folders"),
    ("test_input_required_result_request_state", "Asks a person to confirm"),
    ("test_input_required_result_tampered_state", "Asks a person to confirm"),
    ("test_input_required_result_multiple_inputs", "Asks three things at once"),
    ("test_input_required_result_multi_round", "Asks two things, one after the other"),
    ("test_input_required_result_capabilities", "Asks a person and a model, and is content with one of them"),
];

/// All tools, as `tools/list` has them.
pub(crate) fn tools() -> Value {
    let nothing = json!({ "type": "object", "properties": {} });
    let tool = |name: &str, description: &str, schema: &Value, annotations: Value| json!({ "name": name, "description": description, "inputSchema": schema, "annotations": annotations });
    let reads = json!({ "readOnlyHint": true, "openWorldHint": false });
    // Whoever is asked may remember it, so that these do not only read; asked twice, nothing else comes of it.
    let asks = json!({ "readOnlyHint": false, "destructiveHint": false, "idempotentHint": true });
    let text =
        |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } }, "required": [name] });
    let mut tools: Vec<Value> =
        PLAIN.iter().map(|(name, description)| tool(name, description, &nothing, reads.clone())).collect();
    tools.extend(ASKING.iter().map(|(name, description)| tool(name, description, &nothing, asks.clone())));
    tools.push(tool("test_sampling", "Hands a prompt to the client's model", &text("prompt"), asks.clone()));
    tools.push(tool("test_elicitation", "Asks a person who they are", &text("message"), asks));
    let region = json!({ "type": "string", "x-mcp-header": "Region", "description": "Where to look" });
    let in_header = json!({ "type": "object", "properties": { "region": region }, "required": ["region"] });
    tools.push(tool("test_header_argument", "Names the region it was given", &in_header, reads.clone()));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
        } },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    });
    tools.push(tool("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", &schema, reads));
    Value::Array(tools)
}
