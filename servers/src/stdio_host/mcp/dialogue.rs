//! The questions of one run of a call, and the answers that a client of MCP 2026-07-28 has given to them.
//!
//! Such a client is never sent a request: it gets the open questions as the result of its call, and calls again with the answers.
//! A hosted server that speaks an older version cannot go on where it was, so the call is run again from the start, and each
//! question that comes up is answered from what was given. An answer belongs to what was asked, not to when.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    capabilities::{Capabilities, NoQuestion},
    request_state::{Answered, RequestState, canonical_digest},
    rpc,
};
use crate::stdio_host::child::RpcError;

/// Member of `params._meta` with which a hosted server may name the key of its question. Without it the key is made of what is
/// asked. Clients do not see it.
pub(super) const INPUT_KEY: &str = "switchyard/input_key";

/// Longest name that a hosted server may choose.
const KEY_LENGTH: usize = 64;

/// Questions that may wait for a client at the same time: a person answers a few, a server that went wrong asks without end.
pub(super) const MOST_OPEN: usize = 32;

/// What becomes of a question of the hosted server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reaction {
    /// It is answered, with a result or an error, and the run goes on.
    Answer(Result<Value, RpcError>),
    /// It waits for the client; other questions may follow.
    Open,
    /// In the run before, something else was asked here.
    Differs,
    /// The client's answer is none: the call cannot go on.
    Invalid(RpcError),
}

/// The dialogue of one run.
#[derive(Debug)]
pub(super) struct Dialogue {
    capabilities: Capabilities,
    /// Answers that earlier runs have used.
    earlier: BTreeMap<String, Answered>,
    /// Questions that the run before left open.
    was_open: BTreeMap<String, String>,
    /// What the client gives now.
    responses: Map<String, Value>,
    /// The keys of this run's questions.
    keys: BTreeSet<String>,
    used: Vec<Answered>,
    open: BTreeMap<String, (String, Value)>,
    /// Capabilities that the client would have needed.
    missing: Map<String, Value>,
}

impl Dialogue {
    pub(super) fn new(capabilities: Capabilities, state: Option<RequestState>, responses: Map<String, Value>) -> Self {
        let (answers, was_open) = state.map(|state| (state.answers, state.open)).unwrap_or_default();
        Self {
            capabilities,
            earlier: answers.into_iter().map(|answered| (answered.key.clone(), answered)).collect(),
            was_open,
            responses,
            keys: BTreeSet::new(),
            used: Vec::new(),
            open: BTreeMap::new(),
            missing: Map::new(),
        }
    }

    /// Takes up a question.
    pub(super) fn meet(&mut self, method: &str, mut params: Value) -> Reaction {
        match self.capabilities.missing(method, &params) {
            Ok(None) => {}
            Ok(Some(Value::Object(needed))) => {
                self.miss(needed);
                return Reaction::Answer(Err(undeclared(method)));
            }
            Ok(Some(_)) | Err(NoQuestion) => return Reaction::Answer(Err(unknown(method))),
        }
        if self.open.len() >= MOST_OPEN {
            return Reaction::Answer(Err(too_many(method)));
        }
        let name = take_name(&mut params);
        // Random in each run, and no longer part of the question in this version.
        if let Some(params) = params.as_object_mut() {
            params.remove("elicitationId");
        }
        let asked = canonical_digest(method, &without_meta(&params));
        let name = name.unwrap_or_else(|| derived(method, &asked));
        let key = self.key(name);

        if let Some(answered) = self.earlier.remove(&key) {
            if answered.asked != asked {
                return Reaction::Differs;
            }
            let answer = answered.answer.clone();
            self.used.push(answered);
            return Reaction::Answer(Ok(answer));
        }
        if self.was_open.get(&key).is_some_and(|before| *before != asked) {
            return Reaction::Differs;
        }
        if let Some(answer) = self.responses.remove(&key) {
            if let Err(problem) = check(method, &answer) {
                return Reaction::Invalid(rpc::invalid(format!("inputResponses.{key}: {problem}")));
            }
            self.used.push(Answered { key, asked, answer: answer.clone() });
            return Reaction::Answer(Ok(answer));
        }
        self.open.insert(key, (asked, json!({ "method": method, "params": params })));
        Reaction::Open
    }

    /// The key of the next question of this name. The same questions in the same order have the same keys in every run.
    fn key(&mut self, name: String) -> String {
        let mut key = name.clone();
        let mut count = 1;
        while !self.keys.insert(key.clone()) {
            count += 1;
            key = format!("{name}-{count}");
        }
        key
    }

    fn miss(&mut self, needed: Map<String, Value>) {
        for (kind, needed) in needed {
            let known = self.missing.entry(kind).or_insert_with(|| json!({}));
            if let (Some(known), Value::Object(needed)) = (known.as_object_mut(), needed) {
                known.extend(needed);
            }
        }
    }

    /// Whether a question waits for the client.
    pub(super) fn waits(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether this run asks for something new without having come to what was answered before: then it takes another way than
    /// the run that those answers were given to.
    pub(super) fn strays(&self) -> bool {
        let unasked = |key: &String| self.was_open.contains_key(key);
        self.waits() && (!self.earlier.is_empty() || self.responses.keys().any(unasked))
    }

    /// The capabilities without which a question was refused.
    pub(super) fn missing(&self) -> Option<&Map<String, Value>> {
        (!self.missing.is_empty()).then_some(&self.missing)
    }

    /// What the client has to be asked now.
    pub(super) fn into_open(self) -> Open {
        let mut open = Open { used: self.used, ..Open::default() };
        for (key, (asked, request)) in self.open {
            open.digests.insert(key.clone(), asked);
            open.requests.insert(key, request);
        }
        open
    }
}

/// What a client is asked, and what the next run has to know.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// `inputRequests`: requests by their keys.
    pub(super) requests: Map<String, Value>,
    /// For each key a digest of what is asked.
    pub(super) digests: BTreeMap<String, String>,
    /// The answers that were used so far.
    pub(super) used: Vec<Answered>,
}

/// Reads `inputResponses` of a call.
///
/// # Errors
/// It is not an object of objects.
pub(super) fn read_responses(params: &Map<String, Value>) -> Result<Map<String, Value>, RpcError> {
    let Some(responses) = params.get("inputResponses") else { return Ok(Map::new()) };
    let responses = responses.as_object().ok_or_else(|| rpc::invalid("inputResponses must be an object."))?;
    if let Some((key, _)) = responses.iter().find(|(_, response)| !response.is_object()) {
        return Err(rpc::invalid(format!("inputResponses.{key} must be an object: the result of the request.")));
    }
    Ok(responses.clone())
}

/// The client of this call did not declare that it can be asked this.
pub(super) fn undeclared(method: &str) -> RpcError {
    rpc::error(rpc::METHOD_NOT_FOUND, format!("The client of this call did not declare that it answers {method}."))
}

/// No client is ever asked this.
pub(super) fn unknown(method: &str) -> RpcError {
    rpc::error(rpc::METHOD_NOT_FOUND, format!("{method} is not handed on to clients."))
}

/// More than [`MOST_OPEN`] questions wait.
pub(super) fn too_many(method: &str) -> RpcError {
    let message = format!("{method} is not handed on: {MOST_OPEN} questions wait for the client already.");
    rpc::error(rpc::INTERNAL_ERROR, message)
}

/// Takes the server's own name for its question out of the parameters.
pub(super) fn take_name(params: &mut Value) -> Option<String> {
    let meta = params.get_mut("_meta")?.as_object_mut()?;
    let name = meta.remove(INPUT_KEY)?;
    if meta.is_empty() {
        params.as_object_mut()?.remove("_meta");
    }
    let fits = |name: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        !name.is_empty() && name.len() <= KEY_LENGTH && name.bytes().all(plain)
    };
    name.as_str().filter(fits).map(str::to_owned)
}

/// A key that is made of what is asked.
pub(super) fn derived(method: &str, asked: &str) -> String {
    let kind = method.split_once('/').map_or(method, |(kind, _)| kind);
    format!("{kind}-{}", asked.get(..12).unwrap_or(asked))
}

fn without_meta(params: &Value) -> Value {
    let mut params = params.clone();
    if let Some(params) = params.as_object_mut() {
        params.remove("_meta");
    }
    params
}

/// Checks the form of an answer.
fn check(method: &str, answer: &Value) -> Result<(), &'static str> {
    match method {
        "elicitation/create" if !matches!(answer["action"].as_str(), Some("accept" | "decline" | "cancel")) => {
            Err("`action` must be accept, decline or cancel.")
        }
        "sampling/createMessage" if !answer["role"].is_string() || answer["content"].is_null() => {
            Err("`role` and `content` are needed.")
        }
        "roots/list" if !answer["roots"].is_array() => Err("`roots` must be an array."),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
