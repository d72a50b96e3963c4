//! Who and what comes in, and what is listed.

use super::*;

const FAR: &str = "https://weather.example.com/mcp";

#[tokio::test]
async fn without_a_verified_caller_nothing_is_shown_or_done() {
    let office = Office::with(&weather("active", FAR)).await;
    for (method, path) in [
        ("GET", "/servers"),
        ("POST", "/servers"),
        ("GET", "/servers/weather"),
        ("GET", "/servers/weather/versions"),
        ("GET", "/servers/weather/audit"),
        ("GET", ENTRY),
        ("PATCH", ENTRY),
    ] {
        let mut event = event(method, path, Some("{}"));
        event["requestContext"]["identity"]["userArn"] = Value::Null;
        office.send(&event).await.is(401);
        event["requestContext"]["identity"]["userArn"] = json!("arn:aws:sts::123456789012:federated-user/x");
        office.send(&event).await.is(403);
    }
    for what in ["status", "approve", "reject", "decommission", "test", "refresh"] {
        let mut event = event("POST", &format!("{ENTRY}/{what}"), Some("{}"));
        event["requestContext"]["identity"]["userArn"] = Value::Null;
        office.send(&event).await.is(401);
    }
    assert_eq!(office.entry().await.status, Status::Active);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_other_methods_are_named() {
    let office = Office::with(&weather("active", FAR)).await;
    for path in [
        "/servers/nobody",
        "/servers/nobody/versions",
        "/servers/nobody/audit",
        "/servers/nobody/versions/1.0.0/audit",
        "/servers/weather/versions/2.0.0/audit",
        "/servers/Not_An_Id",
        "/servers/weather/versions/2.0.0",
        "/servers/weather/versions/latest",
        "/servers/weather/versions/1.0.0/held",
        "/servers/%FF/versions",
        "/servers/weather/nothing",
    ] {
        office.get(path).await.is(404);
    }
    for what in ["status", "approve", "reject", "decommission", "test", "refresh"] {
        let body = json!({"status": "active", "reason": "x"});
        let body = if what == "status" {
            body
        } else if what == "reject" {
            json!({"reason": "x"})
        } else {
            json!({})
        };
        office.post(&format!("/servers/weather/versions/9.0.0/{what}"), body).await.is(404);
        let answer = office.get(&format!("{ENTRY}/{what}")).await;
        answer.is(405);
        assert_eq!(answer.headers["allow"], "POST");
    }
    office.send(&event("DELETE", ENTRY, None)).await.is(405);
}

#[tokio::test]
async fn a_body_is_json_of_known_fields() {
    let office = Office::with(&weather("active", FAR)).await;
    let mut text = event("PATCH", ENTRY, Some("{}"));
    text["headers"] = json!({"Content-Type": "text/plain"});
    text["multiValueHeaders"] = json!({"Content-Type": ["text/plain"]});
    office.send(&text).await.is(415);
    office.send(&event("PATCH", ENTRY, Some("{"))).await.is(400);
    office.send(&event("PATCH", ENTRY, Some("[]"))).await.is(400);
    office.send(&event("PATCH", ENTRY, Some(&format!("{{\"x\": \"{}\"}}", "x".repeat(600 * 1024))))).await.is(413);
    for (what, body, places) in [
        ("status", json!({}), vec!["/status"]),
        ("status", json!({"status": "gone", "why": 1}), vec!["/status", "/why"]),
        ("status", json!({"status": 3, "reason": ""}), vec!["/reason", "/status"]),
        ("approve", json!({"definition_hash": "abc", "reason": "x".repeat(1001)}), vec!["/definition_hash", "/reason"]),
        ("reject", json!({}), vec!["/reason"]),
        ("reject", json!({"reason": "  "}), vec!["/reason"]),
        ("decommission", json!({"force": true}), vec!["/force"]),
        ("test", json!({"tool": "echo"}), vec!["/tool"]),
        ("refresh", json!({"a/b": 1}), vec!["/a~1b"]),
    ] {
        let answer = office.post(&format!("{ENTRY}/{what}"), body).await;
        assert_eq!(answer.places(), places, "{what}");
    }
    assert_eq!(office.entry().await.status, Status::Active);
}

#[tokio::test]
async fn servers_are_listed_by_filters_page_by_page() {
    let office = Office::with(&weather("active", FAR)).await;
    for n in 0..5 {
        let (id, status) = (format!("money-{n}"), if n < 2 { "pending" } else { "active" });
        let mut other = Server { server_id: id, server_name: format!("Money {n}"), ..weather(status, FAR) };
        other.deployment_stack = Some("Beta".to_owned());
        office.registry.register(&other).await.unwrap();
    }
    let ids = |answer: &Answer| {
        let servers = answer.is(200)["servers"].as_array().unwrap().clone();
        let mut ids: Vec<_> = servers.iter().map(|one| one["server_id"].as_str().unwrap().to_owned()).collect();
        assert!(servers.iter().all(|one| one.get("available_tools").is_none()));
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&office.get("/servers").await).len(), 6);
    assert_eq!(ids(&office.get("/servers?status=pending").await), ["money-0", "money-1"]);
    assert_eq!(ids(&office.get("/servers?stack=Alpha").await), ["weather"]);
    assert_eq!(ids(&office.get("/servers?text=MONEY&status=active").await), ["money-2", "money-3", "money-4"]);
    assert_eq!(ids(&office.get("/servers?protocol=graphql").await), Vec::<String>::new());
    let mut all = Vec::new();
    let mut path = "/servers?limit=2".to_owned();
    loop {
        let page = office.get(&path).await;
        all.extend(ids(&page));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/servers?limit=2&cursor={cursor}");
    }
    all.sort_unstable();
    assert_eq!(all, ["money-0", "money-1", "money-2", "money-3", "money-4", "weather"]);
    let cursor = office.get("/servers?limit=2").await.body["next_cursor"].as_str().unwrap().to_owned();
    office.get(&format!("/servers?limit=2&status=active&cursor={cursor}")).await.is(400);
    let wrong = office.get("/servers?status=gone&protocol=soap&limit=0&text=&page=2&page=3").await;
    let detail = wrong.is(400)["detail"].as_str().unwrap();
    assert!(detail.contains("no parameter \"page\"") && detail.contains("status, protocol, stack"), "{detail}");
    let wrong = office.get("/servers?status=gone&protocol=soap&limit=0&text=").await;
    let detail = wrong.is(400)["detail"].as_str().unwrap();
    for part in
        ["status must be one of pending, active", "protocol must be one of jsonrpc", "limit must be", "text must have"]
    {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    office.get("/servers?limit=2&limit=3").await.is(400);
}

#[tokio::test]
async fn a_server_is_shown_by_the_version_that_is_called_and_its_versions_highest_first() {
    let office = Office::with(&weather("active", FAR)).await;
    for (version, status) in [("1.10.0", "active"), ("1.9.0", "active"), ("2.0.0+x.1", "pending")] {
        let entry = Server { version: version.to_owned(), ..weather(status, FAR) };
        office.registry.register(&entry).await.unwrap();
    }
    assert_eq!(office.get("/servers/weather").await.is(200)["version"], "1.10.0");
    let versions = office.get("/servers/weather/versions").await;
    let versions: Vec<_> =
        versions.is(200)["versions"].as_array().unwrap().iter().map(|one| one["version"].clone()).collect();
    assert_eq!(json!(versions), json!(["2.0.0+x.1", "1.10.0", "1.9.0", "1.0.0"]));
    let entry = office.get("/servers/weather/versions/2.0.0%2Bx.1").await;
    assert_eq!(entry.is(200)["available_tools"][0]["name"], "echo");
    for version in ["1.10.0", "1.9.0", "1.0.0"] {
        office.post(&format!("/servers/weather/versions/{version}/decommission"), json!({})).await.is(200);
    }
    assert_eq!(office.get("/servers/weather").await.is(200)["version"], "2.0.0+x.1");
}

#[tokio::test]
async fn whoever_registers_by_hand_owns_the_server() {
    let office = Office::open().await;
    let body = json!({"server_id": "weather", "server_name": "Weather", "endpoint_url": FAR,
        "available_tools": [{"name": "echo", "inputSchema": {"type": "object"}}], "authentication_type": "api_key"});
    let answer = office.post("/servers", body.clone()).await;
    assert_eq!(answer.is(201)["status"], "pending");
    office.post("/servers", body.clone()).await.is(200);
    let entry = office.entry().await;
    assert_eq!(entry.owner, format!("principal:{ADMIN}"));
    let mut other = event("POST", "/servers", Some(&body.to_string()));
    other["requestContext"]["identity"]["userArn"] = json!("arn:aws:iam::123456789012:user/other");
    office.send(&other).await.is(403);
    assert_eq!(office.told().await, [("registered".to_owned(), ADMIN.to_owned())]);
    assert!(office.notices().await[0].contains("weather@1.0.0"));
    assert_eq!(
        office.post("/servers", json!({"server_nam": 1})).await.places(),
        ["/endpoint_url", "/server_nam", "/server_name"]
    );
}
