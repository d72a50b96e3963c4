//! What is known of one server: its versions, an entry, what waits for approval, who changed it.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::call::{Call, Key, OfCaller, OfEntry, ServerId, limit, wrong_query};
use crate::{
    audit::{Records, differences},
    error::{Result, not_found},
    problem,
    registry::{Held, Server, Summary},
    registry_api::RegistryApi,
};

/// Records on a page, unless the caller says how many, and at most: one may be as large as two lists of tools.
const PAGE: usize = 20;
const MOST: usize = 50;

const PARAMETERS: [&str; 2] = ["limit", "cursor"];

/// Which part of the audit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it describes the parameters in the OpenAPI document; they are read one by one, to name all that is wrong"
)]
pub(super) struct AuditParameters {
    /// Records on a page, 1 to 50, default 20.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The versions of a server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Versions {
    /// The highest first.
    versions: Vec<Summary>,
}

/// A definition that waits for approval.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Waiting {
    #[serde(flatten)]
    held: Held,
    /// Whether the entry has another definition by now than the one it was proposed against: then it can only be rejected.
    outdated: bool,
    /// The attributes that would change, as they are. Of the tools only those that would change.
    #[schema(value_type = Object)]
    before: Map<String, Value>,
    /// The same as they would be.
    #[schema(value_type = Object)]
    after: Map<String, Value>,
}

/// Shows the version of a server that is called now; if none is, the highest.
#[utoipa::path(
    get, path = "/servers/{server_id}", tag = "admin", params(ServerId),
    responses(
        (status = 200, description = "The entry", body = Server),
        (status = 404, description = "There is no such server", body = problem::Document, content_type = "application/problem+json"),
        OfCaller,
    ),
)]
pub(super) async fn show_server(State(api): State<Arc<RegistryApi>>, call: Call, id: ServerId) -> Response {
    let outcome = async {
        call.query(&[])?;
        api.current(&id.server_id).await
    };
    call.answer(outcome.await.map(|entry| (StatusCode::OK, entry)).map_err(Into::into))
}

/// Lists the versions of a server, the highest first.
#[utoipa::path(
    get, path = "/servers/{server_id}/versions", tag = "admin",
    params(ServerId),
    responses(
        (status = 200, description = "All versions", body = Versions),
        (status = 404, description = "There is no such server", body = problem::Document, content_type = "application/problem+json"),
        OfCaller,
    ),
)]
pub(super) async fn list_entry_versions(State(api): State<Arc<RegistryApi>>, call: Call, id: ServerId) -> Response {
    let outcome = async {
        call.query(&[])?;
        let versions = api.registry.versions(&id.server_id).await?;
        if versions.is_empty() { Err(unknown(&id.server_id)) } else { Ok(Versions { versions }) }
    };
    call.answer(outcome.await.map(|versions| (StatusCode::OK, versions)).map_err(Into::into))
}

/// Shows an entry of the registry.
#[utoipa::path(
    get, path = "/servers/{server_id}/versions/{version}", tag = "admin",
    params(Key),
    responses(
        (status = 200, description = "The entry", body = Server),
        OfEntry,
    ),
)]
pub(super) async fn show_entry(State(api): State<Arc<RegistryApi>>, call: Call, key: Key) -> Response {
    let outcome = async {
        call.query(&[])?;
        api.entry(&key).await
    };
    call.answer(outcome.await.map(|entry| (StatusCode::OK, entry)).map_err(Into::into))
}

/// Shows the definition that waits for approval.
#[utoipa::path(
    get, path = "/servers/{server_id}/versions/{version}/held", tag = "admin",
    params(Key),
    responses(
        (status = 200, description = "What waits", body = Waiting),
        (status = 404, description = "There is no such version, or nothing waits", body = problem::Document, content_type = "application/problem+json"),
        OfCaller,
    ),
)]
pub(super) async fn show_held(State(api): State<Arc<RegistryApi>>, call: Call, key: Key) -> Response {
    let outcome = async {
        call.query(&[])?;
        let entry = api.entry(&key).await?;
        let held = api.registry.held(&key.server_id, &key.version).await?;
        let held = held.ok_or_else(|| not_found(format!("Nothing of {} waits for approval.", entry.id())))?;
        let (before, after) = differences(Some(&entry), Some(&held.applied_to(&entry)?));
        Ok(Waiting { outdated: !held.is_current(&entry), held, before, after })
    };
    let outcome: Result<_> = outcome.await;
    call.answer(outcome.map(|waiting| (StatusCode::OK, waiting)).map_err(Into::into))
}

/// Tells who changed what of a server, in all its versions, the newest first.
#[utoipa::path(
    get, path = "/servers/{server_id}/audit", tag = "admin",
    params(ServerId, AuditParameters),
    responses(
        (status = 200, description = "A page", body = Records),
        (status = 400, description = "A parameter is wrong", body = problem::Document, content_type = "application/problem+json"),
        (status = 404, description = "There never was such a server", body = problem::Document, content_type = "application/problem+json"),
        OfCaller,
    ),
)]
pub(super) async fn show_audit(State(api): State<Arc<RegistryApi>>, call: Call, id: ServerId) -> Response {
    let outcome = async {
        let records = audit(&api, &call, &id.server_id, None).await?;
        if is_blank(&records) && api.registry.versions(&id.server_id).await?.is_empty() {
            return Err(unknown(&id.server_id));
        }
        Ok(records)
    };
    let outcome: Result<_> = outcome.await;
    call.answer(outcome.map(|records| (StatusCode::OK, records)).map_err(Into::into))
}

/// Tells who changed what of one version of a server, the newest first.
#[utoipa::path(
    get, path = "/servers/{server_id}/versions/{version}/audit", tag = "admin",
    params(Key, AuditParameters),
    responses(
        (status = 200, description = "A page", body = Records),
        (status = 400, description = "A parameter is wrong", body = problem::Document, content_type = "application/problem+json"),
        (status = 404, description = "There never was such a version", body = problem::Document, content_type = "application/problem+json"),
        OfCaller,
    ),
)]
pub(super) async fn show_entry_audit(State(api): State<Arc<RegistryApi>>, call: Call, key: Key) -> Response {
    let outcome = async {
        let records = audit(&api, &call, &key.server_id, Some(&key.version)).await?;
        if is_blank(&records) {
            api.entry(&key).await?;
        }
        Ok(records)
    };
    let outcome: Result<_> = outcome.await;
    call.answer(outcome.map(|records| (StatusCode::OK, records)).map_err(Into::into))
}

async fn audit(api: &RegistryApi, call: &Call, server_id: &str, version: Option<&str>) -> Result<Records> {
    let query = call.query(&PARAMETERS)?;
    let limit = limit(&query, PAGE, MOST).map_err(|problem| wrong_query(&[problem], &PARAMETERS))?;
    api.registry.audit().read(server_id, version, limit, query.get("cursor").map(String::as_str)).await
}

/// Whether nothing is told. An entry that was written into the table by hand has no records, one that was deleted from it has.
fn is_blank(records: &Records) -> bool {
    records.records.is_empty() && records.next_cursor.is_none()
}

impl RegistryApi {
    /// The version that is called now, else the highest.
    async fn current(&self, server_id: &str) -> Result<Server> {
        if let Some(active) = self.registry.active(server_id).await? {
            return Ok(active);
        }
        let versions = self.registry.versions(server_id).await?;
        let highest = versions.first().ok_or_else(|| unknown(server_id))?;
        let entry = self.registry.get(server_id, &highest.version).await?;
        entry.ok_or_else(|| unknown(server_id))
    }
}

fn unknown(server_id: &str) -> crate::error::Error {
    not_found(format!("There is no MCP server {server_id} here."))
}
