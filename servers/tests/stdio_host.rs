//! The host as a process: what Lambda sees of it, what it hides from its child, and what is left when it ends.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A user without rights. As root the test would prove nothing: root may read every process.
const NOBODY: u32 = 65534;

/// Held while a program is copied or started: a process that is forked while another thread writes a program keeps the file open
/// for a moment, and a program that is open for writing cannot be started.
static STARTING: Mutex<()> = Mutex::new(());

/// A package, the host that runs it, and the Runtime API in front.
struct Host {
    process: Child,
    listener: TcpListener,
    connection: Option<BufReader<TcpStream>>,
    started: Instant,
    _package: TempDir,
}

/// A request to the Runtime API: `METHOD path`, and the body.
struct Posted(String, Value);

impl Host {
    /// Starts the host on the server of the unit tests.
    fn start(server: &str, more: Value) -> Self {
        let script = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/stdio_host/child/tests/server.py"));
        let command = ["python", "${LAMBDA_TASK_ROOT}/server.py", server];
        let mut file = json!({ "server_id": "test", "command": command });
        for (key, value) in more.as_object().unwrap() {
            file[key] = value.clone();
        }
        Self::start_package(&[("stdio_host.json", &file.to_string()), ("server.py", &script.unwrap())])
    }

    fn start_package(files: &[(&str, &str)]) -> Self {
        let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let package = TempDir::new().unwrap();
        let program = package.path().join("stdio_host");
        fs::copy(env!("CARGO_BIN_EXE_stdio_host"), &program).unwrap();
        for (name, text) in files {
            fs::write(package.path().join(name), text).unwrap();
        }
        fs::set_permissions(package.path(), Permissions::from_mode(0o755)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // As Lambda does, with a file open that is not for the server.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec \"$0\" 9</dev/null"])
            .arg(&program)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LAMBDA_TASK_ROOT", package.path())
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
            .env("AWS_SECRET_ACCESS_KEY", "hush")
            .stdout(Stdio::null());
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        let (process, started) = (command.spawn().unwrap(), Instant::now());
        drop(starting);
        Self { process, listener, connection: None, started, _package: package }
    }

    /// The next request of the host.
    fn request(&mut self) -> Posted {
        loop {
            let connection = self.connection.get_or_insert_with(|| {
                let socket = accepted(&self.listener);
                socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                BufReader::new(socket)
            });
            let mut line = String::new();
            if connection.read_line(&mut line).unwrap() == 0 {
                self.connection = None;
                continue;
            }
            let mut length = 0;
            loop {
                let mut header = String::new();
                connection.read_line(&mut header).unwrap();
                match header.trim().to_ascii_lowercase().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).unwrap();
            let target = line.trim_end().trim_end_matches(" HTTP/1.1").replace("/2018-06-01/runtime", "");
            return Posted(target, serde_json::from_slice(&body).unwrap_or_default());
        }
    }

    fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        self.connection.as_mut().unwrap().get_mut().write_all(answer.as_bytes()).unwrap();
    }

    /// Waits until the host asks for an event.
    fn asks(&mut self) {
        let Posted(target, body) = self.request();
        assert_eq!(target, "GET /invocation/next", "{body}");
    }

    /// The answer to an event, after which the host asks for the next one.
    fn invoke(&mut self, event: &Value) -> Value {
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(30);
        let headers =
            format!("Lambda-Runtime-Aws-Request-Id: 1-2-3\r\nLambda-Runtime-Deadline-Ms: {}\r\n", deadline.as_millis());
        self.answer("200 OK", &headers, &event.to_string());
        let Posted(target, answer) = self.request();
        assert_eq!(target, "POST /invocation/1-2-3/response", "{answer}");
        self.answer("202 Accepted", "", "");
        self.asks();
        answer
    }

    /// The result of a tool of the server.
    fn tool(&mut self, name: &str) -> Value {
        let event = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": name } });
        let mut answer = self.invoke(&event);
        assert_eq!(answer["id"], 7, "{answer}");
        assert!(answer.get("result").is_some(), "{answer}");
        answer["result"].take()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().try_into().unwrap()), signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the host does not end");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The next connection of the host, which must come.
fn accepted(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    for _ in 0..3000 {
        if let Ok((socket, _)) = listener.accept() {
            socket.set_nonblocking(false).unwrap();
            return socket;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the host does not connect")
}

/// Whether a process is there after a moment, and not just an entry that nobody has removed.
fn outlives(process: &Value) -> bool {
    let stat = format!("/proc/{}/stat", process.as_i64().unwrap());
    for _ in 0..200 {
        if !Path::new(&stat).exists()
            || fs::read_to_string(&stat).is_ok_and(|stat| stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
        {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

#[test]
fn the_child_is_shown_nothing_of_the_host() {
    let mut host = Host::start("well", json!({}));
    host.asks();
    let facts = host.tool("facts");
    let mut names: Vec<&str> = facts["environment"].as_object().unwrap().keys().map(String::as_str).collect();
    names.retain(|name| *name != "LC_CTYPE");
    assert_eq!(names, ["HOME", "PATH", "TMPDIR"]);
    assert_eq!(facts["sees host"], false);
    assert_eq!(facts["open"], json!([0, 1, 2]));
}

#[test]
fn a_package_that_cannot_run_is_an_init_error_that_names_the_fields() {
    let wrong = json!({ "server_id": "test", "command": [], "cwd": "x" }).to_string();
    let asking = json!({ "server_id": "test", "command": ["sh"], "client_requests": "rendezvous" }).to_string();
    for (files, expected) in [
        (&[("stdio_host.json", wrong.as_str())][..], "cwd: "),
        (&[("stdio_host.json", asking.as_str())], "client_requests: rendezvous needs STATE_TABLE"),
        (&[], "stdio_host.json: "),
    ] {
        let mut host = Host::start_package(files);
        let Posted(target, error) = host.request();
        assert_eq!(target, "POST /init/error");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        host.answer("202 Accepted", "", "");
        assert!(!host.ended().success());
    }
}

#[test]
fn sigterm_ends_the_host_and_everything_it_started() {
    let mut host = Host::start("well", json!({}));
    host.asks();
    let mut processes = vec![host.tool("facts")["pid"].take()];
    processes.extend(host.tool("multiply").as_array().unwrap().clone());
    host.signal(Signal::SIGTERM);
    assert!(host.ended().success());
    for process in &processes {
        assert!(!outlives(process), "{process} of {processes:?}");
    }
}

#[test]
fn a_child_does_not_outlive_a_host_that_is_killed() {
    let mut host = Host::start("well", json!({}));
    host.asks();
    let process = host.tool("facts")["pid"].take();
    host.signal(Signal::SIGKILL);
    host.ended();
    assert!(!outlives(&process));
}

#[test]
fn nothing_that_one_call_started_is_there_in_the_next() {
    let mut host = Host::start("well", json!({ "isolation": "call" }));
    host.asks();
    let processes = host.tool("multiply");
    host.tool("facts");
    for process in processes.as_array().unwrap() {
        assert!(!outlives(process), "{processes}");
    }
}

#[test]
fn lambda_hears_of_the_host_before_init_is_over_whatever_the_server_does() {
    let mut host = Host::start("hang", json!({}));
    host.asks();
    let waited = host.started.elapsed();
    assert!(waited > Duration::from_secs(7) && waited < Duration::from_secs(9), "{waited:?}");
}
