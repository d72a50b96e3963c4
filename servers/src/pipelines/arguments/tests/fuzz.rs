//! Whatever arguments a tool is called with: what GitLab may be given, or a sentence that names each wrong one.

use std::cell::LazyCell;

use super::*;
use crate::fuzz::{Source, explore, readable};

/// The longest refusal: every parameter with its pattern, and five that do not exist.
const LONGEST_REFUSAL: usize = 3000;

fn valid(name: &str) -> Value {
    match name {
        "bootstrap" => json!({ "environment": "dev", "region": "eu-west-1" }),
        "compute" => {
            json!({ "environment": "dev", "tenant_id": "acme", "instance_type": "t3.large", "instance_count": 3 })
        }
        _ => json!({ "environment": "dev", "tenant_id": "ACME", "app_name": "billing", "app_version": "2.3.1" }),
    }
}

#[test]
fn every_call_is_taken_or_refused_by_name() {
    let config = LazyCell::new(|| Config::parse(CONFIG).unwrap());
    let call = |source: &mut Source| {
        let name = *source.pick(&["bootstrap", "compute", "app"]);
        (name, source.like(&[valid(name)]))
    };
    let outcomes = explore(file!(), 1000, 1, call, |(name, arguments)| {
        let Value::Object(arguments) = arguments else { return Ok("no object") };
        let pipeline = config.get(name).unwrap();
        match Arguments::check(pipeline, &arguments) {
            Ok(checked) => {
                for value in checked.for_gitlab(pipeline, "id").values() {
                    let text = value.as_str().unwrap_or("$");
                    prop_assert!(!text.contains(|c: char| c.is_control() || c == '$'), "{text:?}");
                }
                Ok("accepted")
            }
            Err(message) => {
                readable(&message, LONGEST_REFUSAL)?;
                let kinds = [("is not an argument", "unknown"), ("must match", "pattern"), ("is required", "missing")];
                Ok(kinds.iter().find(|(words, _)| message.contains(words)).map_or("other", |(_, kind)| kind))
            }
        }
    });
    outcomes.include(&["accepted", "unknown", "pattern", "missing", "other"]);
}
