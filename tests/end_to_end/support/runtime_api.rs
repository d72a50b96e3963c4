//! One event for a program of the workspace through Lambda's Runtime API: what MiniStack does not pass on (client contexts,
//! response streaming) is proven with it.

use std::path::{Path, PathBuf};

use serde_json::Value;
pub(crate) use tests::runtime_api::Answer;
use tests::runtime_api::{Environment, Function};

/// Runs a program as Lambda would, for one event.
pub(crate) async fn invoke(
    program: &str,
    environment: &[(&str, String)],
    event: &Value,
    client_context: Option<&Value>,
) -> Answer {
    let mut variables: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    // In the record of AWS calls it counts as the deployed function.
    variables.push(("AWS_SDK_UA_APP_ID".to_owned(), format!("switchyard-local-{program}")));
    let task_root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let function = Function { variables, ..Function::new(program, self::program(program), task_root) };
    let mut environment = Environment::start(&function).await.unwrap();
    environment.invoke(event.to_string(), client_context).await.unwrap()
}

/// A program of the workspace: cargo puts them beside the folder of the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join(name)
}
