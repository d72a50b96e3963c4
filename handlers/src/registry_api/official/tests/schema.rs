//! Whatever is in the registry, what is shown follows the JSON Schema of `server.json`.

use std::{path::Path, sync::LazyLock};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::entry;
use crate::{
    fuzz::{Source, explore},
    registry::Summary,
};

/// The official schema, where it is at hand.
static SCHEMA: LazyLock<Option<Validator>> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/schemas/server.schema.json");
    let text = std::fs::read_to_string(file).ok()?;
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["$id"], super::super::model::SCHEMA, "the address that entries name is that of this schema");
    Some(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
});

fn check(server: &Value) -> Result<(), TestCaseError> {
    if let Some(schema) = SCHEMA.as_ref() {
        let faults: Vec<String> =
            schema.iter_errors(server).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        prop_assert!(faults.is_empty(), "{faults:?} in {server}");
    }
    // What matters most of it also where the schema is not at hand.
    let text = |name: &str| server[name].as_str().unwrap_or_default();
    let (space, id) = text("name").split_once('/').unwrap_or_default();
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    prop_assert!(!space.is_empty() && !id.is_empty() && space.chars().all(inner) && id.chars().all(inner), "{server}");
    for name in ["description", "title"].into_iter().filter(|name| server.get(name).is_some()) {
        let length = text(name).chars().count();
        prop_assert!((1..=100).contains(&length) && !text(name).contains(char::is_control), "{name}: {server}");
    }
    prop_assert!(server["remotes"][0]["url"].as_str().is_some_and(|url| url.starts_with("https://")), "{server}");
    Ok(())
}

fn summary(given: Value) -> Result<Summary, serde_json::Error> {
    let mut entry = json!({
        "server_id": "weather", "version": "1.0.0", "server_name": "Weather", "description": "Tells the weather.",
        "status": "active", "endpoint_url": "https://weather.example.com/mcp", "authentication_type": "api_key",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    });
    if let (Some(entry), Value::Object(given)) = (entry.as_object_mut(), given) {
        entry.extend(given);
    }
    serde_json::from_value(entry)
}

fn shown(given: Value) -> Value {
    serde_json::to_value(entry::of(&summary(given).unwrap(), "switchyard.test", true).unwrap()).unwrap()
}

#[test]
fn texts_are_cut_between_words() {
    let long = "Tells the weather of all cities, ".repeat(5);
    let server = shown(json!({ "description": long, "server_name": "x".repeat(120) }))["server"].take();
    let expected = "Tells the weather of all cities, Tells the weather of all cities, Tells the weather of all cities…";
    assert_eq!(server["description"], expected);
    assert_eq!(server["title"], "x".repeat(99) + "…");
    check(&server).unwrap();
    let of = |given: Value| shown(given)["server"]["description"].take();
    assert_eq!(of(json!({ "description": " a\r\n\tb\u{0} " })), "a b");
    assert_eq!(of(json!({ "description": " " })), "Weather");
    assert_eq!(of(json!({ "description": "", "server_name": "\n" })), "MCP server weather");
    assert_eq!(of(json!({ "description": "漢".repeat(101) })), "漢".repeat(99) + "…");
    assert!(shown(json!({ "server_name": " " }))["server"].get("title").is_none());
}

#[test]
fn times_that_nobody_understands_are_left_out() {
    let official = |at: &str| {
        shown(json!({ "created_at": at, "updated_at": at }))["_meta"]["io.modelcontextprotocol.registry/official"]
            .take()
    };
    assert_eq!(official("2026-01-01T02:00:00+02:00")["publishedAt"], "2026-01-01T00:00:00.000Z");
    for at in ["", "yesterday", "-009999-01-03T00:00:00Z"] {
        assert_eq!(official(at), json!({ "status": "active", "isLatest": true }), "{at}");
    }
}

mod fuzz {
    use super::*;

    #[test]
    fn every_entry_that_is_shown_is_valid() {
        let input = |source: &mut Source| {
            let mut entry = json!({});
            for name in ["server_name", "description", "api_key_header", "created_at", "updated_at", "mcp_version"] {
                if source.chance(70) {
                    entry[name] = Value::from(source.text());
                }
            }
            if source.chance(20) {
                entry["server_id"] = Value::from(source.text());
            }
            if source.chance(20) {
                entry["version"] = Value::from(source.text());
            }
            if source.chance(60) {
                entry["endpoint_url"] = Value::from(format!("https://{}/{}", source.text(), source.text()));
            }
            entry["status"] = Value::from(*source.pick(&["active", "decommissioned", "pending"]));
            entry
        };
        let outcomes = explore(file!(), 500, 1, input, |given| {
            let Ok(summary) = summary(given) else { return Ok("no entry") };
            let Some(shown) = entry::of(&summary, "switchyard.test", false) else { return Ok("left out") };
            check(&serde_json::to_value(&shown).unwrap()["server"])?;
            Ok("shown")
        });
        outcomes.include(&["left out", "shown"]);
    }
}
