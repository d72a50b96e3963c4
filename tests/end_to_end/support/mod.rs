//! What the tests share: the stack, its callers, its tables and its GitLab.

pub(crate) mod aws;
pub(crate) mod cloudformation;
pub(crate) mod container;
pub(crate) mod events;
pub(crate) mod gitlab;
pub(crate) mod hosted;
pub(crate) mod language_model;
pub(crate) mod runtime_api;
pub(crate) mod servers;
mod stack;
pub(crate) mod teams;

use std::{collections::BTreeMap, future::Future, sync::LazyLock, time::Duration};

use local::chat_client::{Answer, ChatClient, ChatError, Problem};
use serde_json::Value;
use tokio::runtime::Runtime;
use uuid::Uuid;

pub(crate) use stack::{container_address, definitions, stack};

/// One runtime for all tests: the stack's processes and everybody's connections belong to it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Runs a test.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    RUNTIME.block_on(test)
}

/// A client of the chat API for the stack's owner.
pub(crate) async fn owner() -> ChatClient {
    stack().await.chat_client().unwrap()
}

/// A client of the registry API for the stack's owner.
pub(crate) async fn registry() -> ChatClient {
    stack().await.registry_client().unwrap()
}

/// Asks in a new session and expects an answer.
pub(crate) async fn ask(message: &str) -> Answer {
    owner().await.ask(message, None, |_| {}).await.unwrap_or_else(|error| panic!("{message}: {error}"))
}

/// The problem that the chat API answers with.
pub(crate) fn problem(result: Result<Answer, ChatError>) -> Problem {
    match result {
        Err(ChatError::Refused(problem)) => *problem,
        other => panic!("a problem document was expected, not {other:?}"),
    }
}

/// That an answer with this status is a problem document with something in each field.
pub(crate) fn assert_problem(problem: &Value, status: u16) {
    assert_eq!(problem["status"], status, "{problem}");
    for field in ["type", "title", "detail", "request_id"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {problem}");
    }
}

/// The only execution id in a text.
pub(crate) fn execution_id(text: &str) -> String {
    let ids = execution_ids(text);
    assert_eq!(ids.len(), 1, "one execution id was expected in: {text}");
    ids.into_iter().next().unwrap()
}

/// All execution ids in a text, each once.
pub(crate) fn execution_ids(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = text
        .split(|c: char| !c.is_ascii_hexdigit() && c != '-')
        .filter(|word| word.len() == 36 && Uuid::parse_str(word).is_ok())
        .map(str::to_owned)
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// `agent/function` of each step, in order.
pub(crate) fn calls(answer: &Answer) -> Vec<String> {
    answer.steps.iter().map(|step| format!("{}/{}", step.agent, step.function)).collect()
}

/// Parameters of a step as text.
pub(crate) fn parameters(answer: &Answer, function: &str) -> BTreeMap<String, String> {
    let step = answer.steps.iter().find(|step| step.function == function);
    let step = step.unwrap_or_else(|| panic!("no step {function} in {:?}", calls(answer)));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    step.parameters.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Looks until something is there.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..120 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("waited 30 s for: {what}");
}

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", &Uuid::new_v4().simple().to_string()[..8])
}
