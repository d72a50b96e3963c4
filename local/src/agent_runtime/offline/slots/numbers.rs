//! Numbers beside the nouns they count, and switches.

use handlers::definitions::{Function, Parameter, ParameterType};

use super::{
    super::{
        lexicon,
        text::{Token, stem, tokens, words_of},
    },
    Clause, Filling, Sign, cue_at, cues,
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
        let found = (0..clause.tokens.len()).find_map(|at| {
            let token = clause.token(at).filter(|_| !filling.is_used(at))?;
            let (value, unit) = read(parameter, token)?;
            (unit || belongs(function, parameter, clause, filling, at)).then_some((at, value))
        });
        if let Some((at, value)) = found {
            filling.put(parameter, value, vec![at], Sign::Number);
        }
    }
}

/// The number a word says for this parameter, and whether its unit is the parameter's: "50gb" for `storage_gb`.
fn read(parameter: &Parameter, token: &Token) -> Option<(String, bool)> {
    if let Some(number) = token.number() {
        return Some((number.to_string(), false));
    }
    if parameter.kind == ParameterType::Number && !token.quoted && token.lower.parse::<f64>().is_ok_and(f64::is_finite)
    {
        return Some((token.lower.clone(), false));
    }
    let digits = token.lower.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
    let (number, unit) = token.lower.split_at(digits);
    let unit = lexicon::concept(unit);
    nouns(parameter).iter().any(|noun| noun == unit).then(|| (number.to_owned(), true))
}

/// Concepts of the nouns in the parameter's name and description.
fn nouns(parameter: &Parameter) -> Vec<String> {
    let described = tokens(&parameter.description);
    let described = described.iter().filter(|token| !token.is_stop() && token.number().is_none());
    let named = words_of(&parameter.name).into_iter().map(|word| stem(&word)).filter(|word| !lexicon::is_stop(word));
    described.map(|token| token.stem.clone()).chain(named).map(|stem| lexicon::concept(&stem).to_owned()).collect()
}

fn belongs(function: &Function, parameter: &Parameter, clause: Clause<'_>, filling: &Filling, at: usize) -> bool {
    let nouns = nouns(parameter);
    let time = clause.token(at + 1).is_some_and(|token| TIMES.contains(&token.stem.as_str()));
    if time && !nouns.iter().any(|noun| TIMES.contains(&noun.as_str())) {
        return false;
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
        return true;
    }
    // "three t3.large": the value of a sister parameter that shares a word of the name.
    let sister = |index: usize| {
        function.parameters.iter().any(|other| {
            other.name != parameter.name
                && words_of(&other.name).iter().any(|word| words_of(&parameter.name).contains(word))
                && filling.slots.get(&other.name).is_some_and(|slot| slot.words.contains(&index))
        })
    };
    for index in at + 1..=at + MAX_BETWEEN {
        let Some(token) = clause.token(index) else { break };
        if sister(index) || nouns.iter().any(|noun| noun == token.concept()) {
            return true;
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
    only && (NEWEST.contains(&before)
        || matches!(before, "it" | "them" | "exactly" | "total")
        || clause.lower(at).starts_with('x') && at > 0 && sister(at - 1)
        || before == "x" && at > 1 && sister(at - 2)
        || at > 0 && sister(at - 1))
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
            let value = !((at.saturating_sub(2)..at).any(off) || off(end));
            filling.put(parameter, value.to_string(), (at..end).collect(), Sign::Cue);
            break;
        }
    }
}
