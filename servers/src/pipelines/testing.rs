//! What the tests of several modules share.

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;
use wiremock::MockServer;

use super::{
    call::{Call, Door},
    config::Config,
    gitlab::GitLab,
    service::Pipelines,
};
use crate::{
    env::{SecretSource, SecretText},
    secret::Secret,
};

/// The configuration that is shipped.
pub(crate) const CONFIG: &str = include_str!("../../../pipelines.yaml");

/// The same with inputs instead of variables.
pub(crate) fn with_inputs() -> String {
    CONFIG.replace("pass_as: variables", "pass_as: inputs")
}

pub(crate) fn secret(variable: &'static str, text: &str) -> Secret {
    Secret::new(SecretSource::Variable(variable, SecretText::new(text).unwrap()))
}

pub(crate) fn pipelines(gitlab: &MockServer, config: &str) -> Arc<Pipelines> {
    let client = GitLab::new(Url::parse(&gitlab.uri()).unwrap(), Some(secret("GITLAB_TOKEN", "glpat-test")));
    Arc::new(Pipelines::new(Config::parse(config).unwrap(), client))
}

pub(crate) fn call() -> Call {
    Call::now(Door::Http)
}

/// A pipeline as GitLab's documentation shows it.
pub(crate) fn gitlab_pipeline(id: u64, status: &str, created_at: &str, name: Option<&str>) -> Value {
    json!({
        "id": id, "iid": 21, "project_id": 1, "name": name, "sha": "384c444e840a515b23f21915ee5766b87068a70d", "ref": "main",
        "status": status, "source": "api", "created_at": created_at, "updated_at": created_at,
        "web_url": format!("https://gitlab.example.com/platform/infrastructure/-/pipelines/{id}"),
        "before_sha": "0000000000000000000000000000000000000000", "tag": false, "yaml_errors": null,
        "user": { "id": 1, "username": "root", "name": "Administrator", "state": "active" },
        "started_at": null, "finished_at": null, "committed_at": null, "duration": null, "queued_duration": 0.010,
        "coverage": null, "archived": false
    })
}
