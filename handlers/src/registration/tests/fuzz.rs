//! Whatever a template says, CloudFormation gets an answer that it reads, and what it was told to clean up can be cleaned up.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;
use crate::fuzz::{Source, explore, readable};

/// Longest reason: what CloudFormation reads, and nothing is as long as that without being cut.
const LONGEST_REASON: usize = 4096;
/// In the query of the response URL: whoever has it can answer in our place.
const SECRET: &str = "very-secret-signature";
const VERSIONS: &[&str] = &["1.0.0", "1.2.3-rc.1+build.7", "01.0.0", "1.0", "", " ", "9999999999999999999999.0.0"];
const ENDPOINTS: &[&str] = &[
    "https://tools.example.com/mcp",
    "https://user:password@tools.example.com/mcp?key=1",
    "http://tools.example.com/mcp",
    "https://127.0.0.1/mcp",
    "https://[::ffff:169.254.169.254]/",
    "https://0x7f.1/",
    "https://tools.example.com:0/",
    "https://ex%61mple.com",
    "arn:aws:lambda:us-east-1:123456789012:function:team-tools:live",
    "arn:aws:lambda:us-east-1:123456789012:function:a:b:c",
    "arn:aws:lambda:eu-west-1:210987654321:function:team-tools",
    "file:///etc/passwd",
    "https://xn--a.example",
    "https://",
];

fn event(kind: &str) -> Value {
    let mut event = json!({
        "RequestType": kind,
        "ResponseURL": format!("https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x?s={SECRET}"),
        "StackId": ALPHA, "RequestId": "5d478078-13e9-baf0-464a-7ef285ecc786", "ResourceType": "Custom::McpServer",
        "LogicalResourceId": "Server", "ResourceProperties": properties("https://tools.example.com/mcp"),
    });
    let all = &mut event["ResourceProperties"];
    all["Version"] = json!("1.2.3");
    all["Metadata"] = json!("{\"team\":\"a\"}");
    all["Configuration"] = json!("{\"environment_argument\":\"environment\"}");
    all["HealthCheckUrl"] = json!("https://tools.example.com/health");
    all["HealthCheckInterval"] = json!("300");
    if kind != "Create" {
        event["PhysicalResourceId"] = json!("team-tools@1.2.2");
    }
    event
}

/// Properties with values that are made for them.
fn any_properties(source: &mut Source, endpoint: &str) -> Value {
    let mut all = properties(endpoint);
    all["ServiceToken"].take();
    if source.chance(30) {
        all["Version"] = json!(if source.chance(60) { (*source.pick(VERSIONS)).to_owned() } else { source.text() });
    }
    if source.chance(15) {
        all["ServerId"] = json!(if source.chance(50) { "x".repeat(60 + source.below(8)) } else { source.text() });
    }
    for name in
        ["ServerName", "Description", "ApiKeyHeader", "Status", "DeploymentStack", "ProtocolType", "AuthenticationType"]
    {
        if source.chance(8) {
            all[name] = json!(source.text());
        }
    }
    for name in ["Metadata", "Configuration", "AvailableTools"] {
        if source.chance(12) {
            let value =
                if source.chance(70) { source.json(4) } else { json!([{ "name": source.text(), "inputSchema": {} }]) };
            all[name] = json!(if source.chance(20) { source.text() } else { value.to_string() });
        }
    }
    if source.chance(15) {
        all["EndpointUrl"] = json!(source.pick(ENDPOINTS));
    }
    if source.chance(5) {
        all = source.like(&[all]);
    }
    all
}

/// The answer as CloudFormation requires it.
/// Source: AWS CloudFormation user guide, "Custom resource response objects".
fn check_answer(request: &Request, body: &str) -> Result<(), TestCaseError> {
    let ids = request.stack_id.len() + request.request_id.len() + request.logical_id.len();
    let own = request.physical_id.as_deref().unwrap_or_default();
    // Ids are CloudFormation's own, or were in an answer before: they have a length that leaves room for the rest.
    let escaped = json!([request.stack_id, request.request_id, request.logical_id, own]).to_string().len();
    prop_assert!(escaped > 2500 || body.len() <= 4096, "{} bytes", body.len());
    let answer: Value = serde_json::from_str(body).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&answer["StackId"], request.stack_id.as_str());
    prop_assert_eq!(&answer["RequestId"], request.request_id.as_str());
    prop_assert_eq!(&answer["LogicalResourceId"], request.logical_id.as_str());
    let id = answer["PhysicalResourceId"].as_str().unwrap_or_default();
    prop_assert!((1..=1024).contains(&id.len()), "physical id {:?}", id);
    if request.request_type != RequestType::Create && (1..=1024).contains(&own.len()) {
        prop_assert_eq!(id, own, "another id would have CloudFormation delete the old one");
    }
    if answer["Status"] == "FAILED" && ids < 2000 {
        readable(answer["Reason"].as_str().unwrap_or_default(), LONGEST_REASON)?;
    }
    Ok(())
}

fn check(event: Value, mailbox: &Mailbox, guard: &Guard) -> Result<&'static str, TestCaseError> {
    let quotable = event.to_string().matches(SECRET).count() > 1;
    let readable = |text: &str| {
        prop_assert!(quotable || !text.contains(SECRET), "the response URL is told: {}", text);
        readable(text, 80_000)
    };
    let request = match Request::parse(event) {
        Ok(request) => request,
        Err(error) => return readable(error.message()).map(|()| "no event"),
    };
    let home = LambdaArn::parse(&invocation(Duration::ZERO).function_arn).unwrap();
    if let Err(error) = mailbox.letter(&request.response_url, &home.region) {
        readable(error.message())?;
        return Ok("no mailbox");
    }
    let declared = Declared::parse(&request.properties, REGISTRY_TABLE, guard, &home);
    let (answer, outcome) = match (request.stack(), declared) {
        (Err(error), _) => (Err(error), "no stack"),
        (_, Err(problems)) => (Err(listed(&problems)), "wrong properties"),
        (Ok(stack), Ok(declared)) => {
            let server = declared.into_server(&request, stack, true, "owner");
            (Ok(server), "accepted")
        }
    };
    let answer = match answer {
        Ok(server) => Answer::success(&request, &server.id(), &data(&server)),
        Err(error) => {
            readable(error.message())?;
            Answer::failure(&request, &reason(&error, &invocation(Duration::ZERO)))
        }
    };
    if answer.status() == "FAILED" || request.request_type == RequestType::Create {
        check_answer(&request, &answer.body())?;
    }
    Ok(outcome)
}

#[test]
fn every_event_is_answered_in_cloudformations_shape() {
    let valid = ["Create", "Update", "Delete"].map(event);
    let input = |source: &mut Source| {
        let mut event = source.pick(&valid).clone();
        event["ResourceProperties"] = any_properties(source, "https://tools.example.com/mcp");
        if source.chance(5) {
            event[*source.pick(&["StackId", "ResponseURL", "RequestType"])] = json!(source.text());
        }
        if source.chance(50) { source.like(&[event]) } else { event }
    };
    let mailbox = Mailbox::new(None).unwrap();
    let guard = Guard::new(&Reach { stage: STAGE.to_owned(), ..Reach::default() }).unwrap();
    let outcomes = explore(file!(), 1000, 1, input, |event| check(event, &mailbox, &guard));
    outcomes.include(&["accepted", "wrong properties", "no event", "no mailbox", "no stack"]);
}

#[test]
fn what_is_created_or_refused_can_be_deleted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let desk = runtime.block_on(Desk::open("http://127.0.0.1:9"));
    let endpoint = runtime.block_on(dead_endpoint());
    let outcomes = explore(
        file!(),
        60,
        1000,
        |source| any_properties(source, &endpoint),
        |properties| {
            if !properties.is_object() {
                return Ok("no properties");
            }
            let created = runtime.block_on(desk.create(FIRST, &properties));
            let id = created["PhysicalResourceId"].as_str().unwrap_or_default();
            prop_assert!((1..=1024).contains(&id.len()), "physical id {:?}", id);
            let deleted = runtime.block_on(desk.delete(FIRST, id));
            prop_assert_eq!(&deleted["Status"], "SUCCESS", "the stack could not be rolled back: {}", deleted);
            prop_assert_eq!(&deleted["PhysicalResourceId"], id);
            if created["Status"] == "SUCCESS" {
                return Ok("created");
            }
            readable(created["Reason"].as_str().unwrap_or_default(), LONGEST_REASON).map(|()| "refused")
        },
    );
    outcomes.include(&["created", "refused"]);
}

#[test]
fn a_long_request_id_leaves_room_for_the_answer() {
    let mut event = event("Create");
    event["RequestId"] = json!("\"".repeat(1100));
    event["ResourceProperties"]["ServerId"] = json!("");
    let request = Request::parse(event).unwrap();
    check_answer(&request, &Answer::failure(&request, "the server id is empty").body()).unwrap();
}

#[test]
fn a_refused_event_is_not_repeated() {
    for field in ["ResourceProperties", "RequestType", "StackId"] {
        let mut event = event("Create");
        event[field] =
            if field == "StackId" { json!([event["ResponseURL"].take()]) } else { event["ResponseURL"].take() };
        event["ResponseURL"] = json!("https://example.com/");
        let error = Request::parse(event).unwrap_err();
        assert!(error.message().contains(field) && error.causes().is_empty(), "{error}");
        assert!(!error.message().contains(SECRET), "{error}");
    }
    let mut event = event("Create");
    event.as_object_mut().unwrap().remove("StackId");
    assert!(Request::parse(event).unwrap_err().message().contains("missing field `StackId`"));
}

/// Found by the property above: the id of a failed creation held whatever stood in `Version`.
#[tokio::test]
async fn a_version_that_is_none_does_not_get_into_the_physical_id() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    for version in ["\u{0}".repeat(60), "x".repeat(1100), "ß".repeat(600)] {
        let wrong = with(&properties(&dead_endpoint().await), json!({ "Version": version, "ServerName": "" }));
        let created = desk.create(FIRST, &wrong).await;
        assert!(failed(&created).contains("ServerName is missing"));
        assert_eq!(created["PhysicalResourceId"], "not-registered-r-1");
    }
    let blank = with(&properties(&dead_endpoint().await), json!({ "Version": " ", "ServerName": "" }));
    assert_eq!(desk.create(FIRST, &blank).await["PhysicalResourceId"], "team-tools@1.0.0");
    for id in ["team-tools@", "team-tools@ ", "@1.0.0", &format!("team-tools@{}", "x".repeat(1010))] {
        assert_eq!(succeeded(&desk.delete(FIRST, id).await), *id);
    }
    assert_eq!(succeeded(&desk.event(FIRST, "Delete", None, &json!({})).await), "not-registered-r-1");
}
