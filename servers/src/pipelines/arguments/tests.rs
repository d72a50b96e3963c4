use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::pipelines::{
    config::Config,
    testing::{CONFIG, with_inputs},
};

mod fuzz;

fn check(name: &str, arguments: Value) -> Result<Arguments, String> {
    let config = Config::parse(CONFIG).unwrap();
    Arguments::check(config.get(name).unwrap(), arguments.as_object().unwrap())
}

#[test]
fn the_patterns_compile() {
    assert!(ENVIRONMENT.is_some() && TENANT.is_some());
}

#[test]
fn defaults_are_filled_in() {
    let arguments =
        check("compute", json!({ "environment": "dev", "tenant_id": "acme", "instance_count": 3 })).unwrap();
    assert_eq!(arguments.parameters["instance_type"], "t3.medium");
    assert_eq!(arguments.parameters["instance_count"], 3);
    assert_eq!(arguments.parameters["region"], "us-east-1");
}

#[test]
fn each_mistake_names_its_argument() {
    for (name, arguments, expected) in [
        ("bootstrap", json!({}), "environment: is required"),
        ("bootstrap", json!({ "environment": "Dev" }), "environment: must match ^[a-z][a-z0-9-]{0,30}$"),
        ("bootstrap", json!({ "environment": 7 }), "environment: must be of type string, not the number 7"),
        ("bootstrap", json!({ "environment": "dev\n" }), "environment: must match"),
        (
            "bootstrap",
            json!({ "environment": "dev", "tenant_id": "acme" }),
            "tenant_id: the bootstrap pipeline runs for no tenant",
        ),
        ("bootstrap", json!({ "environment": "dev", "region": "mars" }), "region: must match"),
        (
            "bootstrap",
            json!({ "environment": "dev", "size": 1 }),
            "size: is not an argument; there are environment, region",
        ),
        ("compute", json!({ "environment": "dev" }), "tenant_id: is required"),
        ("compute", json!({ "environment": "dev", "tenant_id": "a b" }), "tenant_id: must match"),
        (
            "compute",
            json!({ "environment": "dev", "tenant_id": "a_b" }),
            "lower-case letters a to z, digits and hyphens",
        ),
        ("compute", json!({ "environment": "dev", "tenant_id": 7 }), "tenant_id: must be of type string"),
        (
            "compute",
            json!({ "environment": "dev", "tenant_id": "a", "instance_count": 21 }),
            "instance_count: must be at most 20",
        ),
        (
            "compute",
            json!({ "environment": "dev", "tenant_id": "a", "instance_count": 0 }),
            "instance_count: must be at least 1",
        ),
        (
            "compute",
            json!({ "environment": "dev", "tenant_id": "a", "instance_count": "3" }),
            "instance_count: must be of type integer",
        ),
        (
            "compute",
            json!({ "environment": "dev", "tenant_id": "a", "instance_count": 1.5 }),
            "instance_count: must be an integer",
        ),
        (
            "compute",
            json!({ "environment": "dev", "tenant_id": "a", "region": null }),
            "region: must be of type string, not null",
        ),
        ("app", json!({ "environment": "dev", "tenant_id": "a", "app_name": "web" }), "app_version: is required"),
    ] {
        let error = check(name, arguments.clone()).unwrap_err();
        assert!(error.contains(expected), "{arguments}: {error}");
    }
}

#[test]
fn a_tenant_has_one_spelling() {
    let tenant = |id: &str| check("compute", json!({ "environment": "dev", "tenant_id": id })).map(|a| a.tenant_id);
    let longest = "A".repeat(63);
    for given in ["acme", "ACME", "Acme", "a", "7", "Acme-2", longest.as_str()] {
        assert_eq!(tenant(given).unwrap().as_deref(), Some(given.to_lowercase().as_str()));
    }
    // The last is the Kelvin sign, whose lower case is an ordinary k.
    for bad in ["", "-acme", "acme-", "ac.me", "ac_me", " acme", "acme\n", "\u{e4}cme", &"a".repeat(64), "\u{212a}"] {
        assert!(tenant(bad).unwrap_err().contains(TENANT_WORDS), "{bad:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let error = check("app", json!({ "app_name": "Web", "extra": true })).unwrap_err();
    for name in ["environment", "tenant_id", "app_name", "app_version", "extra"] {
        assert!(error.contains(&format!("{name}: ")), "{error}");
    }
}

#[test]
fn variables_are_upper_cased_text_and_inputs_keep_name_and_type() {
    let arguments =
        check("compute", json!({ "environment": "dev", "tenant_id": "acme", "instance_count": 3.0 })).unwrap();
    let config = Config::parse(CONFIG).unwrap();
    let variables = arguments.for_gitlab(config.get("compute").unwrap(), "the-id");
    assert_eq!(
        serde_json::to_value(&variables).unwrap(),
        json!({ "PIPELINE_TYPE": "compute", "ENVIRONMENT": "dev", "TENANT_ID": "acme", "EXECUTION_ID": "the-id",
                "INSTANCE_COUNT": "3", "INSTANCE_TYPE": "t3.medium", "REGION": "us-east-1" })
    );
    let config = Config::parse(&with_inputs()).unwrap();
    let inputs = arguments.for_gitlab(config.get("compute").unwrap(), "the-id");
    assert_eq!((&inputs["instance_count"], &inputs["execution_id"]), (&json!(3), &json!("the-id")));
    let bootstrap = check("bootstrap", json!({ "environment": "dev" })).unwrap();
    assert!(!bootstrap.for_gitlab(config.get("bootstrap").unwrap(), "x").contains_key("tenant_id"));
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!([1])),
        Just(json!({ "a": 1 })),
    ]
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_safe_to_pass_on(
        environment in any_value(), tenant in any_value(), name in any_value(), version in any_value(), kind in any_value(), count in any_value(),
    ) {
        let config = Config::parse(CONFIG).unwrap();
        let app = json!({ "environment": environment, "tenant_id": tenant, "app_name": name, "app_version": version });
        let compute = json!({ "environment": "dev", "tenant_id": "a", "instance_type": kind, "instance_count": count });
        for (pipeline, arguments) in [("app", app), ("compute", compute)] {
            let pipeline = config.get(pipeline).unwrap();
            match Arguments::check(pipeline, arguments.as_object().unwrap()) {
                Err(message) => prop_assert!(message.contains(": ")),
                Ok(arguments) => for value in arguments.for_gitlab(pipeline, "id").values() {
                    let text = value.as_str().unwrap();
                    prop_assert!(!text.contains(|c: char| c.is_control() || c == '$'), "{text:?}");
                },
            }
        }
    }

    #[test]
    fn a_whole_number_survives_being_text(count in 1..=20i64) {
        let config = Config::parse(CONFIG).unwrap();
        let parameter = &config.get("compute").unwrap().parameters["instance_count"];
        prop_assert_eq!(parameter.accept(&parameter.from_text(&json!(count.to_string()))), Ok(json!(count)));
    }
}
