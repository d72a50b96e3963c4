//! Events as Amazon Bedrock sends them to action-group functions.
//! Source: Amazon Bedrock user guide, "Lambda input event from Amazon Bedrock".

use serde_json::{Value, json};

/// A call of a function of an action group. Values are always strings.
pub(crate) fn call(agent: &str, action_group: &str, function: &str, parameters: &[(&str, &str, &str)]) -> Value {
    let parameters: Vec<Value> =
        parameters.iter().map(|(name, kind, value)| json!({ "name": name, "type": kind, "value": value })).collect();
    json!({
        "messageVersion": "1.0",
        "agent": { "name": format!("switchyard-local-{agent}"), "id": agent.to_uppercase(), "alias": "LOCAL", "version": "1" },
        "inputText": "typed by a person",
        "sessionId": "session-of-a-test",
        "actionGroup": action_group,
        "function": function,
        "parameters": parameters,
        "sessionAttributes": {
            "requested_by": "arn:aws:iam::000000000000:user/test",
            "session_id": "session-of-a-test",
            "agent": agent,
        },
        "promptSessionAttributes": {},
    })
}

/// The same in the event of an action group with an OpenAPI schema.
pub(crate) fn api_call(agent: &str, action_group: &str, path: &str, properties: &[(&str, &str, &str)]) -> Value {
    let mut event = call(agent, action_group, "", &[]);
    let object = event.as_object_mut().unwrap();
    object.remove("function");
    object.remove("parameters");
    let properties: Vec<Value> =
        properties.iter().map(|(name, kind, value)| json!({ "name": name, "type": kind, "value": value })).collect();
    object.insert("apiPath".to_owned(), json!(path));
    object.insert("httpMethod".to_owned(), json!("POST"));
    object.insert("requestBody".to_owned(), json!({ "content": { "application/json": { "properties": properties } } }));
    event
}

/// Body of the answer to [`call`], as JSON.
pub(crate) fn body(answer: &Value) -> Value {
    let text = answer["response"]["functionResponse"]["responseBody"]["TEXT"]["body"].as_str();
    let text = text.unwrap_or_else(|| panic!("no text in {answer}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `responseState` of the answer; empty when it says nothing.
pub(crate) fn state(answer: &Value) -> &str {
    answer["response"]["functionResponse"]["responseState"].as_str().unwrap_or_default()
}
