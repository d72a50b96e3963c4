//! The command line as an operator uses it: `switchyard servers …` and `switchyard registry serve`, as processes.

use std::{process::Stdio, time::Duration};

use http::Method;
use local::registry_serve::EDITOR;
use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
    time::timeout,
};

use crate::{
    registry_api::{ENDPOINT, patch, post},
    support::{run, runtime_api::program, stack, unique},
};

/// What a command left behind.
#[derive(Debug)]
struct Ran {
    code: i32,
    /// Standard output.
    said: String,
    /// Standard error.
    noted: String,
}

/// The program, where no deployment and nobody is known. It runs outside of the repository, where it finds no local stack.
fn nowhere(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("switchyard"));
    command.args(arguments).env_clear().current_dir(std::env::temp_dir()).kill_on_drop(true);
    command
}

/// The program for the stack, as its owner.
async fn switchyard(arguments: &[&str]) -> Command {
    let mut command = nowhere(arguments);
    command.envs([
        ("SWITCHYARD_REGISTRY_URL", stack().await.registry_url().as_str()),
        ("AWS_REGION", local::stack::REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    command
}

/// Runs to the end, with this on standard input.
async fn finish(mut command: Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that does not read its input may be gone already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await.expect("it ends").unwrap();
    let [said, noted] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ran { code: output.status.code().unwrap(), said, noted }
}

/// Runs `switchyard servers`.
async fn servers(arguments: &[&str]) -> Ran {
    finish(switchyard(&[&["servers"], arguments].concat()).await, "").await
}

/// What a command says that goes well.
async fn said(arguments: &[&str]) -> String {
    let ran = servers(arguments).await;
    assert_eq!((ran.code, ran.noted.as_str()), (0, ""), "{arguments:?}: {ran:?}");
    ran.said
}

async fn said_as_json(arguments: &[&str]) -> Value {
    let text = said(&[arguments, &["--json"]].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// That a text has all of these.
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn an_operator_looks_after_a_server_on_the_command_line() {
    run(async {
        let server_id = unique("typed");
        let entry = format!("{server_id}@1.0.0");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("server.json");
        let body = json!({
            "server_id": server_id, "server_name": "Typed", "endpoint_url": ENDPOINT, "metadata": { "team": "met" },
        });
        std::fs::write(&file, body.to_string()).unwrap();

        let registered = said(&["register", "--file", file.to_str().unwrap(), "--description", "Typed by hand."]).await;
        assert!(registered.starts_with(&format!("{entry}  pending\n")), "{registered}");
        assert!(registered.ends_with(&format!("switchyard servers approve {entry}\n")), "{registered}");

        let listed = said(&["list", "--text", &server_id, "--status", "pending"]).await;
        let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines,
            [
                vec!["SERVER", "STATUS", "PROTOCOL", "AUTH", "NAME"],
                vec![&*entry, "pending", "jsonrpc", "none", "Typed"]
            ]
        );
        let listed = said_as_json(&["list", "--text", &server_id]).await;
        assert_eq!(
            (&listed["servers"][0]["server_id"], listed["servers"].as_array().unwrap().len()),
            (&json!(server_id), 1)
        );
        let none = servers(&["list", "--text", &server_id, "--status", "active"]).await;
        assert_eq!((none.code, none.said.as_str()), (0, ""), "{none:?}");
        has(&none.noted, &["No server is like that."]);

        let shown = said(&["show", &server_id]).await;
        assert!(shown.starts_with(&format!("{entry}  pending\n\nname")), "{shown}");
        has(&shown, &["Typed by hand.", ENDPOINT, r#"{"team":"met"}"#, "TOOL", "get_pipeline_status"]);
        let hash = said_as_json(&["show", &entry]).await["definition_hash"].as_str().unwrap().to_owned();
        let other = servers(&["approve", &entry, "--hash", &"0".repeat(64)]).await;
        assert_eq!(other.code, 1, "{other:?}");
        has(&other.noted, &["error: 409 "]);
        let approved = said(&["approve", &server_id, "--hash", &hash]).await;
        assert!(approved.starts_with(&format!("{entry}  active\n")), "{approved}");

        has(&said(&["test", &server_id]).await, &["ok", "true", "latency ms", "mcp version"]);
        assert_eq!(said_as_json(&["test", &entry]).await["tools"]["same"], true);
        has(&said(&["refresh", &server_id]).await, &["active"]);
        has(&said(&["status", &server_id, "maintenance"]).await, &["maintenance"]);
        has(&said(&["status", &server_id, "active"]).await, &["active"]);
        let same = servers(&["reject", &server_id, "--reason", "No."]).await;
        assert_eq!(same.code, 1, "nothing waits: {same:?}");

        let path = format!("servers/{server_id}/versions/1.0.0");
        let change = json!({ "configuration": { "environment_argument": "environment" } });
        patch(&path, change, 202).await;
        let held = said(&["held", &server_id]).await;
        has(&held, &["configuration\n", "  + {\"environment_argument\":\"environment\"}", "proposed by"]);
        let line = held.lines().find(|line| line.starts_with("switchyard servers approve ")).unwrap();
        let typed: Vec<&str> = line.split_whitespace().skip(2).collect();
        has(&said(&typed).await, &[&entry, "active"]);
        assert_eq!(said_as_json(&["show", &entry]).await["configuration"]["environment_argument"], "environment");

        let asked = servers(&["rm", &entry]).await;
        assert_eq!(asked.code, 1, "{asked:?}");
        has(&asked.noted, &["nobody can be asked", "--yes"]);
        has(&said(&["rm", &entry, "--yes"]).await, &[&entry, "decommissioned"]);
        let audit = said(&["audit", &server_id]).await;
        let heads: Vec<&str> =
            audit.lines().filter_map(|line| line.split_once("  1.0.0  ").map(|(_, action)| action)).collect();
        assert_eq!(
            heads,
            ["decommissioned", "approved", "held", "status changed", "status changed", "approved", "registered"],
            "{audit}"
        );
        has(&audit, &["by      arn:aws:", "status  active → maintenance"]);
    });
}

#[test]
fn what_goes_wrong_is_told_with_what_to_do() {
    run(async {
        let wrong = json!({
            "server_name": "Wrong", "endpoint_url": "ftp://files.example.com", "available_tools": [{ "description": "No name." }],
            "colour": "red",
        });
        let register = &["servers", "register", "--file", "-"];
        let refused = finish(switchyard(register).await, &wrong.to_string()).await;
        assert_eq!((refused.code, refused.said.as_str()), (1, ""), "{refused:?}");
        assert!(refused.noted.starts_with("error: 400 "), "{refused:?}");
        has(&refused.noted, &["\n  /endpoint_url: ", "\n  /available_tools/0/name: ", "\n  /colour: "]);
        let refused = finish(switchyard(&[&register[..], &["--json"]].concat()).await, &wrong.to_string()).await;
        let problem: Value = serde_json::from_str(&refused.said).unwrap();
        assert_eq!((refused.code, &problem["status"]), (1, &json!(400)), "{refused:?}");
        let mut places: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect();
        places.sort_unstable_by_key(ToString::to_string);
        assert_eq!(places, ["/available_tools/0/inputSchema", "/available_tools/0/name", "/colour", "/endpoint_url"]);
        let broken = finish(switchyard(register).await, "{\"server_name\": }").await;
        assert_eq!(broken.code, 1);
        has(&broken.noted, &["error: standard input: ", "line 1 column 17"]);

        let unknown = unique("unknown");
        for command in [&["show", &*unknown][..], &["test", &unknown], &["approve", &unknown], &["audit", &unknown]] {
            let ran = servers(command).await;
            assert_eq!((ran.code, ran.said.as_str()), (1, ""), "{command:?}: {ran:?}");
            has(&ran.noted, &["error: 404 ", &unknown]);
            let ran = servers(&[command, &["--json"]].concat()).await;
            let problem: Value = serde_json::from_str(&ran.said).unwrap_or_else(|_| panic!("{command:?}: {ran:?}"));
            assert_eq!((ran.code, &problem["status"]), (1, &json!(404)), "{command:?}");
        }
        for line in [&["show"][..], &["show", "Not An Id"], &["status", "weather", "gone"], &["list", "--limit", "0"]] {
            let ran = servers(line).await;
            assert_eq!((ran.code, ran.said.as_str()), (2, ""), "{line:?}: {ran:?}");
        }

        let lost = finish(nowhere(&["servers", "list"]), "").await;
        assert_eq!(lost.code, 1);
        has(&lost.noted, &["error: no deployment named", "SWITCHYARD_REGISTRY_URL", "make local"]);
        let mut away = switchyard(&["servers", "list", "--url", "http://127.0.0.1:1/dev"]).await;
        away.stdin(Stdio::null());
        let away = finish(away, "").await;
        assert_eq!(away.code, 1);
        has(&away.noted, &["error: the API cannot be reached"]);
    });
}

#[test]
fn an_editor_browses_the_registry_through_a_port_that_signs() {
    run(async {
        let server_id = unique("browsed");
        let body = json!({
            "server_id": server_id, "server_name": "Browsed", "endpoint_url": "https://browsed.example.com/mcp",
            "available_tools": [{ "name": "list_shelves", "inputSchema": { "type": "object" } }],
        });
        post("servers", body, 201).await;
        let path = format!("servers/{server_id}/versions/1.0.0");
        post(&format!("{path}/approve"), json!({}), 200).await;

        let mut command = switchyard(&["registry", "serve", "--port", "0"]).await;
        let mut serving = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
        let url = timeout(Duration::from_secs(30), async {
            loop {
                let line = lines.next_line().await.unwrap().expect("it serves");
                if let Some((_, url)) = line.split_once("\"chat.mcp.gallery.serviceUrl\": ") {
                    return url.trim_matches('"').to_owned();
                }
            }
        });
        let url = url.await.unwrap();

        let http = reqwest::Client::new();
        let list = format!("{url}/v0.1/servers?search={server_id}");
        let found = http.get(&list).header("origin", EDITOR).send().await.unwrap();
        assert_eq!(
            (found.status().as_u16(), &found.headers()["access-control-allow-origin"]),
            (200, &EDITOR.parse().unwrap())
        );
        let found: Value = found.json().await.unwrap();
        assert_eq!(found["servers"][0]["server"]["name"], format!("switchyard.local/{server_id}"), "{found}");
        for name in ["switchyard.local%2F", "switchyard.local/"] {
            let one = http.get(format!("{url}/v0.1/servers/{name}{server_id}/versions/latest")).send().await.unwrap();
            assert_eq!(one.status(), 200, "{name}");
        }
        let preflight = http.request(Method::OPTIONS, &list).header("origin", EDITOR);
        let preflight = preflight.header("access-control-request-method", "GET").send().await.unwrap();
        assert_eq!(
            (preflight.status().as_u16(), &preflight.headers()["access-control-allow-methods"]),
            (200, &"GET,HEAD".parse().unwrap())
        );
        for (request, status) in [
            (http.get(&list).header("host", "registry.example.com"), 403),
            (http.get(&list).header("origin", "https://example.com"), 403),
            (http.post(&list), 405),
            (http.get(format!("{url}/servers")), 404),
            (http.get(format!("{url}/v0.1/servers?limit=0")), 400),
        ] {
            let answer = request.send().await.unwrap();
            let (answered, text) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(answered, status, "{text}");
        }

        let pid = i32::try_from(serving.id().unwrap()).unwrap();
        nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
        assert!(timeout(Duration::from_secs(10), serving.wait()).await.unwrap().unwrap().success());
        post(&format!("{path}/decommission"), json!({}), 200).await;
    });
}
