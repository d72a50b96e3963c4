//! Signed requests: whose role signs them, and for what.

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use serde_json::Value;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, body_string_contains, header_exists},
};

use super::*;

const END: &str = "2099-01-01T00:00:00Z";

/// A client with a clock, which signs with the credentials that `aws` gives for roles.
async fn client_of(aws: &MockServer, guard: Guard) -> McpClient {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIAOWN", "own-secret", None, None, "tests"))
        .endpoint_url(aws.uri())
        .load()
        .await;
    McpClient::new(&config, guard)
}

/// STS that gives credentials for the role of the server `tools` alone.
async fn sts() -> MockServer {
    let mock = MockServer::start().await;
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fswitchyard-mcp%2Ftest%2Fswitchyard-test-mcp-tools&";
    let answer = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>\
         <SessionToken>role-session</SessionToken><Expiration>{END}</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId>\
         <Arn>arn:aws:sts::123456789012:assumed-role/switchyard-test-mcp-tools/s</Arn></AssumedRoleUser>\
         </AssumeRoleResult></AssumeRoleResponse>"
    );
    Mock::given(body_string_contains(role))
        .respond_with(ResponseTemplate::new(200).set_body_string(answer))
        .mount(&mock)
        .await;
    let denied = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
        <Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    Mock::given(any()).respond_with(ResponseTemplate::new(403).set_body_string(denied)).mount(&mock).await;
    mock
}

fn iam(url: &str, settings: Value) -> Server {
    let mut server = server(url, None);
    server.protocol_type = ProtocolType::Rest;
    server.authentication_type = AuthenticationType::Iam;
    if !settings.is_null() {
        server.configuration.insert("aws_auth".to_owned(), settings);
    }
    server
}

#[tokio::test]
async fn requests_are_signed_under_the_servers_own_role() {
    let (aws, api) = (sts().await, MockServer::start().await);
    let ok = ResponseTemplate::new(200).set_body_string("ok");
    Mock::given(header_exists("authorization")).respond_with(ok).expect(2).mount(&api).await;
    let client = client_of(&aws, open_guard()).await;
    let server = iam(&api.uri(), json!({ "service": "execute-api", "region": "eu-west-1" }));
    for _ in 0..2 {
        assert_eq!(call(&client, &server, "echo").await.unwrap().text, "ok");
    }
    assert_eq!(aws.received_requests().await.unwrap().len(), 1, "the role's credentials are kept");
    let request = &api.received_requests().await.unwrap()[0];
    let signature = request.headers["authorization"].to_str().unwrap();
    assert!(signature.contains("Credential=ASIAROLE/") && signature.contains("/eu-west-1/execute-api/"), "{signature}");
    assert!(signature.contains("content-type;host;"), "{signature}");
    assert_eq!(request.headers["x-amz-security-token"], "role-session");
    let all = format!("{request:?}");
    assert!(!all.contains("AKIAOWN"), "our own role signs nothing for a server: {all}");
}

#[tokio::test]
async fn service_and_region_follow_from_the_host_on_the_local_stage_too() {
    let (aws, api) = (sts().await, MockServer::start().await);
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(1).mount(&api).await;
    let host = "abc.lambda-url.eu-west-1.on.aws";
    let connect_to = [(format!("{host}:443"), api.address().to_string())].into();
    let role_prefix = Some("arn:aws:iam::123456789012:role/switchyard-mcp/test/switchyard-test-mcp-".to_owned());
    let guard = Guard::new(&Reach { stage: "local".to_owned(), connect_to, role_prefix, ..Reach::default() }).unwrap();
    call(&client_of(&aws, guard).await, &iam(&format!("https://{host}/"), Value::Null), "echo").await.unwrap();
    let request = &api.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["host"], host);
    assert!(request.headers["authorization"].to_str().unwrap().contains("/eu-west-1/lambda/"));
}

/// A registrant's host gets no signature that is good for more than the registrant's own role gives.
#[tokio::test]
async fn nothing_but_the_derived_role_signs() {
    let (aws, theirs) = (sts().await, MockServer::start().await);
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&theirs).await;
    let client = client_of(&aws, open_guard()).await;
    let good = json!({ "service": "execute-api", "region": "eu-west-1" });
    let mut other = iam(&theirs.uri(), good.clone());
    other.server_id = "victim".to_owned();
    let error = call(&client, &other, "echo").await.unwrap_err();
    assert!(matches!(&error.failure, Failure::RoleUnusable { role, .. } if role.ends_with("-mcp-victim")), "{error}");
    for server_id in ["../tools", "tools/../x", "x:role/admin", ""] {
        other.server_id = server_id.to_owned();
        assert!(
            matches!(call(&client, &other, "echo").await.unwrap_err().failure, Failure::Misdeclared(_)),
            "{server_id}"
        );
    }
    other.server_id = "a".repeat(60);
    assert!(call(&client, &other, "echo").await.unwrap_err().to_string().contains("longer than 64 characters"));
    for settings in [
        Value::Null,
        json!({ "service": "sts", "region": "us-east-1" }),
        json!({ "service": "dynamodb", "region": "us-east-1" }),
        json!({ "service": "secretsmanager", "region": "us-east-1" }),
        json!({ "service": "lambda", "region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/admin" }),
    ] {
        let error = call(&client, &iam(&theirs.uri(), settings.clone()), "echo").await.unwrap_err();
        assert!(matches!(error.failure, Failure::Misdeclared(_)) && !error.may_have_run(), "{settings}: {error}");
    }
    let guard = Guard::new(&Reach {
        stage: STAGE.to_owned(),
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        ..Reach::default()
    });
    let roleless = client_of(&aws, guard.unwrap()).await;
    assert!(matches!(
        call(&roleless, &iam(&theirs.uri(), good), "echo").await.unwrap_err().failure,
        Failure::Misdeclared(_)
    ));
}
