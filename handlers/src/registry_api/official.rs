//! The official MCP registry API, read only: `/v0.1/servers`.
//!
//! Editors and other clients browse the registry with it. Listed are servers that speak MCP at an https address; those
//! that are reached by a Lambda ARN, and REST and GraphQL servers, are nothing that such a client could connect to.

mod entry;
mod list;
mod model;
mod query;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{
        HeaderValue, StatusCode,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
        request::Parts,
    },
    response::Response,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    list::Reader,
    model::{Metadata, ServerList, ServerResponse},
    query::{ListQuery, ServerQuery, Wanted, includes_deleted},
};
use super::{RegistryApi, failed};
use crate::{
    error::{Result, internal, not_found, shorten},
    problem::Document,
    runtime::Invocation,
};

/// How long a client may show what it has: short enough for an approver who takes a server away.
const FRESH: HeaderValue = HeaderValue::from_static("private, max-age=60");

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::new().routes(routes!(list_servers)).routes(routes!(list_versions)).routes(routes!(show_version))
}

/// Lists MCP servers, one entry for each active version, by the time of their last change.
#[utoipa::path(
    get, path = "/v0.1/servers", tag = "official", params(ListQuery),
    responses(
        (status = 200, description = "A page of servers", body = ServerList),
        (status = 304, description = "Unchanged since the answer that `If-None-Match` names"),
        (status = 400, description = "A parameter is wrong", body = Document, content_type = "application/problem+json"),
    ),
)]
async fn list_servers(State(api): State<Arc<RegistryApi>>, parts: Parts) -> Response {
    let list = async { api.official().list(&Wanted::read(&parts.uri)?).await };
    respond(&parts, list.await)
}

/// Lists all versions of a server, the latest to be registered first.
#[utoipa::path(
    get, path = "/v0.1/servers/{name}/versions", tag = "official",
    params(("name" = String, Path, description = "`{namespace}/{server_id}`, the slash as it is or as `%2F`"), ServerQuery),
    responses(
        (status = 200, description = "All versions", body = ServerList),
        (status = 304, description = "Unchanged since the answer that `If-None-Match` names"),
        (status = 400, description = "A parameter is wrong", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "There is no such server here", body = Document, content_type = "application/problem+json"),
    ),
)]
async fn list_versions(
    State(api): State<Arc<RegistryApi>>,
    name: Result<Path<String>, PathRejection>,
    parts: Parts,
) -> Response {
    let list = async {
        let servers = api.versions_of(name.ok().map(|Path(name)| name), &parts).await?;
        let metadata = Metadata { next_cursor: None, count: servers.len() };
        Ok(ServerList { servers, metadata })
    };
    respond(&parts, list.await)
}

/// Shows one version of a server; `latest` is the highest one that is active.
#[utoipa::path(
    get, path = "/v0.1/servers/{name}/versions/{version}", tag = "official",
    params(
        ("name" = String, Path, description = "`{namespace}/{server_id}`, the slash as it is or as `%2F`"),
        ("version" = String, Path, description = "A version, or `latest`"),
        ServerQuery,
    ),
    responses(
        (status = 200, description = "The version", body = ServerResponse),
        (status = 304, description = "Unchanged since the answer that `If-None-Match` names"),
        (status = 400, description = "A parameter is wrong", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "There is no such server or version here", body = Document, content_type = "application/problem+json"),
    ),
)]
async fn show_version(
    State(api): State<Arc<RegistryApi>>,
    path: Result<Path<(String, String)>, PathRejection>,
    parts: Parts,
) -> Response {
    let show = async {
        let (name, version) = path.ok().map(|Path(path)| path).unzip();
        let version = version.unwrap_or_default();
        let servers = api.versions_of(name, &parts).await?;
        let wanted = |one: &ServerResponse| match version.as_str() {
            "latest" => one.meta.official.is_latest,
            version => one.server.version == version,
        };
        servers.into_iter().find(wanted).ok_or_else(|| {
            not_found(format!("The server has no version {:?} that is listed here.", shorten(&version, 60)))
        })
    };
    respond(&parts, show.await)
}

impl RegistryApi {
    fn official(&self) -> Reader<'_> {
        Reader { registry: &self.registry, namespace: &self.settings.namespace }
    }

    /// The versions of a server that are listed; there is at least one.
    async fn versions_of(&self, name: Option<String>, parts: &Parts) -> Result<Vec<ServerResponse>> {
        let deleted = includes_deleted(&parts.uri)?;
        let name = name.unwrap_or_default();
        let servers = match entry::server_id(&self.settings.namespace, &name) {
            Some(server_id) => self.official().versions(server_id, deleted).await?,
            None => Vec::new(),
        };
        if servers.is_empty() {
            return Err(not_found(format!(
                "There is no server {:?} here. Names are {}/{{server_id}}; GET /v0.1/servers lists them.",
                shorten(&name, 200),
                self.settings.namespace
            )));
        }
        Ok(servers)
    }
}

/// The answer as JSON with a tag of its content, or without content if the client has it already.
fn respond<T: Serialize>(parts: &Parts, answer: Result<T>) -> Response {
    let body = answer.and_then(|answer| {
        serde_json::to_vec(&answer).map_err(|e| internal("The answer cannot be written as JSON.").with_source(e))
    });
    let mut response = match body {
        Ok(body) => tagged(parts, body),
        Err(error) => failed(&error.into(), parts.extensions.get::<Invocation>()),
    };
    // A page of any origin may read what its user may; browsers have no credentials that they would add to a request here.
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn tagged(parts: &Parts, body: Vec<u8>) -> Response {
    let mut digest = hex::encode(Sha256::digest(&body));
    digest.truncate(32);
    let tag = format!("\"{digest}\"");
    let known = parts.headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let same = |known: &str| known == "*" || known.trim().trim_start_matches("W/") == tag;
    let unchanged = known.flat_map(|value| value.split(',')).any(|known| same(known.trim()));
    let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(body) });
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, FRESH);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}
