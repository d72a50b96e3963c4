//! Servers behind the host, and calls to them.

use std::{
    ops::{Deref, DerefMut},
    path::PathBuf,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tests::{
    hosted::Hosted,
    processes::tree,
    runtime_api::{Environment, Invocation},
};

/// Where cargo puts programs: the folder above that of the tests.
fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().to_owned()
}

/// The host and the servers for it, built once. Cargo builds only the programs of a test's own package with it, and no examples.
fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--workspace", "--bin", "stdio_host"]);
        cargo.args(["--example", "hostile_server", "--example", "stdio_fixture"]);
        // What an outer cargo says about itself would have the inner one compile everything again.
        for (name, _) in std::env::vars_os() {
            let outer = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "LD_LIBRARY_PATH"];
            if name.to_str().is_some_and(|name| outer.iter().any(|prefix| name.starts_with(prefix))) {
                cargo.env_remove(&name);
            }
        }
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        assert!(cargo.current_dir(root).status().unwrap().success(), "the host is not built");
        programs()
    })
}

/// The host.
pub(crate) fn host() -> PathBuf {
    built().join("stdio_host")
}

/// A server that misbehaves, started with these arguments.
pub(crate) async fn hostile(arguments: &[&str], file: Value) -> Hosted {
    let server = built().join("examples/hostile_server");
    let command: Vec<&str> = std::iter::once(server.to_str().unwrap()).chain(arguments.iter().copied()).collect();
    Hosted::pack(host(), &command, file).await.unwrap()
}

/// The server that the conformance suite judges.
pub(crate) async fn fixture(file: Value) -> Hosted {
    let server = built().join("examples/stdio_fixture");
    Hosted::pack(host(), &[server.to_str().unwrap()], file).await.unwrap()
}

/// An environment with its package, which has to be there as long as the environment is.
pub(crate) struct Started {
    pub(crate) environment: Environment,
    pub(crate) hosted: Hosted,
}

impl Deref for Started {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

impl DerefMut for Started {
    fn deref_mut(&mut self) -> &mut Environment {
        &mut self.environment
    }
}

/// Starts an environment of a server.
pub(crate) async fn start(hosted: Hosted) -> Started {
    Started { environment: Environment::start(&hosted.function).await.unwrap(), hosted }
}

/// A call of a tool as a JSON-RPC message, with an id that no other has.
pub(crate) fn message(tool: &str, arguments: &Value) -> Value {
    static IDS: AtomicU64 = AtomicU64::new(1);
    let id = format!("call-{}", IDS.fetch_add(1, Ordering::Relaxed));
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// Has a tool called, and gives the whole response.
pub(crate) async fn call(environment: &mut Environment, tool: &str, arguments: Value) -> Value {
    call_within(environment, tool, arguments, Duration::from_secs(20)).await
}

/// The same in an invocation that may take this long.
pub(crate) async fn call_within(
    environment: &mut Environment,
    tool: &str,
    arguments: Value,
    timeout: Duration,
) -> Value {
    let message = message(tool, &arguments);
    let invocation = Invocation { timeout: Some(timeout), ..Invocation::of(message.to_string()) };
    let answer = environment.call(invocation).await.unwrap();
    assert!(answer.at < answer.deadline, "Lambda would have ended it: late by {:?}", answer.at - answer.deadline);
    let response = answer.json();
    assert_eq!(response["id"], message["id"], "{}", String::from_utf8_lossy(&answer.body()));
    response
}

/// The text of a result.
pub(crate) fn text(response: &Value) -> &str {
    response["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {response}"))
}

/// The sentence of an error that the host made of what happened to its server.
pub(crate) fn error(response: &Value) -> &str {
    let code = response["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {response}"));
    // See `servers/src/stdio_host/mcp/failure.rs`.
    assert!((-31099..=-31000).contains(&code), "{response}");
    response["error"]["message"].as_str().unwrap()
}

/// Has it say something after it, which shows that it is well.
pub(crate) async fn is_well(environment: &mut Environment) {
    let response = call(environment, "echo", json!({ "text": "still here" })).await;
    assert_eq!(text(&response), "still here");
}

/// The processes of an environment but the host itself.
pub(crate) fn children(host: u32) -> Vec<u32> {
    tree(host).into_iter().filter(|pid| *pid != host).collect()
}
