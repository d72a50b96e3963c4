//! Tools that are GraphQL operations. A tool's `_meta["switchyard/graphql"]` says which:
//!
//! ```json
//! { "query": "mutation($name: String!) { addCity(name: $name) { id } }", "operation_name": "optional" }
//! ```
//!
//! The arguments are its variables. A tool without a declaration whose schema has the property `query` passes on what it is
//! given: `query`, `variables`, `operation_name`. Source: GraphQL over HTTP (draft of 2025), GraphQL October 2021.

mod document;

use reqwest::Method;
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use self::document::{Kind, operations};
use super::{
    ToolResult,
    error::{Failure, shorten},
    web::{Answer, MAX_WORDS, Question},
};
use crate::registry::Tool;

/// The `_meta` key of a declaration.
const META: &str = "switchyard/graphql";

/// The argument, and the property, that holds a document.
const QUERY: &str = "query";

/// The other arguments of a tool that passes documents on.
const VARIABLES: &str = "variables";
const OPERATION_NAME: &str = "operation_name";

/// The media types of answers.
pub(super) const ACCEPT: &str = "application/graphql-response+json, application/json;q=0.9";

/// Most errors of one answer that are repeated.
const MAX_ERRORS: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    query: String,
    operation_name: Option<String>,
}

/// What is sent.
struct Operation {
    query: String,
    operation_name: Option<String>,
    variables: Map<String, Value>,
}

impl Declaration {
    fn of(tool: &Tool) -> Result<Option<Self>, String> {
        tool.meta.get(META).map(Self::deserialize).transpose().map_err(|e| e.to_string())
    }
}

/// What is wrong with the declaration of a tool.
pub(super) fn problems(tool: &Tool) -> Vec<String> {
    let check = || match Declaration::of(tool)? {
        Some(Declaration { query, operation_name }) => admit(&query, operation_name.as_deref(), tool.read_only()),
        None if tool.input_schema.get("properties").is_some_and(|all| all.get(QUERY).is_some()) => Ok(()),
        None => Err("it is missing, and inputSchema has no property \"query\"".to_owned()),
    };
    check().err().into_iter().collect()
}

/// Whether a document may be sent for a tool: it has the one operation that is to run, and nothing but queries if the tool
/// changes nothing.
fn admit(query: &str, operation_name: Option<&str>, read_only: bool) -> Result<(), String> {
    let operations = operations(query)?;
    let named = |name: &str| operations.iter().any(|operation| operation.name.as_deref() == Some(name));
    match operation_name {
        Some(name) if !named(name) => return Err(format!("it has no operation \"{}\"", shorten(name, 80))),
        None if operations.len() != 1 => {
            return Err(format!("it has {} operations; operation_name has to say which one", operations.len()));
        }
        _ => {}
    }
    // All of them, so that nothing depends on who reads the name how.
    match operations.iter().map(|operation| operation.kind).find(|kind| *kind != Kind::Query) {
        Some(Kind::Subscription) => Err("subscriptions are not supported".to_owned()),
        Some(_) if read_only => Err("it has a mutation, but the tool is approved as changing nothing".to_owned()),
        _ => Ok(()),
    }
}

/// The request of a tool with these arguments.
pub(super) fn question(endpoint: &Url, tool: &Tool, arguments: &JsonObject) -> Result<Question, Failure> {
    let misdeclared = |problem| Failure::Misdeclared(format!("{META} of the tool {}: {problem}", tool.name));
    let Operation { query, operation_name, variables } = match Declaration::of(tool).map_err(misdeclared)? {
        Some(Declaration { query, operation_name }) => {
            admit(&query, operation_name.as_deref(), tool.read_only()).map_err(misdeclared)?;
            Operation { query, operation_name, variables: arguments.clone() }
        }
        None => passed_on(tool, arguments)?,
    };
    let mut body = json!({ "query": query, "variables": variables });
    if let Some(name) = operation_name {
        body["operationName"] = name.into();
    }
    Ok(Question { method: Method::POST, url: endpoint.clone(), body: Some(body), accept: ACCEPT })
}

/// Document, operation and variables as the caller gives them.
fn passed_on(tool: &Tool, arguments: &JsonObject) -> Result<Operation, Failure> {
    let wrong = |name: &str, reason: String| Failure::Argument { name: shorten(name, 80), reason };
    let is_known = |name: &str| matches!(name, QUERY | VARIABLES | OPERATION_NAME);
    if let Some(name) = arguments.keys().find(|name| !is_known(name)) {
        return Err(wrong(name, "has no place in the request".to_owned()));
    }
    let text = |name: &str| match arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name, "must be text".to_owned())),
    };
    let query = text(QUERY)?.ok_or_else(|| wrong(QUERY, "is missing".to_owned()))?;
    let operation_name = text(OPERATION_NAME)?.filter(|name| !name.is_empty());
    admit(&query, operation_name.as_deref(), tool.read_only())
        .map_err(|reason| wrong(QUERY, format!("is refused: {reason}")))?;
    let variables = match arguments.get(VARIABLES) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(variables)) => variables.clone(),
        // Bedrock's functions have no parameters that are objects.
        Some(Value::String(text)) if text.trim().is_empty() => Map::new(),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|e| wrong(VARIABLES, format!("must be a JSON object ({e})")))?
        }
        Some(_) => return Err(wrong(VARIABLES, "must be a JSON object".to_owned())),
    };
    Ok(Operation { query, operation_name, variables })
}

/// What the operation answered. With errors it failed, even if a part of the data is there.
pub(super) fn result(answer: &Answer) -> Result<ToolResult, Failure> {
    if !answer.is_success() {
        let errors = if answer.is_json() { answer.json().ok().and_then(|body| errors(&body)) } else { None };
        let words = errors.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
        return Err(answer.failure(&words));
    }
    let body = answer.json()?;
    let data = body.get("data").filter(|data| !data.is_null());
    match (errors(&body), data) {
        (Some(errors), data) => Ok(ToolResult { is_error: true, text: errors, structured: data.cloned() }),
        (None, Some(data)) => {
            Ok(ToolResult { is_error: false, text: data.to_string(), structured: Some(data.clone()) })
        }
        (None, None) => Err(Failure::Unreadable("it has neither data nor errors, as GraphQL demands".to_owned())),
    }
}

/// The messages of the errors in an answer, none if it has no errors.
fn errors(body: &Value) -> Option<String> {
    let errors = body.get("errors").filter(|errors| !errors.is_null())?;
    let list = errors.as_array().map_or(std::slice::from_ref(errors), Vec::as_slice);
    if list.is_empty() {
        return None;
    }
    let message = |error: &Value| {
        let message = error.get("message").and_then(Value::as_str);
        shorten(message.unwrap_or("an error without a message"), MAX_WORDS)
    };
    let mut told: Vec<String> = list.iter().take(MAX_ERRORS).map(message).collect();
    if list.len() > MAX_ERRORS {
        told.push(format!("and {} more errors", list.len() - MAX_ERRORS));
    }
    Some(told.join("; "))
}
