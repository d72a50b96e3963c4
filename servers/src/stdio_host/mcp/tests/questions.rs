//! Questions of the hosted server to clients that begin with `initialize`: the answer comes to another environment.

use super::{super::rendezvous::tests::table, legacy::begin, *};

fn request(params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params })
}

fn call(tool: &str, session: &str) -> Ask {
    let headers = McpHeaders { session: Some(session.to_owned()), ..McpHeaders::default() };
    over_http(request(json!({ "name": tool })), headers)
}

fn all() -> Value {
    json!({ "elicitation": {}, "sampling": {}, "roots": {} })
}

/// What a willing client answers to a request.
fn answer_to(question: &Value) -> Value {
    match question["method"].as_str().unwrap() {
        "elicitation/create" => json!({ "action": "accept", "content": { "name": question["params"]["message"] } }),
        "roots/list" => json!({ "roots": [] }),
        _ => json!({ "role": "assistant", "content": { "type": "text", "text": "hi" }, "model": "m" }),
    }
}

/// Two environments of one function, and a session that began in the second.
async fn two() -> (Environment, Environment, String) {
    let client = table().await;
    let environment = || Environment::new(Some("a-key"), Some(&client), &json!({}));
    let (waiting, mut other) = (environment(), environment());
    let (session, _) = begin(&mut other, all()).await;
    (waiting, other, session)
}

/// A message of the client as it comes to the other environment.
fn message(message: Value, session: &str) -> Ask {
    over_http(message, McpHeaders { session: Some(session.to_owned()), ..McpHeaders::default() })
}

#[tokio::test]
async fn a_question_is_answered_through_another_environment() {
    for (tool, expected) in [
        ("ask", "Hello Who?"),
        ("ask_in_turn", "Hello Who? and And who else?"),
        ("ask_at_once", r#"[["action", "content"], ["content", "model", "role"], ["roots"]]"#),
    ] {
        let (mut waiting, mut other, session) = two().await;
        let act = async |question: &Value| {
            let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer_to(question) });
            let (answer, _) = other.serve(message(answer.clone(), &session), Way::Nowhere).await;
            assert_eq!(answer, Answer::Accepted, "{question}");
        };
        let (answer, said) = waiting.serve_until(call(tool, &session), Way::AtOnce, soon(), act).await;
        assert_eq!(text(&result(answer)), expected);
        assert!(said.iter().all(|question| question["id"].as_str().unwrap().len() == 32), "{said:?}");
        assert!(said.iter().all(|question| question["params"]["_meta"] == Value::Null), "{said:?}");
    }
}

#[tokio::test]
async fn an_answer_of_somebody_else_or_given_twice_is_not_taken() {
    let (mut waiting, mut other, session) = two().await;
    let (another_session, _) = begin(&mut other, all()).await;
    let act = async |question: &Value| {
        let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer_to(question) });
        let stranger = other.serve(message(answer.clone(), &another_session), Way::Nowhere).await.0;
        assert_eq!(error(stranger).0, 400);
        let without = other.serve(over_http(answer.clone(), McpHeaders::default()), Way::Nowhere).await.0;
        assert_eq!(error(without).0, 400);
        let right = other.serve(message(answer.clone(), &session), Way::Nowhere).await.0;
        assert_eq!(right, Answer::Accepted);
        let mut changed = answer;
        changed["result"]["content"]["name"] = json!("Eve");
        assert_eq!(error(other.serve(message(changed, &session), Way::Nowhere).await.0).0, 400);
    };
    let (answer, _) = waiting.serve_until(call("ask", &session), Way::AtOnce, soon(), act).await;
    assert_eq!(text(&result(answer)), "Hello Who?");
}

#[tokio::test]
async fn an_error_of_the_client_reaches_the_server_as_an_error() {
    let (mut waiting, mut other, session) = two().await;
    let act = async |question: &Value| {
        let error = json!({ "code": -1, "message": "rejected" });
        let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "error": error });
        assert_eq!(other.serve(message(answer, &session), Way::Nowhere).await.0, Answer::Accepted);
    };
    let (answer, _) = waiting.serve_until(call("needs_model", &session), Way::AtOnce, soon(), act).await;
    let result = result(answer);
    assert_eq!((text(&result), &result["isError"]), ("rejected", &json!(true)));
}

#[tokio::test]
async fn an_answer_that_is_too_long_ends_the_wait() {
    let (mut waiting, mut other, session) = two().await;
    let act = async |question: &Value| {
        let long = "x".repeat(400 * 1024);
        let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": { "content": long } });
        assert_eq!(error(other.serve(message(answer, &session), Way::Nowhere).await.0).0, 413);
    };
    let (answer, _) = waiting.serve_until(call("needs_model", &session), Way::AtOnce, soon(), act).await;
    assert!(text(&result(answer)).contains("longer than"));
}

#[tokio::test]
async fn a_client_that_cancels_ends_the_wait() {
    let (mut waiting, mut other, session) = two().await;
    let act = async |_: &Value| {
        let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
        assert_eq!(other.serve(message(cancelled, &session), Way::Nowhere).await.0, Answer::Accepted);
    };
    let (answer, _) = waiting.serve_until(call("ask", &session), Way::AtOnce, soon(), act).await;
    assert_eq!(error(answer).1["data"]["reason"], "cancelled");
    let (answer, _) = waiting.serve(call("echo", &session), Way::Nowhere).await;
    assert_eq!(text(&result(answer)), r#"{"name": "echo"}"#, "the server is fit for the next call");
}

#[tokio::test]
async fn a_client_that_never_answers_is_told_so() {
    let (mut waiting, _, session) = two().await;
    let deadline = Instant::now() + Duration::from_secs(2);
    let (answer, said) = waiting.serve_until(call("ask", &session), Way::AtOnce, deadline, async |_| {}).await;
    assert_eq!(error(answer).1["data"]["reason"], "no_answer");
    assert_eq!(said.len(), 1);
}

#[tokio::test]
async fn who_cannot_be_asked_is_not_asked_and_the_tool_goes_on() {
    let client = table().await;
    let environment = |table: Option<&Client>| Environment::new(Some("a-key"), table, &json!({}));
    let mut with_table = environment(Some(&client));
    let mut without = environment(None);
    let (able, _) = begin(&mut without, all()).await;
    let (unable, _) = begin(&mut without, json!({})).await;
    for (has_table, session, way, reason) in [
        (true, &able, Way::Nowhere, "does not stream"),
        (true, &able, Way::WithAnswer, "does not stream"),
        (true, &unable, Way::AtOnce, "did not declare"),
        (false, &able, Way::AtOnce, "client_requests"),
    ] {
        let environment = if has_table { &mut with_table } else { &mut without };
        let (answer, said) = environment.serve(call("needs_model", session), way).await;
        let result = result(answer);
        assert!(text(&result).contains(reason), "{result}");
        assert_eq!((&result["isError"], said), (&json!(true), vec![]));
    }
}

#[tokio::test]
async fn roots_of_the_configuration_are_answered_without_the_client() {
    let client = table().await;
    let more = json!({ "roots": ["/tmp/a"] });
    let mut environment = Environment::new(Some("a-key"), Some(&client), &more);
    let (session, _) = begin(&mut environment, json!({})).await;
    let (answer, said) = environment.serve(call("ask_at_once", &session), Way::AtOnce).await;
    assert_eq!(text(&result(answer)), r#"[["code", "message"], ["code", "message"], ["roots"]]"#);
    assert_eq!(said, Vec::<Value>::new());
}

#[tokio::test]
async fn a_question_that_the_server_takes_back_is_taken_back_from_the_client() {
    let (mut waiting, mut other, session) = two().await;
    let (answer, said) = waiting.serve(call("withdraw", &session), Way::AtOnce).await;
    assert_eq!(text(&result(answer)), "never mind");
    let [question, withdrawn] = &said[..] else { panic!("{said:?}") };
    assert_eq!(withdrawn["method"], "notifications/cancelled");
    assert_eq!(withdrawn["params"]["requestId"], question["id"]);
    let late = json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer_to(question) });
    assert_eq!(error(other.serve(message(late, &session), Way::Nowhere).await.0).0, 400);
}

#[tokio::test]
async fn a_table_that_fails_ends_the_wait_and_the_tool_goes_on() {
    let client = table().await;
    let mut environment = Environment::new(Some("a-key"), Some(&client), &json!({}));
    let (session, _) = begin(&mut environment, all()).await;
    let act = async |_: &Value| {
        client.delete_table().table_name("State").send().await.unwrap();
    };
    let (answer, _) = environment.serve_until(call("needs_model", &session), Way::AtOnce, soon(), act).await;
    assert!(text(&result(answer)).contains("cannot be read"));
    let (answer, said) = environment.serve(call("needs_model", &session), Way::AtOnce).await;
    assert!(text(&result(answer)).contains("cannot be asked"));
    assert_eq!(said, Vec::<Value>::new(), "nothing is asked that could not be answered");
}
