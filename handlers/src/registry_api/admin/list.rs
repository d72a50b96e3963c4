//! `GET /servers`: what there is.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::call::{Call, OfCaller, limit, wrong_query};
use crate::{
    error::Result,
    problem,
    registry::{Filter, ProtocolType, Status, Summary},
    registry_api::RegistryApi,
};

/// Entries on a page, unless the caller says how many, and at most.
const PAGE: usize = 50;
const MOST: usize = 100;

/// Longest text that is looked for, in characters, and longest name of a stack.
const LONGEST_TEXT: usize = 128;

const PARAMETERS: [&str; 6] = ["status", "protocol", "stack", "text", "limit", "cursor"];

/// Which entries to list; all that is given has to match.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it describes the parameters in the OpenAPI document; they are read one by one, to name all that is wrong"
)]
struct ListParameters {
    /// Only of this status.
    status: Option<Status>,
    /// Only of this protocol.
    protocol: Option<ProtocolType>,
    /// Only of the CloudFormation stack of this name.
    stack: Option<String>,
    /// Only with this in id, name or description, whatever the case. A page may be empty and have a `next_cursor` all the
    /// same: at most 1000 entries are looked at for each.
    text: Option<String>,
    /// Entries on a page, 1 to 100, default 50.
    limit: Option<u32>,
    /// `next_cursor` of the page before, with the same filters.
    cursor: Option<String>,
}

/// A page of entries.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Servers {
    /// One for each version of a server. Without a filter one status comes after the other, `pending` first; of one status the
    /// last changed comes first; of a protocol they come by name, of a stack the newest first.
    servers: Vec<Summary>,
    /// Where the next page begins, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists entries of the registry, without their tools.
#[utoipa::path(
    get, path = "/servers", tag = "admin", params(ListParameters),
    responses(
        (status = 200, description = "A page", body = Servers),
        (status = 400, description = "A parameter is wrong", body = problem::Document, content_type = "application/problem+json"),
        OfCaller,
    ),
)]
pub(super) async fn list_entries(State(api): State<Arc<RegistryApi>>, call: Call) -> Response {
    let outcome = work(&api, &call).await;
    call.answer(outcome.map(|page| (StatusCode::OK, page)).map_err(Into::into))
}

async fn work(api: &RegistryApi, call: &Call) -> Result<Servers> {
    let query = call.query(&PARAMETERS)?;
    let mut problems = Vec::new();
    let mut word = |name: &str, all: &[&str]| {
        let word = query.get(name)?;
        let known = all.contains(&word.as_str());
        if !known {
            problems.push(format!("{name} must be one of {}", all.join(", ")));
        }
        known.then(|| word.clone())
    };
    let words = |all: &[Status]| all.iter().map(|one| one.as_str()).collect::<Vec<_>>();
    let status = word("status", &words(Status::ALL));
    let protocols: Vec<_> = ProtocolType::ALL.iter().map(|one| one.as_str()).collect();
    let protocol = word("protocol", &protocols);
    for name in ["stack", "text"] {
        let text = query.get(name);
        if text.is_some_and(|text| text.trim().is_empty() || text.chars().count() > LONGEST_TEXT) {
            problems.push(format!("{name} must have 1 to {LONGEST_TEXT} characters"));
        }
    }
    let limit = limit(&query, PAGE, MOST).map_err(|problem| problems.push(problem)).unwrap_or(PAGE);
    if !problems.is_empty() {
        return Err(wrong_query(&problems, &PARAMETERS));
    }
    let filter = Filter {
        statuses: status.and_then(|word| Status::parse(&word)).into_iter().collect(),
        protocol: protocol.and_then(|word| ProtocolType::parse(&word)),
        stack: query.get("stack").cloned(),
        text: query.get("text").cloned(),
        updated_since: None,
    };
    let page = api.registry.list(&filter, limit, query.get("cursor").map(String::as_str)).await?;
    Ok(Servers { servers: page.servers, next_cursor: page.cursor })
}
