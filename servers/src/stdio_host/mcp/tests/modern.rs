//! Clients of MCP 2026-07-28, in front of a server that only knows the handshake.

use super::*;
use crate::moment::Moment;

const VERSION: &str = "2026-07-28";
const ELICIT: &str = "elicitation/create";

fn all() -> Value {
    json!({ "elicitation": {}, "sampling": {}, "roots": {} })
}

/// A request as a client of this version sends it, with its headers.
fn request(method: &str, params: Value, capabilities: &Value) -> Ask {
    let mut params = params;
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(VERSION);
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({ "name": "c", "version": "1" });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
    let name = params.get("name").or(params.get("uri")).and_then(Value::as_str).map(str::to_owned);
    let headers = McpHeaders {
        protocol_version: Some(VERSION.to_owned()),
        method: Some(method.to_owned()),
        name,
        ..McpHeaders::default()
    };
    over_http(json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }), headers)
}

fn call(tool: &str) -> Ask {
    request("tools/call", json!({ "name": tool }), &all())
}

/// The same call again, with answers.
fn retry(tool: &str, before: &Value, responses: Value) -> Ask {
    let params = json!({ "name": tool, "inputResponses": responses, "requestState": before["requestState"] });
    request("tools/call", params, &all())
}

fn accept(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name } })
}

/// The keys of what is asked.
fn keys(result: &Value) -> Vec<String> {
    assert_eq!(result["resultType"], "input_required", "{result}");
    result["inputRequests"].as_object().unwrap().keys().cloned().collect()
}

async fn ok(environment: &mut Environment, ask: Ask) -> Value {
    result(environment.serve(ask, Way::Nowhere).await.0)
}

#[tokio::test]
async fn discovery_is_made_of_the_handshake() {
    let mut environment = Environment::signing();
    let result = ok(&mut environment, request("server/discover", json!({}), &json!({}))).await;
    assert_eq!(result["supportedVersions"][0], VERSION);
    assert_eq!(result["capabilities"]["tools"], json!({}));
    assert_eq!(result["instructions"], "Be kind.");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "scripted");
    assert_eq!((&result["resultType"], &result["cacheScope"]), (&json!("complete"), &json!("private")));
    assert!(result["ttlMs"].as_u64().is_some());
}

#[tokio::test]
async fn results_say_how_long_they_are_fresh() {
    let mut environment = Environment::signing();
    for (method, params, ttl) in [
        ("tools/list", json!({}), Some(0)),
        ("prompts/list", json!({}), Some(300_000)),
        ("resources/read", json!({ "uri": "file:///there" }), Some(0)),
        ("tools/call", json!({ "name": "echo" }), None),
    ] {
        let result = ok(&mut environment, request(method, params, &json!({}))).await;
        assert_eq!(result["resultType"], "complete", "{method}");
        assert_eq!(result.get("ttlMs").and_then(Value::as_u64), ttl, "{method}");
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["version"], "1.0", "{method}");
    }
}

#[tokio::test]
async fn the_server_gets_what_an_older_client_would_send() {
    let mut environment = Environment::signing();
    let result = ok(&mut environment, call("echo")).await;
    assert_eq!(text(&result), r#"{"name": "echo"}"#);
}

#[tokio::test]
async fn a_log_level_that_is_none_is_refused() {
    let mut environment = Environment::signing();
    let mut loud = request("tools/list", json!({}), &json!({}));
    loud.message["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!("loud");
    let (status, error) = error(environment.serve(loud, Way::Nowhere).await.0);
    assert_eq!((status, &error["code"]), (400, &json!(-32602)));
}

#[tokio::test]
async fn where_there_are_no_headers_none_are_asked_for() {
    let mut environment = Environment::signing();
    let params = json!({ "name": "echo", "arguments": { "region": "us-west1" } });
    let mut by_invoke = request("tools/call", params, &json!({}));
    by_invoke.door = Door::Invoke;
    by_invoke.headers = McpHeaders::default();
    assert!(text(&ok(&mut environment, by_invoke).await).contains("us-west1"));
}

#[tokio::test]
async fn methods_that_are_gone_or_unknown_are_not_found() {
    let mut environment = Environment::signing();
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/get",
        "unknown/method",
    ] {
        let (status, error) = error(environment.serve(request(method, json!({}), &json!({})), Way::AtOnce).await.0);
        assert_eq!((status, &error["code"]), (404, &json!(-32601)), "{method}");
    }
}

#[tokio::test]
async fn errors_have_the_numbers_of_this_version() {
    let mut environment = Environment::signing();
    let missing = request("resources/read", json!({ "uri": "file:///gone" }), &json!({}));
    let (status, not_found) = error(environment.serve(missing, Way::Nowhere).await.0);
    assert_eq!((status, &not_found["code"]), (200, &json!(-32602)));
    let (_, odd) = error(environment.serve(request("odd", json!({}), &json!({})), Way::Nowhere).await.0);
    assert_eq!((&odd["code"], &odd["data"]["code"]), (&json!(-32603), &json!(-32050)), "a number that MCP reserves");
}

#[tokio::test]
async fn names_that_are_made_up_do_not_have_the_tools_listed_each_time() {
    let mut environment = Environment::signing();
    let unknown = async |environment: &mut Environment| {
        assert_eq!(error(environment.serve(call("no_such_tool"), Way::Nowhere).await.0).1["code"], -32602);
        let pages = &ok(environment, request("prompts/list", json!({}), &json!({}))).await["listed"];
        pages.as_u64().unwrap() / 2
    };
    assert_eq!([unknown(&mut environment).await, unknown(&mut environment).await], [1, 1]);
    ok(&mut environment, call("talk")).await;
    assert_eq!(unknown(&mut environment).await, 2, "the server has said that they changed");
    let child = environment.supervisor.session(None, soon()).await.unwrap();
    child.known.tools.as_mut().unwrap().listed_at = Moment::before_freeze(tools::LISTED + Duration::from_secs(1));
    assert_eq!([unknown(&mut environment).await, unknown(&mut environment).await], [3, 3]);
    let child = environment.supervisor.session(None, soon()).await.unwrap();
    child.known.tools.as_mut().unwrap().listed_at = Moment::before_freeze(tools::LISTED + Duration::from_secs(1));
    assert_eq!(text(&ok(&mut environment, call("level")).await), "warning");
    let list = &ok(&mut environment, request("prompts/list", json!({}), &json!({}))).await["listed"];
    assert_eq!(list, 6, "a tool that is known");
}

#[tokio::test]
async fn headers_repeat_the_parameters_that_the_tool_names() {
    let mut environment = Environment::signing();
    let with = |header: Option<&str>| {
        let params = json!({ "name": "echo", "arguments": { "region": "us-west1" } });
        let mut ask = request("tools/call", params, &json!({}));
        ask.headers.params.extend(header.map(|value| ("region".to_owned(), value.to_owned())));
        ask
    };
    assert!(text(&ok(&mut environment, with(Some("us-west1"))).await).contains("us-west1"));
    for header in [None, Some("us-east1")] {
        let (status, error) = error(environment.serve(with(header), Way::Nowhere).await.0);
        assert_eq!((status, &error["code"]), (400, &json!(-32020)), "{header:?}");
    }
}

#[tokio::test]
async fn log_messages_come_to_those_who_ask_for_them() {
    let mut environment = Environment::signing();
    for (level, expected) in [(None, &[][..]), (Some("info"), &["info", "error"]), (Some("error"), &["error"])] {
        let mut ask = call("talk");
        if let Some(level) = level {
            ask.message["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!(level);
        }
        ask.message["params"]["_meta"]["progressToken"] = json!(5);
        let (answer, said) = environment.serve(ask, Way::AtOnce).await;
        assert_eq!(text(&result(answer)), "said");
        let levels: Vec<_> = said.iter().filter_map(|message| message["params"]["level"].as_str()).collect();
        assert_eq!(levels, expected, "{level:?}");
        let rest: Vec<_> = said.iter().filter(|message| message["params"]["level"].is_null()).collect();
        assert_eq!(rest.len(), 1, "only the progress of this call: {rest:?}");
        assert_eq!(rest[0]["params"]["progressToken"], 5);
    }
}

#[tokio::test]
async fn a_subscription_agrees_to_nothing_and_ends_at_once() {
    let mut environment = Environment::signing();
    let listen =
        || request("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }), &json!({}));
    let (answer, said) = environment.serve(listen(), Way::AtOnce).await;
    assert_eq!(said[0]["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(said[0]["params"]["notifications"], json!({}));
    assert_eq!(said[0]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    assert_eq!(result(answer)["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    assert_eq!(error(environment.serve(listen(), Way::Nowhere).await.0).0, 404, "nothing can come first here");
    let wrong = request("subscriptions/listen", json!({}), &json!({}));
    assert_eq!(error(environment.serve(wrong, Way::AtOnce).await.0).1["code"], -32602);
}

#[tokio::test]
async fn a_question_is_a_result_and_its_answer_may_come_to_another_environment() {
    let (mut first, mut second) = (Environment::signing(), Environment::signing());
    let asked = ok(&mut first, call("ask")).await;
    assert_eq!(keys(&asked), ["user_name"]);
    assert_eq!(asked["inputRequests"]["user_name"]["method"], ELICIT);
    assert!(asked.get("ttlMs").is_none());
    let answered = ok(&mut second, retry("ask", &asked, json!({ "user_name": accept("Ann"), "unknown": {} }))).await;
    assert_eq!((text(&answered), &answered["resultType"]), ("Hello Ann", &json!("complete")));
    // The environment that asked is fit for the next call.
    assert_eq!(text(&ok(&mut first, call("echo")).await), r#"{"name": "echo"}"#);
}

#[tokio::test]
async fn each_round_may_come_to_another_environment() {
    let mut environments = [Environment::signing(), Environment::signing(), Environment::signing()];
    let first = ok(&mut environments[0], call("ask_in_turn")).await;
    let [who] = &keys(&first)[..] else { panic!("{first}") };
    let second = ok(&mut environments[1], retry("ask_in_turn", &first, json!({ who: accept("Ann") }))).await;
    let [who_else] = &keys(&second)[..] else { panic!("{second}") };
    assert_ne!(who, who_else);
    assert_ne!(first["requestState"], second["requestState"]);
    let third = ok(&mut environments[2], retry("ask_in_turn", &second, json!({ who_else: accept("Bob") }))).await;
    assert_eq!(text(&third), "Hello Ann and Bob");
}

#[tokio::test]
async fn questions_asked_at_once_come_at_once_and_missing_answers_are_asked_for_again() {
    let mut environment = Environment::signing();
    let asked = ok(&mut environment, call("ask_at_once")).await;
    let mut responses = json!({});
    for (key, request) in asked["inputRequests"].as_object().unwrap() {
        responses[key] = match request["method"].as_str().unwrap() {
            ELICIT => accept("Ann"),
            "roots/list" => json!({ "roots": [] }),
            _ => json!({ "role": "assistant", "content": { "type": "text", "text": "hi" }, "model": "m" }),
        };
    }
    assert_eq!(responses.as_object().unwrap().len(), 3, "{asked}");
    let (left_out, kept) =
        responses.as_object().unwrap().clone().into_iter().partition::<Vec<_>, _>(|(key, _)| key.starts_with("roots"));
    let again = ok(&mut environment, retry("ask_at_once", &asked, Value::Object(kept.into_iter().collect()))).await;
    assert_eq!(keys(&again), [left_out[0].0.clone()]);
    let answered =
        ok(&mut environment, retry("ask_at_once", &again, Value::Object(left_out.into_iter().collect()))).await;
    assert_eq!(text(&answered), r#"[["action", "content"], ["content", "model", "role"], ["roots"]]"#);
}

#[tokio::test]
async fn prompts_may_ask_and_completions_may_not() {
    let mut environment = Environment::signing();
    let prompt = |more: Value| {
        let mut params = json!({ "name": "p" });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        request("prompts/get", params, &all())
    };
    let asked = ok(&mut environment, prompt(json!({}))).await;
    let [key] = &keys(&asked)[..] else { panic!("{asked}") };
    let more = json!({ "inputResponses": { key: accept("Ann") }, "requestState": asked["requestState"] });
    let answered = ok(&mut environment, prompt(more)).await;
    assert_eq!(answered["messages"][0]["content"]["text"], "Ann");
    let completed = ok(&mut environment, request("completion/complete", json!({}), &all())).await;
    assert!(completed["completion"]["values"][0].as_str().unwrap().contains("not handed on"), "{completed}");
}

#[tokio::test]
async fn a_tool_that_must_not_run_twice_is_refused_unless_the_configuration_names_it() {
    let mut environment = Environment::signing();
    let (status, error) = error(environment.serve(call("write"), Way::Nowhere).await.0);
    assert_eq!((status, &error["data"]["reason"]), (200, &json!("not_replayable")));
    assert!(error["message"].as_str().unwrap().contains("`replay`"), "{error}");
    let mut named = Environment::new(Some("a-key"), None, &json!({ "replay": ["write"] }));
    let asked = ok(&mut named, call("write")).await;
    let answered = ok(&mut named, retry("write", &asked, json!({ "user_name": accept("Ann") }))).await;
    assert_eq!(text(&answered), "Hello Ann");
}

#[tokio::test]
async fn a_run_that_asks_something_else_is_refused() {
    let mut environment = Environment::signing();
    let asked = ok(&mut environment, call("ask_differently")).await;
    let [key] = &keys(&asked)[..] else { panic!("{asked}") };
    let again = retry("ask_differently", &asked, json!({ key: accept("yes") }));
    let (_, error) = error(environment.serve(again, Way::Nowhere).await.0);
    assert_eq!(error["data"]["reason"], "asked_differently");
}

#[tokio::test]
async fn a_state_counts_only_as_it_was_given_out() {
    let mut environment = Environment::signing();
    let asked = ok(&mut environment, call("ask")).await;
    let state = asked["requestState"].as_str().unwrap();
    let responses = json!({ "user_name": accept("Ann") });
    let with = |tool: &str, state: Value| retry(tool, &json!({ "requestState": state }), responses.clone());
    let by_another = Ask { caller: Some(Caller("bob".into())), ..with("ask", json!(state)) };
    for (what, ask) in [
        ("tampered", with("ask", json!(format!("{state}-TAMPERED")))),
        ("of another call", with("either", json!(state))),
        ("no text", with("ask", json!(5))),
        ("of another caller", by_another),
    ] {
        let (_, error) = error(environment.serve(ask, Way::Nowhere).await.0);
        assert_eq!(error["code"], -32602, "{what}: {error}");
    }
    let mut other_key = Environment::new(Some("another-key"), None, &json!({}));
    assert_eq!(error(other_key.serve(with("ask", json!(state)), Way::Nowhere).await.0).1["code"], -32602);
}

#[tokio::test]
async fn answers_may_come_before_the_questions_and_must_have_their_form() {
    let mut environment = Environment::signing();
    let with = |responses: Value| request("tools/call", json!({ "name": "ask", "inputResponses": responses }), &all());
    let answered = ok(&mut environment, with(json!({ "user_name": accept("Ann"), "other": accept("x") }))).await;
    assert_eq!(text(&answered), "Hello Ann");
    assert_eq!(keys(&ok(&mut environment, with(json!({ "wrong_key": accept("Ann") }))).await), ["user_name"]);
    for wrong in [json!(null), json!({ "user_name": 12345 }), json!({ "user_name": { "action": "maybe" } })] {
        let (_, error) = error(environment.serve(with(wrong.clone()), Way::Nowhere).await.0);
        assert_eq!(error["code"], -32602, "{wrong}");
    }
}

#[tokio::test]
async fn a_client_is_asked_only_what_it_declared() {
    let mut environment = Environment::signing();
    let with = |tool: &str, capabilities: Value| request("tools/call", json!({ "name": tool }), &capabilities);
    let asked = ok(&mut environment, with("either", json!({ "sampling": {} }))).await;
    let [key] = &keys(&asked)[..] else { panic!("{asked}") };
    assert_eq!(asked["inputRequests"][key]["method"], "sampling/createMessage");
    let (status, error) = error(environment.serve(with("needs_model", json!({})), Way::Nowhere).await.0);
    assert_eq!((status, &error["code"]), (400, &json!(-32021)));
    assert_eq!(error["data"]["requiredCapabilities"], json!({ "sampling": {} }));
    let none = ok(&mut environment, with("either", json!({}))).await;
    assert_eq!(text(&none), "[false, false]", "it did without");
}

#[tokio::test]
async fn a_page_that_has_to_be_visited_is_a_question_too() {
    let mut environment = Environment::signing();
    let visit = |capabilities: Value, more: Value| {
        let mut params = json!({ "name": "visit" });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        request("tools/call", params, &capabilities)
    };
    let able = json!({ "elicitation": { "url": {} } });
    let asked = ok(&mut environment, visit(able.clone(), json!({}))).await;
    let [key] = &keys(&asked)[..] else { panic!("{asked}") };
    let question = json!({ "mode": "url", "url": "https://a.example/x", "message": "Go" });
    assert_eq!(asked["inputRequests"][key], json!({ "method": ELICIT, "params": question }));
    let again = |action: &str| json!({ "inputResponses": { key: { "action": action } }, "requestState": asked["requestState"] });
    let not_yet = ok(&mut environment, visit(able.clone(), again("accept"))).await;
    assert_eq!(&keys(&not_yet), std::slice::from_ref(key), "the server still wants it");
    let (_, declined) = error(environment.serve(visit(able, again("decline")), Way::Nowhere).await.0);
    assert_eq!(declined["code"], -32602);
    let (status, error) =
        error(environment.serve(visit(json!({ "elicitation": {} }), json!({})), Way::Nowhere).await.0);
    assert_eq!((status, &error["code"]), (400, &json!(-32021)));
}

#[tokio::test]
async fn without_a_key_a_question_is_refused() {
    let mut environment = Environment::new(None, None, &json!({}));
    let (_, error) = error(environment.serve(call("ask"), Way::Nowhere).await.0);
    assert!(error["message"].as_str().unwrap().contains("SIGNING_KEY_SECRET"), "{error}");
}

#[tokio::test]
async fn a_client_that_closes_its_stream_has_cancelled() {
    let mut environment = Environment::signing();
    let (mut outlet, heard) = Outlet::new(Way::AtOnce);
    let gone = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(heard);
    };
    environment.supervisor.event_begins("request");
    let work = environment.mcp.serve(call("hang"), &mut environment.supervisor, &mut outlet, soon());
    let (answer, ()) = tokio::join!(work, gone);
    assert_eq!(error(answer).1["data"]["reason"], "cancelled");
}

#[tokio::test]
async fn a_server_with_odd_answers_harms_nobody() {
    let mut environment = Environment::new(Some("a-key"), None, &json!({ "command": ["python", SERVER, "odd"] }));
    let discovered = ok(&mut environment, request("server/discover", json!({}), &json!({}))).await;
    assert_eq!(discovered["capabilities"], json!({}));
    for (method, params) in [
        ("tools/list", json!({})),
        ("tools/call", json!({ "name": "x" })),
        ("prompts/list", json!({})),
        ("x", json!({})),
    ] {
        let (status, error) = error(environment.serve(request(method, params, &all()), Way::AtOnce).await.0);
        assert_eq!((status, &error["code"]), (200, &json!(-32603)), "{method}");
    }
}
