//! What each answer means.

use axum::http::header::{ALLOW, LOCATION, RETRY_AFTER};

use super::*;
use crate::mcp_client::test_server::{Style, TestServer};

#[tokio::test]
async fn the_guides_request_waits_for_approval() {
    let office = Office::open(Approval::Required, 10).await;
    let answer = office.register(OURS, &guide()).await;
    assert_eq!(Office::id(&answer, 201), "my-custom-mcp-server@1.0.0");
    assert_eq!((&answer.body["status"], &answer.body["tools"]), (&json!("pending"), &json!(["custom_tool"])));
    assert_eq!(answer.headers[LOCATION], "../servers/my-custom-mcp-server/versions/1.0.0");
    let entry = office.entry("my-custom-mcp-server@1.0.0").await.unwrap();
    assert_eq!((entry.status, entry.owner.as_str()), (Status::Pending, "token:our-team"));
    assert_eq!(
        (entry.created_by.as_str(), &answer.body["definition_hash"]),
        ("token:our-team/ci", &json!(entry.definition_hash))
    );
    assert_eq!(entry.definition_hash, entry.compute_hash());
    let records = office.registry.audit().read("my-custom-mcp-server", None, 10, None).await.unwrap().records;
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].who.as_str(), &records[0].after["endpoint_url"]),
        ("token:our-team/ci", &guide()["endpoint_url"])
    );
    let notices = office.notices().await;
    assert_eq!(notices.len(), 1);
    for part in ["my-custom-mcp-server", "token%3Aour-team%2Fci", "switchyard+servers+approve", "custom_tool"] {
        assert!(notices[0].replace("%20", "+").contains(part), "{part}: {}", notices[0]);
    }
}

#[tokio::test]
async fn the_same_again_is_answered_with_what_is_there() {
    let office = Office::open(Approval::Required, 1).await;
    Office::id(&office.register(OURS, &guide()).await, 201);
    for _ in 0..3 {
        let again = office.register(OURS, &guide()).await;
        assert_eq!(Office::id(&again, 200), "my-custom-mcp-server@1.0.0");
        assert_eq!(again.headers[LOCATION], "../servers/my-custom-mcp-server/versions/1.0.0");
    }
    let named = with(json!({ "server_id": "my-custom-mcp-server", "version": "1.0.0" }));
    assert_eq!(Office::id(&office.register(OURS, &named).await, 200), "my-custom-mcp-server@1.0.0");
    let mut entry = office.entry("my-custom-mcp-server@1.0.0").await.unwrap();
    entry.status = Status::Active;
    office.put(&entry).await;
    assert_eq!(office.register(OURS, &guide()).await.body["status"], "active");
    assert_eq!((office.counted().await, office.notices().await.len()), (1, 1));
}

#[tokio::test]
async fn other_content_needs_another_version() {
    let office = Office::open(Approval::Required, 10).await;
    let first = with(json!({ "server_id": "weather", "version": "1.0.0" }));
    Office::id(&office.register(OURS, &first).await, 201);
    let mut other = first.clone();
    other["description"] = json!("Something else");
    other["available_tools"][0]["description"] = json!("Something else");
    let answer = office.register(OURS, &other).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    let pointers: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(|one| one["pointer"].clone()).collect();
    assert_eq!(pointers, ["/description", "/available_tools"]);
    assert_eq!(office.entry("weather@1.0.0").await.unwrap().description, "Provides specialized tools for X");
    other["version"] = json!("1.1.0");
    assert_eq!(Office::id(&office.register(OURS, &other).await, 201), "weather@1.1.0");
    other["version"] = json!(null);
    assert_eq!(Office::id(&office.register(OURS, &other).await, 200), "weather@1.1.0");
}

#[tokio::test]
async fn where_no_approval_is_needed_a_server_is_used_at_once_and_asked_for_its_tools() {
    let server = TestServer::start(Style::Json).await;
    let address = server.url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let office = Office::before(Approval::Auto, 10, &address).await;
    let body =
        with(json!({ "endpoint_url": "https://localhost/mcp", "available_tools": null, "health_check_url": null }));
    let answer = office.register(OURS, &body).await;
    let id = Office::id(&answer, 201);
    assert_eq!(
        (&answer.body["status"], &answer.body["tools"]),
        (&json!("active"), &json!(["echo", "fail", "big", "slow"]))
    );
    let entry = office.entry(&id).await.unwrap();
    assert_eq!(entry.mcp_version.as_deref(), Some("2026-07-28"));
    assert!(entry.available_tools.iter().all(|tool| !tool.read_only()), "its own word is no approval");
    assert!(server.requests() > 0 && office.notices().await.is_empty());
    // What was left out is not asked for again.
    assert_eq!(Office::id(&office.register(OURS, &body).await, 200), id);
    assert_eq!(server.requests(), 0);
    let given = with(json!({ "server_id": "given", "endpoint_url": "https://localhost/mcp" }));
    let given = Office::id(&office.register(OURS, &given).await, 201);
    assert_eq!(office.entry(&given).await.unwrap().mcp_version.as_deref(), Some("2026-07-28"));
}

#[tokio::test]
async fn credentials_are_not_sent_before_approval() {
    for approval in [Approval::Required, Approval::Auto] {
        register_with_credentials(approval).await;
    }
}

/// An operator may have made the secret of an id that is free: whoever claims the id with a token must not be sent it.
async fn register_with_credentials(approval: Approval) {
    let server = TestServer::start(Style::Json).await;
    let address = server.url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let office = Office::before(approval, 10, &address).await;
    let at_home = json!({ "endpoint_url": "https://localhost/mcp", "available_tools": null });
    for (authentication, configuration) in
        [("api_key", json!({})), ("oauth", json!({ "oauth": { "token_url": "https://localhost/token" } }))]
    {
        let mut body = with(at_home.clone());
        body["authentication_type"] = json!(authentication);
        body["configuration"] = configuration;
        let answer = office.register(OURS, &body).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["pointer"]),
            (400, &json!("/available_tools")),
            "{}",
            answer.body
        );
        body["available_tools"] = guide()["available_tools"].clone();
        body["server_id"] = json!(authentication.replace('_', "-"));
        let answer = office.register(OURS, &body).await;
        Office::id(&answer, 201);
        assert_eq!(answer.body["status"], "pending", "{approval:?}");
    }
    assert_eq!((server.requests(), office.counted().await, office.notices().await.len()), (0, 2, 2));
    let asked = office.secrets.received_requests().await.unwrap();
    let asked: Vec<_> = asked.iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
    assert!(asked.iter().all(|body| body.contains("registration_tokens")), "{asked:?}");
    // Without credentials nothing is given away.
    Office::id(&office.register(OURS, &with(at_home)).await, 201);
    assert!(server.requests() > 0);
}

#[tokio::test]
async fn a_server_that_does_not_answer_registers_with_its_tools_only() {
    let office = Office::open(Approval::Auto, 10).await;
    let silent = with(json!({ "endpoint_url": "https://localhost/mcp", "available_tools": null }));
    let answer = office.register(OURS, &silent).await;
    assert_eq!(answer.status, 424, "{}", answer.body);
    assert!(answer.body["detail"].as_str().unwrap().contains("Give available_tools"), "{}", answer.body);
    let told = with(json!({ "endpoint_url": "https://localhost/mcp" }));
    let id = Office::id(&office.register(OURS, &told).await, 201);
    assert_eq!(office.entry(&id).await.unwrap().mcp_version, None);
}

#[tokio::test]
async fn each_door_says_what_is_wrong() {
    let office = Office::open(Approval::Required, 10).await;
    let good = event(OURS, &guide().to_string());
    let with_header = |name: &str, value: &str| {
        let mut event = good.clone();
        event["headers"][name] = json!(value);
        event["multiValueHeaders"][name] = json!([value]);
        event
    };
    let mut without_token = good.clone();
    without_token["headers"].as_object_mut().unwrap().remove("X-Registration-Token");
    without_token["multiValueHeaders"].as_object_mut().unwrap().remove("X-Registration-Token");
    let missing = office.send(&without_token).await;
    for wrong in ["", "x", "token-of-nobody-but-with-32-characters"] {
        let answer = office.send(&with_header("X-Registration-Token", wrong)).await;
        assert_eq!((answer.status, &answer.body["detail"]), (401, &missing.body["detail"]), "{wrong}");
    }
    assert_eq!(missing.status, 401);
    assert_eq!(office.send(&with_header("Content-Type", "text/plain")).await.status, 415);
    let mut event = good.clone();
    event["httpMethod"] = json!("GET");
    let answer = office.send(&event).await;
    assert_eq!((answer.status, &answer.headers[ALLOW]), (405, &HeaderValue::from_static("POST")));
    let send = async |body: &str| office.send(&super::event(OURS, body)).await;
    assert_eq!(send(&" ".repeat(BODY_SIZE + 1)).await.status, 413);
    for body in ["", "x", "[]", "null", "{\"server_name\":", &"[".repeat(10_000), "{}", "{\"a\":1}"] {
        assert_eq!(send(body).await.status, 400, "{body}");
    }
    let answer = office.register(OURS, &with(json!({ "endpoint_url": "https://10.0.0.1/", "else": 1 }))).await;
    let pointers: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(|one| one["pointer"].clone()).collect();
    assert_eq!((answer.status, pointers), (400, vec![json!("/endpoint_url"), json!("/else")]));
    let answer = office.register(OURS, &with(json!({ "authentication_type": "oauth" }))).await;
    assert_eq!(
        (answer.status, &answer.body["errors"][0]["pointer"]),
        (400, &json!("/configuration")),
        "{}",
        answer.body
    );
    let long = with(json!({ "available_tools": [{ "name": "t".repeat(60), "inputSchema": { "type": "object" } }] }));
    let answer = office.register(OURS, &long).await;
    assert_eq!(
        (answer.status, &answer.body["errors"][0]["pointer"]),
        (400, &json!("/available_tools/0/name")),
        "{}",
        answer.body
    );
    assert_eq!(office.counted().await, 0, "what is refused does not count");
}

#[tokio::test]
async fn the_largest_tools_list_fits_however_it_is_indented() {
    let office = Office::open(Approval::Required, 10).await;
    let tool = |n: usize| json!({ "name": format!("tool_{n}"), "description": "x".repeat(1100), "inputSchema": { "type": "object", "properties": { "a": { "type": "string" } } } });
    let body = with(json!({ "available_tools": (0..140).map(tool).collect::<Vec<_>>() }));
    assert!(body.to_string().len() > 165 * 1024);
    let indented = serde_json::to_string_pretty(&body).unwrap();
    assert!(indented.len() < BODY_SIZE);
    Office::id(&office.send(&event(OURS, &indented)).await, 201);
}

#[tokio::test]
async fn too_many_registrations_are_told_when_to_try_again() {
    let office = Office::open(Approval::Required, 2).await;
    let named = |id: &str| with(json!({ "server_id": id }));
    for id in ["a", "b"] {
        Office::id(&office.register(OURS, &named(id)).await, 201);
    }
    let answer = office.register(OURS, &named("c")).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    let wait: u32 = answer.headers[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    assert!(office.entry("c@1.0.0").await.is_none());
    // What is there is answered; another token and another address have counts of their own.
    Office::id(&office.register(OURS, &named("a")).await, 200);
    Office::id(&office.register(THEIRS, &named("d")).await, 201);
    let mut elsewhere = event(OURS, &named("c").to_string());
    elsewhere["requestContext"]["identity"]["sourceIp"] = json!("198.51.100.7");
    // What the client says of its address does not count.
    let mut forged = event(OURS, &named("e").to_string());
    forged["headers"]["X-Forwarded-For"] = json!("198.51.100.8");
    forged["multiValueHeaders"]["X-Forwarded-For"] = json!(["198.51.100.8"]);
    assert_eq!(office.send(&forged).await.status, 429);
    Office::id(&office.send(&elsewhere).await, 201);
}

#[tokio::test]
async fn contents_in_turn_count_each_time_they_become_a_version() {
    let office = Office::open(Approval::Required, 3).await;
    let bodies = ["one", "other"].map(|text| with(json!({ "server_id": "weather", "description": text })));
    for (turn, status) in [(0, 201), (1, 201), (0, 201), (0, 200), (1, 429), (0, 200)] {
        let answer = office.register(OURS, &bodies[turn]).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(office.registry.versions("weather").await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_id_belongs_to_who_registered_it() {
    let office = Office::open(Approval::Required, 10).await;
    let mine = with(json!({ "server_id": "weather" }));
    Office::id(&office.register(OURS, &mine).await, 201);
    for version in [json!(null), json!("1.0.0"), json!("9.0.0")] {
        let answer = office.register(THEIRS, &with(json!({ "server_id": "weather", "version": version }))).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("another registration token") && !detail.contains("our-team"), "{detail}");
    }
    let mut entry = office.entry("weather@1.0.0").await.unwrap();
    let owners = [
        ("arn:aws:cloudformation:us-east-1:123456789012:stack/Team/1#Server", "a CloudFormation stack"),
        ("principal:arn:aws:iam::123456789012:user/ann", "an operator"),
        ("", "made by hand"),
    ];
    for (number, (owner, by)) in owners.into_iter().enumerate() {
        for status in [Status::Active, Status::Decommissioned] {
            entry.server_id = format!("theirs-{number}");
            (entry.owner, entry.status) = (owner.to_owned(), status);
            office.put(&entry).await;
            let answer = office.register(OURS, &with(json!({ "server_id": entry.server_id }))).await;
            let detail = answer.body["detail"].as_str().unwrap().to_owned();
            assert_eq!((answer.status, detail.contains(by)), (403, true), "{detail}");
            assert!(!detail.contains("123456789012"), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_decommissioned_version_can_be_registered_anew_by_its_owner() {
    let office = Office::open(Approval::Required, 10).await;
    let id = Office::id(&office.register(OURS, &guide()).await, 201);
    let mut entry = office.entry(&id).await.unwrap();
    entry.status = Status::Decommissioned;
    office.put(&entry).await;
    let again = office.register(OURS, &guide()).await;
    assert_eq!((Office::id(&again, 201), &again.body["status"]), (id, &json!("pending")));
}
