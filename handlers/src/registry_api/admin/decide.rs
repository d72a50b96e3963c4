//! What people decide about an entry: its status, and what becomes of what waits for approval.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Changed,
    call::{Call, Empty, Key, OfBody, OfEntry, fields},
    outrun,
};
use crate::{
    audit::Action,
    error::{Error, Kind},
    notices::Notice,
    problem,
    registry::{Server, Status, rules},
    registry_api::{RegistryApi, reader::Reader, refusal::Refusal},
};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 1000;

/// Hexadecimal digits of a definition's hash.
const HASH_DIGITS: usize = 64;

/// Another status.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body in the OpenAPI document; fields are read one by one, to name all that is wrong"
)]
pub(super) struct StatusChange {
    /// The status that the entry shall have.
    status: Status,
    /// Why, for the audit, at most 1000 characters.
    #[schema(required = false)]
    reason: Option<String>,
}

/// An approval.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body in the OpenAPI document; fields are read one by one, to name all that is wrong"
)]
pub(super) struct Approval {
    /// Hash of the definition that is approved: `definition_hash` of the pending entry, or of `proposed` of what is held. Given,
    /// nothing else is approved than what the approver has seen.
    #[schema(required = false)]
    definition_hash: Option<String>,
    /// Why, for the audit, at most 1000 characters.
    #[schema(required = false)]
    reason: Option<String>,
}

/// A refusal.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body in the OpenAPI document; fields are read one by one, to name all that is wrong"
)]
pub(super) struct Rejection {
    /// Why, 1 to 1000 characters.
    reason: String,
}

/// The end of a server.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body in the OpenAPI document; fields are read one by one, to name all that is wrong"
)]
pub(super) struct Decommission {
    /// Why, for the audit, at most 1000 characters.
    #[schema(required = false)]
    reason: Option<String>,
}

/// Changes the status of an entry.
///
/// `active` becomes `inactive`, `maintenance`, `unhealthy` or `decommissioned`; the middle three become `active` or
/// `decommissioned`; `pending` and `rejected` become `decommissioned`. What is pending is approved or rejected by the routes for
/// that only.
#[utoipa::path(
    post, path = "/servers/{server_id}/versions/{version}/status", tag = "admin", request_body = StatusChange,
    params(Key),
    responses(
        (status = 200, description = "It has the status", body = Changed),
        (status = 409, description = "Its status cannot become that, or somebody else changed it meanwhile", body = problem::Document, content_type = "application/problem+json"),
        OfEntry, OfBody,
    ),
)]
pub(super) async fn change_status(
    State(api): State<Arc<RegistryApi>>,
    call: Call,
    key: Key,
    request: Request,
) -> Response {
    let outcome = async {
        let mut read = reader(request, Empty::Refused, r#"{"status": "maintenance"}"#).await?;
        let status = read.required_word("status", Status::ALL, Status::as_str);
        let reason = read.checked("reason", reason_rule);
        let faults = read.finish();
        let (Some(status), true) = (status, faults.is_empty()) else { return Err(Refusal::of_body(faults)) };
        let entry = api.entry(&key).await?;
        if entry.status == Status::Pending {
            match status {
                Status::Active => return Err(decided_by(&entry, status, "approve").into()),
                Status::Rejected => return Err(decided_by(&entry, status, "reject").into()),
                _ => {}
            }
        }
        let changed = api.change(&call, &entry, status, reason.as_deref()).await?;
        Ok((StatusCode::OK, changed))
    };
    call.answer(outcome.await)
}

/// Approves what waits: a pending entry becomes active, or a held definition takes the place of the approved one.
#[utoipa::path(
    post, path = "/servers/{server_id}/versions/{version}/approve", tag = "admin", request_body(content = Option<Approval>),
    params(Key),
    responses(
        (status = 200, description = "It counts from now on", body = Changed),
        (status = 409, description = "Nothing waits for approval, or something else than was seen", body = problem::Document, content_type = "application/problem+json"),
        OfEntry, OfBody,
    ),
)]
pub(super) async fn approve(State(api): State<Arc<RegistryApi>>, call: Call, key: Key, request: Request) -> Response {
    let outcome = async {
        let mut read = reader(request, Empty::Allowed, "{}").await?;
        let hash = read.checked("definition_hash", |hash| {
            let digits = hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if digits { Ok(()) } else { Err(format!("must be {HASH_DIGITS} hexadecimal digits")) }
        });
        let reason = read.checked("reason", reason_rule);
        finish(read)?;
        let entry = api.entry(&key).await?;
        let is_seen = |there: &str| hash.as_deref().is_none_or(|hash| hash.eq_ignore_ascii_case(there));
        if entry.status == Status::Pending {
            if !is_seen(&entry.definition_hash) {
                return Err(unseen(&entry).into());
            }
            let changed = api.change(&call, &entry, Status::Active, reason.as_deref()).await?;
            return Ok((StatusCode::OK, changed));
        }
        let held = api.registry.held(&key.server_id, &key.version).await?;
        let Some(held) = held else { return Err(nothing_waits(&entry).into()) };
        if !is_seen(&held.proposed.definition_hash) {
            return Err(unseen(&entry).into());
        }
        let who = call.who.as_str();
        let entry = api.registry.approve_held(&entry, &held, who, reason.as_deref()).await?;
        api.notices.send(&Notice::decided(&entry, "given its new definition", who, reason.as_deref())).await;
        Ok((StatusCode::OK, Changed::new(&entry, false, "The new definition counts from now on.")))
    };
    call.answer(outcome.await)
}

/// Refuses what waits: a pending entry becomes rejected, or a held definition is dropped and the approved one stays.
#[utoipa::path(
    post, path = "/servers/{server_id}/versions/{version}/reject", tag = "admin", request_body = Rejection,
    params(Key),
    responses(
        (status = 200, description = "It is refused", body = Changed),
        (status = 409, description = "Nothing waits for approval", body = problem::Document, content_type = "application/problem+json"),
        OfEntry, OfBody,
    ),
)]
pub(super) async fn reject(State(api): State<Arc<RegistryApi>>, call: Call, key: Key, request: Request) -> Response {
    let outcome = async {
        let mut read = reader(request, Empty::Refused, r#"{"reason": "Its tools are not described."}"#).await?;
        let reason = read.required("reason", reason_rule);
        finish(read)?;
        let entry = api.entry(&key).await?;
        if entry.status == Status::Pending {
            let changed = api.change(&call, &entry, Status::Rejected, Some(&reason)).await?;
            return Ok((StatusCode::OK, changed));
        }
        let held = api.registry.held(&key.server_id, &key.version).await?;
        let Some(held) = held else { return Err(nothing_waits(&entry).into()) };
        let who = call.who.as_str();
        api.registry.reject_held(&entry, &held, Action::Rejected, who, Some(&reason)).await?;
        api.notices.send(&Notice::decided(&entry, "refused another definition", who, Some(&reason))).await;
        Ok((StatusCode::OK, Changed::new(&entry, false, "What waited is refused; the approved definition stays.")))
    };
    call.answer(outcome.await)
}

/// Takes an entry out of service for good.
#[utoipa::path(
    post, path = "/servers/{server_id}/versions/{version}/decommission", tag = "admin", request_body(content = Option<Decommission>),
    params(Key),
    responses(
        (status = 200, description = "It is out of service", body = Changed),
        (status = 409, description = "It is out of service already", body = problem::Document, content_type = "application/problem+json"),
        OfEntry, OfBody,
    ),
)]
pub(super) async fn decommission(
    State(api): State<Arc<RegistryApi>>,
    call: Call,
    key: Key,
    request: Request,
) -> Response {
    let outcome = async {
        let mut read = reader(request, Empty::Allowed, "{}").await?;
        let reason = read.checked("reason", reason_rule);
        finish(read)?;
        let entry = api.entry(&key).await?;
        let changed = api.change(&call, &entry, Status::Decommissioned, reason.as_deref()).await?;
        Ok((StatusCode::OK, changed))
    };
    call.answer(outcome.await)
}

impl RegistryApi {
    /// Changes the status if it may become that, and tells people.
    async fn change(&self, call: &Call, entry: &Server, to: Status, reason: Option<&str>) -> Result<Changed, Refusal> {
        let from = entry.status;
        if !from.may_become(to) {
            return Err(no_transition(entry, to).into());
        }
        let who = call.who.as_str();
        let changed = self.registry.put_status(entry, to, who, reason).await?.ok_or_else(|| outrun(entry))?;
        let what = match Action::of_status(from, to) {
            Action::Approved => "approved".to_owned(),
            _ => format!("changed from {from} to {to}"),
        };
        self.notices.send(&Notice::decided(&changed, &what, who, reason)).await;
        Ok(Changed::new(&changed, false, format!("It was {from} and is {to} now.")))
    }
}

async fn reader(request: Request, empty: Empty, example: &str) -> Result<Reader, Refusal> {
    let (parts, body) = request.into_parts();
    Ok(Reader::new(String::new(), fields(&parts, body, empty, example).await?))
}

fn finish(read: Reader) -> Result<(), Refusal> {
    let faults = read.finish();
    if faults.is_empty() { Ok(()) } else { Err(Refusal::of_body(faults)) }
}

fn reason_rule(reason: &str) -> Result<(), String> {
    rules::text(reason, LONGEST_REASON)
}

fn no_transition(entry: &Server, to: Status) -> Error {
    let from = entry.status;
    let allowed: Vec<_> = Status::ALL.iter().filter(|one| from.may_become(**one)).map(|one| one.as_str()).collect();
    let advice = match allowed.as_slice() {
        [] => "That is final; register another version.".to_owned(),
        allowed => format!("It may become {}.", allowed.join(", ")),
    };
    Error::new(Kind::Conflict, format!("{} is {from} and cannot become {to}. {advice}", entry.id()))
}

/// Whoever may change statuses is not by that an approver.
fn decided_by(entry: &Server, to: Status, route: &str) -> Error {
    let Server { server_id, version, .. } = entry;
    Error::new(
        Kind::Conflict,
        format!(
            "{} waits for approval, and becomes {to} by POST /servers/{server_id}/versions/{version}/{route} only \
             (switchyard servers {route}).",
            entry.id()
        ),
    )
}

fn nothing_waits(entry: &Server) -> Error {
    Error::new(
        Kind::Conflict,
        format!("{} is {}, and no changed definition of it waits for approval.", entry.id(), entry.status),
    )
}

fn unseen(entry: &Server) -> Error {
    Error::new(
        Kind::Conflict,
        format!(
            "What waits for approval of {} has another definition_hash than the one given. Look at it again.",
            entry.id()
        ),
    )
}
