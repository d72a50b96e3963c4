//! An MCP server over stdio that misbehaves on request: what `stdio_host` has to live with. Tools are named after what they do to
//! their host; `echo` and `sleep` are what a decent server would have. Each call runs in a thread of its own.
//!
//! `hostile_server [--banner] [--slow MS] [--hold FILE] [--die] [--deaf]`: says something before the protocol starts, takes its time
//! to start, waits for a file before it starts, dies at once, goes on when its input ends.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    io::{BufRead as _, Write as _, stderr, stdin, stdout},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio, exit},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

const TOOLS: [&str; 19] = [
    "cancellations",
    "crash",
    "duplicate",
    "echo",
    "environment",
    "error",
    "flood",
    "garbage",
    "hang",
    "hold",
    "huge",
    "invalid",
    "noise",
    "pid",
    "recall",
    "remember",
    "sleep",
    "spawn",
    "split",
];

/// What a server keeps between calls.
#[derive(Default)]
struct Memory {
    word: String,
    cancellations: usize,
}

type Shared = Arc<Mutex<Memory>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let given = |name: &str| arguments.iter().position(|argument| argument == name);
    if given("--die").is_some() {
        writeln!(stderr(), "there is no configuration")?;
        exit(3);
    }
    if given("--banner").is_some() {
        write("Welcome to the hostile server!\n\n{\"not\": \"a message\"}\n[1, 2\n".as_bytes());
    }
    if let Some(index) = given("--slow") {
        thread::sleep(Duration::from_millis(arguments.get(index + 1).ok_or("--slow takes milliseconds")?.parse()?));
    }
    if let Some(index) = given("--hold") {
        wait_for(arguments.get(index + 1).ok_or("--hold takes a file")?);
    }
    let memory = Shared::default();
    for line in stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        let memory = Arc::clone(&memory);
        if message["params"]["name"] == "hang" {
            // It hears no more: neither calls nor pings.
            loop {
                thread::park();
            }
        }
        thread::spawn(move || serve(&message, &memory));
    }
    if given("--deaf").is_some() {
        thread::sleep(Duration::from_secs(3600));
    }
    Ok(())
}

/// Waits until somebody makes this file.
fn wait_for(file: &str) {
    while !Path::new(file).exists() {
        thread::sleep(Duration::from_millis(5));
    }
}

fn write(bytes: &[u8]) {
    let mut output = stdout().lock();
    // Without a host there is nobody to tell.
    if output.write_all(bytes).and_then(|()| output.flush()).is_err() {
        exit(0);
    }
}

fn send(message: &Value) {
    write(format!("{message}\n").as_bytes());
}

fn answer(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn serve(message: &Value, memory: &Shared) {
    let memory = || memory.lock().unwrap_or_else(PoisonError::into_inner);
    let id = &message["id"];
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => send(&answer(
            id,
            &json!({
                "protocolVersion": "2025-06-18",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "hostile", "version": "1" },
            }),
        )),
        "ping" => send(&answer(id, &json!({}))),
        "tools/list" => {
            let tool = |name: &&str| json!({ "name": name, "description": name, "inputSchema": { "type": "object" } });
            send(&answer(id, &json!({ "tools": TOOLS.iter().map(tool).collect::<Value>() })));
        }
        "notifications/cancelled" => memory().cancellations += 1,
        "tools/call" => {
            let arguments = &message["params"]["arguments"];
            let word = arguments["text"].as_str().unwrap_or_default();
            let number = arguments["number"].as_u64().unwrap_or_default();
            let result = match message["params"]["name"].as_str().unwrap_or_default() {
                "remember" => {
                    memory().word = word.to_owned();
                    text("remembered")
                }
                // Tells of its progress, answers once the file is there, and remembers that it has.
                "hold" => {
                    let progress = |progress: u64| {
                        let token = &message["params"]["_meta"]["progressToken"];
                        if !token.is_null() {
                            send(&json!({ "jsonrpc": "2.0", "method": "notifications/progress",
                                "params": { "progressToken": token, "progress": progress, "total": 2 } }));
                        }
                    };
                    progress(1);
                    wait_for(word);
                    progress(2);
                    send(&answer(id, &text("released")));
                    "answered".clone_into(&mut memory().word);
                    return;
                }
                "recall" => text(&memory().word),
                "cancellations" => text(&memory().cancellations.to_string()),
                name => match call(name, id, word, number) {
                    Some(result) => result,
                    None => return,
                },
            };
            send(&answer(id, &result));
        }
        _ if id.is_null() => {}
        method => {
            let error = json!({ "code": -32601, "message": format!("there is no {method}") });
            send(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
        }
    }
}

/// The result of a tool; none where it has answered itself, or never will.
fn call(name: &str, id: &Value, word: &str, number: u64) -> Option<Value> {
    match name {
        "echo" => {}
        "sleep" => thread::sleep(Duration::from_millis(number)),
        "pid" => return Some(text(&std::process::id().to_string())),
        "environment" => return Some(text(&json!(env::vars().collect::<BTreeMap<_, _>>()).to_string())),
        "error" => {
            let error = json!({ "code": -32050, "message": word, "data": { "number": number } });
            send(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
            return None;
        }
        "crash" => exit(1),
        // A message that is none, and no answer.
        "garbage" => {
            write(b"{\"jsonrpc\": \"2.0\", \"id\": \n");
            return None;
        }
        "invalid" => {
            write(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\xfe\",\"result\":{}}\n");
            return None;
        }
        "duplicate" => {
            send(&answer(id, &text(word)));
            send(&answer(id, &text("the second answer")));
            return None;
        }
        // Everything that may come before an answer, and nothing that has to do with the call.
        "noise" => {
            write(b"Traceback (most recent call last):\r\n\r\n");
            send(&answer(&json!(987_654_321), &text("an answer to nothing")));
            send(&answer(&json!("a"), &text("an answer to nothing")));
            send(&json!({ "jsonrpc": "2.0", "method": "notifications/progress",
                "params": { "progressToken": "nobody's", "progress": 1 } }));
            send(&json!({ "jsonrpc": "2.0", "method": "notifications/unheard_of" }));
        }
        "flood" => {
            let line = "a line that nobody wants to read, but that has to go somewhere all the same\n".repeat(1000);
            for _ in 0..number {
                let _ = stderr().write_all(line.as_bytes());
            }
        }
        "huge" => return Some(text(&"x".repeat(usize::try_from(number).unwrap_or_default()))),
        "split" => {
            for part in format!("{}\n", answer(id, &text(word))).as_bytes().chunks(7) {
                write(part);
                thread::sleep(Duration::from_millis(1));
            }
            return None;
        }
        "spawn" => {
            // A group of its own: ending that of the server does not end it.
            let child = Command::new("sleep").arg("3600").stdin(Stdio::null()).process_group(0).spawn();
            return Some(text(&child.map_or_else(|error| error.to_string(), |child| child.id().to_string())));
        }
        _ => return Some(json!({ "content": [{ "type": "text", "text": "there is no such tool" }], "isError": true })),
    }
    Some(text(word))
}
