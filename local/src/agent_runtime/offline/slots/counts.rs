//! Numbers as people say them: "3", "3x", "twenty-five", "one hundred and twenty", "two dozen".
//!
//! Only exactly one whole number is a number to act on. "Three or four", "about ten", "2.5" and "no" are read too, so that
//! they are asked about instead of being passed over.

use super::{Clause, Filling};
use crate::agent_runtime::offline::{lexicon, text::Token};

/// What a phrase comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Count {
    /// One plain number, not negative.
    Plain(i64),
    /// Several of which one may be meant.
    Several(Vec<i64>),
    /// Something like a number that is no whole number.
    Odd,
}

/// Words of the clause that say a number, from `start` up to before `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) count: Count,
}

/// Before a number: it is not meant as it is.
const BEFORE: &[&str] = &[
    "minus",
    "negative",
    "not",
    "about",
    "around",
    "approximately",
    "roughly",
    "nearly",
    "almost",
    "least",
    "most",
    "than",
    "over",
    "under",
    "below",
    "above",
    "between",
    "maybe",
    "perhaps",
    "say",
    "approx",
    "circa",
    "half",
];
/// Words before those that belong to them: "at least", "no more than".
const BEFORE_THOSE: &[&str] = &["at", "more", "less", "fewer", "no", "not", "up"];
/// Number-like words that are no whole number.
const VAGUE: &[&str] = &[
    "no",
    "none",
    "zero",
    "half",
    "quarter",
    "several",
    "few",
    "many",
    "multiple",
    "various",
    "numerous",
    "countless",
    "point",
    "million",
    "billion",
    "dozens",
    "hundreds",
    "thousands",
    "millions",
    "infinite",
    "unlimited",
    "nil",
    "null",
];
/// Between two numbers of which one is meant.
const OR: &[&str] = &["or", "to", "till", "through"];

/// A word of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Digits(i64),
    /// 1 to 19.
    Unit(i64),
    Tens(i64),
    Dozen,
    Hundred,
    Thousand,
    And,
    Odd,
}

/// All number phrases of the clause, in order, of words that are not used yet.
pub(super) fn phrases(clause: Clause<'_>, filling: &Filling) -> Vec<Phrase> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < clause.tokens.len() {
        match phrase_at(clause, filling, at) {
            Some(phrase) => {
                at = phrase.end;
                found.push(phrase);
            }
            None => at += 1,
        }
    }
    found
}

/// The number phrase that begins at a word.
pub(super) fn phrase_at(clause: Clause<'_>, filling: &Filling, start: usize) -> Option<Phrase> {
    let parts = |at: usize| clause.token(at).filter(|_| !filling.is_used(at)).and_then(parts_of);
    let mut said = vec![parts(start)?];
    let mut end = start + 1;
    let mut choices: Vec<Vec<Part>> = Vec::new();
    loop {
        let paused = clause.token(end - 1).is_some_and(|last| last.after != super::Pause::None);
        if paused {
            break;
        }
        let scaled = said
            .last()
            .and_then(|parts| parts.last())
            .is_some_and(|part| matches!(part, Part::Hundred | Part::Thousand));
        if let Some(more) = parts(end) {
            said.push(more);
            end += 1;
        } else if scaled && clause.lower(end) == "and" && parts(end + 1).is_some() {
            said.push(vec![Part::And]);
            end += 1;
        } else if OR.contains(&clause.lower(end)) && parts(end + 1).is_some() {
            choices.push(std::mem::take(&mut said).concat());
            said.push(parts(end + 1)?);
            end += 2;
        } else {
            break;
        }
    }
    choices.push(said.concat());
    let values: Option<Vec<i64>> = choices.iter().map(|parts| evaluate(parts)).collect();
    let mut count = match values.as_deref() {
        Some([value]) => Count::Plain(*value),
        Some(values) => Count::Several(values.to_vec()),
        None => Count::Odd,
    };
    // "3 or more", "three and a half".
    let more = match (clause.lower(end), clause.lower(end + 1), clause.lower(end + 2)) {
        ("or", "more" | "so" | "less" | "fewer", _) => 2,
        ("and", "a", "half" | "quarter") => 3,
        ("percent" | "ish" | "odd", ..) => 1,
        _ => 0,
    };
    if more > 0 {
        end += more;
        count = Count::Odd;
    }
    let mut first = start;
    if let Some(before) = start.checked_sub(1).filter(|at| modifies(clause, *at)) {
        first = before;
        count = Count::Odd;
        while let Some(at) = first.checked_sub(1).filter(|at| BEFORE_THOSE.contains(&clause.lower(*at))) {
            first = at;
        }
    }
    Some(Phrase { start: first, end, count })
}

fn modifies(clause: Clause<'_>, at: usize) -> bool {
    let word = clause.lower(at);
    BEFORE.contains(&word) || word == "to" && at > 0 && clause.lower(at - 1) == "up"
}

/// What a word says about a number; nothing if it says nothing.
fn parts_of(token: &Token) -> Option<Vec<Part>> {
    if token.quoted || token.is_uuid() {
        return None;
    }
    let word = token.lower.as_str();
    if VAGUE.contains(&word) {
        return Some(vec![Part::Odd]);
    }
    let digits = word.strip_suffix('x').or_else(|| word.strip_prefix('x')).unwrap_or(word);
    if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) {
        return Some(vec![digits.parse().map_or(Part::Odd, Part::Digits)]);
    }
    let signs = |c: char| c.is_numeric() || ".,'_/+-–—~<>=≥≤%±*^ek".contains(c);
    if word.chars().any(char::is_numeric) && !word.starts_with(char::is_alphabetic) && word.chars().all(signs) {
        return Some(vec![Part::Odd]);
    }
    let mut parts = Vec::new();
    for piece in word.split(['-', '–']) {
        parts.push(part_of(piece)?);
    }
    // "And" alone joins; it is no number.
    (parts.first() != Some(&Part::And)).then_some(parts)
}

fn part_of(word: &str) -> Option<Part> {
    Some(match word {
        "and" => Part::And,
        "hundred" => Part::Hundred,
        "thousand" => Part::Thousand,
        "dozen" => Part::Dozen,
        _ if VAGUE.contains(&word) => Part::Odd,
        _ => match lexicon::number(word)? {
            value @ 1..=19 => Part::Unit(value),
            value @ 20..=90 if value % 10 == 0 => Part::Tens(value),
            _ => Part::Odd,
        },
    })
}

/// The value of a number's words, if they are one number: "two hundred and five", but not "two three".
fn evaluate(parts: &[Part]) -> Option<i64> {
    let mut total: i64 = 0;
    let mut current: i64 = 0;
    let mut before: Option<Part> = None;
    for (at, part) in parts.iter().enumerate() {
        let opens = matches!(before, None | Some(Part::Hundred | Part::Thousand | Part::And));
        match *part {
            Part::Digits(value) if before.is_none() => current = value,
            Part::Unit(value) if opens || matches!(before, Some(Part::Tens(_))) && value < 10 => current += value,
            Part::Tens(value) if opens => current += value,
            Part::Dozen if current < 100 && at + 1 == parts.len() => current = current.max(1).checked_mul(12)?,
            Part::Hundred if current < 100 && before != Some(Part::And) => current = current.max(1).checked_mul(100)?,
            Part::Thousand if total == 0 && before != Some(Part::And) => {
                total = current.max(1).checked_mul(1000)?;
                current = 0;
            }
            Part::And if matches!(before, Some(Part::Hundred | Part::Thousand)) && at + 1 < parts.len() => {}
            _ => return None,
        }
        before = Some(*part);
    }
    total.checked_add(current)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::agent_runtime::offline::text::tokens;

    #[test]
    fn numbers_are_read_whole() {
        for (text, expected) in [
            ("3", Count::Plain(3)),
            ("3x", Count::Plain(3)),
            ("0", Count::Plain(0)),
            ("twenty-five", Count::Plain(25)),
            ("twenty five", Count::Plain(25)),
            ("three hundred", Count::Plain(300)),
            ("one hundred and twenty", Count::Plain(120)),
            ("one-hundred-and-twenty", Count::Plain(120)),
            ("two hundred five", Count::Plain(205)),
            ("two thousand three hundred and four", Count::Plain(2304)),
            ("3 dozen", Count::Plain(36)),
            ("two dozen", Count::Plain(24)),
            ("hundred", Count::Plain(100)),
            ("three or four", Count::Several(vec![3, 4])),
            ("2 to 4", Count::Several(vec![2, 4])),
            ("zero", Count::Odd),
            ("no", Count::Odd),
            ("2.5", Count::Odd),
            ("1,000", Count::Odd),
            ("-3", Count::Odd),
            ("3-4", Count::Odd),
            ("~3", Count::Odd),
            ("three-four", Count::Odd),
            ("three four", Count::Odd),
            ("3 4", Count::Odd),
            ("three and a half", Count::Odd),
            ("three point five", Count::Odd),
            ("3 or more", Count::Odd),
            ("99999999999999999999", Count::Odd),
        ] {
            let words = tokens(text);
            let clause = Clause { tokens: &words, known: &BTreeSet::new(), head: None, sentence: text };
            let found = phrases(clause, &Filling::default());
            assert_eq!(found, [Phrase { start: 0, end: words.len(), count: expected }], "{text}");
        }
        for (text, words) in [("minus three", 2), ("at least 3", 3), ("no more than ten", 4), ("up to 5", 3)] {
            let tokens = tokens(text);
            let clause = Clause { tokens: &tokens, known: &BTreeSet::new(), head: None, sentence: text };
            let found = phrases(clause, &Filling::default());
            let last = found.last().unwrap();
            assert_eq!((last.start, last.end, &last.count), (0, words, &Count::Odd), "{text}: {found:?}");
        }
    }
}
