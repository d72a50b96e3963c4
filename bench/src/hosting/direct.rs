//! A server without a host: spoken to over its own standard input and output, by one thread that waits for each answer.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::servers::Server;
use crate::Result;

/// A running server.
#[derive(Debug)]
pub(super) struct Direct {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Direct {
    /// Starts it and shakes hands.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(server: &Server) -> Result<Self> {
        let (program, arguments) = server.command.split_first().ok_or("there is no command")?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(server.env.iter().cloned()).env("HOME", "/tmp");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take().ok_or("the server has no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("the server has no output")?);
        let mut direct = Self { child, input, output };
        let client = json!({ "name": "bench", "version": "1" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        direct.ask(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }))?;
        direct.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(direct)
    }

    /// Time from its start to its first result of a tool.
    ///
    /// # Errors
    /// The result is not the right one.
    pub(super) fn first_result(server: &Server) -> Result<Duration> {
        let start = Instant::now();
        let mut direct = Self::start(server)?;
        direct.call(server, 1)?;
        Ok(start.elapsed())
    }

    /// Time of a call.
    ///
    /// # Errors
    /// The result is not the right one.
    pub(super) fn call(&mut self, server: &Server, id: usize) -> Result<Duration> {
        let start = Instant::now();
        let response = self.ask(&super::message(server, id))?;
        server.check(&response, id)?;
        Ok(start.elapsed())
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        self.input.write_all(format!("{message}\n").as_bytes())?;
        Ok(())
    }

    /// The answer to a request; notifications before it are passed over.
    fn ask(&mut self, request: &Value) -> Result<Value> {
        self.send(request)?;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err("the server ended".into());
            }
            let message: Value = serde_json::from_str(&line)?;
            if message["id"] == request["id"] && message.get("method").is_none() {
                return Ok(message);
            }
        }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
