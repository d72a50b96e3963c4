//! The custom resource that registers MCP servers (a direct Lambda service token).
//!
//! CloudFormation waits for a PUT to the event's `ResponseURL`, up to an hour, so every event is answered there before our
//! own deadline, whatever happens. What each request type does:
//!
//! - Create and Update write the entry `ServerId@Version`, which is also the physical id. An Update to another id or version
//!   makes CloudFormation delete the old physical id afterwards; a failed Update keeps the old physical id.
//! - Delete decommissions the entry if it belongs to this stack and logical id, and otherwise does nothing: CloudFormation
//!   also deletes what was never created.
//!
//! Source: AWS CloudFormation user guide, "Custom resource request and response reference".

mod answer;
mod event;
mod foreign;
mod properties;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use self::{
    answer::{Answer, Mailbox},
    event::{Request, RequestType, Stack},
    properties::{Declared, in_words},
};
use crate::{
    env,
    error::{Error, Kind, Result, internal, invalid, shorten},
    mcp_client::{CallError, Discovery, Failure, Guard, LambdaArn, McpClient},
    notices::{Notice, Notices},
    registry::{
        self, AuthenticationType, Claim, Holding, ProtocolType, Registry, Server, Standing, Status,
        rules::{self, valid_version},
        stack_owner, valid_server_id,
    },
    runtime::Invocation,
};

/// Kept back from Lambda's deadline for the PUT of the answer and its retries.
const ANSWER_TIME: Duration = Duration::from_secs(8);

/// How long a server whose tools are given in the template is asked for its MCP version.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);

/// How long a server that refuses us is asked again for its tools: AWS needs a while until a key, a role or a right that was
/// made in the same deployment is known everywhere.
const NEWNESS: Duration = Duration::from_secs(30);

/// The pause after the first refusal, which doubles.
const PAUSE: Duration = Duration::from_secs(1);

/// The function `registration`.
#[derive(Debug, Clone)]
pub struct Registration {
    registry: Registry,
    client: McpClient,
    notices: Notices,
    mailbox: Mailbox,
}

/// What goes back to CloudFormation on success.
struct Done {
    physical_id: String,
    data: Map<String, Value>,
}

impl Registration {
    /// The function with its settings.
    ///
    /// # Errors
    /// A setting is wrong, or no TLS configuration can be made on this machine.
    pub fn new(settings: &env::Registration, config: &SdkConfig) -> Result<Self> {
        Ok(Self {
            registry: Registry::new(
                aws_sdk_dynamodb::Client::new(config),
                settings.registry_table.as_str(),
                settings.state_table.as_str(),
            ),
            client: McpClient::new(config, Guard::new(&settings.reach)?),
            notices: Notices::new(config, settings.approval_topic.as_deref()),
            mailbox: Mailbox::new(settings.aws_endpoint_url.as_deref())?,
        })
    }

    /// Does what the event asks for and answers CloudFormation.
    ///
    /// # Errors
    /// The event is not one of CloudFormation, or the answer could not be delivered; then Lambda delivers the event again,
    /// and doing the same again is harmless.
    pub async fn handle(&self, event: Value, invocation: Invocation) -> Result<Value> {
        let request = Request::parse(event)?;
        let home = LambdaArn::parse(&invocation.function_arn).map_err(internal)?;
        let letter = self.mailbox.letter(&request.response_url, &home.region)?;
        let deadline = work_deadline(&invocation);
        let outcome = match tokio::time::timeout_at(deadline, Box::pin(self.work(&request, &home, deadline))).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(
                Kind::Timeout,
                "The registration took too long. Check that the MCP server answers, and try again.",
            )),
        };
        let answer = match &outcome {
            Ok(done) => Answer::success(&request, &done.physical_id, &done.data),
            Err(error) => Answer::failure(&request, &reason(error, &invocation)),
        };
        match &outcome {
            Ok(done) => {
                tracing::info!(request_id = invocation.request_id, stack_id = request.stack_id,
                    request_type = %request.request_type, id = done.physical_id, "registration done");
            }
            Err(error) => {
                let (request_id, stack_id, kind) = (&invocation.request_id, &request.stack_id, error.kind());
                let (request_type, causes) = (request.request_type, error.causes());
                if kind == Kind::Internal {
                    tracing::error!(request_id, stack_id, %request_type, ?kind, %error, causes, "registration failed");
                } else {
                    tracing::warn!(request_id, stack_id, %request_type, ?kind, %error, causes, "registration failed");
                }
            }
        }
        letter.send(&answer, invocation.deadline).await?;
        Ok(json!({ "Status": answer.status(), "PhysicalResourceId": answer.physical_id() }))
    }

    async fn work(&self, request: &Request, home: &LambdaArn, deadline: Instant) -> Result<Done> {
        let owner = stack_owner(&request.stack_id, &request.logical_id);
        if request.request_type == RequestType::Delete {
            return self.delete(request, &owner).await;
        }
        let stack = request.stack()?;
        let is_local = stack.account == home.account;
        let mut declared = Declared::parse(&request.properties, self.registry.table(), self.client.guard(), home)
            .map_err(|problems| listed(&problems))?;
        let given = declared.tools.take();
        let server = declared.into_server(request, stack, is_local, &owner);
        // Before anything goes out: the endpoint is the declarer's, and the API key that belongs to the id may be another's.
        let may_ask = match self.registry.standing(&server.server_id, &owner).await? {
            Standing::Other(holding) => return Err(taken(&server.server_id, &holding)),
            standing => may_ask(&server, is_local, &standing),
        };
        let server = self.complete(server, given, may_ask, deadline).await?;
        let unsettled = rules::unsettled(&server);
        if !unsettled.is_empty() {
            tracing::warn!(
                server_id = server.server_id,
                tools = unsettled.join(", "),
                "no status_tool: when an answer of these tools is lost, only a person can find out what became of it"
            );
        }
        if !is_local && let Some(entry) = self.settle_foreign(&server).await? {
            return Ok(Done { physical_id: entry.id(), data: data(&entry) });
        }
        match self.registry.register(&server).await? {
            Claim::Registered => {
                if server.status == Status::Pending {
                    self.notices.send(&Notice::waiting(&server)).await;
                }
                Ok(Done { physical_id: server.id(), data: data(&server) })
            }
            Claim::Taken(holding) => Err(taken(&server.server_id, &holding)),
        }
    }

    async fn delete(&self, request: &Request, owner: &str) -> Result<Done> {
        let physical_id = request.physical_id.clone().unwrap_or_default();
        // An id that is not ours was made up for a resource that was never created.
        let ours = physical_id.split_once('@').filter(|(id, version)| valid_server_id(id) && valid_version(version));
        if let Some((server_id, version)) = ours {
            let release = self.registry.release(server_id, version, owner).await?;
            tracing::info!(id = physical_id, ?release, "registry entry released");
        }
        Ok(Done { physical_id, data: Map::new() })
    }

    /// Adds what the server itself has to say: the MCP version, and the tools unless they were given. `may_ask`: whether it
    /// is asked at all.
    async fn complete(
        &self,
        mut server: Server,
        given: Option<Vec<registry::Tool>>,
        may_ask: bool,
        deadline: Instant,
    ) -> Result<Server> {
        self.client.check_endpoint(&server, deadline).await.map_err(|e| invalid(e.to_string()))?;
        server.available_tools = match given {
            Some(tools) if may_ask && server.protocol_type == ProtocolType::JsonRpc => {
                server.mcp_version = self.version(&server, deadline).await?;
                tools
            }
            Some(tools) => tools,
            None if may_ask => {
                let Discovery { mcp_version, mut tools } =
                    self.discover(&server, deadline).await.map_err(|e| undiscovered(&e.to_string()))?;
                rules::distrust(&mut tools);
                server.mcp_version = Some(mcp_version);
                tools
            }
            None => {
                return Err(undiscovered(
                    "credentials are used only for a server that is active and declared in this account.",
                ));
            }
        };
        let mut faults = rules::approve(&mut server);
        faults.extend(rules::tool_faults(&server));
        if !faults.is_empty() {
            return Err(listed(&faults.iter().map(in_words).collect::<Vec<_>>()));
        }
        server.definition_hash = server.compute_hash();
        Ok(server)
    }

    /// Asks a server for its tools, and one that does not let us in yet again.
    async fn discover(&self, server: &Server, deadline: Instant) -> Result<Discovery, CallError> {
        let patience = deadline.min(Instant::now() + NEWNESS);
        let mut pause = PAUSE;
        loop {
            match self.client.discover(server, deadline).await {
                Err(CallError { failure, .. }) if failure.may_be_new() && Instant::now() + pause < patience => {
                    tracing::info!(server_id = server.server_id, %failure, "the server does not let us in yet");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    /// The MCP version of a server whose tools are known; none if it cannot be learned now.
    async fn version(&self, server: &Server, deadline: Instant) -> Result<Option<String>> {
        let patience = deadline.min(Instant::now() + VERSION_PATIENCE);
        match self.client.discover(server, patience).await {
            Ok(discovery) => Ok(Some(discovery.mcp_version)),
            // The guard's word is final; a server that is down can be registered all the same.
            Err(error) if matches!(error.failure, Failure::Refused(_) | Failure::Unsupported(_)) => {
                Err(invalid(error.to_string()))
            }
            Err(error) => {
                tracing::warn!(server_id = server.server_id, %error, "registered without asking the server");
                Ok(None)
            }
        }
    }
}

/// Whether a server is asked anything while it is registered. With a proof of who calls (a key, client credentials, a
/// signature) it is only if that belongs to whoever declares the endpoint: somebody of this account who has the id already,
/// or makes it active now. What waits for approval gets none.
fn may_ask(server: &Server, is_local: bool, standing: &Standing) -> bool {
    server.authentication_type == AuthenticationType::None
        || (is_local && (*standing == Standing::Own || server.status == Status::Active))
}

fn undiscovered(reason: &str) -> Error {
    Error::new(
        Kind::Dependency,
        format!("The tools cannot be discovered ({reason}) Give AvailableTools or make the server reachable."),
    )
}

fn work_deadline(invocation: &Invocation) -> Instant {
    let remaining = invocation.remaining();
    // With little time left in all, half of it is for the answer.
    Instant::now() + remaining.saturating_sub(ANSWER_TIME).max(remaining / 2)
}

/// All problems in one message, as far as a line in the log can hold them: a template may have as many as it likes.
fn listed(problems: &[String]) -> Error {
    const MOST: usize = 200;
    let mut told: Vec<String> = problems.iter().take(MOST).map(|problem| shorten(problem, 300)).collect();
    if problems.len() > MOST {
        told.push(format!("and {} more", problems.len() - MOST));
    }
    invalid(format!("The registration has {} problem(s): {}", problems.len(), told.join("; ")))
}

fn reason(error: &Error, invocation: &Invocation) -> String {
    format!("{error} (request id {} in the log of the function registration)", invocation.request_id)
}

/// Why a server id cannot be had.
fn taken(server_id: &str, Holding { id, owner, live }: &Holding) -> Error {
    let by = match owner.rsplit_once('#') {
        Some((stack, logical_id)) => format!("the resource {logical_id} of the stack {stack}"),
        None if owner.is_empty() => "an entry that was made by hand".to_owned(),
        None => owner.clone(),
    };
    let message = if *live {
        format!(
            "The server id {server_id} belongs to {by} (entry {id}). Choose another ServerId, or decommission that entry first."
        )
    } else {
        format!(
            "The server id {server_id} belonged to {by} (entry {id}, decommissioned), and its API key may still be there. \
             Choose another ServerId, or have an operator delete that secret and the decommissioned entries of the id."
        )
    };
    Error::new(Kind::Conflict, message)
}

/// What `Fn::GetAtt` can read.
fn data(server: &Server) -> Map<String, Value> {
    let word = |text: &str| Value::String(text.to_owned());
    Map::from_iter([
        ("ServerID".to_owned(), word(&server.server_id)),
        ("Version".to_owned(), word(&server.version)),
        ("Status".to_owned(), word(server.status.as_str())),
        ("McpVersion".to_owned(), word(server.mcp_version.as_deref().unwrap_or("unknown"))),
        ("ToolCount".to_owned(), Value::String(server.available_tools.len().to_string())),
        ("DefinitionHash".to_owned(), word(&server.definition_hash)),
    ])
}

impl Declared {
    /// The entry as far as the template says it.
    fn into_server(self, request: &Request, stack: Stack, is_local: bool, owner: &str) -> Server {
        // What another account registers waits for a person's approval.
        let status = if is_local { self.status } else { Status::Pending };
        let now = registry::now();
        Server {
            server_id: self.server_id,
            version: self.version,
            server_name: self.server_name,
            description: self.description,
            endpoint_url: self.endpoint_url,
            protocol_type: self.protocol_type,
            authentication_type: self.authentication_type,
            api_key_header: self.api_key_header,
            available_tools: Vec::new(),
            definition_hash: String::new(),
            status,
            unhealthy_since: None,
            health_check_url: self.health_check_url,
            health_check_interval: self.health_check_interval,
            configuration: self.configuration,
            metadata: self.metadata,
            deployment_stack: Some(self.deployment_stack.unwrap_or(stack.name)),
            deployment_region: Some(self.deployment_region.unwrap_or(stack.region)),
            owner: owner.to_owned(),
            mcp_version: None,
            created_at: now.clone(),
            updated_at: now,
            created_by: request.stack_id.clone(),
            superseded: None,
        }
    }
}
