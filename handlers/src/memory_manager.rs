//! The Lambda function `memory_manager`: what agents ask of the deployment history.
//!
//! Action group `memory-operations`: `query_deployments`, `get_deployment`, `record_deployment`. "Nothing deployed" is an
//! answer, not an error.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    action_group::{self, ToolAnswer, ToolCall, attribute},
    definitions::{Definitions, Handler},
    env,
    error::{Result, internal, invalid},
    memory::{Deployment, Filter, Memory, Source, Status, canonical_tenant, iso, tenant_environment},
    runtime::Invocation,
};

/// The most deployments of one answer.
const MOST: i64 = 50;

/// How many when the call does not say.
const USUAL: i64 = 10;

/// The longest note of a reported deployment, in characters.
const LONGEST_NOTE: usize = 2000;

/// The longest name (environment, tenant, type), in characters: names are keys of indexes.
const LONGEST_NAME: usize = 64;

/// The function with what it needs.
#[derive(Debug, Clone)]
pub struct MemoryManager {
    definitions: Definitions,
    memory: Memory,
}

impl MemoryManager {
    /// The function as configured.
    ///
    /// # Errors
    /// The agents' files are missing or wrong.
    pub fn new(config: &env::MemoryManager, sdk: &aws_config::SdkConfig) -> Result<Self> {
        let memory = Memory::new(aws_sdk_dynamodb::Client::new(sdk), &config.memory_table);
        Ok(Self { definitions: Definitions::of_zip(&config.task_root)?, memory })
    }

    /// Answers one event.
    ///
    /// # Errors
    /// The event is not a call from an agent.
    pub async fn handle(&self, event: Value, invocation: Invocation) -> Result<Value> {
        action_group::answer("memory_manager", event, invocation, |call, _| self.serve(call)).await
    }

    async fn serve(&self, call: ToolCall) -> Result<ToolAnswer> {
        let (_, function, arguments) = call.declared(&self.definitions, Handler::MemoryManager)?;
        match function.name.as_str() {
            "query_deployments" => self.query(&arguments).await,
            "get_deployment" => self.get(&arguments).await,
            "record_deployment" => self.record(&arguments, &call).await,
            other => Err(invalid(format!("memory_manager has no function `{other}`."))),
        }
    }

    async fn query(&self, arguments: &Map<String, Value>) -> Result<ToolAnswer> {
        let filter = Filter {
            environment: name(arguments, "environment")?,
            tenant_id: tenant(arguments)?,
            pipeline_type: name(arguments, "pipeline_type")?,
        };
        let limit = arguments.get("limit").and_then(Value::as_i64).unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(invalid(format!("`limit` must be 1 to {MOST}, not {limit}.")));
        }
        let limit = usize::try_from(limit).unwrap_or_default();
        let page = self.memory.query(&filter, limit, text(arguments, "cursor").as_deref()).await?;
        let mut message = sentence(&filter, &page.deployments, page.cursor.is_some());
        if page.unreadable > 0 {
            message
                .push_str(&format!("\nLeft out, because somebody changed them by hand: {} records.", page.unreadable));
        }
        let mut answer = json!({ "message": message });
        answer["deployments"] = page.deployments.iter().map(summary).collect();
        if let Some(cursor) = page.cursor {
            answer["cursor"] = cursor.into();
        }
        Ok(ToolAnswer::new(answer))
    }

    async fn get(&self, arguments: &Map<String, Value>) -> Result<ToolAnswer> {
        let id = text(arguments, "execution_id").unwrap_or_default();
        let id = uuid::Uuid::try_parse(&id).map_err(|_| invalid("`execution_id` is not an execution id."))?.to_string();
        let Some(deployment) = self.memory.get(&id).await? else {
            let message = format!("There is no deployment with the execution id `{id}`.");
            return Ok(ToolAnswer::new(json!({ "message": message, "deployment": null })));
        };
        let message = match &deployment.web_url {
            Some(url) => format!("{} See {url}.", deployment.line()),
            None => format!("{}.", deployment.line()),
        };
        let deployment = serde_json::to_value(&deployment)
            .map_err(|error| internal("A deployment record cannot be shown.").with_source(error))?;
        Ok(ToolAnswer::new(json!({ "message": message, "deployment": deployment })))
    }

    async fn record(&self, arguments: &Map<String, Value>, call: &ToolCall) -> Result<ToolAnswer> {
        let required = |key: &str| name(arguments, key)?.ok_or_else(|| invalid(format!("`{key}` is missing.")));
        let (environment, pipeline_type, status) =
            (required("environment")?, required("pipeline_type")?, required("status")?);
        let status: Status =
            status.parse().map_err(|()| invalid(format!("`{status}` is not the status of a deployment.")))?;
        let tenant_id = tenant(arguments)?;
        let note = short(arguments, "details", LONGEST_NOTE)?;
        let now = iso(Timestamp::now());
        let deployment = Deployment {
            // Always an id of its own: a report can neither stand for an execution of ours nor change one.
            execution_id: uuid::Uuid::now_v7().to_string(),
            tenant_environment: tenant_id.as_deref().map(|tenant| tenant_environment(tenant, &environment)),
            environment,
            tenant_id,
            pipeline_type,
            status,
            started_at: now.clone(),
            updated_at: now,
            session_id: call.session().map(str::to_owned),
            requested_by: call.attribute(attribute::REQUESTED_BY).map(str::to_owned),
            agent: call.attribute(attribute::AGENT).or(call.agent_name.as_deref()).map(str::to_owned),
            source: Source::Reported,
            details: note.map(|note| Map::from_iter([("note".to_owned(), Value::from(note))])).unwrap_or_default(),
            web_url: None,
        };
        self.memory.report(&deployment).await?;
        let message = format!("Noted as reported: {}.", deployment.line());
        Ok(ToolAnswer::new(json!({ "message": message, "execution_id": deployment.execution_id })))
    }
}

fn text(arguments: &Map<String, Value>, name: &str) -> Option<String> {
    arguments.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A text that goes into the table: not endless.
fn short(arguments: &Map<String, Value>, key: &str, longest: usize) -> Result<Option<String>> {
    let value = text(arguments, key);
    if value.as_ref().is_some_and(|value| value.chars().count() > longest) {
        return Err(invalid(format!("`{key}` is longer than {longest} characters.")));
    }
    Ok(value)
}

fn name(arguments: &Map<String, Value>, key: &str) -> Result<Option<String>> {
    short(arguments, key, LONGEST_NAME)
}

fn tenant(arguments: &Map<String, Value>) -> Result<Option<String>> {
    Ok(name(arguments, "tenant_id")?.map(|tenant| canonical_tenant(&tenant)))
}

/// What was found, for a person: a headline and a line for each.
fn sentence(filter: &Filter, deployments: &[Deployment], more: bool) -> String {
    let mut place = filter.pipeline_type.as_deref().map(|kind| format!(" of {kind}")).unwrap_or_default();
    if let Some(environment) = &filter.environment {
        place.push_str(&format!(" in {environment}"));
    }
    if let Some(tenant) = &filter.tenant_id {
        place.push_str(&format!(" for {tenant}"));
    }
    let headline = match (deployments.len(), more) {
        (0, true) => return format!("No deployments{place} among the newest; older ones follow with the cursor."),
        (0, false) => return format!("There are no deployments{place}."),
        (1, false) => format!("There is one deployment{place}:"),
        (count, false) => format!("There are {count} deployments{place}, newest first:"),
        (count, true) => format!("The newest {count} deployments{place}, there are more:"),
    };
    let lines = deployments.iter().map(|deployment| format!("\n- {}", deployment.line()));
    headline + &lines.collect::<String>()
}

/// A deployment in a list: everything but the details.
fn summary(deployment: &Deployment) -> Value {
    let Deployment { execution_id, environment, tenant_id, pipeline_type, status, .. } = deployment;
    json!({
        "execution_id": execution_id, "environment": environment, "tenant_id": tenant_id, "pipeline_type": pipeline_type,
        "status": status, "started_at": deployment.started_at, "updated_at": deployment.updated_at,
        "source": deployment.source, "requested_by": deployment.requested_by, "web_url": deployment.web_url,
    })
}

#[cfg(test)]
mod tests;
