//! The events that do not come from an agent: a request of API Gateway, and a custom resource of CloudFormation.

use serde_json::{Value, json};
use tests::runtime_api::{ACCOUNT, REGION};
use uuid::Uuid;

use crate::Result;

/// The stack that registers.
const STACK: &str = "switchyard-local-service/00000000-0000-4000-8000-000000000001";

/// A REST API's event for `POST /chat` of a person, in a session of its own.
pub fn chat(person: &str, message: &str, accept: &str) -> Value {
    let body = json!({ "message": message, "session_id": Uuid::new_v4().to_string() }).to_string();
    request(Request { method: "POST", resource: "/chat", path: "/chat", query: &[], person, accept, body: Some(body) })
}

/// A REST API's event for `GET /servers` of the registry API with these parameters.
pub fn listing(parameters: &[(&str, &str)]) -> Value {
    api("GET", "/servers", parameters)
}

/// A REST API's event for a request to the registry API without a body.
pub fn api(method: &str, path: &str, query: &[(&str, &str)]) -> Value {
    let accept = "application/json";
    request(Request { method, resource: "/{proxy+}", path, query, person: "ann", accept, body: None })
}

struct Request<'a> {
    method: &'a str,
    resource: &'a str,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    person: &'a str,
    accept: &'a str,
    body: Option<String>,
}

/// Source: API Gateway developer guide, "Input format of a Lambda function for proxy integration".
fn request(request: Request<'_>) -> Value {
    let Request { method, resource, path, query, person, accept, body } = request;
    let single: Value = query.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let multi: Value = query.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let parameters = |map: Value| if query.is_empty() { Value::Null } else { map };
    let (id, host) = ("abcdefghij", "abcdefghij.execute-api.us-east-1.amazonaws.com");
    json!({
        "resource": resource, "path": path, "httpMethod": method,
        "headers": { "Content-Type": "application/json", "Accept": accept, "Host": host, "User-Agent": "bench" },
        "multiValueHeaders":
            { "Content-Type": ["application/json"], "Accept": [accept], "Host": [host], "User-Agent": ["bench"] },
        "queryStringParameters": parameters(single), "multiValueQueryStringParameters": parameters(multi), "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "resourceId": "r", "resourcePath": resource, "httpMethod": method, "path": format!("/local{path}"),
            "accountId": ACCOUNT,
            "apiId": id, "stage": "local", "requestId": "00000000-0000-4000-8000-000000000002", "protocol": "HTTP/1.1",
            "identity": {
                "sourceIp": "192.0.2.1", "userArn": format!("arn:aws:iam::{ACCOUNT}:user/{person}"), "accountId": ACCOUNT,
                "caller": "AIDAEXAMPLE", "user": "AIDAEXAMPLE", "accessKey": "AKIAEXAMPLE", "userAgent": "bench",
            },
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// Status and body of a streamed answer of chat_handler: metadata, eight NUL bytes, payload.
/// Source: API Gateway developer guide, "Stream the integration response for your proxy integrations".
///
/// # Errors
/// It has another shape.
pub fn streamed(body: &[u8]) -> Result<(u64, String)> {
    let end = body.windows(8).position(|window| window == [0; 8]).ok_or("the answer has no metadata")?;
    let (metadata, payload) = body.split_at(end);
    let metadata: Value = serde_json::from_slice(metadata)?;
    let status = metadata["statusCode"].as_u64().ok_or("the metadata have no status")?;
    Ok((status, String::from_utf8(payload.get(8..).unwrap_or_default().to_vec())?))
}

/// CloudFormation's event for the registration of the pipelines server.
/// Source: CloudFormation user guide, "Custom resource request and response reference".
pub fn registration(kind: &str, physical_id: Option<&str>, mailbox: &str) -> Value {
    let mut event = json!({
        "RequestType": kind,
        "ServiceToken": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:switchyard-local-registration"),
        "ResponseURL": format!("{mailbox}/cloudformation"),
        "StackId": format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}"),
        "RequestId": "00000000-0000-4000-8000-000000000003",
        "LogicalResourceId": "PipelinesRegistration",
        "ResourceType": "Custom::MCPServerRegistration",
        "ResourceProperties": {
            "ServerId": "pipelines", "Version": "0.1.0", "ServerName": "Pipelines",
            "Description": "Starts GitLab pipelines and tells their status.",
            "EndpointUrl": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:switchyard-local-pipelines"),
            "Configuration":
                json!({ "environment_argument": "environment", "status_tool": "get_pipeline_status" }).to_string(),
        },
    });
    if let Some(id) = physical_id {
        event["PhysicalResourceId"] = id.into();
    }
    event
}
