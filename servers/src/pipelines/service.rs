//! Starts executions and reports on them; every door calls this and nothing else.

use std::{sync::Arc, time::Duration};

use handlers::{
    contract,
    error::{self, Error},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    arguments::{self, Arguments},
    call::Call,
    config::{Config, PassAs, Pipeline},
    execution::{Details, Execution, Failure, Status, status_of},
    gitlab::{self, Created, Found, GitLab, Search},
};

/// An execution id may be this much younger or older than now when a call to execute arrives.
const ID_AGE: i64 = 10 * 60;
/// An execution id older than this is looked up before a pipeline is created; see [`Pipelines::execute`].
const FRESH_ID: i64 = 10;
/// Waits between the looks for a pipeline whose creation gave no answer.
const LOOKS: [Duration; 3] = [Duration::from_millis(300), Duration::from_millis(1200), Duration::from_millis(2500)];

/// The service.
#[derive(Debug)]
pub struct Pipelines {
    config: Config,
    gitlab: GitLab,
}

impl Pipelines {
    /// The service for these pipeline types on that GitLab.
    pub const fn new(config: Config, gitlab: GitLab) -> Self {
        Self { config, gitlab }
    }

    /// The pipeline types.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The GitLab client.
    pub const fn gitlab(&self) -> &GitLab {
        &self.gitlab
    }

    /// Starts a pipeline and logs the call.
    ///
    /// The work runs in a task of its own: a caller who hangs up does not leave a creation half way, unlogged.
    ///
    /// # Errors
    /// A [`Failure`] that says whether a pipeline may have been started.
    pub async fn execute(
        self: &Arc<Self>,
        pipeline_type: &str,
        arguments: Map<String, Value>,
        execution_id: Option<Uuid>,
        call: &Call,
    ) -> Result<Execution, Failure> {
        let (service, task_call, name) = (Arc::clone(self), call.clone(), pipeline_type.to_owned());
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let result = service.run(&name, &arguments, execution_id, &task_call).await;
            task_call.log(&format!("execute {name}"), started, &result);
            result
        });
        task.await.unwrap_or_else(|cause| {
            Err(Failure::unknown(error::internal("The call ended unexpectedly.").with_source(cause)))
        })
    }

    async fn run(
        &self,
        pipeline_type: &str,
        arguments: &Map<String, Value>,
        given: Option<Uuid>,
        call: &Call,
    ) -> Result<Execution, Failure> {
        let Some(pipeline) = self.config.get(pipeline_type) else {
            let known: Vec<&str> = self.config.iter().map(|pipeline| pipeline.name.as_str()).collect();
            let message = format!("There is no pipeline type {pipeline_type:?}; there are {}.", known.join(", "));
            return Err(Failure::not_started(error::not_found(message)));
        };
        let arguments = Arguments::check(pipeline, arguments).map_err(Failure::invalid)?;
        let id = given.unwrap_or_else(Uuid::now_v7);
        // An id is meant for one execution: mcp_proxy draws a new one for each call and never sends one twice. A copy of its
        // request can still arrive again (a client or a network that repeats), and it arrives late. So a fresh id is trusted,
        // which spares every ordinary call a search, and one that has aged is looked up: its pipeline, if there is one, is
        // the answer. Two copies within those seconds are kept apart by the caller's own reservation of the slot.
        if let Some(age) = given.and_then(age_of) {
            if age.abs() > ID_AGE {
                let message =
                    format!("The execution id {id} was made {age} seconds ago; use it within {ID_AGE} seconds.");
                return Err(Failure::not_started(error::invalid(message)).about(id));
            }
            if age > FRESH_ID {
                match self.gitlab.find(&[(&pipeline.project, pipeline.pass_as)], id, call.deadline).await {
                    Search::Found(found) => return Ok(self.found(id, *found, call.deadline).await),
                    Search::NotThere => {}
                    Search::Inconclusive(error) => return Err(Failure::unknown(error).about(id)),
                }
            }
        }
        self.create(pipeline, &arguments, id, call).await.map_err(|failure| failure.about(id))
    }

    async fn create(
        &self,
        pipeline: &Pipeline,
        arguments: &Arguments,
        id: Uuid,
        call: &Call,
    ) -> Result<Execution, Failure> {
        let fields = arguments.for_gitlab(pipeline, &id.to_string());
        let body = match pipeline.pass_as {
            PassAs::Inputs => json!({ "ref": pipeline.reference, "inputs": fields }),
            PassAs::Variables => {
                let variables: Vec<Value> =
                    fields.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
                json!({ "ref": pipeline.reference, "variables": variables })
            }
        };
        let created = match self.gitlab.create(&pipeline.project, &pipeline.reference, &body, call.deadline).await {
            Created::Pipeline(created) => created,
            Created::NotCreated(error) => return Err(Failure::not_started(error)),
            Created::Unclear(error) => match self.look_for(pipeline, id, call.deadline).await {
                Some(created) => created,
                None => return Err(Failure::unknown(unclear(id, error))),
            },
        };
        let details = Details {
            project: pipeline.project.clone(),
            pipeline_id: created.id,
            gitlab_status: created.status.clone(),
            pipeline_type: Some(pipeline.name.clone()),
            environment: Some(arguments.environment.clone()),
            tenant_id: arguments.tenant_id.clone(),
        };
        Ok(self.answer(id, details, created, call.deadline).await)
    }

    /// Looks a few times for a pipeline whose creation gave no answer.
    async fn look_for(&self, pipeline: &Pipeline, id: Uuid, deadline: Instant) -> Option<gitlab::Pipeline> {
        for pause in LOOKS {
            if Instant::now() + pause >= deadline {
                return None;
            }
            tokio::time::sleep(pause).await;
            if let Search::Found(found) = self.gitlab.find(&[(&pipeline.project, pipeline.pass_as)], id, deadline).await
            {
                return Some(found.pipeline);
            }
        }
        None
    }

    /// Reports on an execution and logs the call. `details` are those an earlier answer returned.
    ///
    /// # Errors
    /// A [`Failure`] whose outcome is unknown, unless the request itself is wrong.
    pub async fn status(&self, id: Uuid, details: Option<Details>, call: &Call) -> Result<Execution, Failure> {
        let started = Instant::now();
        let result = self.report(id, details, call.deadline).await.map_err(|failure| failure.about(id));
        call.log("status", started, &result);
        result
    }

    async fn report(&self, id: Uuid, details: Option<Details>, deadline: Instant) -> Result<Execution, Failure> {
        let projects = self.config.projects();
        if let Some(details) = details {
            // The token sees more than the configured projects; a caller must not reach those through us.
            if !projects.iter().any(|(project, _)| *project == details.project) {
                let message =
                    format!("The project {} of {} is not one of this server's.", details.project, contract::DETAILS);
                return Err(Failure::invalid(message));
            }
            let pipeline = self
                .gitlab
                .pipeline(&details.project, details.pipeline_id, deadline)
                .await
                .map_err(Failure::unknown)?;
            return Ok(self.answer(id, details, pipeline, deadline).await);
        }
        match self.gitlab.find(&projects, id, deadline).await {
            Search::Found(found) => Ok(self.found(id, *found, deadline).await),
            Search::Inconclusive(error) => Err(Failure::unknown(error)),
            Search::NotThere => Ok(Execution {
                execution_id: id,
                pipeline_type: None,
                environment: None,
                tenant_id: None,
                status: Status::Unknown,
                finished_at: None,
                web_url: None,
                details: None,
                found: Some(false),
                message: format!("GitLab has no pipeline of execution {id}."),
            }),
        }
    }

    async fn found(&self, id: Uuid, found: Found, deadline: Instant) -> Execution {
        let variable = |name| found.variable(name).map(str::to_owned);
        let mut here = self.config.iter().filter(|pipeline| pipeline.project == found.project);
        let only = here.next().filter(|_| here.next().is_none()).map(|pipeline| pipeline.name.clone());
        let details = Details {
            pipeline_id: found.pipeline.id,
            gitlab_status: found.pipeline.status.clone(),
            pipeline_type: variable("PIPELINE_TYPE").or(only),
            environment: variable("ENVIRONMENT"),
            tenant_id: variable("TENANT_ID"),
            project: found.project,
        };
        let mut pipeline = found.pipeline;
        if !status_of(&pipeline.status).is_open() {
            // A list leaves out when a pipeline finished. An extra: without it the answer is still right.
            pipeline = self.gitlab.pipeline(&details.project, pipeline.id, deadline).await.unwrap_or(pipeline);
        }
        self.answer(id, details, pipeline, deadline).await
    }

    async fn answer(&self, id: Uuid, mut details: Details, pipeline: gitlab::Pipeline, deadline: Instant) -> Execution {
        let status = status_of(&pipeline.status);
        details.gitlab_status.clone_from(&pipeline.status);
        // Also a pipeline that was started before, or by somebody else, belongs to the tenant in its one spelling.
        details.tenant_id = details.tenant_id.as_deref().map(arguments::one_spelling);
        let job = match status {
            // The reason is an extra: without it the answer is still right.
            Status::Failed => {
                self.gitlab.failed_job(&details.project, details.pipeline_id, deadline).await.ok().flatten()
            }
            _ => None,
        };
        Execution {
            execution_id: id,
            pipeline_type: details.pipeline_type.clone(),
            environment: details.environment.clone(),
            tenant_id: details.tenant_id.clone(),
            status,
            message: sentence(&details, status, job.as_deref(), pipeline.web_url.as_deref()),
            // One that was started again keeps the time of its first end while it runs.
            finished_at: pipeline.finished_at.filter(|_| !status.is_open()),
            web_url: pipeline.web_url,
            details: Some(details),
            found: None,
        }
    }
}

fn sentence(details: &Details, status: Status, job: Option<&str>, web_url: Option<&str>) -> String {
    let mut what = format!("GitLab pipeline {}", details.pipeline_id);
    let mut of = Vec::new();
    of.extend(details.pipeline_type.as_deref());
    of.extend(details.environment.as_deref());
    of.extend(details.tenant_id.as_deref());
    if !of.is_empty() {
        what = format!("{what} ({})", of.join(", "));
    }
    let state = match status {
        Status::Starting | Status::Running => format!("is under way (GitLab: {})", details.gitlab_status),
        Status::AwaitingApproval => "waits in GitLab for a person to start its manual job".to_owned(),
        Status::Succeeded => "succeeded".to_owned(),
        Status::Failed => job.map_or_else(|| "failed".to_owned(), |job| format!("failed in the job {job}")),
        Status::Cancelled => format!("did not run to its end (GitLab: {})", details.gitlab_status),
        Status::Unknown => format!("is in a state this server does not know (GitLab: {})", details.gitlab_status),
    };
    web_url.map_or_else(|| format!("{what} {state}."), |url| format!("{what} {state}: {url}"))
}

fn unclear(id: Uuid, error: Error) -> Error {
    let causes = error.causes();
    let message = format!(
        "{} It is not known whether the pipeline was created. Ask for the status of execution {id} before trying again.",
        error.message()
    );
    Error::new(error.kind(), message).with_source(causes)
}

/// Seconds since the id was made, negative when it lies in the future.
fn age_of(id: Uuid) -> Option<i64> {
    gitlab::made_at(id).map(|made| Timestamp::now().as_second() - made.as_second())
}

#[cfg(test)]
mod tests;
