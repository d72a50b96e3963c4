//! The events that do not come from an agent: a request of API Gateway, and a custom resource of CloudFormation.

use serde_json::{Value, json};
use tests::runtime_api::{ACCOUNT, REGION};
use uuid::Uuid;

use crate::Result;

/// The stack that registers.
const STACK: &str = "switchyard-local-service/00000000-0000-4000-8000-000000000001";

/// A REST API's event for `POST /chat` of a person, in a session of its own.
/// Source: API Gateway developer guide, "Input format of a Lambda function for proxy integration".
pub fn chat(person: &str, message: &str, accept: &str) -> Value {
    let (id, host) = ("abcdefghij", "abcdefghij.execute-api.us-east-1.amazonaws.com");
    json!({
        "resource": "/chat", "path": "/chat", "httpMethod": "POST",
        "headers": { "Content-Type": "application/json", "Accept": accept, "Host": host, "User-Agent": "bench" },
        "multiValueHeaders":
            { "Content-Type": ["application/json"], "Accept": [accept], "Host": [host], "User-Agent": ["bench"] },
        "queryStringParameters": null, "multiValueQueryStringParameters": null, "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "resourceId": "r", "resourcePath": "/chat", "httpMethod": "POST", "path": "/local/chat", "accountId": ACCOUNT,
            "apiId": id, "stage": "local", "requestId": "00000000-0000-4000-8000-000000000002", "protocol": "HTTP/1.1",
            "identity": {
                "sourceIp": "192.0.2.1", "userArn": format!("arn:aws:iam::{ACCOUNT}:user/{person}"), "accountId": ACCOUNT,
                "caller": "AIDAEXAMPLE", "user": "AIDAEXAMPLE", "accessKey": "AKIAEXAMPLE", "userAgent": "bench",
            },
        },
        "body": json!({ "message": message, "session_id": Uuid::new_v4().to_string() }).to_string(),
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
