//! `PATCH`: what is said about a server is changed at once, its definition only once somebody approves it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    Changed,
    call::{Call, Empty, Key, OfEntry, fields},
    outrun,
};
use crate::{
    error::{Error, Kind, internal},
    mcp_client::LambdaArn,
    notices::Notice,
    problem::{self, Fault},
    registry::{AuthenticationType, Held, ProtocolType, Server, Source, Status, Tool, rules},
    registry_api::{RegistryApi, reader::Reader, refusal::Refusal, register::available_tools, storable},
};

/// What a small body looks like.
const EXAMPLE: &str = r#"{"description": "Tells the weather."}"#;

/// Fields that null removes; `description`, `configuration` and `metadata` become empty by it.
const REMOVABLE: [&str; 6] =
    ["description", "api_key_header", "health_check_url", "health_check_interval", "configuration", "metadata"];

/// Changes of an entry, as a JSON merge patch (RFC 7396) of its fields as a whole: what is left out stays, null removes.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body in the OpenAPI document; fields are read one by one, to name all that is wrong"
)]
pub(super) struct Patch {
    /// Name for people, at most 128 characters.
    #[schema(required = false)]
    server_name: String,
    /// What the server is for, at most 1000 characters.
    #[schema(required = false)]
    description: Option<String>,
    /// Whatever there is to note. It replaces what was noted.
    #[schema(value_type = Option<Object>, required = false)]
    metadata: Option<Map<String, Value>>,
    /// Seconds between health checks, 60 to 86400.
    #[schema(required = false)]
    health_check_interval: Option<u32>,
    /// Where its health is asked for. Part of the definition.
    #[schema(required = false)]
    health_check_url: Option<String>,
    /// An https URL or the ARN of a Lambda function. Part of the definition.
    #[schema(required = false)]
    endpoint_url: String,
    /// What is spoken. Part of the definition.
    #[schema(required = false)]
    protocol_type: ProtocolType,
    /// How calls prove who they are. Part of the definition.
    #[schema(required = false)]
    authentication_type: AuthenticationType,
    /// Header of the API key. Part of the definition.
    #[schema(required = false)]
    api_key_header: Option<String>,
    /// Settings that Switchyard acts on. They replace the present ones. Part of the definition.
    #[schema(value_type = Option<Object>, required = false)]
    configuration: Option<Map<String, Value>>,
    /// The tools. They replace the present ones. Part of the definition.
    #[schema(required = false)]
    available_tools: Vec<Tool>,
}

/// Changes an entry.
///
/// What changes the definition of an approved server (endpoint, protocol, authentication, health URL, configuration, tools) is
/// held as a whole until somebody approves it.
#[utoipa::path(
    patch, path = "/servers/{server_id}/versions/{version}", tag = "admin", request_body = Patch,
    params(Key),
    responses(
        (status = 200, description = "It is changed, or was like that already", body = Changed),
        (status = 202, description = "It waits for approval", body = Changed),
        (status = 400, description = "The body is wrong; `errors` names every place", body = problem::Document, content_type = "application/problem+json"),
        (status = 409, description = "It is out of service, or somebody else changed it meanwhile", body = problem::Document, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = problem::Document, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON in UTF-8", body = problem::Document, content_type = "application/problem+json"),
        OfEntry,
    ),
)]
pub(super) async fn patch_entry(
    State(api): State<Arc<RegistryApi>>,
    call: Call,
    key: Key,
    request: Request,
) -> Response {
    let outcome = work(&api, &call, &key, request).await;
    call.answer(outcome)
}

async fn work(api: &RegistryApi, call: &Call, key: &Key, request: Request) -> Result<(StatusCode, Changed), Refusal> {
    let deadline = call.deadline();
    let (parts, body) = request.into_parts();
    let fields = fields(&parts, body, Empty::Refused, EXAMPLE).await?;
    let home = LambdaArn::parse(&call.invocation.function_arn).map_err(internal)?;
    let before = api.entry(key).await?;
    let after = patched(api, &home, &before, fields)?;
    propose(api, call, &before, after, Source::Patch, deadline).await
}

/// Makes an entry what `after` is, or has that wait for approval.
pub(super) async fn propose(
    api: &RegistryApi,
    call: &Call,
    before: &Server,
    mut after: Server,
    source: Source,
    deadline: Instant,
) -> Result<(StatusCode, Changed), Refusal> {
    if matches!(before.status, Status::Rejected | Status::Decommissioned) {
        let (id, status) = (before.id(), before.status);
        return Err(Error::new(Kind::Conflict, format!("{id} is {status}; register another version instead.")).into());
    }
    let Some(held) = Held::new(before, &after, source, call.who.as_str()) else {
        return Ok((StatusCode::OK, Changed::new(before, false, "Nothing of it is different.")));
    };
    if after.compute_hash() == before.compute_hash() {
        let changed = api.registry.patch(before, &after, call.who.as_str()).await?.ok_or_else(|| outrun(before))?;
        return Ok((StatusCode::OK, Changed::new(&changed, false, "It is changed.")));
    }
    let mut faults = rules::approve(&mut after);
    faults.extend(rules::tool_faults(&after));
    if faults.is_empty()
        && let Err(error) = api.client.check_endpoint(&after, deadline).await
    {
        faults.push(Fault::at("/endpoint_url", format!("cannot be called: {}", error.failure)));
    }
    if !faults.is_empty() {
        return Err(Refusal::of_body(faults));
    }
    after.definition_hash = after.compute_hash();
    if !before.is_approved() {
        let changed = api.registry.patch(before, &after, call.who.as_str()).await?.ok_or_else(|| outrun(before))?;
        return Ok((StatusCode::OK, Changed::new(&changed, false, "It is changed, and waits for approval as before.")));
    }
    // Checked once more with what the checks made of it.
    let held = Held::new(before, &after, source, call.who.as_str()).unwrap_or(held);
    let is_new = api.registry.hold(before, &held).await?;
    if is_new {
        api.notices.send(&Notice::held(before, &held)).await;
    }
    let message = "It changes the definition, so it waits for approval; the approved one serves on.";
    Ok((StatusCode::ACCEPTED, Changed::new(before, true, message)))
}

/// The entry with the changes of a body.
fn patched(
    api: &RegistryApi,
    home: &LambdaArn,
    before: &Server,
    fields: Map<String, Value>,
) -> Result<Server, Refusal> {
    let guard = api.client.guard();
    let body = Value::Object(fields);
    let unstorable = storable::faults(&body);
    let Value::Object(fields) = body else { return Err(Refusal::of_body(unstorable)) };
    let mut after = before.clone();
    let (cleared, fields): (Map<_, _>, Map<_, _>) =
        fields.into_iter().partition(|(name, value)| value.is_null() && REMOVABLE.contains(&name.as_str()));
    // Null elsewhere removes what has to be there.
    let irremovable: Vec<_> =
        fields.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.clone()).collect();
    let mut read = Reader::new(String::new(), fields);
    read.extend(unstorable);
    for name in irremovable {
        read.fault(&name, "cannot be removed");
    }
    for name in cleared.keys() {
        clear(&mut after, name);
    }
    set(&mut after.server_name, read.checked("server_name", rules::server_name));
    set(&mut after.description, read.checked("description", rules::description));
    set(&mut after.endpoint_url, read.checked("endpoint_url", |url| rules::endpoint(guard, home, url).map(drop)));
    set(&mut after.protocol_type, read.word("protocol_type", ProtocolType::ALL, ProtocolType::as_str));
    let authentication = read.word("authentication_type", AuthenticationType::ALL, AuthenticationType::as_str);
    set(&mut after.authentication_type, authentication);
    set_some(&mut after.api_key_header, read.checked("api_key_header", |name| rules::text(name, rules::MAX_HEADER)));
    let health_check_url = read.checked("health_check_url", |url| rules::health_check_url(guard, url));
    set_some(&mut after.health_check_url, health_check_url);
    set_some(&mut after.health_check_interval, read.number("health_check_interval"));
    set(&mut after.configuration, read.object("configuration"));
    set(&mut after.metadata, read.object("metadata"));
    set(&mut after.available_tools, available_tools(&mut read));
    if let Some(header) = &after.api_key_header {
        read.check("api_key_header", rules::api_key_header(header, after.authentication_type));
    }
    if let Some(seconds) = after.health_check_interval {
        read.check("health_check_interval", rules::health_check_interval(seconds));
    }
    read.check("configuration", rules::map(&after.configuration));
    read.check("metadata", rules::map(&after.metadata));
    if after.endpoint_url != before.endpoint_url || after.protocol_type != before.protocol_type {
        // What was agreed on was agreed on with another server.
        after.mcp_version = None;
    }
    let faults = read.finish();
    if faults.is_empty() { Ok(after) } else { Err(Refusal::of_body(faults)) }
}

fn set<T>(attribute: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *attribute = value;
    }
}

fn set_some<T>(attribute: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *attribute = value;
    }
}

fn clear(after: &mut Server, name: &str) {
    match name {
        "description" => after.description.clear(),
        "api_key_header" => after.api_key_header = None,
        "health_check_url" => after.health_check_url = None,
        "health_check_interval" => after.health_check_interval = None,
        "configuration" => after.configuration.clear(),
        _ => after.metadata.clear(),
    }
}
