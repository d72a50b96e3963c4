//! The stack seen with AWS's own APIs.

use std::collections::{BTreeMap, HashMap};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use super::stack;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Everything goes to the stack, as its owner.
pub(crate) async fn config() -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(local::stack::REGION))
        .endpoint_url(stack().await.aws_url())
        .credentials_provider(local::stack::credentials())
        .build()
}

/// Plain DynamoDB.
pub(crate) async fn dynamodb() -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&config().await)
}

/// The record of an execution.
pub(crate) async fn record(execution_id: &str) -> Option<Item> {
    let key = AttributeValue::S(execution_id.to_owned());
    let get = dynamodb().await.get_item().table_name("DeploymentMemory-local").key("execution_id", key);
    get.consistent_read(true).send().await.unwrap().item
}

/// An attribute of an item as text.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    match item.get(name) {
        Some(AttributeValue::S(text)) => text,
        other => panic!("{name} is no text: {other:?} in {item:?}"),
    }
}

/// An entry of the registry.
pub(crate) async fn server(server_id: &str, version: &str) -> Option<Item> {
    let word = |text: &str| AttributeValue::S(text.to_owned());
    let get = dynamodb().await.get_item().table_name("MCPServerRegistry-local").consistent_read(true);
    get.key("server_id", word(server_id)).key("version", word(version)).send().await.unwrap().item
}

/// What health checks know of a version of a server.
pub(crate) async fn health(server_id: &str, version: &str) -> Option<Item> {
    let word = |text: &str| AttributeValue::S(text.to_owned());
    let get = dynamodb().await.get_item().table_name("SwitchyardState-local").consistent_read(true);
    get.key("pk", word(&format!("health#{server_id}@{version}"))).key("sk", word("state")).send().await.unwrap().item
}

/// Invokes a function; the error is what it reports.
pub(crate) async fn invoke(function: &str, event: &Value) -> Result<Value, String> {
    let client = aws_sdk_lambda::Client::new(&config().await);
    let name = format!("switchyard-local-{function}");
    let answer = client.invoke().function_name(name).payload(Blob::new(event.to_string())).send().await.unwrap();
    let payload = String::from_utf8(answer.payload.unwrap().into_inner()).unwrap();
    match answer.function_error {
        Some(kind) => Err(format!("{kind}: {payload}")),
        None => Ok(serde_json::from_str(&payload).unwrap()),
    }
}

/// Makes a function of another team, with nothing in it: it is never to run.
pub(crate) async fn create_function(name: &str, tags: &[(&str, &str)]) {
    // The end of central directory record: a zip without files.
    let zip = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    let client = aws_sdk_lambda::Client::new(&config().await);
    // Any role does; one has to be there.
    let ours =
        client.get_function_configuration().function_name("switchyard-local-memory_manager").send().await.unwrap();
    let code = aws_sdk_lambda::types::FunctionCode::builder().zip_file(Blob::new(zip)).build();
    let create = client.create_function().function_name(name).code(code).handler("bootstrap");
    let create = create.runtime(aws_sdk_lambda::types::Runtime::from("provided.al2023"));
    let create = create.set_role(ours.role);
    tags.iter().fold(create, |create, (key, value)| create.tags(*key, *value)).send().await.unwrap();
}

/// Makes a secret.
pub(crate) async fn create_secret(name: &str, value: &str) {
    let client = aws_sdk_secretsmanager::Client::new(&config().await);
    client.create_secret().name(name).secret_string(value).send().await.unwrap();
}

/// Value of a secret.
pub(crate) async fn secret(name: &str) -> String {
    let client = aws_sdk_secretsmanager::Client::new(&config().await);
    client.get_secret_value().secret_id(name).send().await.unwrap().secret_string.unwrap()
}

/// Whether there is a secret of that name that can be read.
pub(crate) async fn has_secret(name: &str) -> bool {
    let client = aws_sdk_secretsmanager::Client::new(&config().await);
    client.get_secret_value().secret_id(name).send().await.is_ok()
}

/// Gives a secret another value.
pub(crate) async fn set_secret(name: &str, value: &str) {
    let client = aws_sdk_secretsmanager::Client::new(&config().await);
    client.put_secret_value().secret_id(name).secret_string(value).send().await.unwrap();
}

/// Calls an API that speaks the query protocol (IAM, CloudFormation) and returns its XML.
pub(crate) async fn query(service: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let form: BTreeMap<&str, &str> = parameters.iter().copied().collect();
    let body: String = form.iter().map(|(key, value)| format!("{key}={}&", encode(value))).collect();
    let request = reqwest::Client::new()
        .post(stack().await.aws_url())
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", authorization(service))
        .body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// A header that MiniStack takes for a signature: it reads key and service from it and checks nothing else.
pub(crate) fn authorization(service: &str) -> String {
    let scope = format!("20260101/{}/{service}/aws4_request", local::stack::REGION);
    format!("AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=0")
}

/// Text of the first element with this name.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once(&format!("</{name}>")).unwrap().0
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
