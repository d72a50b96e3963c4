//! Parameters with a list of allowed values.

use handlers::definitions::{Function, Parameter};

use super::{
    super::{
        lexicon,
        text::{Pause, Token, words_of},
    },
    Clause, Filling, Sign, Slot, core, is_place,
};

/// Words that take the value after them out: "not prod", "instead of dev".
const EXCEPT: &[&str] = &["not", "except", "without", "than", "excluding", "but"];
/// A value beside one of these is not that value: "pre prod", "prod like".
const ALMOST: &[&str] = &["pre", "non", "almost", "post", "like", "ish", "lite"];

/// A place where a value is named.
struct Mention {
    at: usize,
    value: String,
    strong: bool,
    from: bool,
}

/// The allowed value that a word stands for: itself in any case, another word for it, a beginning of at least three letters
/// where the sentence marks the word as a value (`marked`).
pub(super) fn matching(parameter: &Parameter, token: &Token, marked: bool) -> Option<String> {
    let values = || {
        parameter.allowed.iter().map(|value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        })
    };
    let exact = values().find(|value| {
        // A single letter is a value only as it is declared: "A" is a record type, "a" an article.
        if value.len() == 1 { *value == token.text } else { value.eq_ignore_ascii_case(&token.text) }
    });
    let other = || values().find(|value| value.len() > 1 && lexicon::same_value(&value.to_lowercase(), &token.lower));
    let begun = || {
        let mut found =
            values().filter(|value| marked && token.lower.len() >= 3 && value.to_lowercase().starts_with(&token.lower));
        found.next().filter(|_| found.next().is_none())
    };
    exact.or_else(other).or_else(begun)
}

pub(super) fn fill(function: &Function, clause: Clause<'_>, filling: &mut Filling) {
    for parameter in function.parameters.iter().filter(|parameter| !parameter.allowed.is_empty()) {
        if parameter.enum_from.is_some() || !filling.free(parameter) {
            continue;
        }
        let (mentions, excluded) = mentions(parameter, clause, filling);
        choose(parameter, &mentions, filling);
        if filling.slots.contains_key(&parameter.name) {
            filling.used.extend(excluded);
        }
        if filling.free(parameter) {
            unknown(parameter, clause, filling);
        }
    }
}

/// Where values are named, and the words that take values out.
fn mentions(parameter: &Parameter, clause: Clause<'_>, filling: &Filling) -> (Vec<Mention>, Vec<usize>) {
    let place = is_place(parameter);
    let nouns: Vec<String> =
        words_of(&parameter.name).iter().map(|word| lexicon::concept(&super::stem(word)).to_owned()).collect();
    let mut mentions: Vec<Mention> = Vec::new();
    let mut excluded = Vec::new();
    for (at, token) in clause.tokens.iter().enumerate() {
        if filling.is_used(at) || clause.lower(at + 1) == "like" && !place {
            continue;
        }
        let before = clause.before(at).map(|index| clause.lower(index).to_owned()).unwrap_or_default();
        let joined = at.checked_sub(1).map(|index| clause.lower(index)).unwrap_or_default();
        let beside = [at.checked_sub(1), Some(at + 1)]
            .into_iter()
            .flatten()
            .any(|index| clause.token(index).is_some_and(|token| nouns.iter().any(|noun| noun == token.concept())));
        let prepositional = lexicon::is_place_preposition(&before) || before == "from";
        // "in acme's dev", "on globex staging": the preposition is before the party.
        let party_between = clause
            .before(at)
            .filter(|index| clause.token(*index).is_some_and(|token| token.possessive || !token.is_stop()))
            .and_then(|index| clause.before(index))
            .is_some_and(|index| lexicon::is_place_preposition(clause.lower(index)));
        // "in dev and prod": what is joined to a place is one too.
        let conjoined = mentions.last().is_some_and(|last| {
            last.strong && (last.at + 2 == at && matches!(joined, "and" | "or") || last.at + 1 == at)
        });
        let strong = beside || prepositional || conjoined || (place && party_between);
        let Some(value) = matching(parameter, token, strong && !token.is_stop()) else { continue };
        if EXCEPT.contains(&before.as_str()) || before == "of" && instead(clause, at) {
            let taken_out = |index: &usize| {
                EXCEPT.contains(&clause.lower(*index)) || matches!(clause.lower(*index), "rather" | "instead")
            };
            excluded.extend((at.saturating_sub(3)..at).filter(taken_out).chain([at]));
            continue;
        }
        if ALMOST.contains(&joined) || ALMOST.contains(&clause.lower(at + 1)) {
            continue;
        }
        let article = at.checked_sub(1).is_some_and(|index| lexicon::is_article(clause.lower(index)));
        if value.len() == 1 && !beside {
            continue;
        }
        // "run a test", "test the app": the word, not the place.
        let verb_of_clause = at == 0
            && clause.tokens.len() > 1
            && token.after == Pause::None
            && lexicon::same_value("test", &token.lower);
        if place && !strong && (article || verb_of_clause || clause.head == Some(at)) {
            continue;
        }
        mentions.push(Mention { at, value, strong, from: before == "from" });
    }
    (mentions, excluded)
}

fn instead(clause: Clause<'_>, at: usize) -> bool {
    (0..at).rev().take(3).any(|index| clause.lower(index) == "instead")
}

fn choose(parameter: &Parameter, mentions: &[Mention], filling: &mut Filling) {
    let mut of_rank: Vec<&Mention> = mentions.iter().filter(|mention| mention.strong).collect();
    if of_rank.is_empty() {
        of_rank = mentions.iter().collect();
    }
    // "from staging to prod": the goal counts.
    if of_rank.iter().any(|mention| mention.from) && of_rank.iter().any(|mention| !mention.from) {
        of_rank.retain(|mention| !mention.from);
    }
    let mut values: Vec<String> = Vec::new();
    for mention in &of_rank {
        if !values.contains(&mention.value) {
            values.push(mention.value.clone());
        }
    }
    let words: Vec<usize> = of_rank.iter().map(|mention| mention.at).collect();
    // Every mention is spoken for, so that none of them becomes a name.
    filling.used.extend(mentions.iter().map(|mention| mention.at));
    match values.as_slice() {
        [] => {}
        [value] => filling.put(parameter, value.clone(), words, Sign::Allowed),
        _ => drop(filling.several.insert(parameter.name.clone(), (values, words))),
    }
}

/// A value that is named as one and not allowed: "the qa environment", "environment mars".
fn unknown(parameter: &Parameter, clause: Clause<'_>, filling: &mut Filling) {
    let noun = lexicon::concept(&super::stem(&core(parameter))).to_owned();
    let nouns = clause.tokens.iter().enumerate().filter(|(_, token)| token.concept() == noun && !token.quoted);
    for (at, token) in nouns {
        let candidate = |index: usize| {
            clause.token(index).filter(|token| {
                !token.is_stop()
                    && !token.possessive
                    && !filling.is_used(index)
                    && clause.head != Some(index)
                    && (token.quoted || !clause.known.contains(token.concept()))
                    && lexicon::verb(&token.stem).is_none()
            })
        };
        let before = at.checked_sub(1).filter(|_| token.after != Pause::None || !token.label).and_then(|index| {
            let word = candidate(index)?;
            // "billing env": only right after an article or a preposition is the word the environment's name.
            let announced = index.checked_sub(1).is_some_and(|first| {
                lexicon::is_article(clause.lower(first)) || lexicon::is_place_preposition(clause.lower(first))
            });
            (word.after == Pause::None && announced).then_some((index, word))
        });
        let after = (token.after == Pause::None).then(|| candidate(at + 1).map(|word| (at + 1, word))).flatten();
        if let Some((index, word)) = before.or(after) {
            let slot = Slot { value: word.text.clone(), words: vec![index], sign: Sign::Cue };
            filling.used.insert(index);
            filling.invalid.insert(parameter.name.clone(), slot);
            return;
        }
    }
}
