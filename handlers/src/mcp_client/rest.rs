//! Tools that are HTTP routes. A tool's `_meta["switchyard/http"]` says which:
//!
//! ```json
//! { "method": "GET", "path": "/cities/{city}/forecast", "query": ["days"] }
//! ```
//!
//! The path is below the server's endpoint. Arguments go where the declaration has a place for them: into the path, into
//! the query, and with POST, PUT and PATCH all others into a JSON body. What has no place is refused. A tool without a
//! declaration is `POST /{its name}`.

mod path;

use std::collections::BTreeSet;

use reqwest::Method;
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use self::path::Template;
use super::{
    ToolResult,
    error::{Failure, shorten},
    web::{Answer, Question},
};
use crate::registry::{Server, Tool};

/// The `_meta` key of a declaration.
const META: &str = "switchyard/http";

/// A declaration as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    method: Verb,
    path: Option<String>,
    #[serde(default)]
    query: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    Get,
    #[default]
    Post,
    Put,
    Patch,
    Delete,
}

/// Which request a tool is.
#[derive(Debug)]
struct Route {
    verb: Verb,
    path: Template,
    query: Vec<String>,
}

impl Verb {
    const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// Whether a body has a meaning. Source: RFC 9110, section 9.3.
    const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl Route {
    fn of(tool: &Tool) -> Result<Self, String> {
        let written = match tool.meta.get(META) {
            None => Written::default(),
            Some(value) => Written::deserialize(value).map_err(|e| e.to_string())?,
        };
        let path = written.path.unwrap_or_else(|| format!("/{}", tool.name));
        Ok(Self { verb: written.method, path: Template::parse(&path)?, query: written.query })
    }
}

/// What is wrong with the declaration of a tool.
pub(super) fn problems(server: &Server, tool: &Tool) -> Vec<String> {
    let route = match Route::of(tool) {
        Ok(route) => route,
        Err(problem) => return vec![problem],
    };
    let mut problems = Vec::new();
    let fixed: BTreeSet<String> = Url::parse(&server.endpoint_url)
        .map(|url| url.query_pairs().map(|(name, _)| name.into_owned()).collect())
        .unwrap_or_default();
    let known = |name: &str| tool.input_schema.get("properties").is_some_and(|all| all.get(name).is_some());
    let required = tool.input_schema.get("required").and_then(Value::as_array);
    for name in route.path.names() {
        if !known(name) {
            problems.push(format!("path: inputSchema has no property \"{name}\""));
        } else if !required.is_some_and(|all| all.iter().any(|one| one == name)) {
            problems.push(format!("path: \"{name}\" must be in inputSchema.required"));
        }
    }
    for (index, name) in route.query.iter().enumerate() {
        if !known(name) {
            problems.push(format!("query: inputSchema has no property \"{name}\""));
        }
        if route.path.names().any(|other| other == name) || route.query.iter().take(index).any(|other| other == name) {
            problems.push(format!("query: \"{name}\" has a place already"));
        }
        if fixed.contains(name) {
            problems.push(format!("query: \"{name}\" stands in the query of the endpoint already"));
        }
    }
    let properties = tool.input_schema.get("properties").and_then(Value::as_object);
    for name in properties.into_iter().flat_map(|all| all.keys()) {
        let has_place = route.path.names().any(|other| other == name) || route.query.contains(name);
        if !has_place && !route.verb.has_body() {
            problems.push(format!("\"{name}\" has no place: a {} has no body", route.verb.method()));
        }
    }
    problems
}

/// The request of a tool with these arguments, below `base`.
pub(super) fn question(base: &Url, tool: &Tool, arguments: &JsonObject) -> Result<Question, Failure> {
    let misdeclared = |problem| Failure::Misdeclared(format!("{META} of the tool {}: {problem}", tool.name));
    let route = Route::of(tool).map_err(misdeclared)?;
    let mut left = arguments.clone();
    let mut url = base.clone();
    let path = route.path.fill(&left)?;
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    for name in route.path.names() {
        left.remove(name);
    }
    for name in &route.query {
        let values = match left.remove(name) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(values)) => values,
            Some(value) => vec![value],
        };
        for value in values {
            let value = plain(name, &value)?;
            url.query_pairs_mut().append_pair(name, &value);
        }
    }
    if !route.verb.has_body()
        && let Some(name) = left.keys().next()
    {
        return Err(argument(name, "has no place in the request"));
    }
    let body = route.verb.has_body().then_some(Value::Object(left));
    Ok(Question { method: route.verb.method(), url, body, accept: "application/json, text/plain;q=0.9, */*;q=0.1" })
}

/// An argument as text, for a path or a query.
fn plain(name: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(yes) => Ok(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(argument(name, "must be text, a number or a truth value where it stands"))
        }
    }
}

fn argument(name: &str, reason: &str) -> Failure {
    Failure::Argument { name: shorten(name, 80), reason: reason.to_owned() }
}

/// What the tool answered.
pub(super) fn result(answer: &Answer) -> Result<ToolResult, Failure> {
    if !answer.is_success() {
        return Err(answer.failure(&String::from_utf8_lossy(&answer.body)));
    }
    let done = |text: String, structured| Ok(ToolResult { is_error: false, text, structured });
    if answer.body.is_empty() {
        return done(format!("HTTP {} without content", answer.status), None);
    }
    if answer.is_json() {
        let content = answer.json()?;
        return done(content.to_string(), Some(content).filter(|content| !content.is_null()));
    }
    if answer.media_type.is_empty() || answer.media_type.starts_with("text/") {
        return done(String::from_utf8_lossy(&answer.body).into_owned(), None);
    }
    done(format!("[{} bytes of {}]", answer.body.len(), shorten(&answer.media_type, 80)), None)
}
