use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{
    config::{Credentials, SharedCredentialsProvider},
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};

use super::*;

/// A client of a fresh DynamoDB in memory with the state table `State`; it ends with the test's runtime.
pub(in super::super) async fn table() -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    let credentials = Credentials::new("AKIATEST", "test", None, None, "tests");
    let config = aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build();
    let client = Client::new(&config);
    let mut create = client.create_table().table_name("State").billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        create = create.attribute_definitions(attribute.build().unwrap()).key_schema(key.build().unwrap());
    }
    create.send().await.unwrap();
    client
}

fn place(client: &Client, server: &str) -> Rendezvous {
    Rendezvous::with_client("State", server, client.clone())
}

fn accepted() -> Result<Value, RpcError> {
    Ok(json!({ "action": "accept", "content": { "name": "Ann" } }))
}

#[tokio::test]
async fn an_answer_that_is_left_in_one_environment_is_found_in_another() {
    let client = table().await;
    let (waiting, other) = (place(&client, "git"), place(&client, "git"));
    waiting.open("s", "q", now() + 60).await.unwrap();
    assert_eq!(waiting.look("s", "q").await, Ok(Found::Nothing));
    assert_eq!(other.answer("s", "q", &accepted()).await, Ok(()));
    assert_eq!(waiting.look("s", "q").await, Ok(Found::Answer(accepted())));
    waiting.close("s", "q").await;
    assert_eq!(waiting.look("s", "q").await, Ok(Found::Nothing));
}

#[tokio::test]
async fn an_answer_is_taken_once_and_by_whoever_asked() {
    let client = table().await;
    let place_of = place(&client, "git");
    place_of.open("s", "q", now() + 60).await.unwrap();
    place_of.open("s", "over", now()).await.unwrap();
    let denied = Err(RpcError { code: -1, message: "no".into(), data: None });
    for (server, session, question) in [("time", "s", "q"), ("git", "t", "q"), ("git", "s", "p"), ("git", "s", "over")]
    {
        let left = place(&client, server).answer(session, question, &accepted()).await;
        assert_eq!(left, Err(NotLeft::NobodyWaits), "{server} {session} {question}");
    }
    assert_eq!(place_of.answer("s", "q", &denied).await, Ok(()));
    assert_eq!(place_of.answer("s", "q", &denied).await, Ok(()), "the SDK may send it twice");
    assert_eq!(place_of.answer("s", "q", &accepted()).await, Err(NotLeft::NobodyWaits));
    assert_eq!(place_of.look("s", "q").await, Ok(Found::Answer(denied)));
}

#[tokio::test]
async fn an_answer_that_no_item_can_hold_is_refused() {
    let client = table().await;
    let place = place(&client, "git");
    place.open("s", "q", now() + 60).await.unwrap();
    let long = Ok(json!({ "content": "x".repeat(LONGEST_ANSWER) }));
    assert_eq!(place.answer("s", "q", &long).await, Err(NotLeft::TooLong));
}

#[tokio::test]
async fn cancelling_reaches_a_call_that_waits_and_no_other() {
    let client = table().await;
    let place = place(&client, "git");
    for (session, call) in [("s", json!(7)), ("s", json!("7")), ("t", json!(7))] {
        place.open_call(session, &call, now() + 60).await.unwrap();
    }
    place.open_call("s", &json!(9), now()).await.unwrap();
    assert_eq!(place.cancel("s", &json!(7)).await, Ok(true));
    assert_eq!(place.cancel("s", &json!(8)).await, Ok(false), "no such call");
    assert_eq!(place.cancel("s", &json!(9)).await, Ok(false), "its time is over");
    for (session, call, cancelled) in
        [("s", json!(7), true), ("s", json!("7"), false), ("t", json!(7), false), ("s", json!(8), false)]
    {
        assert_eq!(place.is_cancelled(session, &call).await, Ok(cancelled), "{session} {call}");
    }
    place.close_call("s", &json!(7)).await;
    assert_eq!(place.is_cancelled("s", &json!(7)).await, Ok(false));
}
