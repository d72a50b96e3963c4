//! What the tools do; what they are said to be is in `catalogue.rs`.

use rmcp::{
    RoleServer,
    model::{ErrorData, JsonObject, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam},
    service::{Peer, RequestContext},
};
use serde_json::{Value, json};
use tokio::{join, time::sleep};

use crate::{STEP, argument, ask};

/// A red pixel as PNG.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// No sound at all as WAV.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn embedded(uri: &str, kind: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } })
}

/// The result of a tool.
pub(crate) async fn call(
    name: &str,
    arguments: &JsonObject,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    let peer = &context.peer;
    let confirmation = || ask::field("ok", "boolean");
    match name {
        "test_simple_text" => Ok(text("This is a simple text response for testing.")),
        "test_image_content" => Ok(json!({ "content": [{ "type": "image", "data": PIXEL, "mimeType": "image/png" }] })),
        "test_audio_content" => {
            Ok(json!({ "content": [{ "type": "audio", "data": SILENCE, "mimeType": "audio/wav" }] }))
        }
        "test_embedded_resource" => Ok(json!({ "content": [
            embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."),
        ] })),
        "test_multiple_content_types" => Ok(json!({ "content": [
            { "type": "text", "text": "Multiple content types test:" },
            { "type": "image", "data": PIXEL, "mimeType": "image/png" },
            embedded("test://mixed-content-resource", "application/json", "{\"test\":\"data\",\"value\":123}"),
        ] })),
        "test_error_handling" => Ok(failed("This tool intentionally returns an error for testing")),
        "test_tool_with_logging" | "test_logging_tool" => logs(peer).await,
        "test_tool_with_progress" => progresses(context).await,
        // As most SDKs do with what goes wrong inside a tool: the result says that it failed.
        "test_missing_capability" => Ok(match ask::model(peer, "question", "Say something", 10).await {
            Ok(answer) => text(&said(&answer)),
            Err(error) => failed(&error.message),
        }),
        "test_sampling" => {
            let answer = ask::model(peer, "prompt", argument(arguments, "prompt")?, 100).await?;
            Ok(text(&format!("LLM response: {}", said(&answer))))
        }
        "test_elicitation" => {
            let schema = json!({
                "type": "object",
                "properties": {
                    "username": { "type": "string", "description": "User's response" },
                    "email": { "type": "string", "description": "User's email address" },
                },
                "required": ["username", "email"],
            });
            let answer = ask::form(peer, "user", argument(arguments, "message")?, schema).await?;
            Ok(text(&format!("User response: {}", outcome(&answer))))
        }
        "test_elicitation_sep1034_defaults" => completed(peer, "Check what is filled in", defaults()).await,
        "test_elicitation_sep1330_enums" => completed(peer, "Choose", choices()).await,
        "test_streaming_elicitation" | "test_input_required_result_tampered_state" => {
            let answer = ask::form(peer, "confirm", "Please confirm", confirmation()).await?;
            Ok(text(&outcome(&answer)))
        }
        "test_input_required_result_request_state" => {
            let answer = ask::form(peer, "confirm", "Please confirm", confirmation()).await?;
            Ok(text(&format!("state-ok: {}", outcome(&answer))))
        }
        "test_input_required_result_elicitation" => {
            let answer = ask::form(peer, "user_name", "What is your name?", ask::field("name", "string")).await?;
            Ok(text(&format!("Hello, {}!", field(&answer, "name"))))
        }
        "test_input_required_result_sampling" => {
            let answer = ask::model(peer, "capital_question", "What is the capital of France?", 100).await?;
            Ok(text(&said(&answer)))
        }
        "test_input_required_result_list_roots" => {
            let answer = ask::roots(peer, "client_roots").await?;
            Ok(text(&format!("Roots: {}", answer["roots"])))
        }
        "test_input_required_result_multiple_inputs" => {
            let (name, greeting, roots) = join!(
                ask::form(peer, "user_name", "What is your name?", ask::field("name", "string")),
                ask::model(peer, "greeting", "Generate a greeting", 50),
                ask::roots(peer, "client_roots"),
            );
            let (name, greeting, roots) = (name?, greeting?, roots?);
            Ok(text(&format!("{} {} {}", said(&greeting), field(&name, "name"), roots["roots"])))
        }
        "test_input_required_result_multi_round" => {
            let name = ask::form(peer, "step1", "Step 1: What is your name?", ask::field("name", "string")).await?;
            let message = "Step 2: What is your favorite color?";
            let color = ask::form(peer, "step2", message, ask::field("color", "string")).await?;
            Ok(text(&format!("{} likes {}", field(&name, "name"), field(&color, "color"))))
        }
        "test_input_required_result_capabilities" => {
            let (person, model) = join!(
                ask::form(peer, "confirm", "Please confirm", confirmation()),
                ask::model(peer, "greeting", "Generate a greeting", 50),
            );
            match (person, model) {
                (Err(error), Err(_)) => Err(error),
                (person, model) => Ok(text(&format!("{} {}", person.is_ok(), model.is_ok()))),
            }
        }
        "test_header_argument" => Ok(text(&format!("Looked in {}", argument(arguments, "region")?))),
        "json_schema_2020_12_tool" => Ok(text(&Value::Object(arguments.clone()).to_string())),
        _ => Err(ErrorData::invalid_params(format!("there is no tool {name}"), None)),
    }
}

fn failed(message: &str) -> Value {
    let mut result = text(message);
    result["isError"] = json!(true);
    result
}

fn said(answer: &Value) -> String {
    answer["content"]["text"].as_str().unwrap_or_default().to_owned()
}

fn field(answer: &Value, name: &str) -> String {
    answer["content"][name].as_str().unwrap_or("nobody").to_owned()
}

fn outcome(answer: &Value) -> String {
    format!("action={}, content={}", answer["action"].as_str().unwrap_or_default(), answer["content"])
}

async fn completed(peer: &Peer<RoleServer>, message: &str, schema: Value) -> Result<Value, ErrorData> {
    let answer = ask::form(peer, "form", message, schema).await?;
    Ok(text(&format!("Elicitation completed: {}", outcome(&answer))))
}

/// A form with a default of each primitive type (SEP-1034).
fn defaults() -> Value {
    json!({ "type": "object", "required": [], "properties": {
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    } })
}

/// A form with each kind of choice (SEP-1330).
fn choices() -> Value {
    let titled = |word: &str| -> Value {
        ["First", "Second", "Third"]
            .iter()
            .zip(1..)
            .map(|(title, number)| json!({ "const": format!("value{number}"), "title": format!("{title} {word}") }))
            .collect()
    };
    let plain = json!(["option1", "option2", "option3"]);
    json!({ "type": "object", "required": [], "properties": {
        "untitledSingle": { "type": "string", "enum": plain },
        "titledSingle": { "type": "string", "oneOf": titled("Option") },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": plain } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
    } })
}

async fn logs(peer: &Peer<RoleServer>) -> Result<Value, ErrorData> {
    for (step, message) in
        ["Tool execution started", "Tool processing data", "Tool execution completed"].iter().enumerate()
    {
        if step > 0 {
            sleep(STEP).await;
        }
        let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(message));
        let sent = peer.notify_logging_message(message).await;
        sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    }
    Ok(text("Logged three messages"))
}

async fn progresses(context: &RequestContext<RoleServer>) -> Result<Value, ErrorData> {
    for (step, progress) in [0.0, 50.0, 100.0].into_iter().enumerate() {
        if step > 0 {
            sleep(STEP).await;
        }
        let Some(token) = context.meta.get_progress_token() else { continue };
        let told = ProgressNotificationParam::new(token, progress).with_total(100.0);
        let sent = context.peer.notify_progress(told).await;
        sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    }
    Ok(text("Told of progress three times"))
}
