use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::super::app;
use crate::{
    env::{self, Approval, Reach},
    registry::Registry,
    registry_api::RegistryApi,
    test_support::{REGISTRY_TABLE, STATE_TABLE, dynamodb, sdk_config},
};

mod schema;

const NAMESPACE: &str = "switchyard.test";

/// The API over a registry with these entries; what is not given is that of an ordinary server.
async fn api(entries: &[Value]) -> Router {
    let client = dynamodb().await;
    for (index, given) in entries.iter().enumerate() {
        let mut entry = json!({
            "version": "1.0.0", "server_name": "Weather", "description": "Tells the weather.", "status": "active",
            "endpoint_url": "https://weather.example.com/mcp", "protocol_type": "jsonrpc",
            "created_at": "2026-01-01T00:00:00.000Z", "updated_at": format!("2026-02-01T00:00:{index:02}.000Z"),
            "available_tools": [{ "name": "t", "inputSchema": { "type": "object" } }],
        });
        entry.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let item = serde_dynamo::to_item(entry).unwrap();
        client.put_item().table_name(REGISTRY_TABLE).set_item(Some(item)).send().await.unwrap();
    }
    let settings = env::RegistryApi {
        reach: Reach::default(),
        registry_table: REGISTRY_TABLE.to_owned(),
        state_table: STATE_TABLE.to_owned(),
        approval: Approval::Required,
        registration_limit: 10,
        namespace: NAMESPACE.to_owned(),
        approval_topic: None,
    };
    let api = RegistryApi::new(settings, &sdk_config("http://127.0.0.1:1")).unwrap();
    app(RegistryApi { registry: Registry::new(client, REGISTRY_TABLE, STATE_TABLE), ..api })
}

/// Status, headers and body of an answer.
async fn answer(api: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let response = api.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

async fn get(api: &Router, path: &str) -> Value {
    let (status, headers, body) = answer(api, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(status, 200, "{path}: {body}");
    assert_eq!(headers["content-type"], "application/json");
    body
}

/// `id@version` of the entries of a list, with a star at those that are the latest.
fn shown(list: &Value) -> Vec<String> {
    assert_eq!(list["metadata"]["count"], list["servers"].as_array().unwrap().len());
    list["servers"].as_array().unwrap().iter().map(one).collect()
}

fn one(entry: &Value) -> String {
    let name = entry["server"]["name"].as_str().unwrap();
    let id = name.strip_prefix("switchyard.test/").unwrap();
    let star = if entry["_meta"]["io.modelcontextprotocol.registry/official"]["isLatest"] == true { "*" } else { "" };
    format!("{id}@{}{star}", entry["server"]["version"].as_str().unwrap())
}

/// All pages of a list.
async fn pages(api: &Router, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = get(api, &format!("/v0.1/servers?{query}{cursor}")).await;
        pages.push(shown(&list));
        match list["metadata"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn an_entry_is_shown_as_the_official_registry_does() {
    let api = api(&[json!({ "server_id": "weather", "authentication_type": "api_key", "api_key_header": "X-Weather-Key",
        "definition_hash": "abc", "mcp_version": "2026-07-28", "owner": "arn:aws:cloudformation:…", "deployment_stack": "Team" })])
    .await;
    let list = get(&api, "/v0.1/servers").await;
    let expected = json!({
        "servers": [{
            "server": {
                "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
                "name": "switchyard.test/weather", "title": "Weather", "description": "Tells the weather.", "version": "1.0.0",
                "remotes": [{ "type": "streamable-http", "url": "https://weather.example.com/mcp", "headers": [{
                    "name": "X-Weather-Key", "description": "API key of this server", "isRequired": true, "isSecret": true,
                }] }],
            },
            "_meta": {
                "io.modelcontextprotocol.registry/official": {
                    "status": "active", "isLatest": true, "publishedAt": "2026-01-01T00:00:00.000Z",
                    "updatedAt": "2026-02-01T00:00:00.000Z", "statusChangedAt": "2026-02-01T00:00:00.000Z",
                },
                "switchyard/registry": {
                    "server_id": "weather", "authentication_type": "api_key", "mcp_version": "2026-07-28", "definition_hash": "abc",
                },
            },
        }],
        "metadata": { "count": 1 },
    });
    assert_eq!(list, expected, "owner and stack are nobody's business");
    let versions = get(&api, "/v0.1/servers/switchyard.test%2Fweather/versions").await;
    assert_eq!(versions, expected);
    assert_eq!(get(&api, "/v0.1/servers/switchyard.test%2Fweather/versions/1.0.0").await, expected["servers"][0]);
    assert_eq!(get(&api, "/v0.1/servers/switchyard.test/weather/versions/latest").await, expected["servers"][0]);
}

#[tokio::test]
async fn a_list_comes_in_pages_and_the_latest_is_right_across_them() {
    let mut entries = Vec::new();
    for (id, version, status) in [
        ("a", "1.9.0", "active"),
        ("b", "1.0.0", "active"),
        ("c", "1.0.0", "active"),
        ("a", "1.10.0", "active"),
        ("a", "1.10.0-rc.1", "active"),
        ("a", "2.0.0", "pending"),
        ("b", "0.9.0", "decommissioned"),
        ("d", "1.0.0", "unhealthy"),
        ("e", "1.0.0", "active"),
    ] {
        entries.push(json!({ "server_id": id, "version": version, "status": status }));
    }
    let api = api(&entries).await;
    let all = ["e@1.0.0*", "a@1.10.0-rc.1", "a@1.10.0*", "c@1.0.0*", "b@1.0.0*", "a@1.9.0"];
    for limit in [1, 2, 4, 6, 100] {
        let pages = pages(&api, &format!("limit={limit}")).await;
        assert!(pages.iter().all(|page| page.len() <= limit), "{pages:?}");
        assert_eq!(pages.concat(), all, "limit {limit}");
        let latest = super::tests::pages(&api, &format!("version=latest&limit={limit}")).await;
        assert_eq!(latest.concat(), ["e@1.0.0*", "a@1.10.0*", "c@1.0.0*", "b@1.0.0*"], "limit {limit}");
        assert!(latest.iter().rev().skip(1).all(|page| page.len() == limit), "pages are filled: {latest:?}");
    }
    assert_eq!(pages(&api, "version=1.0.0").await.concat(), ["e@1.0.0*", "c@1.0.0*", "b@1.0.0*"]);
    assert_eq!(
        shown(&get(&api, "/v0.1/servers/switchyard.test%2Fa/versions").await),
        ["a@1.10.0*", "a@1.10.0-rc.1", "a@1.9.0"]
    );
    assert_eq!(one(&get(&api, "/v0.1/servers/switchyard.test%2Fa/versions/latest").await), "a@1.10.0*");
}

#[tokio::test]
async fn what_no_client_could_connect_to_is_left_out() {
    let api = api(&[
        json!({ "server_id": "function", "endpoint_url": "arn:aws:lambda:us-east-1:123456789012:function:f" }),
        json!({ "server_id": "rest", "protocol_type": "rest" }),
        json!({ "server_id": "graphql", "protocol_type": "graphql" }),
        json!({ "server_id": "plain", "endpoint_url": "http://10.0.0.1/mcp" }),
        json!({ "server_id": "secret", "endpoint_url": "https://user:password@example.com/mcp" }),
        json!({ "server_id": "pending", "status": "pending" }),
        json!({ "server_id": "rejected", "status": "rejected" }),
        json!({ "server_id": "Odd Name" }),
        json!({ "server_id": "odd-version", "version": "one" }),
        json!({ "server_id": "moved", "version": "2.0.0", "endpoint_url": "arn:aws:lambda:us-east-1:123456789012:function:f" }),
        json!({ "server_id": "moved" }),
        json!({ "server_id": "braces", "endpoint_url": "https://example.com/{tenant}/mcp?a={b}" }),
    ])
    .await;
    // Of a server whose highest version cannot be listed, the highest that can is the latest.
    assert_eq!(pages(&api, "include_deleted=true").await.concat(), ["braces@1.0.0*", "moved@1.0.0*"]);
    let braces = get(&api, "/v0.1/servers/switchyard.test/braces/versions/latest").await;
    assert_eq!(braces["server"]["remotes"][0]["url"], "https://example.com/%7Btenant%7D/mcp?a=%7Bb%7D");
    for id in ["function", "rest", "pending", "Odd%20Name", "nothing"] {
        let request = Request::get(format!("/v0.1/servers/switchyard.test%2F{id}/versions")).body(Body::empty());
        let (status, _, problem) = answer(&api, request.unwrap()).await;
        assert_eq!(status, 404, "{id}: {problem}");
    }
}

#[tokio::test]
async fn names_are_searched_whatever_their_case() {
    let api =
        api(&["weather", "water", "pipelines"].map(|id| json!({ "server_id": id, "server_name": "At ER" }))).await;
    for (search, expected) in [
        ("ATHER", vec!["weather@1.0.0*"]),
        ("ater", vec!["water@1.0.0*"]),
        ("Test/WA", vec!["water@1.0.0*"]),
        ("test/", vec!["pipelines@1.0.0*", "water@1.0.0*", "weather@1.0.0*"]),
        ("switchyard", vec!["pipelines@1.0.0*", "water@1.0.0*", "weather@1.0.0*"]),
        ("switchyard.test/pipelines", vec!["pipelines@1.0.0*"]),
        ("at er", vec![]),
        ("x/water", vec![]),
        ("", vec!["pipelines@1.0.0*", "water@1.0.0*", "weather@1.0.0*"]),
    ] {
        let query = format!("search={}", search.replace(' ', "%20").replace('/', "%2F"));
        assert_eq!(pages(&api, &query).await.concat(), expected, "{search}");
        let single = pages(&api, &format!("{query}&limit=1")).await;
        assert_eq!(single.concat(), expected, "{search}");
    }
}

#[tokio::test]
async fn changes_are_followed_with_what_is_gone() {
    let api = api(&[
        json!({ "server_id": "old", "updated_at": "2026-03-01T00:00:00Z" }),
        json!({ "server_id": "new", "updated_at": "2026-03-02T12:00:00.500Z" }),
        json!({ "server_id": "gone", "updated_at": "2026-03-03T00:00:00Z", "status": "decommissioned" }),
        json!({ "server_id": "local-time", "updated_at": "2026-03-04T00:00:00.123456" }),
    ])
    .await;
    let since = |time: &str| format!("updated_since={time}");
    let all = pages(&api, &since("2026-03-02T12:00:00Z")).await.concat();
    assert_eq!(all, ["local-time@1.0.0*", "new@1.0.0*", "gone@1.0.0"]);
    assert_eq!(
        pages(&api, &since("2026-03-02T14:00:00.501%2B02:00")).await.concat(),
        ["local-time@1.0.0*", "gone@1.0.0"]
    );
    assert_eq!(pages(&api, "include_deleted=false").await.concat(), ["local-time@1.0.0*", "new@1.0.0*", "old@1.0.0*"]);
    let with_gone = pages(&api, "include_deleted=true&limit=1").await.concat();
    assert_eq!(with_gone, ["local-time@1.0.0*", "new@1.0.0*", "old@1.0.0*", "gone@1.0.0"]);

    let versions = "/v0.1/servers/switchyard.test%2Fgone/versions";
    let (status, ..) = answer(&api, Request::get(versions).body(Body::empty()).unwrap()).await;
    assert_eq!(status, 404);
    let gone = get(&api, &format!("{versions}/1.0.0?include_deleted=true")).await;
    assert_eq!(gone["_meta"]["io.modelcontextprotocol.registry/official"]["status"], "deleted");
    let (status, ..) =
        answer(&api, Request::get(format!("{versions}/latest?include_deleted=true")).body(Body::empty()).unwrap())
            .await;
    assert_eq!(status, 404, "what is gone is not the latest");
    let odd = get(&api, "/v0.1/servers/switchyard.test%2Flocal-time/versions/latest").await;
    let official = &odd["_meta"]["io.modelcontextprotocol.registry/official"];
    assert_eq!(official["updatedAt"], "2026-03-04T00:00:00.123Z");
}

#[tokio::test]
async fn a_wrong_request_is_told_what_to_change() {
    let api = api(&[json!({ "server_id": "weather" })]).await;
    for (path, status, told) in [
        ("/v0.1/servers?limit=0", 400, "limit must be a whole number from 1 to 100, not \"0\"."),
        ("/v0.1/servers?limit=101", 400, "limit"),
        ("/v0.1/servers?limit=ten", 400, "limit"),
        ("/v0.1/servers?limit=1&limit=2", 400, "duplicate field `limit`"),
        ("/v0.1/servers?cursor=xyz", 400, "cursor"),
        ("/v0.1/servers?cursor=7b7d", 400, "cursor"),
        ("/v0.1/servers?updated_since=yesterday", 400, "RFC 3339"),
        ("/v0.1/servers?updated_since=2026-01-01", 400, "RFC 3339"),
        ("/v0.1/servers?include_deleted=1", 400, "include_deleted must be true or false"),
        ("/v0.1/servers/other%2Fweather/versions", 404, "Names are switchyard.test/{server_id}"),
        ("/v0.1/servers/weather/versions", 404, "no server \"weather\""),
        ("/v0.1/servers/switchyard.test%2Fweather/versions/2.0.0", 404, "no version \"2.0.0\""),
        ("/v0.1/servers/switchyard.test%2Fweather/versions?include_deleted=x", 400, "include_deleted"),
        ("/v0.1/servers/%FF/versions", 404, "no server"),
        ("/v0.1/servers/switchyard.test%2Fweather", 404, "nothing at this path"),
        ("/v0.1/", 404, "nothing at this path"),
    ] {
        let (code, headers, problem) = answer(&api, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(code, status, "{path}: {problem}");
        assert_eq!(headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(told), "{path}: {problem}");
    }
    let long = "x".repeat(201);
    let (code, ..) =
        answer(&api, Request::get(format!("/v0.1/servers?search={long}")).body(Body::empty()).unwrap()).await;
    assert_eq!(code, 400);
    let (code, headers, _) = answer(&api, Request::post("/v0.1/servers").body(Body::empty()).unwrap()).await;
    assert_eq!((code.as_u16(), &headers["allow"]), (405, &"GET,HEAD".parse().unwrap()));
}

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let api = api(&[json!({ "server_id": "weather" })]).await;
    let ask = |tag: &str| Request::get("/v0.1/servers").header("if-none-match", tag).body(Body::empty()).unwrap();
    let (status, headers, _) = answer(&api, ask("\"other\"")).await;
    assert_eq!((status.as_u16(), &headers["cache-control"]), (200, &"private, max-age=60".parse().unwrap()));
    assert_eq!(headers["access-control-allow-origin"], "*");
    let tag = headers["etag"].to_str().unwrap();
    for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let (status, headers, body) = answer(&api, ask(&known)).await;
        assert_eq!((status.as_u16(), body), (304, Value::Null), "{known}");
        assert_eq!(headers["etag"], tag);
    }
}
