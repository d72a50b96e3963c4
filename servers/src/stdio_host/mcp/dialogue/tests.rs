use super::*;

const ELICIT: &str = "elicitation/create";

fn able() -> Capabilities {
    Capabilities::read(&json!({ "elicitation": {}, "sampling": {}, "roots": {} }))
}

fn accept() -> Value {
    json!({ "action": "accept", "content": { "name": "Ann" } })
}

fn question(text: &str) -> Value {
    json!({ "message": text, "_meta": { INPUT_KEY: "user_name" } })
}

fn responses(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// What the next run knows of this one.
fn next(dialogue: Dialogue, given: Value) -> Dialogue {
    let open = dialogue.into_open();
    let state = RequestState::new("call".into(), None, open.used, open.digests);
    Dialogue::new(able(), Some(state), responses(given))
}

#[test]
fn a_question_is_open_first_and_answered_in_the_next_run() {
    let mut first = Dialogue::new(able(), None, Map::new());
    assert_eq!(first.meet(ELICIT, question("Who?")), Reaction::Open);
    assert!(first.waits());
    let mut second = next(first, json!({ "user_name": accept(), "unknown": {} }));
    assert_eq!(second.meet(ELICIT, question("Who?")), Reaction::Answer(Ok(accept())));
    assert!(!second.waits());
    // A third run has the answer from the state.
    assert_eq!(second.meet(ELICIT, json!({ "message": "And?" })), Reaction::Open);
    assert!(!second.strays());
    let mut third = next(second, json!({}));
    assert_eq!(third.meet(ELICIT, question("Who?")), Reaction::Answer(Ok(accept())));
    assert_eq!(third.meet(ELICIT, json!({ "message": "And?" })), Reaction::Open);
}

#[test]
fn the_client_sees_the_question_without_what_is_only_between_server_and_host() {
    let mut dialogue = Dialogue::new(able(), None, Map::new());
    let params = json!({ "message": "?", "elicitationId": "e-1", "_meta": { INPUT_KEY: "user_name", "other": 1 } });
    assert_eq!(dialogue.meet(ELICIT, params), Reaction::Open);
    let requests = dialogue.into_open().requests;
    let expected = json!({ "method": ELICIT, "params": { "message": "?", "_meta": { "other": 1 } } });
    assert_eq!(requests["user_name"], expected);
}

#[test]
fn several_questions_at_once_get_their_answers_in_any_order() {
    let sample = json!({ "messages": [], "maxTokens": 5 });
    let mut first = Dialogue::new(able(), None, Map::new());
    assert_eq!(first.meet(ELICIT, question("Who?")), Reaction::Open);
    assert_eq!(first.meet("sampling/createMessage", sample.clone()), Reaction::Open);
    assert_eq!(first.meet("roots/list", Value::Null), Reaction::Open);
    let open = first.into_open();
    let mut given = Map::new();
    for (key, request) in open.requests {
        given.insert(
            key,
            match request["method"].as_str().unwrap() {
                ELICIT => accept(),
                "roots/list" => json!({ "roots": [] }),
                _ => json!({ "role": "assistant", "content": { "type": "text", "text": "hi" } }),
            },
        );
    }
    let state = RequestState::new("call".into(), None, open.used, open.digests);
    let mut second = Dialogue::new(able(), Some(state), given);
    assert_eq!(second.meet("roots/list", Value::Null), Reaction::Answer(Ok(json!({ "roots": [] }))));
    assert!(matches!(second.meet("sampling/createMessage", sample), Reaction::Answer(Ok(_))));
    assert_eq!(second.meet(ELICIT, question("Who?")), Reaction::Answer(Ok(accept())));
}

#[test]
fn the_same_question_twice_is_two_questions() {
    let mut dialogue = Dialogue::new(able(), None, responses(json!({ "user_name": accept() })));
    assert_eq!(dialogue.meet(ELICIT, question("Who?")), Reaction::Answer(Ok(accept())));
    assert_eq!(dialogue.meet(ELICIT, question("Who?")), Reaction::Open);
    let requests = dialogue.into_open().requests;
    assert_eq!(requests.keys().collect::<Vec<_>>(), ["user_name-2"]);
}

#[test]
fn a_run_that_asks_something_else_does_not_get_the_old_answers() {
    let mut first = Dialogue::new(able(), None, Map::new());
    first.meet(ELICIT, question("Delete 3 files?"));
    let mut second = next(first, json!({ "user_name": accept() }));
    assert_eq!(second.meet(ELICIT, question("Delete 5 files?")), Reaction::Differs);

    let mut first = Dialogue::new(able(), None, Map::new());
    first.meet(ELICIT, json!({ "message": "Delete 3 files?" }));
    let key = first.open.keys().next().unwrap().clone();
    let mut second = next(first, json!({ key: accept() }));
    assert_eq!(second.meet(ELICIT, json!({ "message": "Delete 5 files?" })), Reaction::Open);
    assert!(second.strays(), "it did not ask what is answered now");

    let mut first = Dialogue::new(able(), None, responses(json!({ "user_name": accept() })));
    first.meet(ELICIT, question("Delete 3 files?"));
    first.meet(ELICIT, json!({ "message": "Sure?" }));
    let mut second = next(first, json!({}));
    assert_eq!(second.meet(ELICIT, json!({ "message": "Delete 5 files?" })), Reaction::Open);
    assert!(second.strays(), "it never asked what was answered");
}

#[test]
fn what_the_client_cannot_be_asked_is_refused_and_remembered() {
    let mut dialogue = Dialogue::new(Capabilities::read(&json!({ "sampling": {} })), None, Map::new());
    dialogue.meet(ELICIT, json!({ "mode": "url" }));
    assert_eq!(dialogue.meet(ELICIT, question("Who?")), Reaction::Answer(Err(undeclared(ELICIT))));
    assert_eq!(dialogue.meet("x/y", json!({})), Reaction::Answer(Err(unknown("x/y"))));
    assert_eq!(dialogue.meet("sampling/createMessage", json!({})), Reaction::Open);
    let missing = json!({ "elicitation": { "form": {}, "url": {} } });
    assert_eq!(Value::Object(dialogue.missing().unwrap().clone()), missing);
}

#[test]
fn a_server_does_not_ask_without_end() {
    let mut dialogue = Dialogue::new(able(), None, Map::new());
    for number in 0..MOST_OPEN {
        assert_eq!(dialogue.meet(ELICIT, json!({ "message": number.to_string() })), Reaction::Open);
    }
    assert_eq!(dialogue.meet(ELICIT, json!({ "message": "more" })), Reaction::Answer(Err(too_many(ELICIT))));
}

#[test]
fn an_answer_of_the_wrong_form_is_told_by_its_key() {
    for (method, wrong) in [
        (ELICIT, json!({ "action": "maybe" })),
        ("sampling/createMessage", json!({ "role": "assistant" })),
        ("roots/list", json!({ "roots": {} })),
    ] {
        let mut dialogue = Dialogue::new(able(), None, responses(json!({ "user_name": wrong })));
        let Reaction::Invalid(error) = dialogue.meet(method, question("?")) else { panic!("{method}") };
        assert!(error.code == -32602 && error.message.starts_with("inputResponses.user_name: "), "{error:?}");
    }
    for wrong in [json!(null), json!([]), json!({ "user_name": 12345 })] {
        let params = Map::from_iter([("inputResponses".to_owned(), wrong)]);
        assert_eq!(read_responses(&params).unwrap_err().code, -32602);
    }
}

#[test]
fn a_name_that_no_client_should_see_is_not_taken() {
    for name in ["", "a b", "x\n", &"x".repeat(65)] {
        let mut dialogue = Dialogue::new(able(), None, Map::new());
        dialogue.meet(ELICIT, json!({ "message": "?", "_meta": { INPUT_KEY: name } }));
        let requests = dialogue.into_open().requests;
        assert!(requests.keys().all(|key| key.starts_with("elicitation-")), "{name:?} {requests:?}");
    }
}
