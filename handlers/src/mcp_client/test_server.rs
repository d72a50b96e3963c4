//! A real MCP server for tests, on the official SDK, which counts the HTTP requests that reach it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::Request, middleware};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService,
        streamable_http_server::session::{local::LocalSessionManager, never::NeverSessionManager},
    },
};
use serde_json::json;

/// How the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Stateless, answers in JSON.
    Json,
    /// Stateless, answers by an event stream.
    Events,
    /// Older versions with sessions, answers by an event stream.
    Sessions,
}

/// A running server.
pub(crate) struct TestServer {
    /// Its endpoint.
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
}

impl TestServer {
    /// Starts one; it ends with the test's runtime.
    pub(crate) async fn start(style: Style) -> Self {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(style == Style::Sessions)
            .with_json_response(style == Style::Json);
        let routes = match style {
            Style::Sessions => Router::new().fallback_service(StreamableHttpService::new(
                || Ok(Tools),
                Arc::new(LocalSessionManager::default()),
                config,
            )),
            _ => Router::new().fallback_service(StreamableHttpService::new(
                || Ok(Tools),
                Arc::new(NeverSessionManager::default()),
                config,
            )),
        };
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let routes = routes.layer(middleware::from_fn(move |request: Request, next: middleware::Next| {
            counter.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, requests }
    }

    /// Requests since the last time this was asked.
    pub(crate) fn requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

#[derive(Debug, Clone)]
struct Tools;

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |declaration| serde_json::from_value::<Tool>(declaration).unwrap();
        let first = vec![tool(json!({
            "name": "echo", "title": "Echo", "description": "Returns what it gets.",
            "inputSchema": {"type": "object", "properties": {"environment": {"type": "string"}, "n": {"type": "number", "maximum": 1.0}}},
            "outputSchema": {"type": "object"},
            "annotations": {"readOnlyHint": true},
            "_meta": {"switchyard/pipeline_type": "bootstrap"},
        }))];
        let second = vec![
            tool(json!({"name": "fail", "inputSchema": {"type": "object"}})),
            tool(json!({"name": "big", "inputSchema": {"type": "object"}})),
            tool(json!({"name": "slow", "inputSchema": {"type": "object"}})),
        ];
        let is_first = request.and_then(|request| request.cursor).is_none();
        let mut result = ListToolsResult::with_all_items(if is_first { first } else { second });
        result.next_cursor = is_first.then(|| "2".to_owned());
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = match request.name.as_ref() {
            "echo" => {
                let execution = context.meta.get("switchyard/execution_id").cloned();
                let mut result = CallToolResult::success(vec![ContentBlock::text("one"), ContentBlock::text("two")]);
                result.structured_content = Some(json!({ "arguments": request.arguments, "execution_id": execution }));
                result
            }
            "fail" => CallToolResult::error(vec![ContentBlock::text("GitLab is on fire")]),
            "big" => CallToolResult::success(vec![ContentBlock::text("x".repeat(5 * 1024 * 1024))]),
            "slow" => {
                tokio::time::sleep(std::time::Duration::from_secs(30)).await;
                CallToolResult::success(Vec::new())
            }
            other => return Err(ErrorData::invalid_params(format!("unknown tool {other}"), None)),
        };
        Ok(result.into())
    }
}

/// A server that speaks 2025-11-25 and nothing newer, without sessions. `ping`: `result` or `error` of its answer to ping.
pub(crate) async fn older(ping: serde_json::Value) -> wiremock::MockServer {
    let mock = wiremock::MockServer::start().await;
    let respond = move |request: &wiremock::Request| {
        let message: serde_json::Value = request.body_json().unwrap();
        let mut answer = match message["method"].as_str().unwrap() {
            "initialize" => json!({ "result": {
                "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "older", "version": "1" },
            } }),
            "ping" => ping.clone(),
            "notifications/initialized" => return wiremock::ResponseTemplate::new(202),
            _ => json!({ "error": { "code": -32601, "message": "Method not found" } }),
        };
        answer["jsonrpc"] = "2.0".into();
        answer["id"] = message["id"].clone();
        wiremock::ResponseTemplate::new(200).set_body_json(answer)
    };
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(respond).mount(&mock).await;
    mock
}
