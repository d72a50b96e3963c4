//! Text values: ids, values built like an example, names.

use handlers::definitions::{Function, Parameter, ParameterType};

use super::{
    super::{
        candidates::is_acting,
        lexicon, shape,
        text::{Pause, Token, words_of},
    },
    Clause, Filling, Sign, cue_at, cues, is_party, is_place, takes_text,
};

/// Between a cue and its value: "the tenant is called acme".
const COPULAS: &[&str] = &["is", "called", "named", "of", "to", "be", "should", "as"];

fn open_strings(function: &Function) -> impl Iterator<Item = &Parameter> {
    let text = |parameter: &&Parameter| matches!(parameter.kind, ParameterType::String | ParameterType::Array);
    function.parameters.iter().filter(text).filter(|parameter| parameter.allowed.is_empty() && !takes_text(parameter))
}

/// A UUID goes to the parameter whose cue stands before it, else to the first required id.
pub(super) fn ids(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    let is_id = |parameter: &&Parameter| words_of(&parameter.name).last().is_some_and(|word| word == "id");
    for (at, _) in clause.tokens.iter().enumerate().filter(|(_, token)| token.is_uuid()) {
        if filling.is_used(at) {
            continue;
        }
        let announced = open_strings(function).filter(is_id).find(|parameter| {
            cues(parameter).iter().any(|cue| at >= cue.len() && cue_at(clause, at - cue.len(), cue) == Some(at))
        });
        let first =
            || open_strings(function).filter(is_id).find(|parameter| parameter.required && !is_party(parameter));
        if let Some(parameter) = announced.or_else(first).filter(|parameter| filling.free(parameter)) {
            let value = clause.token(at).map(|token| token.lower.clone()).unwrap_or_default();
            filling.put(parameter, value, vec![at], Sign::Id);
        }
    }
}

/// Values built like an example of the description or like the default.
pub(super) fn shapes(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    for parameter in open_strings(function) {
        let examples = shape::examples(parameter);
        let fits = |token: &Token| examples.iter().any(|example| shape::fits(example, &token.lower));
        if !filling.free(parameter) {
            continue;
        }
        let found: Vec<usize> = (0..clause.tokens.len())
            .filter(|at| {
                !filling.is_used(*at) && clause.token(*at).is_some_and(|token| fits(token) && !token.is_uuid())
            })
            .collect();
        // Of several, the one that the parameter's name announces.
        let announced = found.iter().copied().find(|at| {
            cues(parameter)
                .iter()
                .any(|cue| (at.saturating_sub(cue.len() + 1)..*at).any(|start| cue_at(clause, start, cue).is_some()))
        });
        // "From 2.3.0 to 2.3.1": the goal counts.
        let goal = |at: &usize| clause.before(*at).is_none_or(|before| clause.lower(before) != "from");
        let goals: Vec<usize> = found.iter().copied().filter(goal).collect();
        if announced.is_none() && goals.len() > 1 && is_acting(function) {
            let text = |at: &usize| clause.token(*at).map(|token| token.text.clone()).unwrap_or_default();
            let mut values: Vec<String> = goals.iter().map(text).collect();
            values.dedup();
            filling.used.extend(&goals);
            match values.as_slice() {
                [value] => filling.put(parameter, value.clone(), goals, Sign::Shape),
                _ => drop(filling.several.insert(parameter.name.clone(), (values, goals))),
            }
            continue;
        }
        if let Some(at) = announced.or_else(|| goals.first().or(found.first()).copied()) {
            if goals.contains(&at) {
                filling.used.extend(found.iter().filter(|other| !goals.contains(other)));
            }
            let value = clause.token(at).map(|token| token.text.clone()).unwrap_or_default();
            filling.put(parameter, value, vec![at], Sign::Shape);
        }
    }
}

/// Whether a word can be the value of a name: no word of the language or of the agents' descriptions.
fn nameable(clause: Clause<'_>, filling: &Filling, at: usize) -> bool {
    clause.token(at).is_some_and(|token| {
        token.quoted
            || !(filling.is_used(at)
                || clause.head == Some(at)
                || token.label
                || token.is_stop()
                || token.is_uuid()
                || token.number().is_some()
                || lexicon::is_noun(&token.stem)
                || clause.known.contains(token.concept())
                || lexicon::is_asking_noun(&token.stem)
                || !token.lower.chars().any(char::is_alphanumeric))
    }) && !filling.is_used(at)
}

/// Words beside the parameter's own name: "tenant acme", "version 2.3", "the billing app", "an app called billing".
pub(super) fn announced(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    for parameter in open_strings(function) {
        if !filling.free(parameter) || has_only_shapes(parameter) {
            continue;
        }
        let found = cues(parameter).iter().find_map(|cue| {
            (0..clause.tokens.len()).find_map(|at| {
                // What a label says is read as a label.
                let mut after =
                    cue_at(clause, at, cue).filter(|end| !clause.token(end - 1).is_some_and(|last| last.label))?;
                let pause = clause.token(after - 1).is_some_and(|last| last.after != Pause::None);
                let first = after;
                while COPULAS.contains(&clause.lower(after)) && after < first + 3 {
                    after += 1;
                }
                let follows = (!pause && value_after(parameter, clause, filling, after)).then_some(after);
                let precedes = || {
                    at.checked_sub(1).filter(|before| {
                        nameable(clause, filling, *before)
                            && clause.token(*before).is_some_and(|token| {
                                token.after == Pause::None && lexicon::verb(&token.stem).is_none_or(|_| *before > 0)
                            })
                    })
                };
                follows.or_else(precedes)
            })
        });
        if let Some(at) = found {
            take(parameter, clause, filling, at, Sign::Cue);
        }
    }
}

/// A value with a shape may still be given in another one right after its name; the function says whether it likes it.
fn value_after(parameter: &Parameter, clause: Clause<'_>, filling: &Filling, at: usize) -> bool {
    let shaped = !shape::examples(parameter).is_empty();
    let number = clause.token(at).is_some_and(|token| token.number().is_some()) && shaped && !filling.is_used(at);
    number || nameable(clause, filling, at)
}

/// Ids are read as ids; a word beside "execution" is not one.
fn has_only_shapes(parameter: &Parameter) -> bool {
    let words = words_of(&parameter.name);
    words.last().is_some_and(|word| word == "id") && !is_party(parameter) && words.len() > 1
}

fn take(parameter: &Parameter, clause: Clause<'_>, filling: &mut Filling, at: usize, sign: Sign) {
    let others = joined(clause, filling, at);
    if others.is_empty() || parameter.kind == ParameterType::Array {
        let all: Vec<usize> = std::iter::once(at).chain(others).collect();
        let text = |at: &usize| clause.token(*at).map(|token| token.text.clone()).unwrap_or_default();
        let values: Vec<String> = all.iter().map(text).collect();
        let value = if parameter.kind == ParameterType::Array {
            serde_json::Value::from(values).to_string()
        } else {
            values.concat()
        };
        filling.put(parameter, value, all, sign);
    } else {
        let all: Vec<usize> = std::iter::once(at).chain(others).collect();
        let values = all.iter().filter_map(|at| clause.token(*at)).map(|token| token.text.clone()).collect();
        filling.used.extend(&all);
        filling.several.insert(parameter.name.clone(), (values, all));
    }
}

/// Further values joined by commas, "and" and "or".
fn joined(clause: Clause<'_>, filling: &Filling, at: usize) -> Vec<usize> {
    let mut all = Vec::new();
    let mut last = at;
    loop {
        let comma = clause.token(last).is_some_and(|token| token.after == Pause::Comma);
        let conjunction = matches!(clause.lower(last + 1), "and" | "or");
        let next = if conjunction { last + 2 } else { last + 1 };
        let verb = clause.token(next).is_some_and(|token| lexicon::verb(&token.stem).is_some());
        if !(comma || conjunction) || verb || !nameable(clause, filling, next) {
            return all;
        }
        // "acme and billing 2.0": what has its own detail is another thing.
        let detailed = clause.token(next + 1).is_some_and(|token| token.lower.chars().any(|c| c.is_ascii_digit()));
        if detailed || clause.token(next + 1).is_some_and(|after| lexicon::is_noun(&after.stem)) {
            return all;
        }
        all.push(next);
        last = next;
    }
}

/// "for acme", "of acme", "acme's servers", "acme deployments": somebody it is done for.
pub(super) fn parties(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    let Some(parameter) = open_strings(function).find(|parameter| is_party(parameter) && filling.free(parameter))
    else {
        return;
    };
    let after_preposition = |prepositions: &[&str]| {
        (0..clause.tokens.len()).find_map(|at| {
            if !prepositions.contains(&clause.lower(at)) {
                return None;
            }
            let mut value = at + 1;
            while lexicon::is_article(clause.lower(value)) {
                value += 1;
            }
            nameable(clause, filling, value).then_some(value)
        })
    };
    let possessive = || {
        (0..clause.tokens.len())
            .find(|at| clause.token(*at).is_some_and(|token| token.possessive) && nameable(clause, filling, *at))
    };
    let attribute = || {
        (0..clause.tokens.len()).find(|at| {
            clause.head.is_none()
                && nameable(clause, filling, *at)
                && lexicon::verb(clause.token(*at).map_or("", |token| &token.stem)).is_none()
                && clause.token(*at).is_some_and(|token| token.after == Pause::None)
                && clause
                    .token(at + 1)
                    .is_some_and(|next| clause.known.contains(next.concept()) || lexicon::is_noun(&next.stem))
        })
    };
    let found = after_preposition(&["for", "behalf"])
        .or_else(possessive)
        .or_else(|| after_preposition(&["of", "by"]))
        .or_else(attribute);
    if let Some(at) = found {
        take(parameter, clause, filling, at, Sign::Preposition);
    }
}

/// The name of the thing itself: the first unknown word that no preposition leads to. Only for a required `..._name`.
pub(super) fn leftovers(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    let named = |parameter: &&Parameter| {
        words_of(&parameter.name).last().is_some_and(|word| word == "name")
            && parameter.required
            && !is_party(parameter)
    };
    let Some(parameter) = open_strings(function).filter(named).find(|parameter| filling.free(parameter)) else {
        return;
    };
    let found = (0..clause.tokens.len()).find(|at| {
        let led = clause.before(*at).is_some_and(|before| {
            matches!(clause.lower(before), "in" | "on" | "at" | "into" | "for" | "to" | "with" | "by" | "from" | "not")
        });
        let verb = clause.token(*at).is_some_and(|token| lexicon::verb(&token.stem).is_some());
        let examples = shape::examples(parameter);
        let shaped = examples.iter().any(|example| shape::has_shape(example));
        !shaped
            && !led
            && !verb
            && nameable(clause, filling, *at)
            && !clause.token(*at).is_some_and(|token| token.possessive)
    });
    if let Some(at) = found {
        take(parameter, clause, filling, at, Sign::Leftover);
    }
}

/// "acme dev", "globex staging": an unknown word right before the place.
pub(super) fn parties_before_places(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    let Some(parameter) = open_strings(function).find(|parameter| is_party(parameter) && filling.free(parameter))
    else {
        return;
    };
    let places: Vec<usize> = function
        .parameters
        .iter()
        .filter(|place| is_place(place))
        .filter_map(|place| filling.slots.get(&place.name))
        .flat_map(|slot| slot.words.clone())
        .collect();
    let found = places.into_iter().filter_map(|place| place.checked_sub(1)).find(|at| {
        nameable(clause, filling, *at)
            && clause.token(*at).is_some_and(|token| token.after == Pause::None && lexicon::verb(&token.stem).is_none())
    });
    if let Some(at) = found {
        take(parameter, clause, filling, at, Sign::Preposition);
    }
}
