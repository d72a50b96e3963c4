//! Questions of a server in the middle of a call. The client's answer is another request, and that reaches another environment.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tests::{environments::Environments, function_url::FunctionUrl, hosted::Hosted};

use crate::support::{fixture, message, text};

/// Two environments of one server, each behind a door of its own.
async fn doors(hosted: &Hosted) -> [FunctionUrl; 2] {
    let door = async || {
        let environments = Environments::start(hosted.function.clone(), 1).await.unwrap();
        FunctionUrl::open(environments, 0).await.unwrap()
    };
    [door().await, door().await]
}

fn post(door: &FunctionUrl, version: &str, message: &Value) -> RequestBuilder {
    let request = Client::new().post(format!("{}/mcp", door.url())).json(message);
    request.header("accept", "application/json, text/event-stream").header("mcp-protocol-version", version)
}

/// The messages of a stream, up to the first that fits.
async fn until(answer: &mut Response, fits: impl Fn(&Value) -> bool) -> Value {
    let mut body = String::new();
    while let Some(piece) = answer.chunk().await.unwrap() {
        body.push_str(std::str::from_utf8(&piece).unwrap());
        let complete = body.rsplit_once('\n').map_or("", |(complete, _)| complete);
        let messages = complete.lines().filter_map(|line| line.strip_prefix("data:"));
        if let Some(found) = messages.filter_map(|data| serde_json::from_str(data).ok()).find(|message| fits(message)) {
            return found;
        }
    }
    panic!("the stream ended: {body}");
}

/// A call of MCP 2026-07-28.
async fn modern(door: &FunctionUrl, tool: &str, more: &Value) -> Value {
    let mut message = message(tool, &json!({}));
    for (name, value) in more.as_object().unwrap() {
        message["params"][name] = value.clone();
    }
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {}, "sampling": {}, "roots": {} },
    });
    let request = post(door, "2026-07-28", &message).header("mcp-method", "tools/call").header("mcp-name", tool);
    let mut answer = request.send().await.unwrap();
    if answer.headers()["content-type"] == "text/event-stream" {
        return until(&mut answer, |found| found["id"] == message["id"]).await;
    }
    answer.json().await.unwrap()
}

fn accepted(key: &str, content: &Value) -> Value {
    json!({ key: { "action": "accept", "content": content } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_in_another_environment_with_the_answers_so_far() {
    let hosted = fixture(json!({ "client_requests": "rendezvous" })).await;
    let [first, second] = doors(&hosted).await;
    let tool = "test_input_required_result_multi_round";
    let asked = modern(&first, tool, &json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    assert!(asked["result"]["inputRequests"]["step1"].is_object(), "{asked}");
    // The environment that asked is gone, whatever it knew.
    drop(first);
    let state = &asked["result"]["requestState"];
    let more = json!({ "requestState": state, "inputResponses": accepted("step1", &json!({ "name": "Ann" })) });
    let asked = modern(&second, tool, &more).await;
    assert!(asked["result"]["inputRequests"]["step2"].is_object(), "{asked}");
    let [third, _] = doors(&hosted).await;
    let state = &asked["result"]["requestState"];
    let more = json!({ "requestState": state, "inputResponses": accepted("step2", &json!({ "color": "blue" })) });
    assert_eq!(text(&modern(&third, tool, &more).await), "Ann likes blue");
    // What the client holds is signed, and of this call.
    for (tool, state) in
        [(tool, json!(format!("{}x", state.as_str().unwrap()))), ("test_streaming_elicitation", state.clone())]
    {
        let more = json!({ "requestState": state, "inputResponses": accepted("step2", &json!({ "color": "blue" })) });
        let refused = modern(&third, tool, &more).await;
        assert_eq!(refused["error"]["code"], -32602, "{tool}: {refused}");
    }
}

/// A session of an older version in which a person can be asked.
async fn session(door: &FunctionUrl, person: &str) -> String {
    let client = json!({ "name": "test", "version": "1" });
    let params =
        json!({ "protocolVersion": "2025-11-25", "capabilities": { "elicitation": {} }, "clientInfo": client });
    let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
    let answer = post(door, "2025-11-25", &message).header("authorization", person).send().await.unwrap();
    answer.headers()["mcp-session-id"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_finds_the_environment_that_waits_for_it() {
    let hosted = fixture(json!({ "client_requests": "rendezvous" })).await;
    let [asking, other] = doors(&hosted).await;
    let ann = "IAM-User ann";
    let session = session(&other, ann).await;
    let say = |door: &FunctionUrl, person: &str, message: &Value| {
        post(door, "2025-11-25", message).header("authorization", person).header("mcp-session-id", &session)
    };
    let call = message("test_elicitation", &json!({ "message": "Who are you?" }));
    let mut stream = say(&asking, ann, &call).send().await.unwrap();
    let question = until(&mut stream, |message| message["method"] == "elicitation/create").await;
    assert_eq!(question["params"]["message"], "Who are you?");
    let answer = |name: &str| {
        let result = json!({ "action": "accept", "content": { "username": name, "email": "a@example.com" } });
        json!({ "jsonrpc": "2.0", "id": question["id"], "result": result })
    };
    // Nobody answers for somebody else.
    let refused = say(&other, "IAM-User eve", &answer("eve")).send().await.unwrap().status();
    assert!(refused.is_client_error(), "{refused}");
    let taken = say(&other, ann, &answer("ann")).send().await.unwrap();
    assert_eq!(taken.status(), 202);
    let result = until(&mut stream, |message| message["id"] == call["id"]).await;
    assert!(text(&result).contains("\"username\":\"ann\""), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_answers_ends_the_call_in_time() {
    let mut hosted = fixture(json!({ "client_requests": "rendezvous" })).await;
    hosted.function.timeout = Duration::from_secs(4);
    let [door, _] = doors(&hosted).await;
    let session = session(&door, "IAM-User ann").await;
    let call = message("test_elicitation", &json!({ "message": "Who are you?" }));
    let request = post(&door, "2025-11-25", &call).header("authorization", "IAM-User ann");
    let mut stream = request.header("mcp-session-id", &session).send().await.unwrap();
    let question = until(&mut stream, |message| message["method"] == "elicitation/create").await;
    assert_eq!(question["params"]["message"], "Who are you?");
    let response = until(&mut stream, |message| message["id"] == call["id"]).await;
    // The stream of an answer that is late breaks off at the deadline of the event.
    assert_eq!(response["error"]["data"]["reason"], "no_answer", "{response}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_client_is_told_where_questions_are_refused_and_a_new_one_is_asked() {
    let hosted = fixture(json!({ "client_requests": "refuse" })).await;
    let [door, _] = doors(&hosted).await;
    let session = session(&door, "IAM-User ann").await;
    let call = message("test_elicitation", &json!({ "message": "Who are you?" }));
    let request = post(&door, "2025-11-25", &call).header("authorization", "IAM-User ann");
    let answer = request.header("mcp-session-id", &session).send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("\"error\"") && answer.contains("client_requests"), "{answer}");
    let asked = modern(&door, "test_input_required_result_elicitation", &json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
}
