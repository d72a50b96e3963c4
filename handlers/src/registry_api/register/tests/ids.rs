//! Ids and versions that are left out.

use super::*;

#[tokio::test]
async fn other_content_becomes_the_next_patch_version() {
    let office = Office::open(Approval::Required, 10).await;
    Office::id(&office.register(OURS, &guide()).await, 201);
    let other = with(json!({ "description": "Now with more" }));
    assert_eq!(Office::id(&office.register(OURS, &other).await, 201), "my-custom-mcp-server@1.0.1");
    assert_eq!(Office::id(&office.register(OURS, &other).await, 200), "my-custom-mcp-server@1.0.1");
    // Back to what it was: the last word counts, so it is a version again and no repetition.
    assert_eq!(Office::id(&office.register(OURS, &guide()).await, 201), "my-custom-mcp-server@1.0.2");
    let named = with(json!({ "server_id": "my-custom-mcp-server", "version": "1.10.0", "description": "Ten" }));
    Office::id(&office.register(OURS, &named).await, 201);
    assert_eq!(Office::id(&office.register(OURS, &guide()).await, 201), "my-custom-mcp-server@1.10.1");
}

#[tokio::test]
async fn the_approved_version_serves_on_while_the_next_one_waits() {
    let office = Office::open(Approval::Required, 10).await;
    let id = Office::id(&office.register(OURS, &guide()).await, 201);
    let mut entry = office.entry(&id).await.unwrap();
    entry.status = Status::Active;
    office.put(&entry).await;
    let moved = with(json!({ "server_id": "my-custom-mcp-server", "endpoint_url": "https://new.example.com/mcp" }));
    assert_eq!(Office::id(&office.register(OURS, &moved).await, 201), "my-custom-mcp-server@1.0.1");
    let active = office.registry.active("my-custom-mcp-server").await.unwrap().unwrap();
    assert_eq!((active.version.as_str(), active.endpoint_url.as_str()), ("1.0.0", "https://my-server.example.com/mcp"));
}

#[tokio::test]
async fn servers_of_one_name_have_ids_of_their_own() {
    let office = Office::open(Approval::Required, 20).await;
    assert_eq!(Office::id(&office.register(OURS, &guide()).await, 201), "my-custom-mcp-server@1.0.0");
    let theirs = Office::id(&office.register(THEIRS, &guide()).await, 201);
    assert!(theirs.starts_with("my-custom-mcp-server-") && theirs.ends_with("@1.0.0"), "{theirs}");
    let second = with(json!({ "endpoint_url": "https://second.example.com/mcp" }));
    let ours = Office::id(&office.register(OURS, &second).await, 201);
    assert!(ours.starts_with("my-custom-mcp-server-") && ours != theirs, "{ours}");
    // Each request means the same server ever after.
    assert_eq!(Office::id(&office.register(THEIRS, &guide()).await, 200), theirs);
    assert_eq!(Office::id(&office.register(OURS, &second).await, 200), ours);
    assert_eq!(Office::id(&office.register(OURS, &guide()).await, 200), "my-custom-mcp-server@1.0.0");
    let changed = with(json!({ "description": "Other" }));
    assert_eq!(Office::id(&office.register(THEIRS, &changed).await, 201), theirs.replace("1.0.0", "1.0.1"));
    for name in ["天気", "気象"] {
        let id = Office::id(&office.register(OURS, &with(json!({ "server_name": name, "endpoint_url": format!("https://{}.example.com/", name.len() + usize::from(name == "気象")) }))).await, 201);
        assert!(id.starts_with("server"), "{id}");
    }
}

#[tokio::test]
async fn a_longer_id_is_kept_when_the_short_one_becomes_free() {
    let office = Office::open(Approval::Required, 10).await;
    Office::id(&office.register(OURS, &guide()).await, 201);
    let theirs = Office::id(&office.register(THEIRS, &guide()).await, 201);
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let delete = office.dynamodb.delete_item().table_name(REGISTRY_TABLE);
    delete.key("server_id", key("my-custom-mcp-server")).key("version", key("1.0.0")).send().await.unwrap();
    assert_eq!(Office::id(&office.register(THEIRS, &guide()).await, 200), theirs);
}

#[tokio::test]
async fn where_no_id_can_be_derived_one_has_to_be_named() {
    let office = Office::open(Approval::Required, 10).await;
    Office::id(&office.register(OURS, &guide()).await, 201);
    let theirs = Office::id(&office.register(THEIRS, &guide()).await, 201);
    let mut entry = office.entry(&theirs).await.unwrap();
    entry.owner = "token:third-team".to_owned();
    office.put(&entry).await;
    let answer = office.register(THEIRS, &guide()).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body["detail"].as_str().unwrap().contains("Name one"), "{}", answer.body);
    Office::id(&office.register(THEIRS, &with(json!({ "server_id": "ours" }))).await, 201);
}
