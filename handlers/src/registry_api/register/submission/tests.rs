use serde_json::json;

use super::*;
use crate::{env::Reach, registry_api::register::tests::guide, test_support::STAGE};

fn guard() -> Guard {
    let reach =
        Reach { stage: STAGE.to_owned(), allowed_networks: vec!["10.0.0.0/8".parse().unwrap()], ..Reach::default() };
    Guard::new(&reach).unwrap()
}

fn parse(body: &Value) -> Result<Submission, Vec<Fault>> {
    Submission::parse(body.as_object().unwrap().clone(), &guard(), Endpoints::Https)
}

/// The guide's body with other fields.
fn with(more: Value) -> Value {
    let mut body = guide();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The guide's tool with other fields.
fn tool(more: Value) -> Value {
    let mut tool = guide()["available_tools"][0].clone();
    for (name, value) in more.as_object().unwrap() {
        tool[name] = value.clone();
    }
    tool
}

fn tools(tools: &[Value]) -> Value {
    with(json!({ "available_tools": tools }))
}

fn faults(body: &Value) -> Vec<Fault> {
    parse(body).expect_err(&body.to_string())
}

fn pointers(body: &Value) -> Vec<String> {
    faults(body).into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn the_body_of_the_guide_is_taken() {
    let submission = parse(&guide()).unwrap();
    assert_eq!((&submission.server_id, &submission.version), (&None, &None));
    let (owner, who) = ("token:team".to_owned(), "token:team/ci".to_owned());
    let registrant = Registrant { owner, who, approval: Approval::Required, quota: None };
    let entry = submission.entry("my-server", "1.0.0", &registrant);
    let mut stored = serde_json::to_value(&entry).unwrap();
    for (name, value) in guide().as_object().unwrap().iter().filter(|(name, _)| *name != "available_tools") {
        assert_eq!(stored[name].take(), *value, "{name}");
    }
    assert_eq!(stored["available_tools"][0]["name"], "custom_tool");
    assert_eq!(
        (&stored["status"], &stored["owner"], &stored["created_by"]),
        (&json!("pending"), &json!("token:team"), &json!("token:team/ci"))
    );
}

#[test]
fn what_is_left_out_and_what_is_null_are_the_same() {
    let least = json!({ "server_name": "S", "endpoint_url": "https://s.example.com/mcp" });
    let submission = parse(&least).unwrap();
    let mut nulls = least.clone();
    for name in [
        "server_id",
        "version",
        "description",
        "protocol_type",
        "authentication_type",
        "api_key_header",
        "available_tools",
        "health_check_url",
        "health_check_interval",
        "configuration",
        "metadata",
    ] {
        nulls[name] = Value::Null;
    }
    assert_eq!(parse(&nulls).unwrap(), submission);
    assert_eq!((submission.protocol_type, submission.authentication_type), Default::default());
    assert_eq!(submission.available_tools, None);
}

#[test]
fn everything_there_is_can_be_said() {
    let body = with(json!({
        "server_id": "weather", "version": "2.1.0-rc.1+build.7", "authentication_type": "api_key", "api_key_header": "X-Key",
        "health_check_interval": 300, "configuration": { "environment_argument": "input", "read_only_tools": ["custom_tool"] },
        "available_tools": [tool(json!({
            "title": "T", "icons": [], "execution": { "taskSupport": "optional" }, "outputSchema": { "type": "object" },
            "annotations": { "title": "A", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false },
            "_meta": { "switchyard/pipeline_type": "weather" },
        }))],
    }));
    let submission = parse(&body).unwrap();
    let tool = &submission.available_tools.unwrap()[0];
    assert_eq!(tool.annotations.read_only_hint, Some(true));
    assert_eq!((tool.pipeline_type(), submission.health_check_interval), (Some("weather"), Some(300)));
    assert_eq!(submission.server_id.as_deref(), Some("weather"));
}

#[test]
fn every_wrong_field_is_named_by_its_place() {
    let all = json!({
        "server_id": "Not Good", "version": "one", "server_name": 7, "description": ["x"], "endpoint_url": "http://10.0.0.1/mcp",
        "protocol_type": "soap", "authentication_type": true, "api_key_header": "Host", "health_check_url": "ftp://x",
        "health_check_interval": 59, "configuration": [], "metadata": "x", "status": "active", "a/b~c": 1,
        "available_tools": [
            { "name": "good", "inputSchema": { "type": "object" } },
            { "description": 5, "annotations": { "readOnlyHint": "yes", "else": 1 }, "extra": {} },
            "no tool",
            { "name": "good", "inputSchema": { "type": "object" } },
            { "name": "bad name", "inputSchema": { "type": "string" }, "_meta": 3 },
        ],
    });
    let mut told = pointers(&all);
    told.sort();
    told.dedup();
    assert_eq!(
        told,
        [
            "/api_key_header",
            "/authentication_type",
            "/available_tools/1/annotations/else",
            "/available_tools/1/annotations/readOnlyHint",
            "/available_tools/1/description",
            "/available_tools/1/extra",
            "/available_tools/1/inputSchema",
            "/available_tools/1/name",
            "/available_tools/2",
            "/available_tools/3/name",
            "/available_tools/4/_meta",
            "/available_tools/4/inputSchema",
            "/available_tools/4/name",
            "/a~1b~0c",
            "/configuration",
            "/description",
            "/endpoint_url",
            "/health_check_interval",
            "/health_check_url",
            "/metadata",
            "/protocol_type",
            "/server_id",
            "/server_name",
            "/status",
            "/version",
        ]
    );
}

#[test]
fn each_fault_has_its_place_and_its_reason() {
    let long = |length: usize| "x".repeat(length);
    let deep = (0..40).fold(json!({}), |inner, _| json!({ "a": inner }));
    for (body, pointer, reason) in [
        (json!({}), "/server_name", "is missing"),
        (json!({ "server_name": "x" }), "/endpoint_url", "is missing"),
        (json!({ "server_name": null, "endpoint_url": "https://s.example.com" }), "/server_name", "is missing"),
        (with(json!({ "server_name": " " })), "/server_name", "must not be empty"),
        (with(json!({ "server_name": long(129) })), "/server_name", "longer than 128"),
        (with(json!({ "server_name": "a\u{1b}[31m" })), "/server_name", "U+001B"),
        (with(json!({ "server_name": "gp\u{202e}fdp" })), "/server_name", "U+202E"),
        (with(json!({ "description": long(1001) })), "/description", "longer than 1000"),
        (with(json!({ "description": "a\u{0}" })), "/description", "U+0000"),
        (with(json!({ "server_id": "" })), "/server_id", "1 to 63"),
        (with(json!({ "server_id": long(64) })), "/server_id", "1 to 63"),
        (with(json!({ "version": "1.0" })), "/version", "semantic version"),
        (with(json!({ "endpoint_url": "" })), "/endpoint_url", ""),
        (with(json!({ "endpoint_url": "s.example.com/mcp" })), "/endpoint_url", "https"),
        (with(json!({ "endpoint_url": "http://10.1.2.3/mcp" })), "/endpoint_url", "must begin with https://"),
        (with(json!({ "endpoint_url": "HTTP://s.example.com/" })), "/endpoint_url", "must begin with https://"),
        (
            with(json!({ "endpoint_url": "arn:aws:lambda:us-east-1:123456789012:function:f" })),
            "/endpoint_url",
            "must begin with https://",
        ),
        (with(json!({ "endpoint_url": "https://127.0.0.1/mcp" })), "/endpoint_url", "loopback"),
        (with(json!({ "endpoint_url": "https://[::ffff:169.254.169.254]/" })), "/endpoint_url", "metadata"),
        (with(json!({ "endpoint_url": "https://u:p@s.example.com/" })), "/endpoint_url", "password"),
        (
            with(json!({ "endpoint_url": format!("https://s.example.com/{}", long(2048)) })),
            "/endpoint_url",
            "longer than",
        ),
        (
            with(json!({ "health_check_url": "http://10.1.2.3/health" })),
            "/health_check_url",
            "must begin with https://",
        ),
        (with(json!({ "health_check_url": "https://10.0.0.1@192.168.0.1/" })), "/health_check_url", ""),
        (with(json!({ "health_check_interval": "300" })), "/health_check_interval", "whole number"),
        (with(json!({ "health_check_interval": 86_401 })), "/health_check_interval", "86400"),
        (with(json!({ "protocol_type": "JSONRPC" })), "/protocol_type", "jsonrpc, rest, graphql"),
        (with(json!({ "authentication_type": "basic" })), "/authentication_type", "none, api_key, oauth, iam"),
        (with(json!({ "api_key_header": "X-Key" })), "/api_key_header", "api_key"),
        (
            with(json!({ "api_key_header": long(65), "authentication_type": "api_key" })),
            "/api_key_header",
            "longer than 64",
        ),
        (with(json!({ "protocol_type": "rest", "available_tools": null })), "/available_tools", "cannot be asked"),
        (with(json!({ "metadata": { "x": long(8200) } })), "/metadata", "8192"),
        (with(json!({ "metadata": { "x": 1e300 } })), "/metadata/x", "too large"),
        (with(json!({ "metadata": { "": 1 } })), "/metadata/", "must not be empty"),
        (with(json!({ "metadata": deep })), &format!("/metadata{}", "/a".repeat(27)), "nested deeper"),
        (
            with(json!({ "configuration": { "oauth": { "token_url": "http://10.0.0.1/t" } } })),
            "/configuration/oauth/token_url",
            "must begin with https://",
        ),
        (
            with(json!({ "configuration": { "status_tool": "other" } })),
            "/configuration/status_tool",
            "no tool \"other\"",
        ),
        (
            with(json!({ "configuration": { "read_only_tools": ["custom_tool", "x"] } })),
            "/configuration/read_only_tools/1",
            "no tool \"x\"",
        ),
        (
            with(json!({ "configuration": { "environment_argument": "env" } })),
            "/configuration/environment_argument",
            "no tool has an argument",
        ),
        (tools(&[]), "/available_tools", "no tools"),
        (with(json!({ "available_tools": {} })), "/available_tools", "must be a list"),
        (tools(&vec![tool(json!({})); 2]), "/available_tools/1/name", "used twice"),
        (tools(&[tool(json!({ "name": long(65) }))]), "/available_tools/0/name", "1 to 64"),
        (tools(&[tool(json!({ "name": "" }))]), "/available_tools/0/name", "1 to 64"),
        (tools(&[tool(json!({ "inputSchema": null }))]), "/available_tools/0/inputSchema", "is missing"),
        (tools(&[tool(json!({ "inputSchema": [] }))]), "/available_tools/0/inputSchema", ""),
        (
            tools(&[tool(json!({ "inputSchema": { "type": "object", "properties": { "a": { "type": "strnig" } } } }))]),
            "/available_tools/0/inputSchema/properties/a/type",
            "",
        ),
        (
            tools(&[tool(
                json!({ "inputSchema": { "type": "object", "properties": { "a": { "$ref": "https://evil.example/s" } } } }),
            )]),
            "/available_tools/0/inputSchema/properties/a/$ref",
            "",
        ),
        (tools(&[tool(json!({ "outputSchema": { "type": "array" } }))]), "/available_tools/0/outputSchema", "type"),
        (tools(&[tool(json!({ "_meta": [] }))]), "/available_tools/0/_meta", "must be an object"),
        (tools(&[tool(json!({ "input_schema": {} }))]), "/available_tools/0/input_schema", "not known"),
        (tools(&[tool(json!({ "description": long(175_000) }))]), "/available_tools", "larger than"),
        (
            tools(&(0..257).map(|n| tool(json!({ "name": format!("t{n}") }))).collect::<Vec<_>>()),
            "/available_tools",
            "at most 256",
        ),
    ] {
        let told = faults(&body);
        let found = told.iter().any(|fault| fault.pointer == pointer && fault.detail.contains(reason));
        assert!(found, "{pointer} {reason}: {told:?}");
        assert!(told.len() <= 2, "{pointer}: {told:?}");
    }
}

#[test]
fn a_tool_name_leaves_room_for_the_prefix_of_a_gateway() {
    let named = |id: &str, name: usize| {
        parse(&with(json!({ "server_id": id, "available_tools": [tool(json!({ "name": "t".repeat(name) }))] })))
    };
    assert!(named("weather", 54).is_ok());
    let fault = named("weather", 55).unwrap_err().remove(0);
    assert_eq!(fault.pointer, "/available_tools/0/name");
    assert_eq!(
        fault.detail,
        "has 55 characters, and 65 with the prefix \"weather___\" that gateways put before it; at most 64 are allowed: \
         shorten it, or give a server_id of at most 6 characters"
    );
    assert!(named("w", 61).unwrap_err()[0].detail.ends_with("are allowed: shorten it"));
    assert!(named(&"w".repeat(63), 1).unwrap_err()[0].detail.contains("a server_id of at most 60 characters"));
}

#[test]
fn what_an_operator_registers_may_be_a_function_or_inside_the_network() {
    let home = LambdaArn::parse("arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-registry_api").unwrap();
    let by_hand = |body: &Value| Submission::parse(body.as_object().unwrap().clone(), &guard(), Endpoints::All(&home));
    for endpoint in ["http://10.1.2.3/mcp", "arn:aws:lambda:us-east-1:123456789012:function:f"] {
        assert!(by_hand(&with(json!({ "endpoint_url": endpoint }))).is_ok(), "{endpoint}");
    }
    let elsewhere = with(json!({ "endpoint_url": "arn:aws:lambda:us-east-1:210987654321:function:f" }));
    assert_eq!(by_hand(&elsewhere).unwrap_err()[0].pointer, "/endpoint_url");
}

#[test]
fn the_same_content_has_the_same_hash() {
    let hash = |body: &Value| parse(body).unwrap().hash_at("my-server", "1.0.0").unwrap();
    let mut nulls = guide();
    nulls["api_key_header"] = Value::Null;
    assert_eq!(hash(&guide()), hash(&nulls));
    assert_ne!(hash(&guide()), hash(&with(json!({ "version": "1.0.0" }))));
    assert_ne!(hash(&guide()), hash(&with(json!({ "available_tools": null }))));
    for (server_id, version) in [("my-server", "1.0.1"), ("your-server", "1.0.0")] {
        assert_ne!(hash(&guide()), parse(&guide()).unwrap().hash_at(server_id, version).unwrap());
    }
}

#[test]
fn only_what_is_sent_no_credentials_can_be_used_without_approval() {
    for (authentication, approval, status) in [
        ("none", Approval::Auto, Status::Active),
        ("none", Approval::Required, Status::Pending),
        ("api_key", Approval::Auto, Status::Pending),
        ("oauth", Approval::Auto, Status::Pending),
        ("iam", Approval::Auto, Status::Pending),
        ("iam", Approval::Required, Status::Pending),
    ] {
        let submission = parse(&with(json!({ "authentication_type": authentication }))).unwrap();
        assert_eq!(submission.status(approval), status, "{authentication}, {approval:?}");
    }
}
