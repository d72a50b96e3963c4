//! The GitLab stand-in: what is in it, and how it behaves.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::stack;

static BEHAVIOUR: RwLock<()> = RwLock::const_new(());

/// A pipeline as the stand-in has it.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) web_url: String,
    /// Variables or inputs, whichever it got; names in capitals.
    pub(crate) passed: BTreeMap<String, String>,
    pub(crate) by_inputs: bool,
}

/// Held while GitLab shall behave as usual.
pub(crate) async fn as_usual() -> RwLockReadGuard<'static, ()> {
    BEHAVIOUR.read().await
}

/// Held while GitLab behaves otherwise; call [`Changed::reset`] at the end.
pub(crate) struct Changed {
    _alone: RwLockWriteGuard<'static, ()>,
}

/// Changes settings of the stand-in once no other test uses it.
pub(crate) async fn change(settings: Value) -> Changed {
    let alone = BEHAVIOUR.write().await;
    put(settings).await;
    Changed { _alone: alone }
}

impl Changed {
    /// Changes more settings.
    pub(crate) async fn also(&self, settings: Value) {
        put(settings).await;
    }

    /// Back to normal. A test that fails before leaves its settings, and the tests after it start with them reset.
    pub(crate) async fn reset(self) {
        put(usual()).await;
    }
}

fn usual() -> Value {
    json!({
        "duration_ms": 2_000, "fail_next": 0, "fail_types": [], "refuse_variables": false, "delay_create_ms": 0,
        "rate_limit_next": 0, "status_code_next": 0, "only_post": false,
    })
}

async fn put(settings: Value) {
    let http = reqwest::Client::new();
    let url = format!("{}/_stand_in/settings", stack().await.gitlab_url());
    let mut all = usual();
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let answer = http.put(url).json(&all).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

/// Pipelines of a project to which all of these values were passed, oldest first.
pub(crate) async fn pipelines(project: &str, wanted: &[(&str, &str)]) -> Vec<Pipeline> {
    let url = format!("{}/_stand_in/pipelines", stack().await.gitlab_url());
    let all: Vec<Value> = reqwest::get(url).await.unwrap().json().await.unwrap();
    let of_project = all.into_iter().filter(|pipeline| pipeline["project"] == project);
    of_project
        .map(read)
        .filter(|it| wanted.iter().all(|(key, value)| it.passed.get(*key).is_some_and(|v| v == value)))
        .collect()
}

fn read(pipeline: Value) -> Pipeline {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = |key: &str| {
        let object = pipeline[key].as_object().unwrap();
        object.iter().map(|(key, value)| (key.to_uppercase(), text(value))).collect::<BTreeMap<_, _>>()
    };
    let (variables, inputs) = (pairs("variables"), pairs("inputs"));
    let by_inputs = variables.is_empty();
    Pipeline { web_url: text(&pipeline["web_url"]), passed: if by_inputs { inputs } else { variables }, by_inputs }
}
