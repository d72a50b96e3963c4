//! Finds the pipeline of an execution when nothing but its id is known.
//!
//! The id is a UUIDv7: its first 48 bits are the time it was made (RFC 9562, section 5.7), so only pipelines created around
//! that time are looked at. A pipeline carries the id in its name (`workflow: name`) or in the variable `EXECUTION_ID`.

use handlers::error::{self, Error};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use super::{GitLab, wire};
use crate::pipelines::config::PassAs;

/// How far the clocks of caller and GitLab may differ.
const SLACK: SignedDuration = SignedDuration::from_secs(120);
/// How long after its id was made a pipeline may be created: a Lambda function runs 15 minutes at most.
const LATEST: SignedDuration = SignedDuration::from_secs(20 * 60);
const PER_PAGE: usize = 100;
/// Pages read of one project.
const PAGES: usize = 5;
/// Pipelines of one project whose variables are read.
const MOST_READ: usize = 100;

/// A pipeline that carries the id.
#[derive(Debug)]
pub struct Found {
    /// The project it is in.
    pub project: String,
    /// The pipeline.
    pub pipeline: wire::Pipeline,
    /// The variables it was created with, where they were read.
    pub variables: Vec<wire::Variable>,
}

impl Found {
    /// Value of a variable of the pipeline.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|variable| variable.key == name)?.value.as_deref()
    }
}

/// Result of a search.
#[derive(Debug)]
pub enum Search {
    /// Here it is.
    Found(Box<Found>),
    /// Everything was looked at and no pipeline carries the id.
    NotThere,
    /// Not everything could be looked at; this is why.
    Inconclusive(Error),
}

/// When an execution id was made.
pub fn made_at(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

impl GitLab {
    /// Searches projects for the pipeline of an execution.
    pub async fn find(&self, projects: &[(&str, PassAs)], id: Uuid, deadline: Instant) -> Search {
        let mut doubt = None;
        for (project, pass_as) in projects {
            match self.find_in(project, *pass_as, id, deadline).await {
                Ok(Some(found)) => return Search::Found(Box::new(found)),
                Ok(None) => {}
                Err(error) => doubt = doubt.or(Some(error)),
            }
        }
        doubt.map_or(Search::NotThere, Search::Inconclusive)
    }

    async fn find_in(
        &self,
        project: &str,
        pass_as: PassAs,
        id: Uuid,
        deadline: Instant,
    ) -> Result<Option<Found>, Error> {
        let made = made_at(id).ok_or_else(|| error::invalid("execution_id: its time is out of range"))?;
        let text = id.to_string();
        let (mut candidates, complete) = self.candidates(project, made, deadline).await?;
        if let Some(index) = candidates.iter().position(|candidate| carries(candidate, &text)) {
            let pipeline = candidates.swap_remove(index);
            // Only to tell type and environment; the pipeline is found without them.
            let variables = self.variables(project, pipeline.id, deadline).await.unwrap_or_default();
            return Ok(Some(Found { project: project.to_owned(), pipeline, variables }));
        }
        let nameless = candidates.iter().filter(|candidate| !names_an_execution(candidate)).count();
        candidates.sort_by_key(|candidate| {
            candidate.created_at.map_or(SignedDuration::MAX, |at| at.duration_since(made).abs())
        });
        let too_many = candidates.len() > MOST_READ;
        let mut hidden = 0;
        for pipeline in candidates.into_iter().take(MOST_READ) {
            let variables = self.variables(project, pipeline.id, deadline).await?;
            match variables.iter().find(|variable| variable.key == "EXECUTION_ID").map(|variable| &variable.value) {
                Some(Some(value)) if *value == text => {
                    return Ok(Some(Found { project: project.to_owned(), pipeline, variables }));
                }
                Some(None) if !names_an_execution(&pipeline) => hidden += 1,
                _ => {}
            }
        }
        if !complete || too_many {
            return Err(error::dependency(format!(
                "{project} had too many pipelines around the time of execution {id} to look at all of them."
            )));
        }
        // Any of them may be the one.
        if hidden > 0 {
            return Err(error::dependency(format!(
                "GitLab hides the value of EXECUTION_ID in {hidden} pipeline(s) of {project} around the time of execution {id}. Set \
                 `workflow: name` in .gitlab-ci.yml to a text with $EXECUTION_ID, or give this server an access token that may read \
                 the values of pipeline variables."
            )));
        }
        // Inputs cannot be read back: a pipeline without an execution id in its name may be the one.
        if pass_as == PassAs::Inputs && nameless > 0 {
            return Err(error::dependency(format!(
                "{nameless} pipeline(s) of {project} around the time of execution {id} carry no execution id in their name. Set \
                 `workflow: name` in .gitlab-ci.yml to a text with $[[ inputs.execution_id ]]."
            )));
        }
        Ok(None)
    }

    /// Pipelines created around a time, oldest first, and whether these are all.
    async fn candidates(
        &self,
        project: &str,
        made: Timestamp,
        deadline: Instant,
    ) -> Result<(Vec<wire::Pipeline>, bool), Error> {
        let (from, to) = (made.saturating_sub(SLACK).unwrap_or(made), made.saturating_add(LATEST).unwrap_or(made));
        let mut candidates = Vec::new();
        for page in 1..=PAGES {
            let query = [
                ("source", "api".to_owned()),
                ("order_by", "id".to_owned()),
                ("sort", "asc".to_owned()),
                // Older GitLabs know only `updated_after`; the window is checked below in any case.
                ("updated_after", format!("{from:.0}")),
                ("created_after", format!("{from:.0}")),
                ("created_before", format!("{to:.0}")),
                ("per_page", PER_PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let list: Vec<wire::Pipeline> = self.read(project, &["pipelines"], &query, deadline).await?;
            let last =
                list.len() < PER_PAGE || list.last().and_then(|pipeline| pipeline.created_at).is_some_and(|at| at > to);
            let in_window = |pipeline: &wire::Pipeline| pipeline.created_at.is_none_or(|at| from <= at && at <= to);
            candidates.extend(list.into_iter().filter(in_window));
            if last {
                return Ok((candidates, true));
            }
        }
        Ok((candidates, false))
    }

    async fn variables(&self, project: &str, id: u64, deadline: Instant) -> Result<Vec<wire::Variable>, Error> {
        let query = [("per_page", "100".to_owned())];
        self.read(project, &["pipelines", &id.to_string(), "variables"], &query, deadline).await
    }
}

fn carries(pipeline: &wire::Pipeline, id: &str) -> bool {
    pipeline.name.as_deref().is_some_and(|name| name.contains(id))
}

/// Whether the name holds any execution id, that is a UUID.
fn names_an_execution(pipeline: &wire::Pipeline) -> bool {
    let name = pipeline.name.as_deref().unwrap_or_default();
    name.as_bytes().windows(36).any(|part| std::str::from_utf8(part).is_ok_and(|part| Uuid::try_parse(part).is_ok()))
}
