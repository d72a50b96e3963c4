//! The list of a registry of 10 000 servers, page by page through `GET /servers` of registry_api: a page must not cost more the
//! further on it is. DynamoDB is embedded.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use dynoxide::{Database, ImportOptions, Item};
use serde::Serialize;
use serde_json::Value;
use tests::runtime_api::Environment;

use crate::{
    Result,
    events::listing,
    machine::resident,
    programs::Programs,
    stage::function,
    statistics::{median, megabytes, milliseconds, quantile},
    tables,
    tap::Endpoints,
};

/// The function.
const FUNCTION: &str = "registry_api";
/// How many servers there are, and how many each stack has.
pub const SERVERS: usize = 10_000;
const OF_A_STACK: usize = 100;
/// Entries of a page: the most there may be.
const PAGE: &str = "100";
/// How many pages count as the first and as the last.
const SOME: usize = 10;

/// One list, read to its end.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    /// What is listed.
    pub what: &'static str,
    /// Entries on all pages.
    pub listed: usize,
    /// How many pages that took.
    pub pages: usize,
    /// Median of the first ten pages in ms.
    pub first_ms: f64,
    /// Median of the last ten pages in ms.
    pub last_ms: f64,
    /// The slowest page in ms.
    pub slowest_ms: f64,
    /// All pages in seconds.
    pub seconds: f64,
    /// Resident memory of the process after them, in MB.
    pub rss_mb: f64,
}

/// Reads lists to their end.
///
/// # Errors
/// A page is not answered, or a list does not have every server once.
pub async fn measure(programs: &Programs) -> Result<Vec<List>> {
    let database = tables::fresh()?;
    fill(&database)?;
    let function = function(programs, FUNCTION, &Endpoints::all(&tables::serve(database).await?));
    let mut environment = Environment::start(&function).await?;
    // The first answer of a process is measured elsewhere.
    page(&mut environment, &[]).await?;
    let mut lists = Vec::new();
    for (what, filter, expected) in [
        ("all servers", None, SERVERS),
        ("of a status", Some(("status", "active")), SERVERS / 10 * 9),
        ("of a protocol", Some(("protocol", "graphql")), SERVERS / 2),
        ("of a stack", Some(("stack", "stack-7")), OF_A_STACK),
        ("with a text that one has", Some(("text", "server-04217")), 1),
    ] {
        let (mut times, mut seen) = (Vec::new(), HashSet::new());
        let mut cursor: Option<String> = None;
        let start = Instant::now();
        loop {
            let mut parameters: Vec<(&str, &str)> = filter.into_iter().chain([("limit", PAGE)]).collect();
            parameters.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let (ids, next, took) = page(&mut environment, &parameters).await?;
            times.push(took);
            let before = seen.len();
            let read = ids.len();
            seen.extend(ids);
            if seen.len() != before + read {
                return Err(format!("{what}: page {} has a server that was there before", times.len()).into());
            }
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        if seen.len() != expected {
            return Err(format!("{what}: {} servers were listed, not {expected}", seen.len()).into());
        }
        let some = times.len().min(SOME);
        lists.push(List {
            what,
            listed: seen.len(),
            pages: times.len(),
            first_ms: milliseconds(median(times.get(..some).unwrap_or_default())),
            last_ms: milliseconds(median(times.get(times.len() - some..).unwrap_or_default())),
            slowest_ms: milliseconds(quantile(&times, 1.0)),
            seconds: start.elapsed().as_secs_f64(),
            rss_mb: megabytes(resident(environment.pid())?),
        });
    }
    Ok(lists)
}

/// The servers of a page, where the next one begins, and how long it took.
async fn page(
    environment: &mut Environment,
    parameters: &[(&str, &str)],
) -> Result<(Vec<String>, Option<String>, Duration)> {
    let event = listing(parameters).to_string();
    let start = Instant::now();
    let answer = environment.invoke(event, None).await?;
    let took = answer.at.duration_since(start);
    let answer = answer.json();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())?;
    let servers = body["servers"].as_array().ok_or_else(|| format!("{parameters:?} was answered with {answer}"))?;
    let ids = servers.iter().map(|server| server["server_id"].as_str().map(str::to_owned));
    let ids = ids.collect::<Option<Vec<_>>>().ok_or("a server in a list has no id")?;
    Ok((ids, body["next_cursor"].as_str().map(str::to_owned), took))
}

fn fill(database: &Database) -> Result<()> {
    database.enable_bulk_loading()?;
    let items = (0..SERVERS).map(entry).collect::<Result<_>>()?;
    let options = ImportOptions { record_streams: false, set_cached_at: false };
    database.import_items(tables::REGISTRY, items, options)?;
    Ok(database.disable_bulk_loading()?)
}

/// The entry of a server, as registration writes it, without what a list does not show.
fn entry(number: usize) -> Result<Item> {
    let id = format!("server-{number:05}");
    let time = jiff::Timestamp::from_millisecond(1_780_000_000_000 + i64::try_from(number)? * 1000)?;
    let time = format!("{time:.3}");
    let server = tables::server(
        &id,
        &[
            ("server_name", &format!("Server {number}")),
            ("endpoint_url", &format!("https://{id}.example.com/mcp")),
            ("protocol_type", if number.is_multiple_of(2) { "jsonrpc" } else { "graphql" }),
            ("status", if number.is_multiple_of(10) { "maintenance" } else { "active" }),
            ("definition_hash", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
            ("deployment_stack", &format!("stack-{}", number / OF_A_STACK)),
            ("deployment_region", "us-east-1"),
            ("owner", "arn:aws:iam::000000000000:user/ann"),
            ("created_at", &time),
            ("updated_at", &time),
        ],
    );
    Ok(serde_json::from_value(Value::Object(server))?)
}
