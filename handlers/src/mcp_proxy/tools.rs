//! The functions `find_tools` and `call_tool`: an agent reaches every active server without being changed, within the lists of
//! its action group.

mod catalog;
mod compact;
mod index;
mod postings;
mod words;

pub(super) use catalog::Catalog;
pub use compact::compact;
pub use index::{Found, Index};
use serde_json::{Map, Value, json};

use super::McpProxy;
use crate::{
    action_group::ToolAnswer,
    definitions::ToolRules,
    error::{Result, invalid, refused, shorten},
};

/// Longest query in characters: more than a few words do not make it clearer.
const LONGEST_QUERY: usize = 500;
/// Most tools that one search returns.
const MOST_FOUND: i64 = 20;
/// How many it returns when the call does not say.
const USUALLY_FOUND: i64 = 5;
/// The largest answer in bytes of JSON; what does not fit is left out, and said to be. Bedrock takes 25 KB from a function.
const LARGEST_ANSWER: usize = 20_000;
/// Longest description of a tool that is passed on, in characters.
const LONGEST_DESCRIPTION: usize = 600;
/// How many servers are named to an agent that found nothing.
const MOST_NAMED: usize = 30;

/// A tool that an agent wants to call, within its lists.
pub(super) struct Wanted {
    pub(super) server_id: String,
    pub(super) tool: String,
    pub(super) arguments: Map<String, Value>,
}

impl Wanted {
    /// Reads the arguments of `call_tool`.
    ///
    /// # Errors
    /// `Invalid`: the arguments of the tool are not a JSON object. `Refused`: the lists do not allow this tool.
    pub(super) fn read(rules: &ToolRules, agent: Option<&str>, arguments: &Map<String, Value>) -> Result<Self> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let (server_id, tool) = (text("server_id"), text("tool"));
        if !rules.permit(server_id, tool) {
            let agent = agent.map_or_else(|| "This agent".to_owned(), |agent| format!("The agent `{agent}`"));
            return Err(refused(format!(
                "{agent} may not call the tool `{}` of `{}`, so nothing was called. Which tools an agent may call is said in its \
                 file in agents/.",
                shorten(tool, 64),
                shorten(server_id, 63)
            )));
        }
        Ok(Self { server_id: server_id.to_owned(), tool: tool.to_owned(), arguments: object(text("arguments_json"))? })
    }
}

/// The JSON object in a text; none in an empty one.
fn object(text: &str) -> Result<Map<String, Value>> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    let wrong = |reason: String| {
        invalid(format!(
            "arguments_json must be a JSON object such as {{\"name\": \"value\"}}, {reason}. Nothing was called."
        ))
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(wrong("and it is another JSON value".into())),
        Err(error) => Err(wrong(format!("and it is no JSON: {error}"))),
    }
}

impl McpProxy {
    /// Answers `find_tools`.
    pub(super) async fn find_tools(&self, rules: &ToolRules, arguments: &Map<String, Value>) -> Result<ToolAnswer> {
        let query = arguments.get("query").and_then(Value::as_str).unwrap_or_default();
        let length = query.chars().count();
        if length > LONGEST_QUERY {
            return Err(invalid(format!(
                "`query` has {length} characters, at most {LONGEST_QUERY} are allowed. A few words are enough."
            )));
        }
        let limit = arguments.get("limit").and_then(Value::as_i64).unwrap_or(USUALLY_FOUND);
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=MOST_FOUND).contains(&(*limit as i64)));
        let limit = limit.ok_or_else(|| invalid(format!("`limit` must be 1 to {MOST_FOUND}.")))?;
        let index = self.catalog.index(&self.registry).await?;
        let found = index.search(query, limit, |server_id, tool| rules.permit(server_id, tool));
        Ok(ToolAnswer::new(if found.is_empty() { nothing(&index, rules) } else { answer(&found) }))
    }
}

/// What was found, as the agent is told.
fn answer(found: &[Found<'_>]) -> Value {
    let (mut tools, mut size) = (Vec::new(), 0);
    for one in found {
        let told = told(one);
        size += told.to_string().len();
        if size > LARGEST_ANSWER && !tools.is_empty() {
            break;
        }
        tools.push(told);
    }
    let left_out = match found.len() - tools.len() {
        0 => String::new(),
        more => format!(" {more} more would make the answer too large; ask for fewer or more precisely."),
    };
    let message = format!(
        "{} tools, the one that fits best first. Call one with call_tool, its server_id, its name, and as arguments_json a JSON \
         object that fits `arguments`. A tool that is not read_only changes the environment named in `environment_argument`.{left_out}",
        tools.len()
    );
    json!({ "message": message, "tools": tools })
}

/// One tool. What a tool that changes something calls the environment is told, since without it every call is refused.
fn told(found: &Found<'_>) -> Value {
    let Found { listed, .. } = found;
    let mut told = json!({
        "server_id": listed.server_id, "tool": listed.tool.name, "read_only": listed.tool.read_only(),
        "description": shorten(listed.tool.description.trim(), LONGEST_DESCRIPTION),
        "arguments": compact(&listed.tool.input_schema),
    });
    if !listed.tool.read_only() {
        told["environment_argument"] = listed.environment_argument.clone().into();
    }
    told
}

/// The answer when no tool has a word of the query: what servers there are, so that the next query can be better.
fn nothing(index: &Index, rules: &ToolRules) -> Value {
    let mut servers = index.servers(|server_id, tool| rules.permit(server_id, tool));
    let count = servers.len();
    servers.truncate(MOST_NAMED);
    let message = match count {
        0 => "There is no active server with a tool that this agent may call.".to_owned(),
        _ => format!(
            "No tool was found for that. Use other words, or words from the names of the servers there are: {}{}.",
            servers.join(", "),
            if count > MOST_NAMED { format!(" and {} more", count - MOST_NAMED) } else { String::new() }
        ),
    };
    json!({ "message": message, "tools": [] })
}
