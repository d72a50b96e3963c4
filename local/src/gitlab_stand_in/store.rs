//! Pipelines of the stand-in, and how their state follows from time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    answer,
    parameters::{NewPipeline, Variable},
    projects::Project,
    settings::{Change, Settings},
};

/// All that the stand-in knows.
#[derive(Debug)]
pub struct Store {
    projects: Vec<Project>,
    web: String,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    settings: Settings,
    pipelines: BTreeMap<u64, Pipeline>,
}

/// A pipeline as it was created; everything that changes is derived from the time.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) id: u64,
    pub(super) iid: u64,
    pub(super) project: Project,
    pub(super) git_ref: String,
    pub(super) sha: String,
    pub(super) variables: Vec<Variable>,
    pub(super) inputs: BTreeMap<String, Value>,
    pub(super) created_at: Timestamp,
    duration: SignedDuration,
    fails: bool,
}

/// Where a pipeline is at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) status: &'static str,
    pub(super) updated_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
}

impl Pipeline {
    /// State at `now`: the first twentieth of its time created, the next tenth pending, then running until its end.
    pub(super) fn at(&self, now: Timestamp) -> Moment {
        let pending = self.created_at + self.duration / 20;
        let running = self.created_at + self.duration * 3 / 20;
        let end = self.created_at + self.duration;
        let (status, updated_at) = match now {
            now if now >= end => (if self.fails { "failed" } else { "success" }, end),
            now if now >= running => ("running", running),
            now if now >= pending => ("pending", pending),
            _ => ("created", self.created_at),
        };
        Moment {
            status,
            updated_at,
            started_at: (now >= running).then_some(running),
            finished_at: (now >= end).then_some(end),
        }
    }

    /// The pipeline type that Switchyard passed, as a variable or as an input.
    fn pipeline_type(&self) -> Option<&str> {
        let variable = self.variables.iter().find(|variable| variable.key == "PIPELINE_TYPE").map(|it| &*it.value);
        variable.or_else(|| self.inputs.get("pipeline_type").and_then(Value::as_str))
    }
}

impl Store {
    /// An empty store; `web` is the address that links begin with, without a slash at its end.
    pub fn new(projects: Vec<Project>, web: String) -> Self {
        Self { projects, web, inner: Mutex::default() }
    }

    /// The address that links begin with.
    pub(super) fn web(&self) -> &str {
        &self.web
    }

    /// The project with this id or path.
    pub(super) fn project(&self, id_or_path: &str) -> Option<&Project> {
        let id = id_or_path.parse::<u64>().ok();
        self.projects.iter().find(|project| Some(project.id) == id || project.path == id_or_path)
    }

    /// Settings as they are now.
    pub fn settings(&self) -> Settings {
        self.lock().settings.clone()
    }

    /// Changes settings and returns them.
    pub fn change_settings(&self, change: Change) -> Settings {
        let mut inner = self.lock();
        inner.settings.apply(change);
        inner.settings.clone()
    }

    /// The failure that was ordered for this request, if one was.
    pub(super) fn ordered_failure(&self, is_post: bool) -> Option<Response> {
        let settings = &mut self.lock().settings;
        if settings.only_post && !is_post {
            return None;
        }
        if settings.rate_limit_next > 0 {
            settings.rate_limit_next -= 1;
            return Some(answer::rate_limited(settings.retry_after_seconds));
        }
        if settings.status_code_next > 0 {
            settings.status_code_next -= 1;
            let status = StatusCode::from_u16(settings.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Some((status, Json(settings.body.clone())).into_response());
        }
        None
    }

    /// Creates a pipeline; whether it will fail is settled here.
    pub(super) fn create(&self, project: &Project, git_ref: String, new: NewPipeline, now: Timestamp) -> Pipeline {
        let mut inner = self.lock();
        let id = inner.pipelines.keys().next_back().map_or(1, |last| last + 1);
        let iid = 1 + inner.pipelines.values().filter(|other| other.project.id == project.id).count() as u64;
        let mut pipeline = Pipeline {
            id,
            iid,
            sha: commit(&project.path, &git_ref),
            project: project.clone(),
            git_ref,
            variables: new.variables,
            inputs: new.inputs,
            created_at: now,
            duration: SignedDuration::from_millis(i64::try_from(inner.settings.duration_ms).unwrap_or(i64::MAX)),
            fails: false,
        };
        if inner.settings.fail_next > 0 {
            inner.settings.fail_next -= 1;
            pipeline.fails = true;
        }
        let type_fails = |kind: &str| inner.settings.fail_types.iter().any(|it| it == kind);
        pipeline.fails |= pipeline.pipeline_type().is_some_and(type_fails);
        inner.pipelines.insert(id, pipeline.clone());
        pipeline
    }

    /// A pipeline of a project.
    pub(super) fn pipeline(&self, project: &Project, id: u64) -> Option<Pipeline> {
        self.lock().pipelines.get(&id).filter(|pipeline| pipeline.project.id == project.id).cloned()
    }

    /// All pipelines of a project, oldest first.
    pub(super) fn pipelines(&self, project: &Project) -> Vec<Pipeline> {
        self.lock().pipelines.values().filter(|pipeline| pipeline.project.id == project.id).cloned().collect()
    }

    /// All pipelines of all projects, oldest first.
    pub(super) fn all_pipelines(&self) -> Vec<Pipeline> {
        self.lock().pipelines.values().cloned().collect()
    }

    /// A panic while the lock was held cannot leave half a change behind, so the data is good to use.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The commit a ref points to: always the same for the same project and ref.
fn commit(path: &str, git_ref: &str) -> String {
    Sha256::digest(format!("{path}@{git_ref}")).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}
