//! `switchyard servers list`

use std::process::ExitCode;

use clap::Args;
use handlers::registry::{ProtocolType, Status};
use serde_json::{Value, json};

use super::{Cli, Failure, status, table::table, view::word};

/// Most entries that the API gives at once.
const PAGE: usize = 100;

/// What to list.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only those with this status, such as active or pending.
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// Only those that speak this: jsonrpc, rest or graphql.
    #[arg(long, value_parser = protocol)]
    protocol: Option<ProtocolType>,
    /// Only those that this CloudFormation stack registered.
    #[arg(long)]
    stack: Option<String>,
    /// Only those with this in id, name or description.
    #[arg(long)]
    text: Option<String>,
    /// Most entries to show.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

fn protocol(text: &str) -> Result<ProtocolType, String> {
    ProtocolType::parse(text).ok_or_else(|| "jsonrpc, rest or graphql".to_owned())
}

impl Cli {
    pub(super) async fn list(&self, arguments: ListArguments) -> Result<ExitCode, Failure> {
        let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
        let filters = [
            ("status", arguments.status.map(|status| status.as_str().to_owned())),
            ("protocol", arguments.protocol.map(|protocol| protocol.as_str().to_owned())),
            ("stack", arguments.stack),
            ("text", arguments.text),
        ];
        let filters: Vec<(&str, String)> =
            filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let (servers, more) = self.pages(&["servers"], &filters, "servers", limit).await?;
        self.show_list(&servers, more, !filters.is_empty());
        Ok(ExitCode::SUCCESS)
    }

    /// What a list has, page by page, and whether there is more than `limit`.
    pub(super) async fn pages(
        &self,
        path: &[&str],
        filters: &[(&str, String)],
        name: &str,
        limit: usize,
    ) -> Result<(Vec<Value>, bool), Failure> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = (limit - found.len()).min(PAGE).to_string();
            let mut query: Vec<(&str, &str)> = filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
            query.push(("limit", &page));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let mut answer = self.client.get(path, &query).await?;
            cursor = answer["next_cursor"].as_str().map(str::to_owned);
            if let Some(Value::Array(page)) = answer.get_mut(name).map(Value::take) {
                found.extend(page);
            }
            if cursor.is_none() || found.len() >= limit {
                return Ok((found, cursor.is_some()));
            }
        }
    }

    fn show_list(&self, servers: &[Value], more: bool, filtered: bool) {
        if self.json {
            self.terminal.say(&json!({ "servers": servers }).to_string());
        } else if servers.is_empty() {
            self.terminal.note(nothing(filtered));
        } else {
            let rows: Vec<Vec<String>> = servers.iter().map(row).collect();
            let headings = ["SERVER", "STATUS", "PROTOCOL", "AUTH", "NAME"];
            self.terminal.say(&table(self.terminal, &headings, &rows));
        }
        if more {
            self.terminal.note(&format!("There are more than these {}; --limit shows more of them.", servers.len()));
        }
    }
}

/// What is said instead of an empty table.
fn nothing(filtered: bool) -> &'static str {
    if filtered {
        "No server is like that. Without options, `switchyard servers list` shows all."
    } else {
        "No servers are registered yet. `switchyard servers register --help` tells how; the other ways are in \
         docs/registration.md."
    }
}

fn row(server: &Value) -> Vec<String> {
    let id = format!("{}@{}", word(server, "server_id"), word(server, "version"));
    let rest = ["status", "protocol_type", "authentication_type", "server_name"];
    std::iter::once(id).chain(rest.map(|name| word(server, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_says_what_to_do_next() {
        for (filtered, said, next) in [
            (true, "No server is like that.", "Without options, `switchyard servers list` shows all."),
            (false, "No servers are registered yet.", "`switchyard servers register --help`"),
        ] {
            let text = nothing(filtered);
            assert!(text.starts_with(said) && text.contains(next), "{text}");
            assert!(!text.contains("  "), "{text}");
        }
    }

    #[test]
    fn a_row_tells_the_version_and_leaves_out_what_is_missing() {
        let server = serde_json::json!({ "server_id": "weather", "version": "1.2.0", "status": "active" });
        assert_eq!(row(&server), ["weather@1.2.0", "active", "", "", ""]);
    }
}
