//! The binary as people and Lambda start it.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines.yaml")
}

/// The binary in a clean environment.
fn pipelines() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipelines"));
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    (output, error)
}

/// Ends the process however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn gitlab() -> MockServer {
    let server = MockServer::start().await;
    let pipeline = json!({ "id": 61, "status": "pending", "web_url": "https://gitlab.example.com/p/-/pipelines/61" });
    Mock::given(method("POST"))
        .and(path("/api/v4/projects/platform%2Finfrastructure/pipeline"))
        .respond_with(ResponseTemplate::new(201).set_body_json(pipeline))
        .mount(&server)
        .await;
    server
}

#[test]
fn help_names_every_option_and_variable() {
    let (output, _) = output(pipelines().arg("--help"));
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for word in [
        "--config",
        "--http",
        "--stdio",
        "--allow-host",
        "--check",
        "GITLAB_URL",
        "GITLAB_TOKEN_SECRET",
        "API_KEY",
        "pipelines.yaml",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn a_wrong_start_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = directory.path().join("wrong.yaml");
    std::fs::write(&wrong, "pipelines: { one: { projekt: 1 } }").unwrap();
    let config = config();
    let config = config.to_str().unwrap();
    for (arguments, variables, expected) in [
        (vec!["--config", config], vec![], "say how to serve"),
        (vec!["--config", config, "--http", "127.0.0.1:0"], vec![], "set API_KEY_SECRET"),
        (vec!["--config", config], vec![("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")], "set API_KEY_SECRET"),
        (vec!["--config", config, "--stdio"], vec![("GITLAB_URL", "http://gitlab.example.com")], "GITLAB_URL: "),
        (
            vec!["--config", wrong.to_str().unwrap(), "--stdio"],
            vec![],
            "wrong.yaml: pipelines.one.projekt: unknown field",
        ),
        (vec!["--config", "/nowhere.yaml", "--stdio"], vec![], "/nowhere.yaml: cannot be read"),
        (vec!["--stdio"], vec![("LAMBDA_TASK_ROOT", "/nowhere")], "/nowhere/pipelines.yaml: cannot be read"),
        (vec!["--stdio", "--http", "127.0.0.1:0"], vec![], "cannot be used with"),
        (vec!["--check", "127.0.0.1:1", "--stdio"], vec![], "cannot be used with"),
    ] {
        let (output, error) = output(pipelines().args(&arguments).envs(variables));
        assert!(!output.status.success() && error.contains(expected), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}

fn line(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Value {
    serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn stdio_speaks_mcp_and_nothing_else_on_standard_output() {
    let gitlab = gitlab().await;
    let mut command = pipelines();
    command
        .args(["--stdio", "--config"])
        .arg(config())
        .env("GITLAB_URL", gitlab.uri())
        .env("GITLAB_TOKEN", "glpat-hush");
    let mut server = Running(command.spawn().unwrap());
    let mut input = server.0.stdin.take().unwrap();
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": { "name": "t", "version": "1" } } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call",
                "params": { "name": "execute_bootstrap_pipeline", "arguments": { "environment": "dev" } } }),
    ] {
        writeln!(input, "{message}").unwrap();
    }
    assert_eq!(line(&mut lines)["result"]["serverInfo"]["name"], "switchyard-pipelines");
    assert_eq!(line(&mut lines)["result"]["structuredContent"]["details"]["pipeline_id"], 61);
    drop(input);
    assert!(lines.next().is_none());
    assert!(server.0.wait().unwrap().success());
    let log: Vec<String> = BufReader::new(server.0.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    let calls: Vec<&String> = log.iter().filter(|line| line.contains("\"message\":\"call\"")).collect();
    assert_eq!(calls.len(), 1, "{log:?}");
    assert!(calls[0].contains("\"pipeline_type\":\"bootstrap\"") && !log.concat().contains("glpat-hush"));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_answers_the_request_under_way_before_it_stops() {
    let gitlab = MockServer::start().await;
    let slow = ResponseTemplate::new(201)
        .set_body_json(json!({ "id": 61, "status": "pending" }))
        .set_delay(Duration::from_millis(800));
    Mock::given(method("POST")).respond_with(slow).mount(&gitlab).await;
    let mut command = pipelines();
    command.args(["--http", "127.0.0.1:0", "--config"]).arg(config());
    command.env("GITLAB_URL", gitlab.uri()).env("GITLAB_TOKEN", "t").env("API_KEY", "door-key");
    let mut server = Running(command.spawn().unwrap());
    let mut log = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let address = line(&mut log)["address"].as_str().unwrap().to_owned();
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(format!("http://{address}/execute"));
    let body = json!({ "pipeline_type": "bootstrap", "environment": "dev" });
    let answer = tokio::spawn(request.header("x-api-key", "door-key").json(&body).send());
    while gitlab.received_requests().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let signal = Command::new("kill").args(["-TERM", &server.0.id().to_string()]).status().unwrap();
    assert!(signal.success());
    assert_eq!(answer.await.unwrap().unwrap().status(), 201);
    assert!(server.0.wait().unwrap().success());
}

#[test]
fn a_check_tells_whether_a_server_answers_without_gitlab_and_secrets() {
    let mut command = pipelines();
    // Port 9 discards: no GitLab, and no secret that could be read, is needed to be alive.
    command.args(["--http", "127.0.0.1:0", "--config"]).arg(config());
    command.env("GITLAB_URL", "http://127.0.0.1:9").env("GITLAB_TOKEN", "t").env("API_KEY", "door-key");
    let mut server = Running(command.spawn().unwrap());
    let mut log = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let address = line(&mut log)["address"].as_str().unwrap().to_owned();
    let (answered, error) = output(pipelines().args(["--check", &address]));
    assert!(answered.status.success() && answered.stdout.is_empty() && error.is_empty(), "{error}");

    drop(server);
    let (refused, error) = output(pipelines().args(["--check", &address]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.starts_with(&format!("pipelines: http://{address}/live does not answer: ")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_does_not_take_every_answer_for_the_server() {
    let other = MockServer::start().await;
    let (refused, error) = output(pipelines().args(["--check", &other.address().to_string()]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.contains("/live answered 404"), "{error}");
}

/// The part of the Lambda Runtime API that a function needs: one event, and a place for its answer.
#[tokio::test(flavor = "multi_thread")]
async fn in_lambda_a_message_by_invoke_is_answered() {
    let gitlab = gitlab().await;
    let runtime = MockServer::start().await;
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                          "params": { "name": "execute_bootstrap_pipeline", "arguments": { "environment": "dev" } } });
    let event = ResponseTemplate::new(200)
        .insert_header("lambda-runtime-aws-request-id", "request-1")
        .insert_header("lambda-runtime-deadline-ms", "4102444800000")
        .insert_header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:pipelines",
        )
        .set_body_json(message);
    let next = "/2018-06-01/runtime/invocation/next";
    Mock::given(path(next)).respond_with(event).up_to_n_times(1).mount(&runtime).await;
    Mock::given(path(next))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(60)))
        .mount(&runtime)
        .await;
    let answer = "/2018-06-01/runtime/invocation/request-1/response";
    Mock::given(path(answer)).respond_with(ResponseTemplate::new(202)).mount(&runtime).await;

    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(config(), directory.path().join("pipelines.yaml")).unwrap();
    let mut command = pipelines();
    command
        .env("AWS_LAMBDA_RUNTIME_API", runtime.address().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "pipelines")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("LAMBDA_TASK_ROOT", directory.path())
        .env("GITLAB_URL", gitlab.uri())
        .env("GITLAB_TOKEN", "t")
        .env("API_KEY", "door-key");
    let _server = Running(command.spawn().unwrap());
    for _ in 0..500 {
        let requests = runtime.received_requests().await.unwrap();
        if let Some(request) = requests.iter().find(|request| request.url.path() == answer) {
            let body: Value = request.body_json().unwrap();
            assert_eq!(body["result"]["structuredContent"]["pipeline_type"], "bootstrap", "{body}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no answer was posted to the Runtime API");
}
