//! Whatever arrives as an event, the answer is one that its sender reads, and a refusal says what to mend.

use std::{path::Path, sync::LazyLock};

use futures_util::FutureExt as _;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::{
    definitions::{Parameter, ParameterType},
    fuzz::{Source, explore, readable},
};

static SHIPPED: LazyLock<Definitions> =
    LazyLock::new(|| Definitions::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents")).unwrap());

/// The longest refusal: five parameters, each with its description of at most 500 characters.
const LONGEST_REFUSAL: usize = 4000;

/// An event for each shipped function, in each of the three shapes, with arguments that it takes.
fn valid_events() -> Vec<Value> {
    let groups = SHIPPED.agents().iter().flat_map(|agent| agent.action_groups.iter().map(move |group| (agent, group)));
    groups
        .flat_map(|(agent, group)| {
            group.functions.iter().flat_map(move |function| {
                let pairs: Vec<(&str, String)> =
                    function.parameters.iter().map(|p| (p.name.as_str(), example(p))).collect();
                let named: Vec<Value> = pairs
                    .iter()
                    .map(|(name, value)| json!({ "name": name, "type": "string", "value": value }))
                    .collect();
                let common = json!({
                    "messageVersion": "1.0", "inputText": "Do it", "sessionId": "session-1", "actionGroup": group.name,
                    "agent": { "name": agent.name, "id": "AGENT12345", "alias": "TSTALIASID", "version": "DRAFT" },
                    "sessionAttributes": { "requested_by": "arn:aws:iam::123456789012:user/ann", "agent": agent.name },
                    "promptSessionAttributes": { "today": "Saturday" },
                });
                let mut by_function = common.clone();
                by_function["function"] = json!(function.name);
                by_function["parameters"] = json!(named);
                let mut by_path = common;
                by_path["apiPath"] = json!(format!("/{}", function.name.replace('_', "-")));
                by_path["httpMethod"] = json!("POST");
                by_path["requestBody"] = json!({ "content": { "application/json": { "properties": named } } });
                let tool = format!("{}___{}", group.name, function.name);
                let by_gateway = json!({ TOOL: tool, "event": Map::from_iter(
                    pairs.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)))) });
                [by_function, by_path, by_gateway]
            })
        })
        .collect()
}

/// Marks an event of the gateway: the name of the tool, which comes in the client context.
const TOOL: &str = "tool in the client context";

fn example(parameter: &Parameter) -> String {
    match (parameter.allowed.first(), parameter.kind) {
        (Some(Value::String(word)), _) => word.clone(),
        (_, ParameterType::Integer) => "3".to_owned(),
        _ => "some-text".to_owned(),
    }
}

/// Takes an event apart into what the runtime hands over.
fn delivered(mut document: Value) -> (Value, Invocation) {
    let Some(tool) = document.get_mut(TOOL).map(Value::take) else { return (document, invocation(None)) };
    let context = json!({ "custom": { "bedrockAgentCoreToolName": tool } });
    (document["event"].take(), invocation(Some(context)))
}

/// Answers as every handler does, up to the point where a handler does its own work.
fn served(event: &Value, invocation: Invocation) -> Result<Value> {
    let serve = |call: ToolCall, _| async move {
        let handlers = [Handler::AgentInvoker, Handler::MemoryManager, Handler::McpProxy];
        let mut outcomes = handlers.map(|handler| call.declared(&SHIPPED, handler).map(|(_, _, arguments)| arguments));
        outcomes
            .sort_by_key(|outcome| outcome.as_ref().map_or_else(|e| e.message().contains("no function"), |_| false));
        let [best, ..] = outcomes;
        best.map(|arguments| ToolAnswer::new(json!({ "message": "done", "arguments": arguments })))
    };
    answer("fuzz", event.clone(), invocation, serve).now_or_never().expect("nothing to wait for")
}

/// The kind of a refusal by its words.
fn kind_of(message: &str) -> &'static str {
    let kinds = [
        ("no function", "unknown function"),
        ("is given twice", "contradiction"),
        ("there is no parameter", "unknown parameter"),
        ("must be one of", "value not allowed"),
        ("must be of type", "wrong type"),
        ("is missing", "missing parameter"),
    ];
    kinds.iter().find(|(words, _)| message.contains(words)).map_or("other refusal", |(_, kind)| kind)
}

/// The keys of an object.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|fields| fields.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// Checks one event from the outside. `TOOL` in it decides that it is the gateway's.
fn check(document: Value) -> Result<&'static str, TestCaseError> {
    let (event, invocation) = delivered(document);
    let from_gateway = gateway_tool(&invocation).is_some();
    let answer = match served(&event, invocation) {
        Ok(answer) => answer,
        Err(error) => {
            readable(error.message(), LONGEST_REFUSAL)?;
            return Ok("no call");
        }
    };
    let (body, refused) = if from_gateway { gateway_body(&answer)? } else { bedrock_body(&event, &answer)? };
    let body: Value = serde_json::from_str(body).map_err(|error| TestCaseError::fail(error.to_string()))?;
    if !refused {
        prop_assert_eq!(&body["message"], "done");
        return Ok("accepted");
    }
    let message = body["message"].as_str().unwrap_or_default();
    readable(message, LONGEST_REFUSAL)?;
    Ok(kind_of(message))
}

/// Text and state of an answer to AgentCore Gateway.
fn gateway_body(answer: &Value) -> Result<(&str, bool), TestCaseError> {
    let refused = answer["isError"].as_bool();
    prop_assert!(refused.is_some(), "{}", answer);
    prop_assert_eq!(answer["content"].as_array().map(Vec::len), Some(1));
    prop_assert_eq!(&answer["content"][0]["type"], "text");
    let text = answer["content"][0]["text"].as_str();
    prop_assert!(text.is_some());
    Ok((text.unwrap_or_default(), refused == Some(true)))
}

/// Body and state of an answer to Bedrock, after checking that it is of the documented shape and repeats what it must.
fn bedrock_body<'a>(event: &Value, answer: &'a Value) -> Result<(&'a str, bool), TestCaseError> {
    prop_assert_eq!(&answer["messageVersion"], "1.0");
    let response = &answer["response"];
    prop_assert_eq!(&response["actionGroup"], &event["actionGroup"]);
    let (holder, media_type, refused) = if response.get("function").is_some() {
        prop_assert_eq!(keys(response), ["actionGroup", "function", "functionResponse"]);
        prop_assert_eq!(&response["function"], &event["function"]);
        let state = response["functionResponse"].get("responseState");
        prop_assert!(state.is_none_or(|state| state == "REPROMPT"), "the session would end: {}", response);
        (&response["functionResponse"], "TEXT", state.is_some())
    } else {
        prop_assert_eq!(keys(response), ["actionGroup", "apiPath", "httpMethod", "httpStatusCode", "responseBody"]);
        prop_assert_eq!(&response["apiPath"], &event["apiPath"]);
        prop_assert!(response["httpMethod"] == event["httpMethod"] || response["httpMethod"] == "POST");
        let status = response["httpStatusCode"].as_u64();
        prop_assert!(matches!(status, Some(200 | 400)), "{:?}", status);
        (response, "application/json", status != Some(200))
    };
    prop_assert_eq!(keys(&holder["responseBody"]), [media_type]);
    prop_assert_eq!(keys(&holder["responseBody"][media_type]), ["body"]);
    let sent = event["sessionAttributes"].as_object().filter(|attributes| !attributes.is_empty());
    prop_assert_eq!(sent.map(Map::len), answer["sessionAttributes"].as_object().map(Map::len));
    for (name, value) in sent.into_iter().flatten() {
        let echo = answer["sessionAttributes"][name].as_str();
        prop_assert!(echo.is_some() && value.as_str().is_none_or(|value| Some(value) == echo), "{}: {:?}", name, echo);
    }
    let prompt = &event["promptSessionAttributes"];
    prop_assert!(!prompt.is_object() || *prompt == answer["promptSessionAttributes"]);
    let body = holder["responseBody"][media_type]["body"].as_str();
    prop_assert!(body.is_some(), "the body must be a string: {}", answer);
    Ok((body.unwrap_or_default(), refused))
}

#[test]
fn every_event_like_a_valid_one_is_answered() {
    let valid = valid_events();
    let outcomes = explore(file!(), 1000, 1, |source| source.like(&valid), check);
    outcomes.include(&["accepted", "no call", "unknown function", "unknown parameter", "missing parameter"]);
}

#[test]
fn every_json_is_answered() {
    const NAMES: &[&str] =
        &["function", "apiPath", "httpMethod", "parameters", "requestBody", "sessionAttributes", TOOL, "event"];
    let loose = |source: &mut Source| {
        let mut event = source.json(3);
        if let Some(fields) = event.as_object_mut() {
            fields.insert("actionGroup".to_owned(), Value::from(source.text()));
            fields.insert("function".to_owned(), Value::from(source.text()));
            for name in NAMES {
                if source.chance(15) {
                    fields.insert((*name).to_owned(), source.json(2));
                }
            }
        }
        event
    };
    explore(file!(), 1000, 1, loose, check).include(&["no call", "unknown function"]);
}

#[test]
fn every_argument_of_a_valid_call_is_taken_or_refused_by_name() {
    let groups = SHIPPED.agents().iter().flat_map(|agent| &agent.action_groups);
    let functions: Vec<&Function> = groups.flat_map(|group| &group.functions).collect();
    let call = |source: &mut Source| {
        let function = *source.pick(&functions);
        let mut argument = |p: &Parameter| if source.chance(30) { source.text() } else { example(p) };
        let raw = function.parameters.iter().map(|p| (p.name.clone(), argument(p)));
        (function, raw.collect::<BTreeMap<_, _>>())
    };
    let outcomes = explore(file!(), 1000, 1, call, |(function, raw)| match function.arguments(&raw) {
        Ok(arguments) => {
            for parameter in &function.parameters {
                let value = arguments.get(&parameter.name);
                prop_assert!(value.is_some() || !parameter.required);
                let allowed = &parameter.allowed;
                prop_assert!(value.is_none_or(|value| allowed.is_empty() || allowed.contains(value)));
            }
            Ok("accepted")
        }
        Err(message) => {
            readable(&message, LONGEST_REFUSAL)?;
            let names = |p: &Parameter| message.contains(&format!("`{}`", p.name));
            prop_assert!(function.parameters.iter().any(names), "{}", message);
            Ok(kind_of(&message))
        }
    });
    outcomes.include(&["accepted", "missing parameter", "value not allowed", "wrong type"]);
}

/// A value of each type and its spelling on the wire.
fn spelled(source: &mut Source) -> (ParameterType, Value, String) {
    match source.below(6) {
        0 => {
            let text = format!("x{}x", source.text());
            (ParameterType::String, Value::from(text.as_str()), format!(" {text} "))
        }
        1 => {
            let number = source.number() as i64;
            let point = if source.chance(50) { ".0" } else { "" };
            (ParameterType::Integer, Value::from(number), format!("{number}{point}"))
        }
        2 => {
            let number = f64::from_bits(source.number());
            let number = if number.is_finite() { number } else { 0.5 };
            (ParameterType::Number, Value::from(number), format!("{number:?}"))
        }
        3 => {
            let flag = source.chance(50);
            let spelling = if source.chance(50) { flag.to_string() } else { flag.to_string().to_uppercase() };
            (ParameterType::Boolean, Value::from(flag), spelling)
        }
        4 => {
            let mut item = || if source.chance(50) { Value::from(source.text()) } else { Value::from(source.number()) };
            let list = json!([item(), [item()], { "a": item(), "b": null }]);
            (ParameterType::Array, list.clone(), list.to_string())
        }
        // As Java prints a list of words.
        _ => {
            let items: Vec<String> =
                (0..source.below(6)).map(|_| format!("x{}", source.word("abcdefgxyz-_.:/"))).collect();
            (ParameterType::Array, json!(items), format!("[{}]", items.join(", ")))
        }
    }
}

#[test]
fn every_value_arrives_as_it_was_meant() {
    let outcomes = explore(file!(), 1000, 1, spelled, |(kind, value, spelling)| {
        let parameter = json!({ "name": "p", "type": kind.to_string(), "description": "d" });
        let function = json!({ "name": "f", "description": "d", "parameters": [parameter] });
        let function: Function = serde_json::from_value(function).unwrap();
        let arguments = function.arguments(&BTreeMap::from([("p".to_owned(), spelling)]));
        prop_assert_eq!(arguments.map(Value::Object), Ok(json!({ "p": value })));
        Ok("the same")
    });
    outcomes.include(&["the same"]);
}
