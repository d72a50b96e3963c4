//! Another team's servers on this machine: REST behind an API key, GraphQL behind OAuth, MCP behind signatures.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The key that REST wants.
pub(crate) const API_KEY: &str = "key-of-the-forecasts";

/// The client credentials that the token endpoint wants.
pub(crate) const CLIENT: (&str, &str) = ("places-client", "secret-of-the-places");

const TOKEN: &str = "token-of-the-places";

/// What was asked, in order: a word and what came with it.
pub(crate) type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// Starts the servers; they end with the runtime of the tests.
pub(crate) async fn start() -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let router = Router::new()
        .route("/api/forecasts/{place}", get(forecast))
        .route("/token", post(token))
        .route("/graphql", post(graphql))
        .route("/mcp", post(mcp))
        .with_state(Arc::clone(&asked));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, asked)
}

fn note(asked: &Asked, what: &str, value: Value) {
    asked.lock().unwrap().push((what.to_owned(), value));
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn forecast(
    State(asked): State<Asked>,
    Path(place): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if header(&headers, "x-forecast-key") != API_KEY {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    note(&asked, "forecast", json!({ "place": place, "query": query }));
    if place == "Atlantis" {
        return (StatusCode::NOT_FOUND, "there is no such place").into_response();
    }
    Json(json!({ "message": format!("Sunny in {place}."), "degrees": 21 })).into_response()
}

async fn token(State(asked): State<Asked>, headers: HeaderMap, body: String) -> Response {
    let given = header(&headers, "authorization").to_owned();
    let expected =
        reqwest::Client::new().get("http://127.0.0.1/").basic_auth(CLIENT.0, Some(CLIENT.1)).build().unwrap();
    if given != expected.headers()["authorization"].to_str().unwrap() {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    note(&asked, "token", json!(body));
    Json(json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600 })).into_response()
}

async fn graphql(State(asked): State<Asked>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if header(&headers, "authorization") != format!("Bearer {TOKEN}") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let execution_id = header(&headers, "switchyard-execution-id").to_owned();
    note(&asked, "graphql", json!({ "body": body, "execution_id": execution_id }));
    if body["query"].as_str().unwrap().starts_with("mutation") {
        return Json(json!({ "data": { "addPlace": { "id": 7 } } })).into_response();
    }
    Json(json!({ "data": { "places": [] }, "errors": [{ "message": "the list is being sorted" }] })).into_response()
}

/// MCP 2025-11-25 without sessions, as far as one tool needs it.
async fn mcp(State(asked): State<Asked>, headers: HeaderMap, Json(message): Json<Value>) -> Response {
    let method = message["method"].as_str().unwrap_or_default();
    let signature = ["authorization", "x-amz-security-token"].map(|name| header(&headers, name).to_owned());
    note(&asked, method, json!(signature));
    let result = match method {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "measurements", "version": "1" },
        }),
        "tools/list" => json!({ "tools": [{
            "name": "get_measurement", "description": "Measures.",
            "inputSchema": { "type": "object", "properties": { "place": { "type": "string" } } },
        }] }),
        "tools/call" => json!({ "content": [{ "type": "text", "text": "11 degrees" }] }),
        "notifications/initialized" => return StatusCode::ACCEPTED.into_response(),
        _ => {
            let error = json!({ "code": -32601, "message": "Method not found" });
            return Json(json!({ "jsonrpc": "2.0", "id": message["id"], "error": error })).into_response();
        }
    };
    Json(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })).into_response()
}
