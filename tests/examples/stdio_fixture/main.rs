//! An MCP server over stdio that offers what the official conformance suite asks of a server, on the handshake of MCP 2025-11-25:
//! what stands in for any third party's server behind `stdio_host`. It knows nothing of its host.
//!
//! The names of its tools, prompts and resources, and what they answer, are the suite's: see the descriptions of its server
//! scenarios.

#![expect(deprecated, reason = "logging is no relic for a server of the older handshake")]

mod ask;
mod catalogue;
mod offers;
mod tools;

use std::{borrow::Cow, error::Error, sync::Arc, time::Duration};

use rmcp::{
    RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, ErrorData,
        GetPromptRequestParams, GetPromptResponse, Implementation, JsonObject, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SetLevelRequestParams,
        SubscribeRequestParams, Tool, UnsubscribeRequestParams,
    },
    service::RequestContext,
    transport::stdio,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How long a step of a tool takes that has several.
const STEP: Duration = Duration::from_millis(50);

/// The newest version this server speaks: servers that hosts are asked to run are older than their clients.
const NEWEST: ProtocolVersion = ProtocolVersion::V_2025_11_25;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let tools: Vec<Tool> = shaped(catalogue::tools())?;
    Fixture { tools: tools.into() }.serve(stdio()).await?.waiting().await?;
    Ok(())
}

#[derive(Clone)]
struct Fixture {
    tools: Arc<[Tool]>,
}

/// What is written as JSON here, as the type that the SDK wants.
fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn argument<'a>(arguments: &'a JsonObject, name: &str) -> Result<&'a str, ErrorData> {
    let missing = || ErrorData::invalid_params(format!("the argument {name} is missing"), None);
    arguments.get(name).and_then(Value::as_str).ok_or_else(missing)
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_prompts();
        let capabilities = capabilities.enable_resources().enable_resources_subscribe().enable_completions();
        ServerConfig::new(capabilities.enable_logging().build())
            .with_server_info(Implementation::new("fixture", env!("CARGO_PKG_VERSION")))
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&NEWEST))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = tools::call(&request.name, &request.arguments.unwrap_or_default(), &context).await?;
        Ok(CallToolResponse::Complete(shaped(result)?))
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        shaped(json!({ "prompts": offers::prompts() }))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let messages = offers::prompt(&request.name, &request.arguments.unwrap_or_default(), &context.peer).await?;
        Ok(GetPromptResponse::Complete(shaped(json!({ "messages": messages }))?))
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        shaped(json!({ "resources": offers::resources() }))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        shaped(json!({ "resourceTemplates": offers::templates() }))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let Some(contents) = offers::resource(&request.uri) else {
            let data = json!({ "uri": request.uri });
            return Err(ErrorData::resource_not_found("Resource not found", Some(data)));
        };
        Ok(ReadResourceResponse::Complete(shaped(json!({ "contents": [contents] }))?))
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let values: Vec<&str> = ["testValue1", "testValue2", "paris", "park", "party"]
            .into_iter()
            .filter(|value| value.starts_with(&request.argument.value))
            .collect();
        shaped(json!({ "completion": { "values": values, "total": values.len(), "hasMore": false } }))
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // Every message of the fixture is of level info; each is sent, and a client drops what it does not want.
        Ok(())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }
}
