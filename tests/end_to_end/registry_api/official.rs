//! Editors and other clients browse the registry through the official API, and see what an operator approved.

use std::{path::Path, sync::LazyLock};

use http::{Method, StatusCode, header::IF_NONE_MATCH};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{ENDPOINT, get, post, send};
use crate::support::{registry, run, stack, unique};

/// What the names of the local stage begin with.
const NAMESPACE: &str = "switchyard.local";

/// The official schema, where it is at hand.
static SCHEMA: LazyLock<Option<Validator>> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/schemas/server.schema.json");
    let text = std::fs::read_to_string(file).ok()?;
    let schema: Value = serde_json::from_str(&text).unwrap();
    Some(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
});

/// Registers a version by hand; it is pending.
async fn registered(server_id: &str, version: &str, endpoint: &str) {
    let mut body = json!({
        "server_id": server_id, "version": version, "server_name": "Shelves", "description": "Knows what is on which shelf.",
        "endpoint_url": endpoint,
        "available_tools": [{ "name": "list_shelves", "inputSchema": { "type": "object" } }],
    });
    if endpoint.starts_with("https:") {
        body["authentication_type"] = json!("api_key");
        body["api_key_header"] = json!("X-Shelf-Key");
    }
    post("servers", body, 201).await;
}

async fn approved(server_id: &str, version: &str, endpoint: &str) {
    registered(server_id, version, endpoint).await;
    post(&format!("servers/{server_id}/versions/{version}/approve"), json!({}), 200).await;
}

fn https(server_id: &str) -> String {
    format!("https://{server_id}.example.com/mcp")
}

fn official(entry: &Value) -> &Value {
    &entry["_meta"]["io.modelcontextprotocol.registry/official"]
}

/// `id@version` of an entry, with a star at the latest, after a look at its shape.
fn one(entry: &Value) -> String {
    let server = &entry["server"];
    if let Some(schema) = SCHEMA.as_ref() {
        let faults: Vec<String> = schema.iter_errors(server).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?} in {server}");
    }
    // What matters most of it also where the schema is not at hand.
    let description = server["description"].as_str().unwrap_or_default();
    assert!((1..=100).contains(&description.chars().count()), "{server}");
    assert!(server["remotes"][0]["url"].as_str().is_some_and(|url| url.starts_with("https://")), "{server}");
    for time in ["publishedAt", "updatedAt", "statusChangedAt"] {
        assert!(official(entry)[time].as_str().is_some_and(|at| at.ends_with('Z')), "{time} in {entry}");
    }
    let name = server["name"].as_str().unwrap();
    let server_id = name.strip_prefix(NAMESPACE).and_then(|rest| rest.strip_prefix('/')).unwrap();
    let star = if official(entry)["isLatest"] == true { "*" } else { "" };
    format!("{server_id}@{}{star}", server["version"].as_str().unwrap())
}

fn all(list: &Value) -> Vec<String> {
    let servers = list["servers"].as_array().unwrap();
    assert_eq!(list["metadata"]["count"], servers.len(), "{list}");
    servers.iter().map(one).collect()
}

/// A list from its first page to its last, none longer than `limit`.
async fn pages(query: &str, limit: usize) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = get(&format!("v0.1/servers?limit={limit}&{query}{cursor}")).await;
        let page = all(&list);
        assert!(page.len() <= limit, "{list}");
        found.extend(page);
        match list["metadata"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[test]
fn an_approved_server_is_found_listed_and_shown() {
    run(async {
        let marker = unique("shelves");
        let [first, second, function, waiting] = ["a", "b", "function", "waiting"].map(|end| format!("{marker}-{end}"));
        approved(&first, "1.0.0", &https(&first)).await;
        approved(&first, "1.1.0", &https(&first)).await;
        approved(&second, "1.0.0", &https(&second)).await;
        approved(&function, "1.0.0", ENDPOINT).await;
        registered(&waiting, "1.0.0", &https(&waiting)).await;
        let [old, new, other] = [format!("{first}@1.0.0"), format!("{first}@1.1.0*"), format!("{second}@1.0.0*")];

        // What changed last comes first; a Lambda ARN is nothing for an editor, and what waits for nobody.
        let search = format!("search={}", marker.to_uppercase());
        assert_eq!(pages(&search, 1).await, [&*other, &*new, &*old]);
        assert_eq!(pages(&search, 100).await, [&*other, &*new, &*old]);
        assert_eq!(pages(&format!("search={NAMESPACE}/{first}&version=latest"), 30).await, [&*new]);
        assert_eq!(pages(&format!("{search}&version=1.0.0"), 30).await, [&*other, &*old]);

        for name in [format!("{NAMESPACE}/{first}"), format!("{NAMESPACE}%2F{first}"), format!("{NAMESPACE}%2f{first}")]
        {
            let path = format!("v0.1/servers/{name}/versions");
            assert_eq!(all(&get(&path).await), [&*new, &*old]);
            assert_eq!(one(&get(&format!("{path}/1.0.0")).await), old);
            assert_eq!(one(&get(&format!("{path}/latest")).await), new);
            let (status, _) = send(Method::GET, &format!("{path}/2.0.0"), None).await;
            assert_eq!(status, 404, "{path}");
        }
        let shown = get(&format!("v0.1/servers/{NAMESPACE}/{second}/versions/latest")).await;
        let remotes = json!([{ "type": "streamable-http", "url": https(&second), "headers": [{
            "name": "X-Shelf-Key", "description": "API key of this server", "isRequired": true, "isSecret": true,
        }] }]);
        assert_eq!((&shown["server"]["remotes"], &shown["server"]["title"]), (&remotes, &json!("Shelves")));
        assert_eq!(official(&shown)["status"], "active");
        for hidden in [&function, &waiting] {
            let (status, _) =
                send(Method::GET, &format!("v0.1/servers/{NAMESPACE}%2F{hidden}/versions/latest"), None).await;
            assert_eq!(status, 404, "{hidden}");
        }

        let since = official(&shown)["updatedAt"].as_str().unwrap();
        assert_eq!(pages(&format!("{search}&updated_since={since}"), 30).await, [&*other]);
        assert!(pages(&format!("{search}&updated_since=2999-01-01T00:00:00Z"), 30).await.is_empty());

        // Once it is gone, it is told only to those who ask for what is gone.
        post(&format!("servers/{second}/versions/1.0.0/decommission"), json!({}), 200).await;
        let gone = format!("{second}@1.0.0");
        assert_eq!(pages(&search, 30).await, [&*new, &*old]);
        let mut found = pages(&format!("{search}&include_deleted=true"), 1).await;
        found.sort_unstable();
        assert_eq!(found, [&*old, &*new, &*gone]);
        assert_eq!(pages(&format!("{search}&updated_since={since}"), 30).await, [&*gone]);
        let path = format!("v0.1/servers/{NAMESPACE}%2F{second}/versions");
        assert_eq!(send(Method::GET, &path, None).await.0, 404);
        let deleted = get(&format!("{path}?include_deleted=true")).await;
        assert_eq!((all(&deleted), &official(&deleted["servers"][0])["status"]), (vec![gone], &json!("deleted")));

        for (server_id, version) in [(&first, "1.0.0"), (&first, "1.1.0"), (&function, "1.0.0")] {
            post(&format!("servers/{server_id}/versions/{version}/decommission"), json!({}), 200).await;
        }
        post(&format!("servers/{waiting}/versions/1.0.0/reject"), json!({ "reason": "Shown." }), 200).await;
    });
}

#[test]
fn an_answer_that_a_client_has_already_is_not_sent_again() {
    run(async {
        let server_id = unique("shelf");
        approved(&server_id, "1.0.0", &https(&server_id)).await;
        let path = format!("v0.1/servers/{NAMESPACE}%2F{server_id}/versions/1.0.0");
        let api = registry().await;
        let ask =
            async |tag: &str| api.send(Method::GET, &path, &[(IF_NONE_MATCH, tag)], bytes::Bytes::new()).await.unwrap();
        let answer = ask("\"0\"").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert_eq!(answer.headers()["cache-control"], "private, max-age=60");
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(ask(&tag).await.status(), StatusCode::NOT_MODIFIED);
        post(&format!("servers/{server_id}/versions/1.0.0/status"), json!({ "status": "maintenance" }), 200).await;
        assert_eq!(ask(&tag).await.status(), StatusCode::NOT_FOUND);
        post(&format!("servers/{server_id}/versions/1.0.0/decommission"), json!({}), 200).await;
    });
}

#[test]
fn what_is_asked_wrongly_or_without_a_signature_is_refused() {
    run(async {
        for query in
            ["limit=0", "limit=101", "cursor=0123456789abcdef00", "updated_since=yesterday", "include_deleted=maybe"]
        {
            let (status, problem) = send(Method::GET, &format!("v0.1/servers?{query}"), None).await;
            assert_eq!(status, 400, "{query}: {problem}");
        }
        for path in ["v0.1/servers?limit=1", "v0.1/servers/switchyard.local%2Fpipelines/versions/latest"] {
            let url = stack().await.registry_url().join(path).unwrap();
            assert_eq!(reqwest::get(url).await.unwrap().status(), StatusCode::FORBIDDEN, "{path}");
        }
    });
}
