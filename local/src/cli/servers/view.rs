//! How the registry's answers look.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    reference::Entry,
    table::{cut, fields, table},
};
use crate::terminal::{Style, Terminal, printable};

/// Longest value that an audit shows, in characters.
const LONGEST_VALUE: usize = 100;
/// Attributes of an entry that are shown in this order, under these names.
const SHOWN: [(&str, &str); 17] = [
    ("server_name", "name"),
    ("description", "description"),
    ("endpoint_url", "endpoint"),
    ("protocol_type", "protocol"),
    ("mcp_version", "MCP version"),
    ("authentication_type", "auth"),
    ("api_key_header", "API key header"),
    ("health_check_url", "health URL"),
    ("health_check_interval", "health interval"),
    ("owner", "owner"),
    ("deployment_stack", "stack"),
    ("deployment_region", "region"),
    ("created_by", "created by"),
    ("created_at", "created"),
    ("updated_at", "changed"),
    ("configuration", "configuration"),
    ("metadata", "metadata"),
];

/// A value as one word or sentence; nothing for what is missing.
pub(super) fn word(object: &Value, name: &str) -> String {
    match &object[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An entry with its tools.
pub(super) fn server(terminal: Terminal, server: &Value) -> String {
    let mut parts = vec![head(terminal, server)];
    let told = SHOWN.iter().map(|(name, label)| (*label, word(server, name)));
    let told: Vec<_> = told.filter(|(_, value)| !value.is_empty() && value != "{}").collect();
    parts.push(fields(terminal, &told));
    let tools = server["available_tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    if tools.is_empty() {
        parts.push("It has no tools.".to_owned());
    } else {
        let rows: Vec<Vec<String>> = tools.iter().map(tool).collect();
        parts.push(table(terminal, &["TOOL", "CHANGES", "DESCRIPTION"], &rows));
    }
    parts.join("\n\n")
}

fn head(terminal: Terminal, server: &Value) -> String {
    let id = printable(&format!("{}@{}", word(server, "server_id"), word(server, "version")));
    format!("{}  {}", terminal.paint(Style::Bold, &id), printable(&word(server, "status")))
}

fn tool(tool: &Value) -> Vec<String> {
    let annotations = &tool["annotations"];
    // Missing means that it changes something, and that it may destroy: that is how it is treated.
    let changes = match (annotations["readOnlyHint"].as_bool(), annotations["destructiveHint"].as_bool()) {
        (Some(true), _) => "nothing",
        (_, Some(false)) => "adds",
        _ => "may destroy",
    };
    vec![word(tool, "name"), changes.to_owned(), word(tool, "description")]
}

/// What became of a registration.
pub(super) fn entered(terminal: Terminal, answer: &Value) -> String {
    let mut lines = vec![head(terminal, answer)];
    lines.extend(answer["message"].as_str().map(printable));
    if answer["status"] == "pending" {
        let id = format!("{}@{}", word(answer, "server_id"), word(answer, "version"));
        lines.push(format!("switchyard servers approve {}", printable(&id)));
    }
    lines.join("\n")
}

/// What became of an entry.
pub(super) fn changed(terminal: Terminal, entry: &Entry, answer: &Value) -> String {
    let next = if answer["held"] == true {
        format!("\nA changed definition waits for approval: switchyard servers held {entry}")
    } else {
        String::new()
    };
    let message = answer["message"].as_str().map(|text| format!("\n{}", printable(text))).unwrap_or_default();
    format!("{}{message}{next}", head(terminal, answer))
}

/// What a server answered when it was asked.
pub(super) fn tested(terminal: Terminal, answer: &Value) -> String {
    let Some(object) = answer.as_object() else { return printable(&answer.to_string()) };
    let told: Vec<(String, String)> = object
        .iter()
        .map(|(name, value)| (name.replace('_', " "), plain(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let told: Vec<(&str, String)> = told.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    fields(terminal, &told)
}

/// Whether a tested server answered.
pub(super) fn is_well(answer: &Value) -> bool {
    answer["ok"] == true
}

/// What a held definition changes of the approved one.
pub(super) fn held(terminal: Terminal, entry: &Entry, held: &Value) -> String {
    let told = [
        ("proposed by", word(held, "proposed_by")),
        ("proposed at", word(held, "proposed_at")),
        ("source", word(held, "source")),
    ];
    let mut parts = vec![terminal.paint(Style::Bold, &entry.to_string()), fields(terminal, &told)];
    for name in held["changed"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut lines = vec![terminal.paint(Style::Bold, &printable(name))];
        let sides = [("-", &held["before"][name]), ("+", &held["after"][name])];
        for (sign, value) in sides {
            match value {
                Value::Null => {}
                Value::Array(tools) if name == "available_tools" => {
                    lines.extend(tools.iter().map(|tool| format!("  {sign} {}", plain(tool))));
                }
                value => lines.push(format!("  {sign} {}", plain(value))),
            }
        }
        parts.push(lines.join("\n"));
    }
    if held["outdated"] == true {
        parts.push("The approved definition has changed since: this one can only be rejected.".to_owned());
    }
    let hash = printable(&word(&held["proposed"], "definition_hash"));
    let hash = if hash.is_empty() { hash } else { format!(" --hash {hash}") };
    parts.push(format!("switchyard servers approve {entry}{hash}\nswitchyard servers reject {entry} --reason \"…\""));
    parts.join("\n\n")
}

/// Who changed what.
pub(super) fn audit(terminal: Terminal, answer: &Value) -> String {
    let records = answer["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    if records.is_empty() {
        return "Nothing was changed yet.".to_owned();
    }
    records.iter().map(|one| record(terminal, one)).collect::<Vec<_>>().join("\n\n")
}

fn record(terminal: Terminal, record: &Value) -> String {
    let when: String = word(record, "at").chars().take(19).collect();
    let what = [when, word(record, "version"), word(record, "action").replace('_', " ")].map(|text| printable(&text));
    let mut told = vec![("by".to_owned(), word(record, "who"))];
    told.push(("why".to_owned(), word(record, "reason")));
    let names = |side: &str| record[side].as_object().into_iter().flat_map(Map::keys).cloned().collect::<BTreeSet<_>>();
    for name in names("before").union(&names("after")) {
        let short = |side: &str| cut(&plain(&record[side][name]), LONGEST_VALUE);
        told.push((name.clone(), format!("{} → {}", or_none(short("before")), or_none(short("after")))));
    }
    let told: Vec<(&str, String)> = told
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    format!("{}\n{}", terminal.paint(Style::Bold, &what.join("  ")), fields(terminal, &told))
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

/// Any value on one line: texts as they are, lists of texts or of what has a name with commas between.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    printable(&text.replace(['\n', '\r', '\t'], " "))
}
