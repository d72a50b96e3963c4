use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use super::super::routes;

/// The copy for those who have no deployment at hand; `make openapi` writes it.
const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::to_value(routes().into_openapi()).unwrap()
}

/// All operations: method and path, and what is said about them.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| METHODS.iter().map(move |method| (format!("{method} {path}"), &item[*method])))
        .filter(|(_, operation)| !operation.is_null())
        .collect()
}

/// All values of the members `name`, wherever they are.
fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get(name));
            object.values().for_each(|value| members(value, name, found));
        }
        Value::Array(items) => items.iter().for_each(|value| members(value, name, found)),
        _ => {}
    }
}

#[test]
fn the_copy_is_up_to_date() {
    let written = routes().into_openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("REWRITE_OPENAPI").is_some() {
        std::fs::write(COPY, &written).unwrap();
    }
    let copy = std::fs::read_to_string(Path::new(COPY)).unwrap_or_default();
    assert!(copy == written, "docs/openapi.json is out of date: run `make openapi` and look at what changed");
}

#[test]
fn every_route_is_in_the_document() {
    let (router, document) = routes().split_for_parts();
    let document = serde_json::to_value(document).unwrap();
    let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    // axum lists its routes nowhere else; two of them are its own, for what has no route.
    let debugged = format!("{router:?}");
    let quoted = debugged.split('"').filter(|text| text.starts_with('/'));
    let routed: BTreeSet<&str> = quoted.filter(|path| *path != "/" && !path.contains("__private__")).collect();
    assert_eq!(routed, described);
    assert!(
        routed.contains("/v0.1/servers/{name}/versions/{version}") && routed.contains("/openapi.json"),
        "{routed:?}"
    );
}

#[test]
fn every_operation_says_what_it_does_and_answers() {
    let document = document();
    let operations = operations(&document);
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (name, operation) in &operations {
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 10), "{name} has no summary");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: another has this operationId");
        let [tag] = operation["tags"].as_array().unwrap().as_slice() else { panic!("{name}: one tag") };
        assert!(tags.contains(&tag), "{name}: {tag} is no tag of the document");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        // A health check answers with its findings also when they are bad.
        let failures = responses.iter().filter(|(status, _)| status.starts_with(['4', '5']) && name != "get /health");
        for (status, response) in failures {
            let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{name}: {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    members(&document, "$ref", &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let mut requirements = Vec::new();
    members(&document, "security", &mut requirements);
    for requirement in requirements.into_iter().flat_map(|list| list.as_array().unwrap()) {
        for scheme in requirement.as_object().unwrap().keys() {
            assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
        }
    }
}
