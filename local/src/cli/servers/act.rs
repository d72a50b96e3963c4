//! What is done with one server.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
};

use handlers::registry::Status;
use serde_json::{Value, json};

use super::{Cli, Failure, Reference, reference::Entry, view};
use crate::terminal::printable;

impl Cli {
    pub(super) async fn show(&self, server: Reference) -> Result<ExitCode, Failure> {
        let path = match &server.version {
            Some(version) => vec!["servers", &server.server_id, "versions", version],
            None => vec!["servers", &server.server_id],
        };
        let answer = self.client.get(&path, &[]).await?;
        self.answer(&answer, view::server);
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn approve(&self, server: Reference, hash: Option<&str>) -> Result<ExitCode, Failure> {
        let body = hash.map_or_else(|| json!({}), |hash| json!({ "definition_hash": hash }));
        self.decide(server, "approve", body).await
    }

    pub(super) async fn reject(&self, server: Reference, reason: &str) -> Result<ExitCode, Failure> {
        self.decide(server, "reject", json!({ "reason": reason })).await
    }

    pub(super) async fn change_status(&self, server: Reference, status: Status) -> Result<ExitCode, Failure> {
        self.decide(server, "status", json!({ "status": status.as_str() })).await
    }

    pub(super) async fn remove(&self, server: Reference, yes: bool) -> Result<ExitCode, Failure> {
        let entry = server.entry(&self.client).await?;
        if !yes && !self.confirmed(&entry)? {
            self.terminal.note("Nothing was changed.");
            return Ok(ExitCode::FAILURE);
        }
        self.post(&entry, "decommission", &json!({})).await
    }

    pub(super) async fn refresh(&self, server: Reference) -> Result<ExitCode, Failure> {
        self.decide(server, "refresh", json!({})).await
    }

    pub(super) async fn test(&self, server: Reference) -> Result<ExitCode, Failure> {
        let entry = server.entry(&self.client).await?;
        let task = self.terminal.begin(&format!("asking {entry}"));
        let answer = self.client.post(&entry.path(&["test"]), &json!({})).await;
        task.clear();
        let answer = answer?;
        self.answer(&answer, view::tested);
        Ok(if view::is_well(&answer) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    pub(super) async fn held(&self, server: Reference) -> Result<ExitCode, Failure> {
        let entry = server.entry(&self.client).await?;
        let answer = self.client.get(&entry.path(&["held"]), &[]).await?;
        self.answer(&answer, |terminal, answer| view::held(terminal, &entry, answer));
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn audit(&self, server: Reference, limit: u32) -> Result<ExitCode, Failure> {
        // What was done to any version, or to the one that is named.
        let path = match &server.version {
            Some(version) => vec!["servers", &server.server_id, "versions", version, "audit"],
            None => vec!["servers", &server.server_id, "audit"],
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (records, more) = self.pages(&path, &[], "records", limit).await?;
        self.answer(&json!({ "records": records }), view::audit);
        if more {
            self.terminal.note(&format!("There are more than these {limit}; --limit shows more of them."));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn decide(&self, server: Reference, what: &str, body: Value) -> Result<ExitCode, Failure> {
        let entry = server.entry(&self.client).await?;
        self.post(&entry, what, &body).await
    }

    async fn post(&self, entry: &Entry, what: &str, body: &Value) -> Result<ExitCode, Failure> {
        let answer = self.client.post(&entry.path(&[what]), body).await?;
        self.answer(&answer, |terminal, answer| view::changed(terminal, entry, answer));
        Ok(ExitCode::SUCCESS)
    }

    /// Whether a person says yes. Where nobody can be asked, it has to be on the command line.
    fn confirmed(&self, entry: &Entry) -> Result<bool, String> {
        let input = std::io::stdin();
        if !input.is_terminal() {
            return Err(format!("nobody can be asked here whether {entry} shall go; give --yes"));
        }
        let question = format!("Take {entry} out of service for good? Agents can no longer call it. [y/N] ");
        let mut output = std::io::stderr().lock();
        let mut line = String::new();
        let asked = output.write_all(printable(&question).as_bytes()).and_then(|()| output.flush());
        asked.and_then(|()| input.lock().read_line(&mut line)).map_err(|error| format!("the answer: {error}"))?;
        Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}
