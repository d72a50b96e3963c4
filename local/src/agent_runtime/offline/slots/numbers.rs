//! Numbers beside the nouns they count, and switches.

use handlers::definitions::{Function, Parameter, ParameterType};

use super::{
    super::{
        candidates::is_acting,
        lexicon,
        text::{Token, stem, tokens, words_of},
    },
    Clause, Filling, Sign, Slot,
    counts::{self, Count, Phrase},
    cue_at, cues,
};

/// Between a number and its noun: "3 x t3.large", "two more servers".
const MAX_BETWEEN: usize = 3;
const NEWEST: &[&str] = &["last", "first", "latest", "newest", "recent", "top", "past"];
const TIMES: &[&str] = &["second", "minute", "hour", "day", "week", "month", "year", "clock", "am", "pm", "percent"];

pub(super) fn fill(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    let numeric = |parameter: &&Parameter| matches!(parameter.kind, ParameterType::Integer | ParameterType::Number);
    for parameter in function.parameters.iter().filter(numeric) {
        if !filling.free(parameter) || !parameter.allowed.is_empty() {
            continue;
        }
        let mut found: Vec<(Vec<usize>, Option<Vec<String>>)> = Vec::new();
        for at in (0..clause.tokens.len()).filter(|at| !filling.is_used(*at)) {
            let value = clause.token(at).and_then(|token| with_unit(parameter, token));
            found.extend(value.map(|value| (vec![at], Some(vec![value]))));
        }
        for phrase in counts::phrases(clause, filling) {
            let Some(ties) = belongs(function, parameter, clause, filling, &phrase) else { continue };
            let values = match &phrase.count {
                // Nothing is counted with zero; what is announced by its name can be zero.
                Count::Plain(0) if ties == Ties::Noun => None,
                Count::Plain(value) => Some(vec![value.to_string()]),
                Count::Several(values) => Some(values.iter().map(i64::to_string).collect()),
                Count::Odd => fraction(parameter, clause, &phrase).map(|value| vec![value]),
            };
            found.push(((phrase.start..phrase.end).collect(), values));
        }
        // A question is answered anyway: only the first clear number counts for it.
        if !is_acting(function) {
            found.retain(|(_, values)| values.as_ref().is_some_and(|values| values.len() == 1));
            found.truncate(1);
        }
        decide(parameter, clause, filling, &found);
    }
}

fn decide(
    parameter: &Parameter,
    clause: Clause<'_>,
    filling: &mut Filling,
    found: &[(Vec<usize>, Option<Vec<String>>)],
) {
    if let Some((words, _)) = found.iter().find(|(_, values)| values.is_none()) {
        let slot = Slot { value: clause.said(words), words: words.clone(), sign: Sign::Number };
        filling.used.extend(words);
        filling.invalid.insert(parameter.name.clone(), slot);
        return;
    }
    let mut values: Vec<String> = Vec::new();
    for value in found.iter().filter_map(|(_, values)| values.as_ref()).flatten() {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    let words: Vec<usize> = found.iter().flat_map(|(words, _)| words.clone()).collect();
    match values.as_slice() {
        [] => {}
        [value] => filling.put(parameter, value.clone(), words, Sign::Number),
        _ => {
            filling.used.extend(&words);
            filling.several.insert(parameter.name.clone(), (values, words));
        }
    }
}

/// The number with the parameter's own unit in one word: "50gb" for `storage_gb`.
fn with_unit(parameter: &Parameter, token: &Token) -> Option<String> {
    let digits = token.lower.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0 && !token.quoted)?;
    let (number, unit) = token.lower.split_at(digits);
    let unit = lexicon::concept(unit);
    nouns(parameter).iter().any(|noun| noun == unit).then(|| number.to_owned())
}

/// A number with a fraction, where the parameter takes one.
fn fraction(parameter: &Parameter, clause: Clause<'_>, phrase: &Phrase) -> Option<String> {
    let token = clause.token(phrase.start).filter(|_| phrase.end == phrase.start + 1)?;
    let fits = parameter.kind == ParameterType::Number && token.lower.parse::<f64>().is_ok_and(f64::is_finite);
    fits.then(|| token.lower.clone())
}

/// The value that a label gives to a numeric parameter, with the words it takes: exactly one number.
pub(super) fn labelled(
    parameter: &Parameter,
    clause: Clause<'_>,
    filling: &Filling,
    at: usize,
) -> Option<(String, usize)> {
    let token = clause.token(at)?;
    if let Ok(value) = token.lower.parse::<i64>() {
        return Some((value.to_string(), at + 1));
    }
    let phrase = counts::phrase_at(clause, filling, at).filter(|phrase| phrase.start == at)?;
    match phrase.count {
        Count::Plain(value) => Some((value.to_string(), phrase.end)),
        Count::Odd => fraction(parameter, clause, &phrase).map(|value| (value, phrase.end)),
        Count::Several(_) => None,
    }
}

/// The end of what looks like a number at a word: at least that word.
pub(super) fn end_of(clause: Clause<'_>, filling: &Filling, at: usize) -> usize {
    counts::phrase_at(clause, filling, at).map_or(at + 1, |phrase| phrase.end)
}

/// What ties a number to a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ties {
    /// The parameter's name, said before it.
    Name,
    /// The thing it counts.
    Noun,
}

/// Concepts of the nouns in the parameter's name and description.
fn nouns(parameter: &Parameter) -> Vec<String> {
    let described = tokens(&parameter.description);
    let described = described.iter().filter(|token| !token.is_stop() && token.number().is_none());
    let named = words_of(&parameter.name).into_iter().map(|word| stem(&word)).filter(|word| !lexicon::is_stop(word));
    described.map(|token| token.stem.clone()).chain(named).map(|stem| lexicon::concept(&stem).to_owned()).collect()
}

fn belongs(
    function: &Function,
    parameter: &Parameter,
    clause: Clause<'_>,
    filling: &Filling,
    phrase: &Phrase,
) -> Option<Ties> {
    let nouns = nouns(parameter);
    let (at, last) = (phrase.start, phrase.end - 1);
    let time = clause.token(last + 1).is_some_and(|token| TIMES.contains(&token.stem.as_str()));
    if time && !nouns.iter().any(|noun| TIMES.contains(&noun.as_str())) {
        return None;
    }
    // "limit 5", "count of 3", "ttl is 300".
    let announced = cues(parameter).iter().any(|cue| {
        (at.saturating_sub(cue.len() + 2)..at).any(|start| {
            cue_at(clause, start, cue).is_some_and(|end| {
                end <= at && (end..at).all(|between| clause.token(between).is_some_and(Token::is_stop))
            })
        })
    });
    if announced {
        return Some(Ties::Name);
    }
    // "three t3.large": the value of a sister parameter that shares a word of the name.
    let sister = |index: usize| {
        function.parameters.iter().any(|other| {
            other.name != parameter.name
                && words_of(&other.name).iter().any(|word| words_of(&parameter.name).contains(word))
                && filling.slots.get(&other.name).is_some_and(|slot| slot.words.contains(&index))
        })
    };
    for index in last + 1..=last + MAX_BETWEEN {
        let Some(token) = clause.token(index) else { break };
        if sister(index) || nouns.iter().any(|noun| noun == token.concept()) {
            return Some(Ties::Noun);
        }
        // Another number begins another count, a pause another thought.
        let ended = clause.token(index - 1).is_some_and(|before| before.after != super::super::text::Pause::None);
        if ended
            || token.number().is_some() && token.lower != "x"
            || lexicon::is_place_preposition(&token.lower) && token.lower != "of"
        {
            break;
        }
    }
    let only = function.parameters.iter().filter(|other| other.kind == parameter.kind).count() == 1;
    let before = at.checked_sub(1).map(|index| clause.lower(index)).unwrap_or_default();
    // "the last 5", "t3.large x 3", "make it 4".
    let tied = only
        && (NEWEST.contains(&before)
            || matches!(before, "it" | "them" | "exactly" | "total")
            || clause.lower(at).starts_with('x') && at > 0 && sister(at - 1)
            || before == "x" && at > 1 && sister(at - 2)
            || at > 0 && sister(at - 1));
    tied.then_some(Ties::Noun)
}

/// Switches: named means on, named after "no", "without" or "not" means off.
pub(super) fn booleans(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    for parameter in function.parameters.iter().filter(|parameter| parameter.kind == ParameterType::Boolean) {
        if !filling.free(parameter) {
            continue;
        }
        let name = words_of(&parameter.name);
        let bare: Vec<String> = name
            .iter()
            .filter(|word| !matches!(word.as_str(), "is" | "has" | "enable" | "enabled" | "use" | "with"))
            .cloned()
            .collect();
        for cue in [name, bare].iter().filter(|cue| !cue.is_empty()) {
            let joined = cue.join("-");
            let found = (0..clause.tokens.len()).find_map(|at| {
                if clause.lower(at) == joined {
                    Some((at, at + 1))
                } else {
                    cue_at(clause, at, cue).map(|end| (at, end))
                }
            });
            let Some((at, end)) = found else { continue };
            let off =
                |index: usize| matches!(clause.lower(index), "no" | "without" | "not" | "off" | "disabled" | "false");
            let off: Vec<usize> = (at.saturating_sub(2)..at).chain([end]).filter(|index| off(*index)).collect();
            let value = off.is_empty();
            filling.put(parameter, value.to_string(), (at..end).collect(), Sign::Cue);
            filling.used.extend(off);
            break;
        }
    }
}
