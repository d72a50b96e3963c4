//! Whatever an agent asks of the history: an answer or a sentence that says what to mend, and never the end of the session.

use proptest::prelude::*;

use super::*;
use crate::fuzz::{Source, explore, readable};

const FUNCTIONS: &[&str] = &["query_deployments", "get_deployment", "record_deployment"];
const NAMES: &[&str] =
    &["environment", "tenant_id", "pipeline_type", "limit", "cursor", "execution_id", "status", "details"];
const ID: &str = "0198c0de-0000-7000-8000-000000000000";

fn value(source: &mut Source, name: &str) -> String {
    if source.chance(15) {
        return source.text();
    }
    match name {
        "environment" => source.pick(&["dev", "TEST", " prod ", "moon"]).to_string(),
        "limit" => source.pick(&["1", "50", "51", "0", "-1", "3.0", "9223372036854775807"]).to_string(),
        "cursor" => {
            let time = source.pick(&["2026-11-21T10:00:00.000Z", "2026-11-21T10:00Z", "-009999-01-01T00:00Z", "2026"]);
            let rest = if source.chance(30) { "[u-ca=iso8601]".repeat(source.below(400)) } else { String::new() };
            format!("{time}{rest}~{ID}")
        }
        "execution_id" => source.pick(&[ID, "urn:uuid:0198c0de-0000-7000-8000-000000000000", "{}", "1"]).to_string(),
        "status" => source.pick(&["running", "SUCCEEDED", "starting", "unknown"]).to_string(),
        _ => source.pick(&["acme", "app", "ACME", "a#b"]).to_string(),
    }
}

fn request(source: &mut Source) -> (&'static str, Vec<(&'static str, String)>) {
    let function = *source.pick(FUNCTIONS);
    let wanted: &[&str] = match function {
        "query_deployments" => &["environment", "tenant_id", "pipeline_type", "limit", "cursor"],
        "get_deployment" => &["execution_id"],
        _ => &["environment", "pipeline_type", "status", "tenant_id", "details"],
    };
    let mut parameters: Vec<_> = wanted.iter().filter(|_| source.chance(80)).copied().collect::<Vec<_>>();
    if source.chance(5) {
        parameters.push(*source.pick(NAMES));
    }
    (function, parameters.into_iter().map(|name| (name, value(source, name))).collect())
}

#[test]
fn every_call_is_answered_with_a_sentence() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let manager = runtime.block_on(manager());
    let outcomes = explore(file!(), 200, 100, request, |(function, parameters)| {
        let parameters: Parameters<'_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (state, body) = runtime.block_on(call(&manager, function, &parameters));
        let message = body["message"].as_str().unwrap_or_default();
        match state.as_deref() {
            None => {
                prop_assert!(!message.is_empty());
                Ok("answered")
            }
            Some("REPROMPT") => readable(message, 4000).map(|()| "sent back"),
            other => Err(TestCaseError::fail(format!("{other:?}: {message}"))),
        }
    });
    outcomes.include(&["answered", "sent back"]);
}
