//! The Lambda function `mcp_proxy`: calls a tool of a registered MCP server for an agent.
//!
//! A read-only tool is called and its answer passed on. Any other tool changes an environment: the environment is checked,
//! the execution is reserved, the tool is called once, and what became of it is recorded (see [`execution`]). The status of an
//! execution is asked from the server that runs it, and recorded on the way. What counts as read-only, and which argument is
//! the environment, is the registry's word and not the server's. Arguments are checked against the approved schema of the tool
//! before anything is sent.
//!
//! Which tool is called is said by the agents' definitions, one function for each tool of one server, or, with the functions
//! of [`tools`], by the agent itself.

mod environments;
mod execution;
mod report;
#[cfg(test)]
mod tests;
pub mod tools;

use std::{sync::Arc, time::Duration};

pub use environments::Environments;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use self::tools::{Catalog, Wanted, compact};
use crate::{
    action_group::{self, ToolAnswer, ToolCall, attribute},
    definitions::{Definitions, FIND_TOOLS, Handler},
    env,
    error::{Result, dependency, internal, invalid, not_found, shorten, timeout},
    mcp_client::{Guard, McpClient, ToolResult},
    memory::{Memory, reservation::Reservations},
    registry::{Registry, Server, Tool},
    runtime::Invocation,
    tool_schema::{self, Refusal},
};

/// Name in the log.
const FUNCTION: &str = "mcp_proxy";

/// Kept of Lambda's time to record what became of a call after its own deadline.
const RECORDING_TIME: Duration = Duration::from_secs(3);

/// Less than this, and nothing is started any more.
const SHORTEST_CALL: Duration = Duration::from_secs(2);

/// The largest answer that an agent is given, in bytes of JSON: about as much as a model reads with sense.
const LARGEST_ANSWER: usize = 100_000;

/// The function with what it needs.
#[derive(Debug, Clone)]
pub struct McpProxy {
    definitions: Arc<Definitions>,
    registry: Registry,
    catalog: Catalog,
    client: McpClient,
    reservations: Reservations,
    environments: Environments,
}

/// One call on its way: the server and tool behind it and how long it may take.
struct Request<'a> {
    call: &'a ToolCall,
    request_id: &'a str,
    server: &'a Server,
    tool: &'a Tool,
    deadline: Instant,
}

impl Request<'_> {
    /// Checks arguments against the schema with which the tool was approved.
    ///
    /// # Errors
    /// `Invalid`, for the model, with every place that is wrong; `Dependency` if that schema is of no use.
    fn check(&self, arguments: &Map<String, Value>) -> Result<()> {
        let (tool, server_id) = (&self.tool.name, &self.server.server_id);
        tool_schema::check(&self.tool.input_schema, arguments).map_err(|refusal| match refusal {
            Refusal::Arguments(_) => invalid(format!(
                "The arguments of `{tool}` of {server_id} do not fit, so nothing was called: {refusal}. They have to fit {}",
                compact(&self.tool.input_schema)
            )),
            Refusal::Schema(_) => dependency(format!(
                "The schema with which `{tool}` of {server_id} is registered cannot be checked with, so nothing was called: \
                 {refusal}. Its owner has to register it again with one that can."
            )),
        })
    }
}

impl McpProxy {
    /// The function as configured.
    ///
    /// # Errors
    /// The agents' files or the settings are wrong.
    pub fn new(config: &env::McpProxy, sdk: &aws_config::SdkConfig) -> Result<Self> {
        let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
        let memory = Memory::new(dynamodb.clone(), &config.memory_table);
        Ok(Self {
            definitions: Arc::new(Definitions::of_zip(&config.task_root)?),
            registry: Registry::new(dynamodb.clone(), &config.registry_table, &config.state_table),
            catalog: Catalog::default(),
            client: McpClient::new(sdk, Guard::new(&config.reach)?),
            reservations: Reservations::new(dynamodb, memory, &config.state_table, config.request_key_age),
            environments: Environments::new(&config.environments, &config.protected_environments),
        })
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is not a call from an agent.
    pub async fn handle(&self, event: Value, invocation: Invocation) -> Result<Value> {
        action_group::answer(FUNCTION, event, invocation, |call, invocation| async move {
            self.serve(&call, &invocation).await
        })
        .await
    }

    async fn serve(&self, call: &ToolCall, invocation: &Invocation) -> Result<ToolAnswer> {
        let (group, function, arguments) = call.declared(&self.definitions, Handler::McpProxy)?;
        let wanted = match &group.tools {
            Some(rules) if function.name == FIND_TOOLS => return self.find_tools(rules, &arguments).await,
            Some(rules) => Wanted::read(rules, call.attribute(attribute::AGENT), &arguments)?,
            None => {
                let server_id = group.server_id.clone();
                let server_id = server_id.ok_or_else(|| internal("An action group names no MCP server."))?;
                Wanted { server_id, tool: function.name.clone(), arguments }
            }
        };
        self.call(call, invocation, wanted).await
    }

    /// Calls a tool in the way that it has to be called.
    async fn call(&self, call: &ToolCall, invocation: &Invocation, wanted: Wanted) -> Result<ToolAnswer> {
        let Wanted { server_id, tool, arguments } = wanted;
        let server = self.registry.active(&server_id).await?.ok_or_else(|| {
            let server_id = shorten(&server_id, 63);
            not_found(format!(
                "The MCP server `{server_id}` is not in the registry as active, so nothing was called. Its owner has to \
                 register it or set it active."
            ))
        })?;
        let tool = server.tool(&tool).ok_or_else(|| {
            let known: Vec<_> = server.available_tools.iter().map(|tool| tool.name.as_str()).collect();
            not_found(format!(
                "The MCP server `{server_id}` has no tool `{}` in the registry, so nothing was called. It has: {}.",
                shorten(&tool, 64),
                shorten(&known.join(", "), 2000)
            ))
        })?;
        let now = Instant::now();
        let deadline = invocation.deadline.checked_sub(RECORDING_TIME).unwrap_or(now);
        if deadline < now + SHORTEST_CALL {
            return Err(timeout("There is too little time left to call a tool, so nothing was called. Try again."));
        }
        let request = Request { call, request_id: &invocation.request_id, server: &server, tool, deadline };
        if server.status_tool().is_some_and(|status_tool| status_tool.name == tool.name) {
            self.status(&request, &arguments).await
        } else if tool.read_only() {
            self.read(&request, arguments).await
        } else {
            self.execute(&request, arguments).await
        }
    }

    /// Calls a tool that changes nothing.
    async fn read(&self, request: &Request<'_>, arguments: Map<String, Value>) -> Result<ToolAnswer> {
        request.check(&arguments)?;
        let Request { server, tool, deadline, .. } = request;
        let result = self
            .client
            .call_tool(server, &tool.name, arguments, Map::new(), *deadline)
            .await
            .map_err(|error| dependency(error.to_string()))?;
        if result.is_error {
            let said = report::shorten(&result.text);
            return Err(dependency(format!("The tool `{}` of {} failed: {said}", tool.name, server.server_id)));
        }
        passed_on(request, &result)
    }
}

/// A tool's answer as the agent gets it.
fn passed_on(request: &Request<'_>, result: &ToolResult) -> Result<ToolAnswer> {
    let sentence = result.structured.as_ref().and_then(|content| content.get("message")).and_then(Value::as_str);
    let mut body = json!({ "message": sentence.unwrap_or(&result.text) });
    if let Some(content) = &result.structured {
        body["result"] = content.clone();
    }
    let size = body.to_string().len();
    if size > LARGEST_ANSWER {
        return Err(dependency(format!(
            "The tool `{}` of {} answered with {size} bytes, more than the {LARGEST_ANSWER} that an agent can be given. \
             Ask for less at a time.",
            request.tool.name, request.server.server_id
        )));
    }
    Ok(ToolAnswer::new(body))
}
