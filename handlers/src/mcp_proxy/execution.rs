//! Tools that change something: reserve, call once, record; and the status of what was started.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{LARGEST_ANSWER, McpProxy, Request, report::Report};
use crate::{
    action_group::{ToolAnswer, attribute},
    contract::{DETAILS, EXECUTION_ID},
    error::{Result, dependency, invalid},
    mcp_client::{CallError, ToolResult},
    memory::{
        Deployment, Source, Status, canonical_tenant, iso,
        reservation::{Outcome, Reserved, request_key},
        tenant_environment,
    },
    registry::Server,
};

/// The argument that holds the tenant, in every tool.
const TENANT_ARGUMENT: &str = "tenant_id";

/// An execution that its server does not know was never started, once it is this old: by then no call for it is under way.
const NEVER_STARTED_AFTER: Duration = Duration::from_secs(16 * 60);

/// An open execution whose status cannot be learned is given up when it is this old, so that its place is not lost for ever.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A status younger than this is taken as it is: of many who ask at once, one asks the server.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// A reserved execution is left alone this long: its call is most likely still under way.
const STARTING_FOR: Duration = Duration::from_secs(15);

/// The longest that asking for another execution's status may hold up a call.
const LONGEST_CHECK: Duration = Duration::from_secs(8);

/// How often a reservation is tried again after the execution in its way was found to be over.
const ATTEMPTS: usize = 3;

impl McpProxy {
    /// Calls a tool that changes an environment, once.
    pub(super) async fn execute(&self, request: &Request<'_>, mut arguments: Map<String, Value>) -> Result<ToolAnswer> {
        self.environments.spell(request.server, &mut arguments);
        if let Some(Value::String(tenant)) = arguments.get_mut(TENANT_ARGUMENT) {
            *tenant = canonical_tenant(tenant);
        }
        // In the spelling in which they are sent.
        request.check(&arguments)?;
        let environment = self.environments.admit(request.server, request.tool, &arguments)?;
        let wish = wish(request, environment, &arguments);
        let key = request
            .call
            .session()
            .map(|session_id| request_key(session_id, &request.server.server_id, &request.tool.name, &arguments));
        for _ in 0..ATTEMPTS {
            let (mut earlier, same) = match self.reservations.reserve(&wish, key.as_deref()).await? {
                Reserved::Fresh => return self.start(request, wish, arguments).await,
                Reserved::Same(first) => (*first, true),
                Reserved::Held(holder) => (*holder, false),
            };
            if earlier.status.is_open() && worth_checking(&earlier) {
                let deadline = request.deadline.min(Instant::now() + LONGEST_CHECK);
                match self.refresh(&earlier, deadline).await {
                    // It is over by now: the reservation can be tried again.
                    Ok(checked) if !checked.status.is_open() => continue,
                    Ok(checked) => earlier = checked,
                    Err(reason) => {
                        tracing::warn!(execution_id = earlier.execution_id, reason, "status not learned");
                        if age(&earlier.started_at) >= GIVEN_UP_AFTER {
                            self.reservations.settle(&earlier, &given_up(&reason)).await?;
                            continue;
                        }
                    }
                }
            }
            return Ok(not_again(&earlier, same));
        }
        Err(dependency(format!(
            "{} is being started by several at once, so nothing was started for this call. Look at the deployment history.",
            wish.title()
        )))
    }

    /// Calls the tool for a reserved execution and records what became of it.
    async fn start(
        &self,
        request: &Request<'_>,
        wish: Deployment,
        arguments: Map<String, Value>,
    ) -> Result<ToolAnswer> {
        let meta = Map::from_iter([(EXECUTION_ID.to_owned(), Value::from(wish.execution_id.as_str()))]);
        let tool = &request.tool.name;
        let called = self.client.call_tool(request.server, tool, arguments, meta, request.deadline).await;
        let report = match &called {
            Ok(result) => Report::of(result),
            Err(error) => lost(error),
        };
        let recorded = self.reservations.settle(&wish, &report.outcome()).await;
        if let Err(error) = &recorded {
            // The reservation stays: a status check settles it. What happened is told all the same.
            let (request_id, causes) = (request.request_id, error.causes());
            tracing::error!(request_id, execution_id = wish.execution_id, %error, causes, "outcome not recorded");
        }
        Ok(started(&recorded.unwrap_or(Deployment { status: report.status, ..wish }), &report, called.as_ref().ok()))
    }

    /// Tells how an execution is going, and records it.
    pub(super) async fn status(&self, request: &Request<'_>, arguments: &Map<String, Value>) -> Result<ToolAnswer> {
        let execution_id = arguments.get("execution_id").and_then(Value::as_str).unwrap_or_default();
        let execution_id = uuid::Uuid::try_parse(execution_id)
            .map_err(|_| {
                invalid(format!(
                    "`{execution_id}` is not an execution id; one looks like 0198c0de-0000-7000-8000-000000000000."
                ))
            })?
            .to_string();
        let Some(deployment) = self.reservations.get(&execution_id).await? else {
            // Not ours, but the server may know it: somebody may have used one of its other doors.
            return self.read(request, arguments.clone()).await;
        };
        if !deployment.status.is_open() || deployment.source == Source::Reported {
            return Ok(told(&deployment, None));
        }
        match self.refresh(&deployment, request.deadline).await {
            Ok(checked) => Ok(told(&checked, None)),
            Err(reason) => Ok(told(&deployment, Some(&reason))),
        }
    }

    /// Asks the server that runs an execution how it is going and records the answer. The error says why that is not known.
    async fn refresh(&self, deployment: &Deployment, deadline: Instant) -> Result<Deployment, String> {
        let server_id = deployment.details.get("server_id").and_then(Value::as_str).unwrap_or_default();
        let server = self.registry.active(server_id).await.map_err(|error| error.to_string())?;
        let server: Server = server.ok_or_else(|| format!("the MCP server `{server_id}` is not active any more"))?;
        let tool = server.status_tool().ok_or_else(|| format!("`{server_id}` has no tool that tells a status"))?;
        let id = Value::from(deployment.execution_id.as_str());
        let mut meta = Map::from_iter([(EXECUTION_ID.to_owned(), id.clone())]);
        if let Some(details) = deployment.details.get("server") {
            meta.insert(DETAILS.to_owned(), details.clone());
        }
        let arguments = Map::from_iter([("execution_id".to_owned(), id)]);
        let result = self.client.call_tool(&server, &tool.name, arguments, meta, deadline).await;
        let mut report = Report::of_status(&result.map_err(|error| error.to_string())?)?;
        if !report.found {
            if age(&deployment.started_at) < NEVER_STARTED_AFTER {
                return Err(report.message.unwrap_or_else(|| "the server does not know the execution yet".into()));
            }
            report.status = Status::Failed;
            report.message = Some("The execution was never started: its server does not know it.".into());
        }
        self.reservations.settle(deployment, &report.outcome()).await.map_err(|error| error.to_string())
    }
}

/// The record that a call would make.
fn wish(request: &Request<'_>, environment: String, arguments: &Map<String, Value>) -> Deployment {
    let Request { call, server, tool, .. } = request;
    let tenant_id = arguments.get(TENANT_ARGUMENT).and_then(Value::as_str).map(str::to_owned);
    let pipeline_type =
        tool.pipeline_type().map_or_else(|| format!("{}.{}", server.server_id, tool.name), str::to_owned);
    let now = iso(Timestamp::now());
    let details = json!({ "server_id": server.server_id, "tool": tool.name, "arguments": arguments });
    Deployment {
        execution_id: uuid::Uuid::now_v7().to_string(),
        tenant_environment: tenant_id.as_deref().map(|tenant| tenant_environment(tenant, &environment)),
        environment,
        tenant_id,
        pipeline_type,
        status: Status::Starting,
        started_at: now.clone(),
        updated_at: now,
        session_id: call.session().map(str::to_owned),
        requested_by: call.attribute(attribute::REQUESTED_BY).map(str::to_owned),
        agent: call.attribute(attribute::AGENT).or(call.agent_name.as_deref()).map(str::to_owned),
        source: Source::Executed,
        details: details.as_object().cloned().unwrap_or_default(),
        web_url: None,
    }
}

/// Nobody can tell how it ended, and it no longer keeps others waiting.
fn given_up(reason: &str) -> Outcome {
    let message = format!(
        "Taken as failed: for a day nobody could tell how it goes, the last time because {reason}. Look at the pipeline itself."
    );
    Outcome {
        status: Status::Failed,
        web_url: None,
        details: Map::from_iter([("message".to_owned(), Value::from(message))]),
    }
}

/// A call that brought no answer: failed if it certainly never ran, else unknown.
fn lost(error: &CallError) -> Report {
    let status = if error.may_have_run() { Status::Unknown } else { Status::Failed };
    Report {
        status,
        not_started: !error.may_have_run(),
        finished_at: None,
        found: true,
        web_url: None,
        details: None,
        message: Some(error.to_string()),
    }
}

/// Time since a moment that a record holds.
fn age(moment: &str) -> Duration {
    let moment: Timestamp = moment.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    Duration::try_from(moment.duration_until(Timestamp::now())).unwrap_or_default()
}

/// Whether an open record may be out of date.
fn worth_checking(deployment: &Deployment) -> bool {
    let fresh_for = if deployment.status == Status::Starting { STARTING_FOR } else { FRESH_FOR };
    age(&deployment.updated_at) >= fresh_for
}

/// What an agent is told about an execution, beside the sentence.
fn facts(deployment: &Deployment, message: String) -> Value {
    json!({
        "message": message, "execution_id": deployment.execution_id, "status": deployment.status,
        "pipeline_type": deployment.pipeline_type, "environment": deployment.environment,
        "tenant_id": deployment.tenant_id, "web_url": deployment.web_url,
    })
}

fn link(deployment: &Deployment) -> String {
    deployment.web_url.as_ref().map(|url| format!(" See {url}.")).unwrap_or_default()
}

/// The answer to a call that was made.
fn started(deployment: &Deployment, report: &Report, result: Option<&ToolResult>) -> ToolAnswer {
    let (title, id) = (deployment.title(), &deployment.execution_id);
    let said = report.message.as_deref().map(|message| format!(" {message}")).unwrap_or_default();
    let message = match deployment.status {
        Status::Failed | Status::Cancelled if report.not_started => {
            format!("{title} was not started: execution {id} failed.{said}")
        }
        Status::Failed | Status::Cancelled => {
            format!("{title} {}: execution {id}. What it had done by then is not known.{said}", deployment.status)
        }
        Status::Unknown => format!(
            "It is not known whether {title} was started as execution {id}.{said} Ask for the status of the execution before \
             trying again."
        ),
        Status::Succeeded => format!("{title} is done: execution {id} succeeded.{said}{}", link(deployment)),
        status => format!("{title} was started: execution {id}, status {status}.{}", link(deployment)),
    };
    let mut body = facts(deployment, message);
    // A tool that answers with more than a status: its answer is what the agent wanted.
    let content =
        result.and_then(|result| result.structured.as_ref()).filter(|content| content.get("status").is_none());
    if let Some(content) = content {
        let size = content.to_string().len();
        if size <= LARGEST_ANSWER {
            body["result"] = content.clone();
        } else {
            let message = body["message"].as_str().unwrap_or_default();
            body["message"] =
                format!("{message} Its result has {size} bytes, more than the {LARGEST_ANSWER} an agent can be given.")
                    .into();
        }
    }
    ToolAnswer::new(body)
}

/// The answer to a call that was not made, because of an earlier one.
fn not_again(earlier: &Deployment, same: bool) -> ToolAnswer {
    let by = earlier.requested_by.as_ref().map(|by| format!(", asked for by {by}")).unwrap_or_default();
    let (line, link) = (earlier.line(), link(earlier));
    let message = match (same, earlier.status.is_open()) {
        (true, true) => format!("Nothing new was started: this was asked for before and is under way. {line}.{link}"),
        (true, false) => format!(
            "Nothing new was started: this was asked for and done a short while ago. {line}.{link} To run it again, ask in a \
             new session or some minutes later."
        ),
        (false, _) => format!(
            "Nothing was started: another execution holds its place. {line}{by}.{link} Try again when that one is finished."
        ),
    };
    let mut body = facts(earlier, message);
    body["started"] = false.into();
    ToolAnswer::new(body)
}

/// The answer to a question for the status; `unknown_because` if the server could not be asked.
fn told(deployment: &Deployment, unknown_because: Option<&str>) -> ToolAnswer {
    let mut message = format!("{}.{}", deployment.line(), link(deployment));
    if let Some(said) = deployment.details.get("message").and_then(Value::as_str) {
        message.push_str(&format!(" {said}"));
    }
    if let Some(reason) = unknown_because {
        message.push_str(&format!(" That is the last that is known; now it could not be learned: {reason}"));
    }
    let mut body = facts(deployment, message);
    body["updated_at"] = deployment.updated_at.as_str().into();
    ToolAnswer::new(body)
}
