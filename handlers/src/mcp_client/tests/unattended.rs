//! Tools that ask back, where nobody sits who could answer.

use serde_json::Value;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::*;

const MODERN: Option<&str> = Some("2026-07-28");

/// A server that answers a call with `first` until the call brings answers or a state, and then with `last`.
async fn asking(first: Value, last: Value) -> MockServer {
    let mock = MockServer::start().await;
    let answer = move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let params = &body["params"];
        let is_retry = !params["inputResponses"].is_null() || !params["requestState"].is_null();
        let result = if is_retry { &last } else { &first };
        ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
    };
    Mock::given(any()).respond_with(answer).mount(&mock).await;
    mock
}

fn asks(requests: Value, state: Option<&str>) -> Value {
    let mut result = json!({"resultType": "input_required", "inputRequests": requests});
    if let Some(state) = state {
        result["requestState"] = json!(state);
    }
    result
}

fn confirm() -> Value {
    let schema = json!({"type": "object", "properties": {"sure": {"type": "boolean"}}});
    json!({"method": "elicitation/create", "params": {"mode": "form", "message": "Sure?", "requestedSchema": schema}})
}

fn complete(text: &str) -> Value {
    json!({"resultType": "complete", "content": [{"type": "text", "text": text}]})
}

async fn sent(mock: &MockServer) -> Vec<Value> {
    mock.received_requests().await.unwrap().iter().map(|request| request.body_json().unwrap()).collect()
}

#[tokio::test]
async fn a_question_is_cancelled_and_the_tool_has_the_last_word() {
    for state in [None, Some("{\"n\" :1}")] {
        let mock = asking(asks(json!({"confirm": confirm()}), state), complete("Nothing was deleted.")).await;
        let answer = call_with(&client(), &server(&mock.uri(), MODERN), "echo", json!({"a": 1})).await.unwrap();
        assert_eq!(answer.text, "Nothing was deleted.");
        let sent = sent(&mock).await;
        assert_eq!(sent.len(), 2);
        assert_ne!(sent[0]["id"], sent[1]["id"]);
        assert_eq!(sent[1]["params"]["inputResponses"], json!({"confirm": {"action": "cancel"}}));
        assert_eq!(sent[1]["params"].get("requestState").and_then(Value::as_str), state, "as it came, or not at all");
        assert_eq!(sent[1]["params"]["arguments"], json!({"a": 1}));
        assert_eq!(sent[0]["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"], json!({}));
    }
}

#[tokio::test]
async fn a_call_that_was_put_off_goes_on_with_its_state() {
    let put_off = json!({"resultType": "input_required", "requestState": "later"});
    let mock = asking(put_off, complete("done")).await;
    assert_eq!(call(&client(), &server(&mock.uri(), MODERN), "echo").await.unwrap().text, "done");
    let sent = sent(&mock).await;
    assert_eq!((sent.len(), &sent[1]["params"]["requestState"]), (2, &json!("later")));
    assert!(sent[1]["params"].get("inputResponses").is_none());
}

#[tokio::test]
async fn a_tool_that_asks_without_end_is_left() {
    let again = asks(json!({"confirm": confirm()}), Some("again"));
    let mock = asking(again.clone(), again).await;
    let (failure, may_have_run) = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
    assert_eq!(failure, Failure::InputRequired("more than 4 times".to_owned()));
    assert!(may_have_run);
    assert_eq!(sent(&mock).await.len(), 4);
}

/// A model's words are not ours to give away, and not even a refusal of them has a form.
#[tokio::test]
async fn what_cannot_be_cancelled_ends_the_call() {
    let message = json!({"role": "user", "content": {"type": "text", "text": "hi"}});
    let sample = json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 9}});
    let requests = json!({"confirm": confirm(), "think": sample});
    let mock = asking(asks(requests, None), complete("never")).await;
    let (failure, may_have_run) = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
    assert_eq!(failure, Failure::InputRequired("think".to_owned()));
    assert!(may_have_run);
    assert_eq!(sent(&mock).await.len(), 1);
}

#[tokio::test]
async fn a_question_without_content_is_malformed() {
    let mock = asking(asks(json!({}), None), complete("never")).await;
    let (failure, _) = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
    assert!(matches!(failure, Failure::Malformed(_)), "{failure:?}");
    assert_eq!(sent(&mock).await.len(), 1);
}
