//! The endpoints. Sources: <https://docs.gitlab.com/api/pipelines/>, `/api/jobs/`, `/api/rest/` (paging).

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Context, answer,
    parameters::{ListQuery, NewPipeline},
    projects::Project,
    settings::Change,
    store::{Pipeline, Store},
};

const STATUSES: [&str; 12] = [
    "created",
    "waiting_for_resource",
    "preparing",
    "pending",
    "running",
    "success",
    "failed",
    "canceling",
    "canceled",
    "skipped",
    "manual",
    "scheduled",
];

/// `GET /version`
pub(super) async fn version() -> Json<Value> {
    Json(json!({ "version": "18.9.0", "revision": "stand-in", "enterprise": false }))
}

/// `GET /projects/:id`
pub(super) async fn project(State(context): State<Context>, Path(id): Path<String>) -> Response {
    let Some(project) = context.store.project(&id) else { return project_not_found() };
    let name = project.path.rsplit('/').next().unwrap_or(&project.path);
    Json(json!({
        "id": project.id,
        "name": name,
        "path": name,
        "path_with_namespace": project.path,
        "default_branch": project.refs.first(),
        "visibility": "private",
        "archived": false,
        "web_url": format!("{}/{}", context.store.web(), project.path),
    }))
    .into_response()
}

/// `POST /projects/:id/pipeline`
pub(super) async fn create_pipeline(
    State(context): State<Context>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let store = &context.store;
    let Some(project) = store.project(&id) else { return project_not_found() };
    let new = match NewPipeline::read(query.as_deref(), &headers, &body) {
        Ok(new) => new,
        Err(problem) => return answer::error(StatusCode::BAD_REQUEST, &problem),
    };
    let Some(git_ref) = new.git_ref.clone() else {
        return answer::error(StatusCode::BAD_REQUEST, "ref is missing");
    };
    if !project.refs.contains(&git_ref) {
        return answer::refused("Reference not found");
    }
    let settings = store.settings();
    if settings.refuse_variables && !new.variables.is_empty() {
        return answer::refused("Insufficient permissions to set pipeline variables");
    }
    let now = Timestamp::now();
    let pipeline = store.create(project, git_ref, new, now);
    if settings.delay_create_ms > 0 {
        tokio::time::sleep(Duration::from_millis(settings.delay_create_ms)).await;
    }
    (StatusCode::CREATED, Json(full(store, &pipeline, now))).into_response()
}

/// `GET /projects/:id/pipelines`
pub(super) async fn list_pipelines(
    State(context): State<Context>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let store = &context.store;
    let Some(project) = store.project(&id) else { return project_not_found() };
    let query = ListQuery::read(query.as_deref());
    let now = Timestamp::now();
    match select(store.pipelines(project), &query, now) {
        Ok(pipelines) => {
            let url = format!("{}/api/v4/projects/{}/pipelines", store.web(), project.id);
            page(&pipelines, &query, &url, |pipeline| basic(store, pipeline, now))
        }
        Err(problem) => answer::error(StatusCode::BAD_REQUEST, &problem),
    }
}

/// Filters and orders as the query says.
fn select(mut pipelines: Vec<Pipeline>, query: &ListQuery, now: Timestamp) -> Result<Vec<Pipeline>, String> {
    let status = query.one_of("status", &STATUSES)?;
    let scope = query.one_of("scope", &["running", "pending", "finished", "branches", "tags"])?;
    let order = query.one_of("order_by", &["id", "status", "ref", "updated_at", "user_id"])?.unwrap_or("id");
    let descending = query.one_of("sort", &["asc", "desc"])? != Some("asc");
    let (updated_after, updated_before) = (query.time("updated_after")?, query.time("updated_before")?);
    let (created_after, created_before) = (query.time("created_after")?, query.time("created_before")?);
    pipelines.retain(|pipeline| {
        let moment = pipeline.at(now);
        query.get("ref").is_none_or(|git_ref| git_ref == pipeline.git_ref)
            && query.get("sha").is_none_or(|sha| sha == pipeline.sha)
            && query.get("source").is_none_or(|source| source == "api")
            && query.get("username").is_none_or(|username| username == "switchyard")
            && status.is_none_or(|status| status == moment.status)
            && match scope {
                Some("finished") => moment.finished_at.is_some(),
                Some("tags") => false,
                Some("branches") | None => true,
                Some(status) => status == moment.status,
            }
            && updated_after.is_none_or(|time| moment.updated_at > time)
            && updated_before.is_none_or(|time| moment.updated_at < time)
            && created_after.is_none_or(|time| pipeline.created_at > time)
            && created_before.is_none_or(|time| pipeline.created_at < time)
    });
    match order {
        "status" => pipelines.sort_by_key(|pipeline| pipeline.at(now).status),
        "ref" => pipelines.sort_by(|one, other| one.git_ref.cmp(&other.git_ref)),
        "updated_at" => pipelines.sort_by_key(|pipeline| pipeline.at(now).updated_at),
        // There is one user, and the store is ordered by id.
        _ => {}
    }
    if descending {
        pipelines.reverse();
    }
    Ok(pipelines)
}

/// `GET /projects/:id/pipelines/:pipeline_id`
pub(super) async fn pipeline(State(context): State<Context>, Path(path): Path<(String, String)>) -> Response {
    found(&context.store, &path, |pipeline| full(&context.store, pipeline, Timestamp::now()))
}

/// `GET /projects/:id/pipelines/:pipeline_id/variables`
pub(super) async fn variables(State(context): State<Context>, Path(path): Path<(String, String)>) -> Response {
    found(&context.store, &path, |pipeline| json!(pipeline.variables))
}

/// `GET /projects/:id/pipelines/:pipeline_id/jobs`
pub(super) async fn jobs(
    State(context): State<Context>,
    Path(path): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = ListQuery::read(query.as_deref());
    let scope = query.all("scope");
    if scope.iter().any(|word| !STATUSES.contains(word)) {
        return answer::error(StatusCode::BAD_REQUEST, "scope does not have a valid value");
    }
    found(&context.store, &path, |pipeline| {
        let job = job(&context.store, pipeline, Timestamp::now());
        let wanted = scope.is_empty() || scope.iter().any(|word| job["status"] == *word);
        json!(wanted.then_some(job).into_iter().collect::<Vec<_>>())
    })
}

/// `GET /_stand_in/settings`
pub(super) async fn settings(State(context): State<Context>) -> Response {
    Json(context.store.settings()).into_response()
}

/// `GET /_stand_in/pipelines`: also shows inputs, which GitLab's API keeps to itself.
pub(super) async fn all_pipelines(State(context): State<Context>) -> Response {
    let now = Timestamp::now();
    let show = |pipeline: &Pipeline| {
        let mut shown = basic(&context.store, pipeline, now);
        shown["project"] = json!(pipeline.project.path);
        let variables = pipeline.variables.iter().map(|it| (it.key.clone(), Value::from(it.value.clone())));
        shown["variables"] = variables.collect::<serde_json::Map<_, _>>().into();
        shown["inputs"] = json!(pipeline.inputs);
        shown
    };
    Json(context.store.all_pipelines().iter().map(show).collect::<Vec<_>>()).into_response()
}

/// `PUT /_stand_in/settings`: what is left out stays as it is.
pub(super) async fn change_settings(State(context): State<Context>, body: Bytes) -> Response {
    match serde_json::from_slice::<Change>(&body) {
        Ok(change) => match change.problem() {
            Some(problem) => answer::error(StatusCode::BAD_REQUEST, problem),
            None => Json(context.store.change_settings(change)).into_response(),
        },
        Err(error) => answer::error(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn project_not_found() -> Response {
    answer::message(StatusCode::NOT_FOUND, "404 Project Not Found")
}

/// Answers about the pipeline in the path, or says which part of the path is unknown.
fn found(store: &Store, (project, id): &(String, String), show: impl FnOnce(&Pipeline) -> Value) -> Response {
    let Some(project) = store.project(project) else { return project_not_found() };
    let Ok(id) = id.parse() else { return answer::error(StatusCode::BAD_REQUEST, "pipeline_id is invalid") };
    match store.pipeline(project, id) {
        Some(pipeline) => Json(show(&pipeline)).into_response(),
        None => answer::message(StatusCode::NOT_FOUND, "404 Not found"),
    }
}

/// A page of a list with GitLab's paging headers.
fn page<T>(items: &[T], query: &ListQuery, url: &str, show: impl Fn(&T) -> Value) -> Response {
    let (page, per_page) = match (query.number("page", 1, usize::MAX), query.number("per_page", 20, 100)) {
        (Ok(page), Ok(per_page)) => (page, per_page),
        (Err(problem), _) | (_, Err(problem)) => return answer::error(StatusCode::BAD_REQUEST, &problem),
    };
    let pages = items.len().div_ceil(per_page).max(1);
    let shown: Vec<Value> = items.chunks(per_page).nth(page - 1).unwrap_or_default().iter().map(show).collect();
    let next = (page < pages).then(|| page + 1);
    let previous = (page > 1).then(|| page - 1);
    let link = |number: usize, relation: &str| {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(query.without_page());
        encoded.append_pair("page", &number.to_string()).append_pair("per_page", &per_page.to_string());
        format!("<{url}?{}>; rel=\"{relation}\"", encoded.finish())
    };
    let links: Vec<String> = [(previous, "prev"), (next, "next"), (Some(1), "first"), (Some(pages), "last")]
        .into_iter()
        .filter_map(|(number, relation)| Some(link(number?, relation)))
        .collect();
    let text = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut response = Json(shown).into_response();
    for (name, value) in [
        ("x-page", text(Some(page))),
        ("x-per-page", text(Some(per_page))),
        ("x-next-page", text(next)),
        ("x-prev-page", text(previous)),
        ("x-total", text(Some(items.len()))),
        ("x-total-pages", text(Some(pages))),
        ("link", links.join(", ")),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn pipeline_url(store: &Store, project: &Project, id: u64) -> String {
    format!("{}/{}/-/pipelines/{id}", store.web(), project.path)
}

/// A pipeline in a list.
fn basic(store: &Store, pipeline: &Pipeline, now: Timestamp) -> Value {
    let moment = pipeline.at(now);
    json!({
        "id": pipeline.id,
        "iid": pipeline.iid,
        "project_id": pipeline.project.id,
        "sha": pipeline.sha,
        "ref": pipeline.git_ref,
        "status": moment.status,
        "source": "api",
        "name": null,
        "created_at": timestamp(pipeline.created_at),
        "updated_at": timestamp(moment.updated_at),
        "web_url": pipeline_url(store, &pipeline.project, pipeline.id),
    })
}

/// A pipeline on its own.
fn full(store: &Store, pipeline: &Pipeline, now: Timestamp) -> Value {
    let moment = pipeline.at(now);
    let duration = moment.started_at.zip(moment.finished_at).map(|(start, end)| end.duration_since(start).as_secs());
    let queued = moment.started_at.map(|start| start.duration_since(pipeline.created_at).as_secs());
    let mut shown = basic(store, pipeline, now);
    let more = json!({
        "before_sha": "0".repeat(40),
        "tag": false,
        "yaml_errors": null,
        "user": user(store),
        "started_at": moment.started_at.map(timestamp),
        "finished_at": moment.finished_at.map(timestamp),
        "committed_at": null,
        "duration": duration,
        "queued_duration": queued,
        "coverage": null,
        "detailed_status": {
            "icon": format!("status_{}", moment.status),
            "text": if moment.status == "success" { "passed" } else { moment.status },
            "label": if moment.status == "success" { "passed" } else { moment.status },
            "group": moment.status,
            "tooltip": if moment.status == "success" { "passed" } else { moment.status },
            "has_details": false,
            "details_path": format!("/{}/-/pipelines/{}", pipeline.project.path, pipeline.id),
            "illustration": null,
        },
    });
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more);
    }
    shown
}

/// The one job of every pipeline here.
fn job(store: &Store, pipeline: &Pipeline, now: Timestamp) -> Value {
    let moment = pipeline.at(now);
    json!({
        "id": pipeline.id,
        "name": "deploy",
        "stage": "deploy",
        "status": moment.status,
        "failure_reason": (moment.status == "failed").then_some("script_failure"),
        "allow_failure": false,
        "ref": pipeline.git_ref,
        "tag": false,
        "coverage": null,
        "created_at": timestamp(pipeline.created_at),
        "started_at": moment.started_at.map(timestamp),
        "finished_at": moment.finished_at.map(timestamp),
        "erased_at": null,
        "user": user(store),
        "pipeline": basic(store, pipeline, now),
        "web_url": format!("{}/{}/-/jobs/{}", store.web(), pipeline.project.path, pipeline.id),
    })
}

fn user(store: &Store) -> Value {
    json!({
        "id": 1,
        "username": "switchyard",
        "name": "Switchyard",
        "state": "active",
        "avatar_url": null,
        "web_url": format!("{}/switchyard", store.web()),
    })
}

/// ISO 8601 with milliseconds, as GitLab writes it.
fn timestamp(time: Timestamp) -> String {
    format!("{time:.3}")
}
