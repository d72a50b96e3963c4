//! Agents find and call tools of a large registry: 5 000 tools of 250 servers, each of which has an older version too.
//!
//! mcp_proxy itself asks an embedded DynamoDB. A search asks it how often the registry has changed; the first one also reads
//! all servers and builds the index. A call whose arguments do not fit ends after the lookup in the registry and the check.

use std::time::Instant;

use dynoxide::Database;
use serde::Serialize;
use serde_json::{Value, json};
use tests::runtime_api::Environment;

use crate::{
    Result,
    machine::resident,
    programs::Programs,
    stage::function,
    statistics::{median, megabytes, milliseconds, quantile},
    tables,
    tap::Endpoints,
};

/// The function.
const FUNCTION: &str = "mcp_proxy";
/// The aim for a search in an index that is there, in ms.
pub const SEARCH_MS: f64 = 2.0;

const SERVERS: usize = 250;
const TOOLS_OF_EACH: usize = 20;
/// Fresh processes for each call.
const STARTS: usize = 10;
/// Calls of each kind in a process that has served before.
const CALLS: usize = 1000;

/// What tools are about: every name and description is made of these, so that many tools share each word.
const VERBS: [&str; 10] =
    ["create", "delete", "list", "get", "update", "restart", "archive", "search", "export", "validate"];
const THINGS: [&str; 20] = [
    "invoice",
    "customer",
    "ticket",
    "repository",
    "certificate",
    "backup",
    "dashboard",
    "incident",
    "mailbox",
    "bucket",
    "cluster",
    "queue",
    "secret",
    "alarm",
    "report",
    "contract",
    "shipment",
    "warehouse",
    "forecast",
    "calendar",
];

/// One kind of call.
#[derive(Debug, Clone, Serialize)]
pub struct Lookup {
    /// The call.
    pub what: &'static str,
    /// Median of the first call in a fresh process, without its start, in ms.
    pub first_ms: f64,
    /// Median of a later call in ms.
    pub p50_ms: f64,
    /// 99th percentile of a later call in ms.
    pub p99_ms: f64,
    /// Resident memory after them in MB.
    pub rss_mb: f64,
}

/// Measures searches and lookups.
///
/// # Errors
/// A call is not answered as it should be.
pub async fn measure(programs: &Programs) -> Result<Vec<Lookup>> {
    let database = tables::fresh()?;
    for number in 0..SERVERS {
        for version in ["1.0.0", "1.1.0"] {
            register(&database, number, version)?;
        }
    }
    let endpoints = Endpoints::all(&tables::serve(database).await?);
    let function = function(programs, FUNCTION, &endpoints);
    let fit = json!({ "server_id": "server-17", "tool": name(17, 3), "arguments_json": "{\"id\": 3}" });
    let mut lookups = Vec::new();
    for (what, called, parameters, expected) in [
        ("finds tools, one word", "find_tools", json!({ "query": "invoice" }), "create_invoice"),
        (
            "finds tools, a sentence",
            "find_tools",
            json!({ "query": "restart the cluster of a customer and export its alarms" }),
            "cluster",
        ),
        ("looks up a server, and refuses arguments", "call_tool", fit, "/id: "),
    ] {
        let event = event(called, &parameters);
        let mut first = Vec::new();
        for _ in 0..STARTS {
            first.push(ask(&mut Environment::start(&function).await?, &event, expected).await?);
        }
        let mut environment = Environment::start(&function).await?;
        let mut later = Vec::new();
        // The first one is not counted, since it builds the index.
        for call in 0..CALLS + 1 {
            let took = ask(&mut environment, &event, expected).await?;
            if call > 0 {
                later.push(took);
            }
        }
        lookups.push(Lookup {
            what,
            first_ms: milliseconds(median(&first)),
            p50_ms: milliseconds(median(&later)),
            p99_ms: milliseconds(quantile(&later, 0.99)),
            rss_mb: megabytes(resident(environment.pid())?),
        });
    }
    Ok(lookups)
}

async fn ask(environment: &mut Environment, event: &str, expected: &str) -> Result<std::time::Duration> {
    let start = Instant::now();
    let answer = environment.invoke(event.to_owned(), None).await?;
    let took = answer.at.duration_since(start);
    let answer = answer.json();
    if answer.to_string().contains(expected) { Ok(took) } else { Err(format!("mcp_proxy answered {answer}").into()) }
}

fn event(function: &str, parameters: &Value) -> String {
    let parameters = parameters.as_object().into_iter().flatten();
    let parameters: Value =
        parameters.map(|(name, value)| json!({ "name": name, "type": "string", "value": value })).collect();
    json!({
        "messageVersion": "1.0", "actionGroup": "mcp-tools", "function": function, "parameters": parameters,
        "sessionId": "session-of-ann", "inputText": "typed by a person", "promptSessionAttributes": {},
        "sessionAttributes": { "agent": "tools" },
    })
    .to_string()
}

fn name(server: usize, tool: usize) -> String {
    let (verb, thing) = (VERBS[(server + tool) % VERBS.len()], THINGS[(server * 7 + tool) % THINGS.len()]);
    format!("{verb}_{thing}_{tool}")
}

/// The entry of a server, as registration writes it.
fn register(database: &Database, number: usize, version: &str) -> Result<()> {
    let schema = json!({
        "type": { "S": "object" }, "required": { "L": [{ "S": "id" }] },
        "properties": { "M": {
            "id": { "M": { "type": { "S": "string" }, "description": { "S": "Which one, by its id." } } },
            "region": { "M": { "type": { "S": "string" }, "description": { "S": "Where it is." } } },
            "dry_run": { "M": { "type": { "S": "boolean" }, "description": { "S": "Only tell what would happen." } } },
        } },
    });
    let tools: Value = (0..TOOLS_OF_EACH)
        .map(|tool| {
            let name = name(number, tool);
            let words = name.replace('_', " ");
            json!({ "M": {
                "name": { "S": name }, "inputSchema": { "M": schema },
                "description": { "S": format!("Does this: {words}. Other teams use it for the work of every day, with its own rules.") },
                "annotations": { "M": { "readOnlyHint": { "BOOL": true } } },
            } })
        })
        .collect();
    let mut server = tables::server(&format!("server-{number}"), &[("version", version)]);
    server.insert("available_tools".to_owned(), json!({ "L": tools }));
    tables::register(database, &server)
}
