//! The values in a sentence: which words fill which parameters of a function.
//!
//! Sure signs come first, so that a guess never takes a word from a certainty: labels (`tenant: acme`), allowed values, ids,
//! values built like an example, numbers beside the noun they count, words beside the parameter's own name, words after a
//! preposition, and last the name that is left over. Each word is used once.

mod allowed;
mod counts;
mod numbers;
mod strings;

use std::collections::{BTreeMap, BTreeSet};

use handlers::definitions::{Function, Parameter, ParameterType};

use super::{
    lexicon,
    text::{Pause, Token, stem, words_of},
};

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) value: String,
    /// The words it was read from.
    pub(super) words: Vec<usize>,
    pub(super) sign: Sign,
}

/// What told that the value belongs to the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Label,
    Allowed,
    Id,
    Shape,
    Number,
    Cue,
    Preposition,
    Leftover,
    Text,
}

/// What a sentence says about the parameters of one function.
#[derive(Debug, Clone, Default)]
pub(super) struct Filling {
    pub(super) slots: BTreeMap<String, Slot>,
    /// Parameters whose value is named but not allowed: the value and its words.
    pub(super) invalid: BTreeMap<String, Slot>,
    /// Parameters with several values of which only one can be meant: the values and their words.
    pub(super) several: BTreeMap<String, (Vec<String>, Vec<usize>)>,
    used: BTreeSet<usize>,
    /// Words of values that are not passed on.
    dropped: BTreeSet<usize>,
}

/// A clause, and what is known around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clause<'a> {
    pub(super) tokens: &'a [Token],
    /// Concepts of names and descriptions: never the value of a name.
    pub(super) known: &'a BTreeSet<String>,
    /// Where the verb of the wish stands.
    pub(super) head: Option<usize>,
    /// The sentence itself, for parameters that take it as it is.
    pub(super) sentence: &'a str,
}

impl Clause<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    fn lower(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.lower.as_str())
    }

    /// The words as they were said.
    fn said(&self, words: &[usize]) -> String {
        let said: Vec<&str> = words.iter().filter_map(|at| self.token(*at)).map(|token| token.text.as_str()).collect();
        said.join(" ")
    }

    /// The word before, articles skipped.
    fn before(&self, at: usize) -> Option<usize> {
        (0..at).rev().find(|index| !lexicon::is_article(self.lower(*index)))
    }
}

/// Reads the values of a function's parameters out of a clause.
pub(super) fn fill(function: &Function, clause: Clause<'_>) -> Filling {
    let mut filling = Filling::default();
    labels(function, clause, &mut filling);
    allowed::fill(function, clause, &mut filling);
    strings::ids(function, clause, &mut filling);
    strings::shapes(function, clause, &mut filling);
    numbers::fill(function, clause, &mut filling);
    numbers::booleans(function, clause, &mut filling);
    strings::announced(function, clause, &mut filling);
    strings::parties(function, clause, &mut filling);
    strings::leftovers(function, clause, &mut filling);
    strings::parties_before_places(function, clause, &mut filling);
    for parameter in function.parameters.iter().filter(|parameter| takes_text(parameter)) {
        if !filling.slots.contains_key(&parameter.name) {
            let slot = Slot { value: clause.sentence.trim().to_owned(), words: Vec::new(), sign: Sign::Text };
            filling.slots.insert(parameter.name.clone(), slot);
        }
    }
    filling
}

impl Filling {
    /// Drops optional values that the specialist's function has no parameter for: a network is nobody's, whoever asks.
    pub(super) fn keep_what_is_shared(&mut self, outer: &Function, inner: &Function) {
        for parameter in outer.parameters.iter().filter(|p| !p.required && p.enum_from.is_none()) {
            if !inner.parameters.iter().any(|other| other.name == parameter.name) {
                let slot = self.slots.remove(&parameter.name);
                self.dropped.extend(slot.into_iter().flat_map(|slot| slot.words));
                self.several.remove(&parameter.name);
                self.invalid.remove(&parameter.name);
            }
        }
    }

    /// Whether the word is a value that counts.
    pub(super) fn is_kept(&self, at: usize) -> bool {
        self.used.contains(&at) && !self.dropped.contains(&at)
    }

    pub(super) fn is_used(&self, at: usize) -> bool {
        self.used.contains(&at)
    }

    fn free(&self, parameter: &Parameter) -> bool {
        !self.slots.contains_key(&parameter.name)
            && !self.several.contains_key(&parameter.name)
            && !self.invalid.contains_key(&parameter.name)
    }

    fn put(&mut self, parameter: &Parameter, value: impl Into<String>, words: Vec<usize>, sign: Sign) {
        self.used.extend(&words);
        self.slots.insert(parameter.name.clone(), Slot { value: value.into(), words, sign });
    }
}

/// Whether the parameter takes the wish as it is written: its name or description says "instruction", "sentence", ...
pub(super) fn takes_text(parameter: &Parameter) -> bool {
    let words = || {
        let described = parameter.description.split(|c: char| !c.is_alphanumeric()).map(stem);
        words_of(&parameter.name).into_iter().map(|word| stem(&word)).chain(described)
    };
    parameter.kind == ParameterType::String
        && parameter.allowed.is_empty()
        && words().any(|word| lexicon::FREE_TEXT.iter().any(|free| stem(free) == word))
}

/// The words that announce a value of the parameter: its whole name in words, and the noun in it that names the value.
/// `tenant_id` is announced by "tenant id" and "tenant", `app_version` by "app version" and "version".
pub(super) fn cues(parameter: &Parameter) -> Vec<Vec<String>> {
    let words = words_of(&parameter.name);
    let mut cues = vec![words.clone()];
    if let Some((head, rest)) = words.split_last().filter(|(_, rest)| !rest.is_empty()) {
        if matches!(head.as_str(), "id" | "name" | "key" | "identifier" | "code") {
            cues.push(rest.to_vec());
        } else {
            cues.push(vec![head.clone()]);
        }
    }
    cues
}

/// The noun that names the parameter's value: `tenant` of `tenant_id`, `version` of `app_version`.
fn core(parameter: &Parameter) -> String {
    cues(parameter).pop().and_then(|mut cue| cue.pop()).unwrap_or_default()
}

pub(super) fn is_place(parameter: &Parameter) -> bool {
    lexicon::PLACES.contains(&core(parameter).as_str())
}

pub(super) fn is_party(parameter: &Parameter) -> bool {
    lexicon::PARTIES.contains(&core(parameter).as_str())
}

/// Whether the cue's words stand at this place; the index after them.
fn cue_at(clause: Clause<'_>, at: usize, cue: &[String]) -> Option<usize> {
    let stands = cue.iter().enumerate().all(|(offset, word)| {
        clause.token(at + offset).is_some_and(|token| {
            !token.quoted && (token.lower == *word || token.concept() == lexicon::concept(&stem(word)))
        })
    });
    stands.then_some(at + cue.len())
}

/// `tenant: acme`, `env=dev`, and "execution id: ...": what is labelled is not guessed.
fn labels(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    for (parameter, cue) in function.parameters.iter().flat_map(|p| cues(p).into_iter().map(move |cue| (p, cue))) {
        let joined = cue.join("_");
        for at in 0..clause.tokens.len() {
            let single = clause.lower(at) == joined || clause.lower(at).replace('-', "_") == joined;
            let after = if single { Some(at + 1) } else { cue_at(clause, at, &cue) };
            let Some(value_at) = after.filter(|after| clause.token(after - 1).is_some_and(|last| last.label)) else {
                continue;
            };
            let Some(value) = clause.token(value_at).filter(|value| !value.label) else { continue };
            // "agent type: x" is not the "type" of an instance.
            let other = at.checked_sub(1).and_then(|before| clause.token(before)).is_some_and(|before| {
                before.after == Pause::None && !before.is_stop() && lexicon::verb(&before.stem).is_none()
            }) && !at.checked_sub(2).and_then(|label| clause.token(label)).is_some_and(|label| label.label);
            if other && cue.len() < words_of(&parameter.name).len() {
                continue;
            }
            // The last label counts: an answer is appended to the wish that it completes.
            filling.used.extend(at..value_at);
            if parameter.allowed.is_empty() {
                if !matches!(parameter.kind, ParameterType::Integer | ParameterType::Number) {
                    filling.put(parameter, value.text.clone(), vec![value_at], Sign::Label);
                } else if let Some((number, end)) = numbers::labelled(parameter, clause, filling, value_at) {
                    filling.invalid.remove(&parameter.name);
                    filling.put(parameter, number, (value_at..end).collect(), Sign::Label);
                } else {
                    let words: Vec<usize> = (value_at..numbers::end_of(clause, filling, value_at)).collect();
                    let slot = Slot { value: clause.said(&words), words: words.clone(), sign: Sign::Label };
                    filling.slots.remove(&parameter.name);
                    filling.used.extend(words);
                    filling.invalid.insert(parameter.name.clone(), slot);
                }
            } else if let Some(matched) = allowed::matching(parameter, value, true) {
                filling.invalid.remove(&parameter.name);
                filling.put(parameter, matched, vec![value_at], Sign::Label);
            } else {
                let slot = Slot { value: value.text.clone(), words: vec![value_at], sign: Sign::Label };
                filling.slots.remove(&parameter.name);
                filling.invalid.insert(parameter.name.clone(), slot);
            }
        }
    }
}
