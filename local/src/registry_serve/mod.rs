//! The official registry API of a deployment for an editor on this machine: unsigned requests in, signed requests out.
//!
//! Editors ask a registry without credentials, so whoever reaches this gets what the person who started it may read. Hence it
//! answers on the loopback address only, to that address's names only (a page that had its own name point here is refused),
//! to no page of the web unless that is allowed by name, and with nothing but the read-only `/v0.1`.

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{self, CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, ORIGIN, RETRY_AFTER},
        request::Parts,
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use url::Url;

use crate::{
    api::ApiError,
    registry_client::RegistryClient,
    terminal::{Terminal, printable},
};

/// Where desktop editors of the VS Code family have their windows.
pub const EDITOR: &str = "vscode-file://vscode-app";
/// The only part of the API that is served.
const PREFIX: &str = "v0.1/";
/// Headers of an answer that are passed on.
const PASSED_ON: [HeaderName; 4] = [CONTENT_TYPE, CACHE_CONTROL, ETAG, RETRY_AFTER];

/// What every request needs.
#[derive(Debug)]
struct Served {
    client: RegistryClient,
    address: SocketAddr,
    origins: Vec<HeaderValue>,
    terminal: Terminal,
}

/// The routes, for a listener at `address`. Pages of `origins` may read the answers.
pub fn app(client: RegistryClient, address: SocketAddr, origins: Vec<HeaderValue>, terminal: Terminal) -> Router {
    let served = Arc::new(Served { client, address, origins: origins.clone(), terminal });
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([ETAG])
        .allow_private_network(true);
    // The last layer is the outermost: nobody gets even a preflight answered who is not at the door rightly.
    Router::new().fallback(serve).with_state(Arc::clone(&served)).layer(cors).layer(from_fn_with_state(served, check))
}

/// Lets through who asks for this address by one of its names, from no page or from one that is allowed.
async fn check(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let (host, origin) = (host_of(&request), request.headers().get(ORIGIN));
    let port = served.address.port();
    let names = [served.address.to_string(), format!("localhost:{port}")];
    if !names.iter().any(|name| name.eq_ignore_ascii_case(&host)) {
        let detail = format!("This is {}, not {host:?}.", served.address);
        return problem(StatusCode::FORBIDDEN, &detail);
    }
    if let Some(origin) = origin.filter(|origin| !served.origins.contains(origin)) {
        let detail = format!(
            "Pages of {origin:?} may not read this registry. To let them, start `switchyard registry serve` with --allow-origin."
        );
        return problem(StatusCode::FORBIDDEN, &detail);
    }
    next.run(request).await
}

fn host_of(request: &Request) -> String {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| request.uri().authority().map(|authority| authority.as_str())).unwrap_or_default().to_owned()
}

async fn serve(State(served): State<Arc<Served>>, parts: Parts) -> Response {
    if ![Method::GET, Method::HEAD].contains(&parts.method) {
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "This registry is read only: GET and HEAD.");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let Some(path) = path(served.client.url(), &parts.uri) else {
        return problem(
            StatusCode::NOT_FOUND,
            "Only /v0.1/ of the registry is served here, for example /v0.1/servers.",
        );
    };
    match pass_on(&served.client, &path, &parts.headers).await {
        Ok(response) => response,
        Err(error) => {
            let error = printable(&error.to_string());
            served.terminal.fail(&error);
            problem(StatusCode::BAD_GATEWAY, &error)
        }
    }
}

/// What is asked for, if it lies below [`PREFIX`] however it is read: with dots resolved, and with what is encoded decoded.
fn path(api: &Url, uri: &Uri) -> Option<String> {
    let asked = uri.path_and_query()?.as_str().trim_start_matches('/');
    let climbs = |part: &str| matches!(part.replace("%2e", ".").replace("%2E", ".").as_str(), "." | "..");
    let whole = uri.path().replace("%2f", "/").replace("%2F", "/").replace("%5c", "/").replace("%5C", "/");
    let below = api.join(asked).ok()?.path().starts_with(&format!("{}{PREFIX}", api.path()));
    (below && asked.starts_with(PREFIX) && !whole.split('/').any(climbs)).then(|| asked.to_owned())
}

async fn pass_on(client: &RegistryClient, path: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
    let mut sent = vec![(header::ACCEPT, "application/json")];
    sent.extend(headers.get(IF_NONE_MATCH).and_then(|tag| tag.to_str().ok()).map(|tag| (IF_NONE_MATCH, tag)));
    let answer = client.fetch(path, &sent).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await.map_err(ApiError::Transport)?));
    *response.status_mut() = status;
    for name in PASSED_ON {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let document = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    (status, [(CONTENT_TYPE, "application/problem+json")], document.to_string()).into_response()
}
