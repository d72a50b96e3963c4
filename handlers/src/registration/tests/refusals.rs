//! What is refused, with which words, and that CloudFormation always hears of it.

use super::*;

#[tokio::test]
async fn every_problem_is_told_at_once() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let wish = json!({
        "TableName": "SomebodyElses", "ServerId": "Not_Good", "Version": "one", "EndpointUrl": "https://user:pw@169.254.169.254/",
        "ProtocolType": "soap", "AuthenticationType": "trust", "ApiKeyHeader": "Host", "AvailableTools": "[{\"name\": 1}]",
        "Status": "decommissioned", "HealthCheckUrl": "ftp://x", "HealthCheckInterval": "59", "Metadata": "[]", "Configuration": {"a": "b"},
        "ServiceTimeout": "60", "Fingerprint": "f", "Tools": "[]", "servername": "x",
    });
    let answer = desk.create(FIRST, &wish).await;
    let reason = failed(&answer);
    for part in [
        "TableName is \"SomebodyElses\"",
        "ServerId \"Not_Good\"",
        "ServerName is missing",
        "Version \"one\"",
        "EndpointUrl: host 169.254.169.254: its endpoint is refused: a user name or password",
        "ProtocolType \"soap\"",
        "AuthenticationType \"trust\"",
        "ApiKeyHeader: needs",
        "\"Host\" is reserved",
        "AvailableTools[0]",
        "Status \"decommissioned\"",
        "HealthCheckUrl",
        "HealthCheckInterval \"59\" is no whole number of seconds from 60 to 86400",
        "Metadata must be a JSON object",
        "Configuration must be a string",
        "Tools is not a property",
        "servername is not a property",
        "request id i-1",
    ] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
    assert!(!reason.contains("user:pw") && !reason.contains("Fingerprint is"), "{reason}");
    assert_eq!(answer["PhysicalResourceId"], "not-registered-r-1");

    let answer = desk.create(FIRST, &json!({ "ServerName": "gp\u{202e}fdp", "Description": "a\u{1b}[31m" })).await;
    let reason = failed(&answer);
    for part in ["ServerName: holds the character U+202E", "Description: holds the character U+001B"] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
}

#[tokio::test]
async fn tools_and_the_settings_that_name_them_are_checked() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let object = json!({"type": "object"});
    let tools = json!([
        {"name": "run", "inputSchema": object}, {"name": "run", "inputSchema": object},
        {"name": "bad name", "inputSchema": object}, {"name": "list", "inputSchema": {"type": "array"}},
        {"name": "meta", "inputSchema": object, "_meta": 3},
        {"name": "change", "inputSchema": object, "annotations": {"readOnlyHint": false}},
    ]);
    let more = json!({
        "AvailableTools": tools.to_string(),
        "Configuration": json!({
            "environment_argument": "environment", "status_tool": "change", "read_only_tools": ["gone", "list", 3],
        })
        .to_string(),
    });
    let reason = failed(&desk.create(FIRST, &with(&properties(&dead_endpoint().await), more)).await);
    for part in [
        "\"run\" is used twice",
        "\"bad name\" must be",
        "\"list\": inputSchema",
        "\"meta\": _meta must be an object",
        "no tool has an argument \"environment\"",
        "Configuration.status_tool: \"change\" is declared with readOnlyHint: false",
        "Configuration.read_only_tools[0]: there is no tool \"gone\"",
        "Configuration.read_only_tools[2] must be a string",
    ] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
    let settings = json!({"read_only_tools": "echo", "status_tool": ["echo"], "environment_argument": 1}).to_string();
    let wrong = with(&properties(&dead_endpoint().await), json!({"Configuration": settings}));
    let reason = failed(&desk.create(FIRST, &wrong).await);
    for part in
        ["read_only_tools must be a list", "status_tool must be a string", "environment_argument must be a string"]
    {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
    let none = with(&properties(&dead_endpoint().await), json!({"AvailableTools": "[]"}));
    assert!(failed(&desk.create(FIRST, &none).await).contains("no tools"));
    assert_eq!(desk.entry("1.0.0").await, None);
}

/// A tool with a declaration, as `AvailableTools`.
fn declared(properties: Value, meta: Value) -> Value {
    let schema = json!({"type": "object", "properties": properties, "required": ["city"]});
    let annotations = json!({"readOnlyHint": true});
    json!([{"name": "look", "inputSchema": schema, "annotations": annotations, "_meta": meta}]).to_string().into()
}

#[tokio::test]
async fn what_a_protocol_or_authentication_needs_is_checked_at_registration() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let wish = properties(&dead_endpoint().await);
    let oauth =
        |oauth: Value| json!({"AuthenticationType": "oauth", "Configuration": json!({"oauth": oauth}).to_string()});
    let iam =
        |auth: Value| json!({"AuthenticationType": "iam", "Configuration": json!({"aws_auth": auth}).to_string()});
    let city = json!({"city": {"type": "string"}, "days": {"type": "integer"}});
    let rest = |http: Value| json!({"ProtocolType": "rest", "AvailableTools": declared(city.clone(), json!({"switchyard/http": http}))});
    let graphql = |meta: Value| json!({"ProtocolType": "graphql", "AvailableTools": declared(city.clone(), meta)});
    let document = |query: &str| graphql(json!({"switchyard/graphql": {"query": query}}));
    for (more, part) in [
        (json!({"AuthenticationType": "oauth"}), "Configuration.oauth is missing"),
        (oauth(json!({"scope": "x"})), "Configuration.oauth: missing field `token_url`"),
        (
            oauth(json!({"token_url": "https://id.example/", "secret": "x"})),
            "Configuration.oauth: unknown field `secret`",
        ),
        (
            oauth(json!({"token_url": "https://169.254.169.254/"})),
            "Configuration.oauth.token_url: 169.254.169.254 is a link-local",
        ),
        (
            oauth(json!({"token_url": "arn:aws:lambda:us-east-1:123456789012:function:f"})),
            "token_url must be an https URL",
        ),
        (
            json!({"Configuration": json!({"oauth": {}}).to_string()}),
            "Configuration.oauth needs the authentication type oauth",
        ),
        (json!({"AuthenticationType": "iam"}), "Configuration.aws_auth is missing"),
        (iam(json!({"service": "sts", "region": "us-east-1"})), "Configuration.aws_auth.service \"sts\" is none of"),
        (iam(json!({"service": "lambda", "region": "US East"})), "Configuration.aws_auth.region \"US East\""),
        (iam(json!({"service": "lambda", "region": "us-east-1"})), "deployed without roles for servers"),
        (
            with(
                &iam(json!({"service": "lambda", "region": "us-east-1"})),
                json!({"EndpointUrl": "https://a.execute-api.eu-west-1.amazonaws.com/"}),
            ),
            "is execute-api in eu-west-1; leave the setting out",
        ),
        (
            rest(json!({"method": "GET", "path": "/cities/{town}", "query": ["days", "city"]})),
            "path: inputSchema has no property \"town\"",
        ),
        (
            rest(json!({"method": "GET", "path": "/cities/{days}", "query": ["city"]})),
            "\"days\" must be in inputSchema.required",
        ),
        (rest(json!({"method": "GET", "path": "/cities/{city}"})), "\"days\" has no place: a GET has no body"),
        (rest(json!({"path": "/cities/{city}", "query": ["city"]})), "query: \"city\" has a place already"),
        (rest(json!({"path": "/../admin"})), "rest declaration: path must not hold"),
        (rest(json!({"method": "TRACE"})), "rest declaration: unknown variant `TRACE`"),
        (rest(json!({"url": "https://x"})), "rest declaration: unknown field `url`"),
        (graphql(json!({})), "graphql declaration: it is missing"),
        (document("mutation { a }"), "it has a mutation, but the tool is approved as changing nothing"),
        (document("{ a"), "it ends in the middle"),
        (document("query A { a } query B { b }"), "it has 2 operations"),
        (document("subscription { a }"), "subscriptions are not supported"),
    ] {
        let reason = failed(&desk.create(FIRST, &with(&wish, more.clone())).await);
        assert!(reason.contains(part), "{more}: {reason}");
    }
    for protocol in ["rest", "graphql"] {
        let mut undeclared = with(&wish, json!({"ProtocolType": protocol}));
        undeclared.as_object_mut().unwrap().remove("AvailableTools");
        let reason = failed(&desk.create(FIRST, &undeclared).await);
        assert!(
            reason.contains(&format!("AvailableTools is missing: a {protocol} server cannot be asked")),
            "{reason}"
        );
    }
    assert_eq!(desk.entry("1.0.0").await, None);
}

#[tokio::test]
async fn a_server_without_mcp_is_registered_without_a_request_to_it() {
    let untouched = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&untouched).await;
    let desk = Desk::open("http://127.0.0.1:9").await;
    let city = json!({"city": {"type": "string"}});
    let tools = declared(city, json!({"switchyard/http": {"method": "GET", "path": "/cities/{city}"}}));
    let wish = with(&properties(&untouched.uri()), json!({"ProtocolType": "rest", "AvailableTools": tools}));
    succeeded(&desk.create(FIRST, &wish).await);
    let entry = desk.entry("1.0.0").await.unwrap();
    assert_eq!((entry.protocol_type, entry.mcp_version), (registry::ProtocolType::Rest, None));
}

#[tokio::test]
async fn a_function_must_be_ours_to_call() {
    let untagged = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"Tags": {}})))
        .mount(&untagged)
        .await;
    let desk = Desk::open(&untagged.uri()).await;
    let arn = |rest: &str| format!("arn:aws:lambda:{rest}");
    for (endpoint, part) in [
        (arn("us-east-1:123456789012:function:team-tools"), "Tag the function switchyard-mcp=test"),
        (arn("us-east-1:123456789012:function:switchyard-test-mcp_proxy:live"), "function of Switchyard itself"),
        (arn("eu-west-1:123456789012:function:team-tools"), "not in this region and account"),
        (arn("us-east-1:999999999999:function:team-tools"), "not in this region and account"),
    ] {
        let reason = failed(&desk.create(FIRST, &properties(&endpoint)).await);
        assert!(reason.contains(part), "{endpoint}: {reason}");
    }
    assert_eq!(desk.entry("1.0.0").await, None);
}

#[tokio::test]
async fn a_tagged_function_is_registered() {
    let aws = MockServer::start().await;
    let tags = ResponseTemplate::new(200).set_body_json(json!({"Tags": {"switchyard-mcp": STAGE}}));
    Mock::given(wiremock::matchers::method("GET")).respond_with(tags).mount(&aws).await;
    let desk = Desk::open(&aws.uri()).await;
    succeeded(&desk.create(FIRST, &properties("arn:aws:lambda:us-east-1:123456789012:function:team-tools:live")).await);
}

#[tokio::test]
async fn cloudformation_hears_of_it_before_our_own_deadline() {
    let silent = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(60))).mount(&silent).await;
    let desk = Desk::open("http://127.0.0.1:9").await;
    let mut wish = properties(&silent.uri());
    wish.as_object_mut().unwrap().remove("AvailableTools");
    let started = Instant::now();
    let answer = desk.event_within(Duration::from_secs(2), FIRST, "Create", None, &wish).await;
    failed(&answer);
    assert_eq!(
        answer["PhysicalResourceId"], "team-tools@1.0.0",
        "the delete that follows must find what was half done"
    );
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_sent_again() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    desk.cloudformation.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&desk.cloudformation).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&desk.cloudformation).await;
    succeeded(&desk.create(FIRST, &properties(&dead_endpoint().await)).await);
    assert_eq!(desk.cloudformation.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn delivering_the_answer_ends_at_the_deadline() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    desk.cloudformation.reset().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(any()).respond_with(late).mount(&desk.cloudformation).await;
    let event = json!({
        "RequestType": "Delete", "ResponseURL": format!("{}/answer", desk.cloudformation.uri()), "StackId": ALPHA,
        "RequestId": "r-1", "LogicalResourceId": "Server", "PhysicalResourceId": "not-registered-r-1",
    });
    let started = Instant::now();
    let error = desk.registration.handle(event, invocation(Duration::from_millis(600))).await.unwrap_err();
    assert!(error.message().contains("could not be answered"), "{error}");
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_stack_id_that_no_stack_has_owns_nothing() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    for stack in [
        "arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha",
        "arn:aws:cloudformation:us-east-1:123456789012:stack//1",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha/1/2",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/Alpha/1#Server",
        "arn:aws:cloudformation:us-east-1::stack/Alpha/1",
    ] {
        let reason = failed(&desk.create(Sender { stack, ..FIRST }, &properties(&dead_endpoint().await)).await);
        assert!(reason.contains("is not the id of a CloudFormation stack"), "{reason}");
    }
}

#[tokio::test]
async fn a_long_reason_is_shortened_to_what_cloudformation_reads() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    let mut wish = properties(&dead_endpoint().await);
    for n in 0..400 {
        wish[format!("Ünknown{n}")] = json!("\"");
    }
    let reason = failed(&desk.create(FIRST, &wish).await);
    assert!(reason.contains("400 problem(s)") && reason.ends_with("(more in the log)"), "{reason}");
}

#[tokio::test]
async fn events_of_others_and_foreign_response_urls_are_errors() {
    let desk = Desk::open("http://127.0.0.1:9").await;
    assert!(desk.registration.handle(json!({"hello": "world"}), invocation(Duration::from_secs(5))).await.is_err());
    let elsewhere = [
        "https://evil.example/x",
        "http://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.evil.example/x",
        "https://evil.s3.amazonaws.com/x",
        // Names that anybody may give a bucket, and the bucket of another region.
        "https://cloudformation-custom-resource-evil.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1-evil.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast11.s3.us-east-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.evil.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.eu-west-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3-website-us-east-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.cn/x",
        "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-x.execute-api.us-east-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com:8443/x",
        "http://127.0.0.1:1/x",
        "no url",
    ];
    for url in elsewhere {
        let error = desk.registration.mailbox.letter(url, "us-east-1").err().expect(url);
        assert!(!error.message().contains("/x"), "{error}");
    }
    let port = desk.cloudformation.address().port();
    for (url, region) in [
        ("https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn?Signature=x", "us-east-1"),
        (
            "https://cloudformation-custom-resource-response-eucentral1.s3.eu-central-1.amazonaws.com/arn",
            "eu-central-1",
        ),
        ("https://cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com/arn", "us-west-2"),
        (
            "https://cloudformation-custom-resource-response-usgovwest1.s3.us-gov-west-1.amazonaws.com/arn",
            "us-gov-west-1",
        ),
        ("https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/arn", "cn-north-1"),
        (&format!("http://localhost:{port}/_ministack/cfn-response/1"), "us-east-1"),
        (&format!("http://127.0.0.1:{port}/_ministack/cfn-response/1"), "us-east-1"),
    ] {
        assert!(desk.registration.mailbox.letter(url, region).is_ok(), "{url}");
    }
    assert!(Mailbox::new(None).unwrap().letter(&format!("http://localhost:{port}/x"), "us-east-1").is_err());
}
