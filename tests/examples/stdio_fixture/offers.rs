//! Prompts and resources.

use rmcp::{
    RoleServer,
    model::{ErrorData, JsonObject},
    service::Peer,
};
use serde_json::{Value, json};

use crate::{argument, ask, tools::PIXEL};

pub(crate) fn prompts() -> Value {
    let argument = |name: &str| json!({ "name": name, "description": format!("The {name}"), "required": true });
    json!([
        { "name": "test_simple_prompt", "description": "A prompt without arguments" },
        {
            "name": "test_prompt_with_arguments",
            "description": "A prompt with two arguments",
            "arguments": [argument("arg1"), argument("arg2")],
        },
        {
            "name": "test_prompt_with_embedded_resource",
            "description": "A prompt with a resource in it",
            "arguments": [argument("resourceUri")],
        },
        { "name": "test_prompt_with_image", "description": "A prompt with an image in it" },
        { "name": "test_input_required_result_prompt", "description": "A prompt that asks for its context" },
    ])
}

fn says(text: &str) -> Value {
    json!({ "role": "user", "content": { "type": "text", "text": text } })
}

/// The messages of a prompt.
pub(crate) async fn prompt(
    name: &str,
    arguments: &JsonObject,
    peer: &Peer<RoleServer>,
) -> Result<Vec<Value>, ErrorData> {
    match name {
        "test_simple_prompt" => Ok(vec![says("This is a simple prompt for testing.")]),
        "test_prompt_with_arguments" => {
            let (first, second) = (argument(arguments, "arg1")?, argument(arguments, "arg2")?);
            Ok(vec![says(&format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))])
        }
        "test_prompt_with_embedded_resource" => {
            let resource = json!({
                "uri": argument(arguments, "resourceUri")?,
                "mimeType": "text/plain",
                "text": "Embedded resource content for testing.",
            });
            let embedded = json!({ "role": "user", "content": { "type": "resource", "resource": resource } });
            Ok(vec![embedded, says("Please process the embedded resource above.")])
        }
        "test_prompt_with_image" => {
            let image = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
            Ok(vec![json!({ "role": "user", "content": image }), says("Please analyze the image above.")])
        }
        "test_input_required_result_prompt" => {
            let message = "What context should the prompt use?";
            let answer = ask::form(peer, "user_context", message, ask::field("context", "string")).await?;
            Ok(vec![says(&format!("Use this context: {}", answer["content"]["context"]))])
        }
        _ => Err(ErrorData::invalid_params(format!("there is no prompt {name}"), None)),
    }
}

pub(crate) fn resources() -> Value {
    json!([
        { "uri": "test://static-text", "name": "Text", "description": "Some text", "mimeType": "text/plain" },
        { "uri": "test://static-binary", "name": "Image", "description": "A pixel", "mimeType": "image/png" },
        { "uri": "test://watched-resource", "name": "Watched", "description": "It never changes", "mimeType": "text/plain" },
    ])
}

pub(crate) fn templates() -> Value {
    json!([{
        "uriTemplate": "test://template/{id}/data",
        "name": "Data by id",
        "description": "What there is to an id",
        "mimeType": "application/json",
    }])
}

/// The contents of a resource; none where there is none.
pub(crate) fn resource(uri: &str) -> Option<Value> {
    let text = |kind: &str, text: &str| Some(json!({ "uri": uri, "mimeType": kind, "text": text }));
    match uri {
        "test://static-text" => text("text/plain", "This is the content of the static text resource."),
        "test://static-binary" => Some(json!({ "uri": uri, "mimeType": "image/png", "blob": PIXEL })),
        "test://watched-resource" => text("text/plain", "Nothing happens here."),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            text("application/json", &data.to_string())
        }
    }
}
