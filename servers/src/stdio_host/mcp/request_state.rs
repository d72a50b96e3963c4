//! `requestState`: what a call has to carry to its next run, because no environment remembers the last one.
//! Source: MCP 2026-07-28, "Multi Round-Trip Requests", server requirements.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    client::{caller_digest, now},
    token::{Purpose, Signer, Untrusted, digest},
};
use crate::stdio_host::ask::Caller;

/// How long a person may think about a question.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The content of a `requestState`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestState {
    call: String,
    caller: String,
    expires: u64,
    /// The answers that were used so far, in the order of their questions.
    pub(super) answers: Vec<Answered>,
    /// The questions that are open: the key of each, and a digest of what it asks.
    pub(super) open: BTreeMap<String, String>,
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) key: String,
    /// A digest of what was asked.
    pub(super) asked: String,
    pub(super) answer: Value,
}

impl RequestState {
    /// The state of a call by this caller.
    pub(super) fn new(
        call: String,
        caller: Option<&Caller>,
        answers: Vec<Answered>,
        open: BTreeMap<String, String>,
    ) -> Self {
        Self { call, caller: caller_digest(caller), expires: now() + LIFETIME.as_secs(), answers, open }
    }

    /// The state of a token.
    ///
    /// # Errors
    /// It is not one of this server, belongs to another call or caller, or is too old.
    pub(super) fn open(signer: &Signer, token: &str, call: &str, caller: Option<&Caller>) -> Result<Self, Untrusted> {
        let state: Self = signer.open(Purpose::RequestState, token)?;
        let valid = state.call == call && state.caller == caller_digest(caller) && state.expires > now();
        valid.then_some(state).ok_or(Untrusted)
    }

    /// The token of this state.
    pub(super) fn token(&self, signer: &Signer) -> Result<String, serde_json::Error> {
        signer.sign(Purpose::RequestState, self)
    }
}

/// Stands for a call: the same for the first run and its retries, different for any other call.
pub(super) fn call_digest(method: &str, params: &Map<String, Value>) -> String {
    let mut params = params.clone();
    for of_one_run in ["_meta", "inputResponses", "requestState"] {
        params.remove(of_one_run);
    }
    canonical_digest(method, &Value::Object(params))
}

/// A digest that does not depend on the order of members.
pub(super) fn canonical_digest(method: &str, params: &Value) -> String {
    let mut text = serde_json::to_string(&json!(method)).unwrap_or_default();
    write_canonical(params, &mut text);
    digest(text.as_bytes())
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            text.push('{');
            for (name, member) in sorted {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(member, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_retry_is_the_same_call_and_other_arguments_are_another() {
        let first = call_digest("tools/call", &params(json!({ "name": "t", "arguments": { "a": 1, "b": [2] } })));
        let retry = json!({
            "arguments": { "b": [2], "a": 1 }, "name": "t", "_meta": { "progressToken": 7 },
            "inputResponses": {}, "requestState": "x",
        });
        assert_eq!(call_digest("tools/call", &params(retry)), first);
        for (method, other) in [
            ("tools/call", json!({ "name": "t", "arguments": { "a": 1, "b": [3] } })),
            ("tools/call", json!({ "name": "t2", "arguments": { "a": 1, "b": [2] } })),
            ("prompts/get", json!({ "name": "t", "arguments": { "a": 1, "b": [2] } })),
        ] {
            assert_ne!(call_digest(method, &params(other.clone())), first, "{method} {other}");
        }
    }

    #[test]
    fn a_state_is_worth_something_only_for_its_own_call_and_caller_and_for_a_while() {
        let signer = Signer::new(b"a secret", "git");
        let ann = Caller("ann".into());
        let answers = vec![Answered { key: "name".into(), asked: "d".into(), answer: json!({ "action": "accept" }) }];
        let mut state = RequestState::new("call".into(), Some(&ann), answers, BTreeMap::new());
        let token = state.token(&signer).unwrap();
        assert_eq!(RequestState::open(&signer, &token, "call", Some(&ann)), Ok(state.clone()));
        assert_eq!(RequestState::open(&signer, &token, "another", Some(&ann)), Err(Untrusted));
        assert_eq!(RequestState::open(&signer, &token, "call", Some(&Caller("bob".into()))), Err(Untrusted));
        assert_eq!(RequestState::open(&signer, &token, "call", None), Err(Untrusted));
        assert_eq!(RequestState::open(&signer, &format!("{token}x"), "call", Some(&ann)), Err(Untrusted));
        state.expires = now();
        assert_eq!(RequestState::open(&signer, &state.token(&signer).unwrap(), "call", Some(&ann)), Err(Untrusted));
    }
}
