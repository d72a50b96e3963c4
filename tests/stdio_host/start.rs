//! How servers start, or do not.

use std::{fs, time::Duration};

use serde_json::json;
use tests::hosted::Hosted;

use crate::support::{call, call_within, error, host, hostile, is_well, start, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_take_longer_to_start_than_an_environment() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let mut environment = start(hostile(&["--hold", go.to_str().unwrap()], json!({})).await).await;
    // It asks for an event although its server does not start before the file is there.
    environment.ready().await.unwrap();
    // A call that cannot wait is told so, one that can is answered.
    let response = call_within(&mut environment, "echo", json!({}), Duration::from_millis(700)).await;
    assert!(error(&response).contains("start"), "{response}");
    fs::write(&go, "").unwrap();
    is_well(&mut environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_is_an_answer_to_each_call() {
    for (arguments, file, said) in [
        (&["--die"][..], json!({}), "cannot start"),
        (&[], json!({ "command": ["no-such-program"] }), "cannot start"),
        (&["--slow", "20000"], json!({ "start_timeout": 1 }), "start"),
    ] {
        let mut environment = start(hostile(arguments, file).await).await;
        for _ in 0..3 {
            let response = call_within(&mut environment, "echo", json!({}), Duration::from_secs(4)).await;
            let sentence = error(&response);
            assert!(sentence.contains(said) || sentence.contains("in a row"), "{arguments:?}: {response}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_wrong_is_named_when_the_environment_starts() {
    for (file, named) in [
        (json!({ "isolation": "sometimes" }), "isolation"),
        (json!({ "comand": [] }), "comand"),
        (json!({ "command": [] }), "command"),
    ] {
        let mut environment = start(hostile(&[], file).await).await;
        environment.ended().await.unwrap();
        let error = environment.init_error().unwrap_or_default().to_string();
        assert!(error.contains("stdio_host.json") && error.contains(named), "{named}: {error}");
    }
}

/// A server in Python that needs nothing.
const PYTHON: &str = r#"
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("id") is None:
        continue
    result = {}
    if message["method"] == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "py", "version": "1"}}
    elif message["method"] == "tools/call":
        result = {"content": [{"type": "text", "text": sys.executable}]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_wrapper_uses_the_interpreter_of_the_runtime() {
    let mut hosted = Hosted::pack(host(), &["python", "${LAMBDA_TASK_ROOT}/run.py"], json!({})).await.unwrap();
    fs::write(hosted.package().join("run.py"), PYTHON).unwrap();
    let which = std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let python = String::from_utf8(which.unwrap().stdout).unwrap().trim().to_owned();
    // As Lambda starts a managed runtime: the wrapper, the interpreter, and what the interpreter would have run. It is on no PATH.
    let interpreter = hosted.package().join("python3.13");
    std::os::unix::fs::symlink(&python, &interpreter).unwrap();
    hosted.set("PATH", "/nowhere");
    hosted.function.arguments = vec![interpreter.display().to_string(), "/var/runtime/bootstrap.py".to_owned()];
    let mut environment = start(hosted).await;
    let response = call(&mut environment, "where", json!({})).await;
    assert_eq!(text(&response), interpreter.display().to_string(), "{}", environment.hosted.log());
}
