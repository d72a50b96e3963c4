//! Whatever clients send and servers ask, nothing falls over, and no answer goes to a question it was not given for.

use std::collections::BTreeMap;

use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};
use serde_json::Map;

use super::{
    super::{
        capabilities::Capabilities,
        dialogue::{Dialogue, Reaction, read_responses},
        input_required::finish,
        request_state::{RequestState, call_digest},
        token::{Purpose, Signer, Untrusted},
    },
    *,
};
use crate::fuzz::{Source, explore};

const ELICIT: &str = "elicitation/create";

fn able() -> Capabilities {
    Capabilities::read(&json!({ "elicitation": {}, "sampling": {}, "roots": {} }))
}

/// Few words, so that questions and names come up twice.
fn any_question(source: &mut Source) -> Value {
    let mut question = json!({ "message": *source.pick::<&str>(&["a", "b", "c", "d"]) });
    if source.chance(40) {
        let name = *source.pick::<&str>(&["x", "y", "x-2", "", "no name"]);
        question["_meta"] = json!({ "switchyard/input_key": name });
    }
    question
}

/// The questions of a run, and those of the next.
fn any_runs(source: &mut Source) -> (Vec<Value>, Vec<Value>) {
    let first: Vec<Value> = (0..source.below(6)).map(|_| any_question(source)).collect();
    let mut second = first.clone();
    match source.below(4) {
        0 => {}
        1 => second.reverse(),
        2 => second.retain(|_| source.chance(60)),
        _ => second.iter_mut().for_each(|question| {
            if source.chance(30) {
                *question = any_question(source);
            }
        }),
    }
    second.extend(source.chance(30).then(|| any_question(source)));
    (first, second)
}

/// An answer that says which question it is for.
fn answer_to(question: &Value) -> Value {
    json!({ "action": "accept", "content": { "for": question["message"] } })
}

fn check_runs((first, second): (Vec<Value>, Vec<Value>)) -> Result<&'static str, TestCaseError> {
    let mut run = Dialogue::new(able(), None, Map::new());
    for question in &first {
        prop_assert_eq!(run.meet(ELICIT, question.clone()), Reaction::Open);
    }
    let open = run.into_open();
    prop_assert_eq!(open.requests.len(), first.len(), "each question has a key of its own");
    let given: Map<String, Value> =
        open.requests.iter().map(|(key, request)| (key.clone(), answer_to(&request["params"]))).collect();
    let state = RequestState::new("call".into(), None, open.used, open.digests);
    let mut run = Dialogue::new(able(), Some(state), given);
    let mut counts = BTreeMap::new();
    for question in &second {
        let outcome = match run.meet(ELICIT, question.clone()) {
            Reaction::Answer(Ok(answer)) => {
                prop_assert_eq!(&answer["content"]["for"], &question["message"]);
                "answered"
            }
            Reaction::Open => "open",
            Reaction::Differs => "differs",
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        *counts.entry(outcome).or_insert(0_usize) += 1;
        if outcome == "differs" {
            return Ok("differs");
        }
    }
    if first == second {
        prop_assert_eq!(counts.get("answered").copied().unwrap_or_default(), first.len());
        return Ok("the same");
    }
    Ok(if run.strays() { "strays" } else { "goes on" })
}

#[test]
fn an_answer_goes_to_the_question_it_was_given_for() {
    explore(file!(), 2000, 1, any_runs, check_runs).include(&["the same", "differs", "strays", "goes on"]);
}

/// Something like a message, with anything where a client may put anything.
fn any_message(source: &mut Source) -> Value {
    let mut message = json!({ "jsonrpc": "2.0" });
    for (member, value) in [("id", json!(7)), ("method", json!("tools/call")), ("params", json!({ "name": "t" }))] {
        if source.chance(80) {
            message[member] = if source.chance(70) { value } else { source.json(3) };
        }
    }
    if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
        for member in ["_meta", "inputResponses", "requestState", "arguments"] {
            if source.chance(30) {
                params.insert(member.to_owned(), source.json(3));
            }
        }
    }
    for member in ["result", "error"] {
        if source.chance(20) {
            message[member] = source.json(2);
        }
    }
    message
}

#[test]
fn every_message_is_read_or_refused() {
    let outcomes = explore(file!(), 1000, 1, any_message, |message| {
        Ok(match rpc::read(message) {
            Ok(Message::Request(request)) => {
                let digest = call_digest(&request.method, &request.params);
                prop_assert_eq!(digest.len(), 32);
                let older = server::older_params(&request.params).unwrap_or_default();
                prop_assert!(older.get("requestState").is_none() && older.get("inputResponses").is_none());
                match read_responses(&request.params) {
                    Ok(_) => "a request",
                    Err(error) => {
                        prop_assert_eq!(error.code, rpc::INVALID_PARAMS);
                        "a request with odd responses"
                    }
                }
            }
            Ok(Message::Notification { .. }) => "a notification",
            Ok(Message::Response { .. }) => "a response",
            Err(Answer::Refused { status, .. }) => {
                prop_assert_eq!(status, 400);
                "refused"
            }
            Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
        })
    });
    outcomes.include(&["a request", "a request with odd responses", "a notification", "a response", "refused"]);
}

#[test]
fn every_question_and_answer_of_a_server_is_taken_or_refused() {
    let anything = |source: &mut Source| {
        let method = *source.pick::<&str>(&[ELICIT, "sampling/createMessage", "roots/list", "x"]);
        let answer = if source.chance(50) { Ok(source.json(3)) } else { Err(any_error(source)) };
        (method, source.json(3), source.json(2), answer)
    };
    let outcomes = explore(file!(), 1000, 1, anything, |(method, params, said, answer)| {
        let mut dialogue = Dialogue::new(able(), None, Map::new());
        dialogue.meet(method, params);
        Ok(match finish(answer, "tools/list", &said, false, &dialogue) {
            Ok(result) => {
                prop_assert_eq!(&result["resultType"], "complete");
                prop_assert!(result["ttlMs"].is_u64());
                "a result"
            }
            Err(error) => {
                prop_assert!(!(-32099..=-32022).contains(&error.code) && error.code != rpc::RESOURCE_NOT_FOUND);
                "an error"
            }
        })
    });
    outcomes.include(&["a result", "an error"]);
}

fn any_error(source: &mut Source) -> RpcError {
    let code = *source.pick::<i64>(&[-32002, -32020, -32042, -32050, -32601, -32603, 1]);
    RpcError { code, message: "failed".to_owned(), data: source.chance(50).then(|| source.json(2)) }
}

/// A token, and what somebody made of it or of another one.
fn any_token(source: &mut Source) -> (String, String) {
    let signer = Signer::new(b"a secret", "git");
    let token = signer.sign(Purpose::Session, &source.json(2)).unwrap();
    let at = source.below(token.len());
    let (head, tail) = token.split_at(at);
    let other = match source.below(8) {
        0 => source.text(),
        1 => head.to_owned(),
        2 => tail.to_owned(),
        3 => format!("{head}{}{tail}", source.text()),
        4 => format!("{head}{}{}", source.pick::<char>(&['A', '.', '=', '-']), tail.get(1..).unwrap_or_default()),
        5 => {
            let another = signer.sign(Purpose::Session, &source.json(2)).unwrap();
            format!("{}.{}", another.split('.').next().unwrap(), token.split('.').next_back().unwrap())
        }
        6 => Signer::new(b"another secret", "git").sign(Purpose::Session, &source.json(2)).unwrap(),
        _ => signer.sign(Purpose::RequestState, &source.json(2)).unwrap(),
    };
    (token, other)
}

#[test]
fn no_text_but_a_token_as_it_was_given_out_opens() {
    let signer = Signer::new(b"a secret", "git");
    let outcomes = explore(file!(), 2000, 1, any_token, |(token, other)| {
        prop_assert!(signer.open::<Value>(Purpose::Session, &token).is_ok());
        prop_assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
        if other == token {
            return Ok("the same");
        }
        prop_assert_eq!(signer.open::<Value>(Purpose::Session, &other), Err(Untrusted));
        Ok("refused")
    });
    outcomes.include(&["the same", "refused"]);
}
