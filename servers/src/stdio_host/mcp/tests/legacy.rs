//! Clients that begin with `initialize`.

use super::*;

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

fn in_session(session: &str) -> McpHeaders {
    McpHeaders { session: Some(session.to_owned()), ..McpHeaders::default() }
}

fn call(tool: &str) -> Value {
    request("tools/call", json!({ "name": tool }))
}

/// Begins a session: its id and the result.
pub(super) async fn begin(environment: &mut Environment, capabilities: Value) -> (String, Value) {
    let params =
        json!({ "protocolVersion": "2025-06-18", "capabilities": capabilities, "clientInfo": { "name": "c" } });
    let (answer, _) =
        environment.serve(over_http(request("initialize", params), McpHeaders::default()), Way::Nowhere).await;
    match answer {
        Answer::InSession { mut message, session } => (session, message["result"].take()),
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test]
async fn the_handshake_is_answered_from_the_servers_own() {
    let mut environment = Environment::signing();
    let (session, result) = begin(&mut environment, json!({})).await;
    assert!(session.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(result["protocolVersion"], "2025-06-18");
    assert_eq!(result["serverInfo"]["name"], "scripted");
    assert_eq!(result["instructions"], "Be kind.");
    assert_eq!(result["capabilities"]["tools"], json!({}), "it cannot tell of changes");
    assert_eq!(result["capabilities"]["resources"], json!({}));
    assert!(result["capabilities"].get("tasks").is_none());
}

#[tokio::test]
async fn a_session_holds_in_every_environment_and_no_other_token_does() {
    let (mut first, mut second) = (Environment::signing(), Environment::signing());
    let (session, _) = begin(&mut first, json!({})).await;
    let (answer, _) = second.serve(over_http(request("ping", json!({})), in_session(&session)), Way::Nowhere).await;
    assert_eq!(result(answer), json!({}));
    let mut other_key = Environment::new(Some("another-key"), None, &json!({}));
    let mut no_key = Environment::new(None, None, &json!({}));
    for (environment, token) in
        [(&mut second, format!("{session}x")), (&mut other_key, session.clone()), (&mut no_key, session.clone())]
    {
        let (answer, _) =
            environment.serve(over_http(request("ping", json!({})), in_session(&token)), Way::Nowhere).await;
        assert_eq!(error(answer).0, 404);
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let (answer, _) = environment.serve(over_http(initialized, in_session(&token)), Way::Nowhere).await;
        assert_eq!(error(answer).0, 404);
    }
    let stolen =
        Ask { caller: Some(Caller("bob".into())), ..over_http(request("ping", json!({})), in_session(&session)) };
    assert_eq!(error(second.serve(stolen, Way::Nowhere).await.0).0, 404);
}

#[tokio::test]
async fn a_session_is_of_the_version_that_was_agreed_on() {
    let mut environment = Environment::signing();
    let (session, _) = begin(&mut environment, json!({})).await;
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    for message in [request("ping", json!({})), initialized] {
        for (version, refused) in [(None, false), (Some("2025-06-18"), false), (Some("2025-11-25"), true)] {
            let headers = McpHeaders { protocol_version: version.map(str::to_owned), ..in_session(&session) };
            let (answer, _) = environment.serve(over_http(message.clone(), headers), Way::Nowhere).await;
            if refused {
                let (status, error) = error(answer);
                assert_eq!((status, &error["code"]), (400, &json!(-32020)), "{message}");
                assert!(error["message"].as_str().unwrap().contains("2025-06-18"), "{error}");
            } else {
                assert!(!matches!(answer, Answer::Refused { .. }), "{version:?}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn without_a_key_there_is_no_session_and_calls_work() {
    let mut environment = Environment::new(None, None, &json!({}));
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {} });
    let (answer, _) =
        environment.serve(over_http(request("initialize", params), McpHeaders::default()), Way::Nowhere).await;
    assert_eq!(result(answer)["protocolVersion"], "2025-11-25");
    let (answer, _) = environment.serve(over_http(call("echo"), McpHeaders::default()), Way::Nowhere).await;
    assert_eq!(text(&result(answer)), r#"{"name": "echo"}"#);
}

#[tokio::test]
async fn what_the_server_answers_comes_back_as_it_is() {
    let mut environment = Environment::signing();
    for (message, status, code) in [
        (call("no_such_tool"), 200, -32602),
        (request("resources/read", json!({ "uri": "file:///x" })), 200, -32002),
        (request("odd", json!({})), 200, -32050),
        (request("no/such/method", json!({})), 200, -32601),
        (request("tasks/list", json!({})), 200, -32601),
    ] {
        let (answer, _) = environment.serve(over_http(message.clone(), McpHeaders::default()), Way::Nowhere).await;
        let (found, error) = error(answer);
        assert_eq!((found, &error["code"]), (status, &json!(code)), "{message}");
    }
    let subscribe = request("resources/subscribe", json!({ "uri": "file:///x" }));
    assert_eq!(result(environment.serve(over_http(subscribe, McpHeaders::default()), Way::Nowhere).await.0), json!({}));
}

#[tokio::test]
async fn only_what_concerns_the_call_is_said_before_its_answer() {
    let mut environment = Environment::signing();
    let params = json!({ "name": "talk", "_meta": { "progressToken": "mine" } });
    let talk = over_http(request("tools/call", params), McpHeaders::default());
    for way in [Way::AtOnce, Way::WithAnswer] {
        let (answer, said) = environment.serve(talk.clone(), way).await;
        assert_eq!(text(&result(answer)), "said");
        let methods: Vec<_> = said.iter().map(|message| message["method"].as_str().unwrap()).collect();
        assert_eq!(
            methods,
            [
                "notifications/message",
                "notifications/message",
                "notifications/message",
                "notifications/progress",
                "notifications/tools/list_changed",
            ]
        );
        assert_eq!(said[3]["params"]["progressToken"], "mine");
    }
    let (answer, said) = environment.serve(talk, Way::Nowhere).await;
    assert_eq!((text(&result(answer)), said), ("said", vec![]));
}

#[tokio::test]
async fn a_log_level_is_known_in_the_next_environment_and_to_nobody_else() {
    let (mut first, mut second) = (Environment::signing(), Environment::signing());
    let (session, _) = begin(&mut first, json!({})).await;
    let (other, _) = begin(&mut second, json!({})).await;
    let set = over_http(request("logging/setLevel", json!({ "level": "error" })), in_session(&session));
    let Answer::InSession { message, session } = first.serve(set, Way::Nowhere).await.0 else { panic!("no session") };
    assert_eq!(message["result"], json!({}));

    let (answer, said) = second.serve(over_http(call("talk"), in_session(&session)), Way::AtOnce).await;
    assert_eq!(text(&result(answer)), "said");
    let levels: Vec<_> = said.iter().filter_map(|message| message["params"]["level"].as_str()).collect();
    assert_eq!(levels, ["error"]);
    let (answer, _) = second.serve(over_http(call("level"), in_session(&session)), Way::AtOnce).await;
    assert_eq!(text(&result(answer)), "error");
    let (answer, _) = second.serve(over_http(call("level"), in_session(&other)), Way::AtOnce).await;
    assert_eq!(text(&result(answer)), "info", "another client does not get the level of the first");

    let wrong = over_http(request("logging/setLevel", json!({ "level": "loud" })), in_session(&session));
    assert_eq!(error(first.serve(wrong, Way::Nowhere).await.0).1["code"], -32602);
}

#[tokio::test]
async fn a_server_that_fails_is_told_truthfully() {
    let mut environment = Environment::signing();
    let (answer, _) = environment.serve(over_http(call("crash"), McpHeaders::default()), Way::Nowhere).await;
    let (_, error_of_crash) = error(answer);
    assert_eq!((&error_of_crash["code"], &error_of_crash["data"]["reason"]), (&json!(-31002), &json!("ended")));
    assert_eq!(error_of_crash["data"]["may_have_run"], true);

    let deadline = Instant::now() + Duration::from_millis(1500);
    let hang = over_http(call("hang"), McpHeaders::default());
    let (answer, _) = environment.serve_until(hang, Way::Nowhere, deadline, async |_| {}).await;
    assert_eq!(error(answer).1["data"], json!({ "reason": "deadline", "may_have_run": true }));

    let mut broken = Environment::new(None, None, &json!({ "command": ["no-such-program"] }));
    let (answer, _) = broken.serve(over_http(call("echo"), McpHeaders::default()), Way::Nowhere).await;
    assert_eq!(error(answer).1["data"]["may_have_run"], false);
}

#[tokio::test]
async fn notifications_are_taken_and_answers_that_nobody_waits_for_are_not() {
    let mut environment = Environment::signing();
    let (session, _) = begin(&mut environment, json!({})).await;
    for method in
        ["notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/own"]
    {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": { "requestId": 7 } });
        let (answer, _) = environment.serve(over_http(message, in_session(&session)), Way::Nowhere).await;
        assert_eq!(answer, Answer::Accepted, "{method}");
    }
    let response = json!({ "jsonrpc": "2.0", "id": "x", "result": {} });
    assert_eq!(error(environment.serve(over_http(response, in_session(&session)), Way::Nowhere).await.0).0, 400);
}

#[tokio::test]
async fn the_server_is_noticed_of_nothing_but_notifications_and_by_nobody_without_a_valid_session() {
    let mut environment = Environment::signing();
    let (session, _) = begin(&mut environment, json!({})).await;
    let own = "notifications/own";
    for (method, token, status) in [
        ("tools/call", session.as_str(), 400),
        ("initialize", &session, 400),
        ("notifications", &session, 400),
        (own, "no-session", 404),
    ] {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": { "name": "crash" } });
        let (answer, _) = environment.serve(over_http(message, in_session(token)), Way::Nowhere).await;
        let (found, error) = error(answer);
        assert_eq!((found, &error["code"]), (status, &json!(-32600)), "{method}");
    }
    for headers in [in_session(&session), McpHeaders::default()] {
        let message = json!({ "jsonrpc": "2.0", "method": own });
        assert_eq!(environment.serve(over_http(message, headers), Way::Nowhere).await.0, Answer::Accepted);
    }
    let list = over_http(request("prompts/list", json!({})), in_session(&session));
    let noticed = &result(environment.serve(list, Way::Nowhere).await.0)["noticed"];
    assert_eq!(noticed, &json!(["notifications/initialized", own, own]));
}
