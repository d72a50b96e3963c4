//! The MCP side: which tools there are, and how a call gets to them.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{process, report};

/// The server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reports;

/// The server over streamable HTTP, without sessions: each message is a request that any instance of the function can answer.
/// API Gateway has decided by host and key who gets in.
pub(crate) fn service() -> StreamableHttpService<Reports, NeverSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None)
        .with_allowed_hosts(Vec::<String>::new());
    StreamableHttpService::new(|| Ok(Reports), Arc::new(NeverSessionManager::default()), config)
}

fn tools() -> [Tool; 2] {
    let tool = |name, description, schema: Value| {
        let schema = schema.as_object().cloned().unwrap_or_default();
        Tool::new(name, description, Arc::new(schema)).with_annotations(ToolAnnotations::new().read_only(true))
    };
    [
        tool("process_data", "Reads data (JSON, CSV or text) and says what is in them.", process::schema()),
        tool("generate_report", "Makes a report in Markdown of rows that it is given.", report::schema()),
    ]
}

/// Runs a tool. What is wrong with its arguments is for the model to read, so it is a result and no error.
fn run<A: DeserializeOwned>(arguments: Value, tool: impl Fn(&A) -> Result<Value, String>) -> CallToolResult {
    let done =
        serde_json::from_value(arguments).map_err(|error| error.to_string()).and_then(|arguments| tool(&arguments));
    match done {
        Ok(result) => CallToolResult::structured(result),
        Err(problem) => CallToolResult::error(vec![ContentBlock::text(problem)]),
    }
}

impl ServerHandler for Reports {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("reports", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools().to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        match request.name.as_ref() {
            "process_data" => Ok(run(arguments, process::run).into()),
            "generate_report" => Ok(run(arguments, report::run).into()),
            _ => Err(ErrorData::invalid_params("there are the tools process_data and generate_report", None)),
        }
    }
}
