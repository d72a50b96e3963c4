//! Calls to servers that other teams registered: MCP by the official SDK, REST and GraphQL as single requests; the transport
//! (https or Lambda invoke) by the endpoint; and nothing goes anywhere that the [`Guard`] does not allow.

mod address;
mod connection;
mod error;
mod exchange;
mod graphql;
mod guard;
mod health;
mod https;
mod iam;
mod lambda;
mod oauth;
mod param_headers;
mod proof;
mod requests;
mod rest;
mod result;
mod secrets;
mod shared;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;
mod unattended;
mod web;

use aws_config::SdkConfig;
pub use error::{CallError, Failure};
pub use guard::{Endpoint, Guard, LambdaArn};
pub use health::Health;
use http::HeaderMap;
pub(crate) use requests::api_key_header;
use rmcp::model::{CallToolRequestParams, JsonObject, PaginatedRequestParams, ProtocolVersion};
use tokio::time::Instant;

use self::{
    connection::{Opening, Routes, Session},
    exchange::Exchange,
    proof::Proofs,
    requests::Requests,
};
use crate::registry::{AuthenticationType, ProtocolType, Server, Tool};

/// Header that carries an API key when the server names none.
pub const DEFAULT_API_KEY_HEADER: &str = "X-API-Key";

/// Most tools that one server may have.
pub const MAX_TOOLS: usize = 256;

/// Most pages of `tools/list` that are read.
const MAX_PAGES: usize = 64;

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The tool says that it failed.
    pub is_error: bool,
    /// Text parts of the answer, joined by line breaks; other parts are named in brackets.
    pub text: String,
    /// `structuredContent`.
    pub structured: Option<serde_json::Value>,
}

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// The MCP version agreed on.
    pub mcp_version: String,
    /// Its tools as it declares them; annotations are its own word, which is no approval.
    pub tools: Vec<Tool>,
}

/// Calls MCP servers. Cheap to clone; connections, keys and tokens are kept between calls.
#[derive(Debug, Clone)]
pub struct McpClient {
    guard: Guard,
    routes: Routes,
    proofs: Proofs,
}

impl McpClient {
    /// A client that goes where `guard` allows.
    pub fn new(config: &SdkConfig, guard: Guard) -> Self {
        let routes = Routes::new(config, &guard);
        let proofs = Proofs::new(config, &routes);
        Self { guard, routes, proofs }
    }

    /// The guard of this client.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Calls one tool. `meta` becomes `_meta` of the request; a server without MCP gets only the execution id, in a header.
    /// The request is sent once; only what was certainly not taken up (an old API key or token, a changed MCP version) is
    /// sent again, once.
    ///
    /// # Errors
    /// A [`CallError`], each with a sentence for a person; [`CallError::may_have_run`] says whether the tool may have started.
    pub async fn call_tool(
        &self,
        server: &Server,
        tool: &str,
        arguments: JsonObject,
        meta: JsonObject,
        deadline: Instant,
    ) -> Result<ToolResult, CallError> {
        let Some(approved) = server.tool(tool) else {
            let known = server.available_tools.iter().map(|tool| tool.name.clone()).collect();
            return Err(Failure::UnknownTool { tool: tool.to_owned(), known }.of(&server.server_id, false));
        };
        if server.protocol_type != ProtocolType::JsonRpc {
            let call = async |requests: &Requests| web::call(requests, server, approved, &arguments, &meta).await;
            return self.request(server, deadline, call).await;
        }
        let tool_headers = param_headers::headers(&approved.input_schema, &arguments).map_err(|reason| {
            Failure::Misdeclared(format!("the tool {tool}: {reason}")).of(&server.server_id, false)
        })?;
        let mut params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        if !meta.is_empty() {
            params.meta = Some(meta.into());
        }
        let call = async |session: &Session| unattended::call_tool(session, params.clone()).await;
        self.converse(server, &tool_headers, deadline, call).await.map(|(_, result)| result)
    }

    /// Asks an MCP server for the version it speaks and for its tools.
    ///
    /// # Errors
    /// A [`CallError`], each with a sentence for a person.
    pub async fn discover(&self, server: &Server, deadline: Instant) -> Result<Discovery, CallError> {
        if server.protocol_type != ProtocolType::JsonRpc {
            let what = format!("asking a {} server for its tools", server.protocol_type);
            return Err(Failure::Unsupported(what).of(&server.server_id, false));
        }
        let server = Server { mcp_version: None, ..server.clone() };
        let (version, tools) = self.converse(&server, &HeaderMap::new(), deadline, list_tools).await?;
        Ok(Discovery { mcp_version: version.to_string(), tools })
    }

    /// Checks, before a server is registered, that its endpoint may be called at all: its text, and for a Lambda function
    /// its tag or the operator's list. A host name's addresses are checked whenever a connection is made.
    ///
    /// # Errors
    /// A [`CallError`] that says what to change.
    pub async fn check_endpoint(&self, server: &Server, deadline: Instant) -> Result<(), CallError> {
        let check = async {
            match self.supported(server)? {
                Endpoint::Lambda(arn) => lambda::check_invocable(&self.routes.lambda, &self.guard, &arn).await,
                Endpoint::Http { .. } => Ok(()),
            }
        };
        within(deadline, Box::pin(check)).await.map_err(|failure| failure.of(&server.server_id, false))
    }

    /// The endpoint of a server whose entry can be acted on.
    fn supported(&self, server: &Server) -> Result<Endpoint, Failure> {
        let endpoint = self.guard.endpoint(&server.endpoint_url)?;
        let (protocol, authentication) = (server.protocol_type, server.authentication_type);
        if matches!(endpoint, Endpoint::Lambda(_)) {
            if protocol != ProtocolType::JsonRpc {
                let what = format!("the protocol type {protocol} for a Lambda function (register an https URL of it)");
                return Err(Failure::Unsupported(what));
            }
            if authentication != AuthenticationType::None {
                let what = format!(
                    "the authentication type {authentication} for a Lambda function (IAM guards it; use the type none)"
                );
                return Err(Failure::Unsupported(what));
            }
        }
        proof::check(server, &self.routes)?;
        Ok(endpoint)
    }

    /// Makes a single HTTP request, at most once more after a 401 that a fresh secret can mend.
    async fn request<T>(
        &self,
        server: &Server,
        deadline: Instant,
        ask: impl AsyncFn(&Requests) -> Result<T, Failure>,
    ) -> Result<T, CallError> {
        let exchange = Exchange::default();
        let whole = async {
            let endpoint = self.supported(server)?;
            let mut proof = self.proofs.of(server).await?;
            let mut may_renew = true;
            loop {
                let requests = self.routes.requests(&endpoint, &proof, &exchange.another_attempt()).await?;
                match ask(&requests).await {
                    Err(refused @ Failure::Unauthorized { status: 401, .. }) if may_renew => {
                        may_renew = false;
                        exchange.not_taken_up();
                        let Some(fresh) = self.proofs.renewed(server, &proof).await? else { return Err(refused) };
                        proof = fresh;
                    }
                    outcome => return outcome,
                }
            }
        };
        let outcome = within(deadline, Box::pin(whole)).await.map_err(|failure| self.name_secret(server, failure));
        outcome.map_err(|failure| failure.of(&server.server_id, exchange.tool_call_sent()))
    }

    /// Opens a conversation and has `talk` do its part, at most once more after a refusal that a fresh secret or another MCP
    /// version can mend.
    async fn converse<T>(
        &self,
        server: &Server,
        tool_headers: &HeaderMap,
        deadline: Instant,
        talk: impl AsyncFn(&Session) -> Result<T, Failure>,
    ) -> Result<(ProtocolVersion, T), CallError> {
        self.converse_from(Opening::of(server.mcp_version.as_deref()), server, tool_headers, deadline, talk).await
    }

    /// The same with another beginning.
    async fn converse_from<T>(
        &self,
        mut opening: Opening,
        server: &Server,
        tool_headers: &HeaderMap,
        deadline: Instant,
        talk: impl AsyncFn(&Session) -> Result<T, Failure>,
    ) -> Result<(ProtocolVersion, T), CallError> {
        let exchange = Exchange::default();
        let whole = async {
            let endpoint = self.supported(server)?;
            let mut proof = self.proofs.of(server).await?;
            let (mut may_renew, mut may_ask) = (true, opening != Opening::Ask);
            loop {
                let attempt = exchange.another_attempt();
                // Boxed: the SDK's futures are deep, and callers put more around them.
                let open = Box::pin(self.routes.open(&endpoint, &proof, &opening, tool_headers, &attempt, deadline));
                let failure = match open.await {
                    Ok(session) => {
                        let answer = talk(&session).await;
                        let version = session.version.clone();
                        session.close(deadline).await;
                        match answer {
                            Ok(answer) => return Ok((version, answer)),
                            Err(failure) => failure,
                        }
                    }
                    Err(failure) => failure,
                };
                match failure {
                    refused @ Failure::Unauthorized { status: 401, .. } if may_renew => {
                        may_renew = false;
                        exchange.not_taken_up();
                        let Some(fresh) = self.proofs.renewed(server, &proof).await? else { return Err(refused) };
                        proof = fresh;
                    }
                    failure if may_ask && opening.is_refused(&failure) => {
                        tracing::warn!(server_id = server.server_id, mcp_version = server.mcp_version, %failure, "stored MCP version refused, asking the server");
                        may_ask = false;
                        exchange.not_taken_up();
                        opening = opening.instead();
                    }
                    failure => return Err(failure),
                }
            }
        };
        let outcome = within(deadline, Box::pin(whole)).await.map_err(|failure| self.name_secret(server, failure));
        outcome.map_err(|failure| failure.of(&server.server_id, exchange.tool_call_sent()))
    }

    /// Tells which secret was not accepted.
    fn name_secret(&self, server: &Server, failure: Failure) -> Failure {
        match failure {
            Failure::Unauthorized { status, .. } => {
                Failure::Unauthorized { status, secret: self.proofs.secret_name(server) }
            }
            other => other,
        }
    }
}

/// What is wrong with a tool's declaration of how it is called, for the protocol type of its server.
pub(crate) fn declaration_problems(server: &Server, tool: &Tool) -> Vec<String> {
    match server.protocol_type {
        ProtocolType::JsonRpc => param_headers::problem(&tool.input_schema).into_iter().collect(),
        ProtocolType::Rest => rest::problems(server, tool),
        ProtocolType::GraphQl => graphql::problems(tool),
    }
}

/// `work`, or a timeout.
async fn within<T>(deadline: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let after = deadline.saturating_duration_since(Instant::now());
    let outcome = tokio::time::timeout_at(deadline, work).await;
    outcome.unwrap_or_else(|_| Err(Failure::Timeout { after }))
}

/// All tools of a server, page by page.
async fn list_tools(session: &Session) -> Result<Vec<Tool>, Failure> {
    let mut tools = Vec::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor.clone());
        let page = session.run(async |server| server.list_tools(Some(page)).await).await?;
        for tool in &page.tools {
            tools.push(result::declared_tool(tool)?);
        }
        if tools.len() > MAX_TOOLS {
            return Err(Failure::Malformed(format!("it lists more than {MAX_TOOLS} tools")));
        }
        match page.next_cursor {
            None => return Ok(tools),
            next if next == cursor => {
                return Err(Failure::Malformed("its tools/list repeats the same cursor".to_owned()));
            }
            next => cursor = next,
        }
    }
    Err(Failure::Malformed(format!("its tools/list has more than {MAX_PAGES} pages")))
}
