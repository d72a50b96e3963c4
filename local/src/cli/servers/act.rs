//! What is done with one server.

use std::{
    io::{self, BufRead, IsTerminal as _, Write},
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
        if !yes && !confirmed(&entry)? {
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
}

/// Whether a person says yes. Where nobody can be asked, it has to be on the command line.
fn confirmed(entry: &Entry) -> Result<bool, String> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Err(format!("nobody can be asked here whether {entry} shall go; give --yes"));
    }
    ask(entry, &mut input.lock(), &mut io::stderr().lock()).map_err(|error| format!("the answer: {error}"))
}

/// Asks whether an entry shall go. Everything but a clear yes is a no.
fn ask(entry: &Entry, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    let question = format!("Take {entry} out of service for good? Agents can no longer call it. [y/N] ");
    output.write_all(printable(&question).as_bytes())?;
    output.flush()?;
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_takes_a_server_away() {
        let entry = Entry { server_id: "weather".to_owned(), version: "1.2.0".to_owned() };
        for (typed, is_yes) in [
            ("y\n", true),
            ("Yes\n", true),
            (" YES \r\n", true),
            ("n\n", false),
            ("\n", false),
            ("", false),
            ("yes please\n", false),
            ("n\ny\n", false),
        ] {
            let mut output = Vec::new();
            assert_eq!(ask(&entry, &mut typed.as_bytes(), &mut output).unwrap(), is_yes, "{typed:?}");
            let asked = "Take weather@1.2.0 out of service for good? Agents can no longer call it. [y/N] ";
            assert_eq!(String::from_utf8(output).unwrap(), asked);
        }
    }
}
