//! The MCP door: protocol versions 2026-07-28 and the older ones from one stateless endpoint.

use std::sync::Arc;

use handlers::{contract, error::shorten};
use http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    call::{Call, Door},
    execution::{Details, Execution, Failure, execution_id},
    service::Pipelines,
    tools::{self, STATUS_TOOL},
};

/// Largest message that is read.
pub const LARGEST_MESSAGE: usize = 256 * 1024;

/// The MCP service over HTTP.
pub type HttpService = StreamableHttpService<McpServer, NeverSessionManager>;

/// The MCP server.
#[derive(Debug, Clone)]
pub struct McpServer {
    pipelines: Arc<Pipelines>,
    tools: Arc<Vec<Tool>>,
}

impl McpServer {
    /// The server for these pipelines.
    pub fn new(pipelines: Arc<Pipelines>) -> Self {
        let tools = Arc::new(tools::all(pipelines.config()));
        Self { pipelines, tools }
    }

    /// The server over streamable HTTP, without sessions. Requests must name one of `hosts` (all are admitted when it is empty,
    /// for doors where the host has been decided before) and must not come from a web page of another origin.
    pub fn over_http(self, hosts: &[String]) -> HttpService {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_sse_keep_alive(None)
            .with_max_request_body_bytes(LARGEST_MESSAGE)
            .with_allowed_hosts(hosts)
            .enforce_origin_validation();
        StreamableHttpService::new(move || Ok(self.clone()), Arc::new(NeverSessionManager::default()), config)
    }

    async fn call(
        &self,
        name: &str,
        arguments: JsonObject,
        meta: &JsonObject,
        call: &Call,
    ) -> Result<Execution, Failure> {
        let refuse = |message: String| call.refused(name, Failure::invalid(message));
        if name == STATUS_TOOL {
            let (id, details) = status_arguments(&arguments, meta).map_err(refuse)?;
            return self.pipelines.status(id, details, call).await;
        }
        let id = match meta.get(contract::EXECUTION_ID) {
            Some(Value::String(text)) => Some(execution_id(text).map_err(|reason| refuse(format!("_meta {reason}")))?),
            Some(_) => return Err(refuse(format!("_meta {}: must be a string", contract::EXECUTION_ID))),
            None => None,
        };
        self.pipelines.execute(tools::pipeline_type(name).unwrap_or_default(), arguments, id, call).await
    }
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("switchyard-pipelines", env!("CARGO_PKG_VERSION")))
            .with_instructions("Starts infrastructure pipelines in GitLab and reports on them.")
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.as_ref().clone()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.tools.iter().any(|tool| tool.name == request.name) {
            let names: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_ref()).collect();
            let message = format!("There is no tool {:?}; there are {}.", shorten(&request.name, 60), names.join(", "));
            return Err(ErrorData::invalid_params(message, None));
        }
        let parts = context.extensions.get::<Parts>();
        let call = parts.and_then(|parts| parts.extensions.get::<Call>()).cloned();
        let call = call.unwrap_or_else(|| Call::now(Door::Stdio));
        let arguments = request.arguments.unwrap_or_default();
        let result = match self.call(&request.name, arguments, &context.meta.0.0, &call).await {
            Ok(execution) => success(&execution)?,
            Err(failure) => failed(&failure),
        };
        Ok(result.into())
    }
}

fn status_arguments(arguments: &JsonObject, meta: &JsonObject) -> Result<(Uuid, Option<Details>), String> {
    if let Some(other) = arguments.keys().find(|name| *name != "execution_id") {
        return Err(format!("{}: is not an argument; there is execution_id", shorten(other, 60)));
    }
    let id = match arguments.get("execution_id") {
        Some(Value::String(text)) => execution_id(text)?,
        Some(_) => return Err("execution_id: must be of type string".to_owned()),
        None => return Err("execution_id: is required".to_owned()),
    };
    let details = match meta.get(contract::DETAILS) {
        None | Some(Value::Null) => None,
        Some(details) => Some(serde_json::from_value(details.clone()).map_err(|error| {
            format!("_meta {}: is not ours: {}", contract::DETAILS, shorten(&error.to_string(), 200))
        })?),
    };
    Ok((id, details))
}

fn success(execution: &Execution) -> Result<CallToolResult, ErrorData> {
    let structured =
        serde_json::to_value(execution).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(CallToolResult::structured(structured))
}

fn failed(failure: &Failure) -> CallToolResult {
    let mut structured = json!({ "outcome": failure.outcome, "message": failure.error.message() });
    if let Some(id) = failure.execution_id {
        structured["execution_id"] = json!(id.to_string());
    }
    let mut result = CallToolResult::structured_error(structured);
    // The text is what a person or a model reads: the sentence, not the JSON around it.
    result.content = vec![ContentBlock::text(failure.error.message())];
    result
}

#[cfg(test)]
mod tests;
