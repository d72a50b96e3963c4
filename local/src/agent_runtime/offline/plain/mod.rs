//! Whether a wish is plain enough to start something.
//!
//! What is started cannot be taken back, so the planner does not start what it only half understands. A wish that starts
//! something has to be plain in three ways, and is asked back otherwise:
//!
//! 1. It holds now and without a condition: no "if", "unless", "tomorrow", "every Friday".
//! 2. It has the form of a wish ([`frame`]): an order, a polite request, a want, or just the name of the thing. Whoever tells,
//!    warns, forbids or reports puts a subject or another verb around the same words.
//! 3. Every word of it is understood ([`vocabulary`]): as a value, as a word of what is started, or as a word that changes
//!    nothing. The list of such words is closed, because the list of words that change something is not.

mod frame;
mod vocabulary;

use std::collections::BTreeSet;

use super::{
    choose::Match,
    lexicon::Family,
    mood::Mood,
    text::{Pause, Token},
};

pub(super) use vocabulary::is_filler;

/// Why something is not started, and the word that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) reason: Reason,
    pub(super) word: String,
    /// Where the word begins in the sentence (bytes).
    pub(super) start: usize,
}

/// The kinds of doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Not now, or not in any case.
    Condition,
    /// The sentence tells, reports or asks rather than wishes.
    Form,
    /// A word that the planner does not understand there.
    Word,
}

impl Doubt {
    fn new(reason: Reason, token: &Token) -> Self {
        Self { reason, word: token.text.clone(), start: token.start }
    }

    /// A word that is not understood where it stands.
    pub(super) fn of_word(token: &Token) -> Self {
        Self::new(Reason::Word, token)
    }

    /// What the user is told.
    pub(super) fn text(&self) -> String {
        let word = &self.word;
        let why = match self.reason {
            Reason::Condition => {
                format!(
                    "I start things now and without conditions; \"{word}\" sounds like another time or a condition."
                )
            }
            Reason::Form => {
                format!("I am not sure that you want this to be started; \"{word}\" reads like something else.")
            }
            Reason::Word => format!("I am not sure that I understand this; I do not know what to make of \"{word}\"."),
        };
        format!("{why} So I started nothing. Do you want it now? Then please say it again as a plain wish.")
    }
}

/// Words of a condition or of another time. They count wherever they stand.
const CONDITIONS: &[&str] = &[
    "if",
    "unless",
    "until",
    "till",
    "before",
    "after",
    "when",
    "whenever",
    "once",
    "while",
    "whilst",
    "provided",
    "providing",
    "assuming",
    "supposing",
    "otherwise",
    "lest",
    "whether",
    "depending",
    "depends",
    "given",
    "since",
    "tomorrow",
    "tonight",
    "later",
    "soon",
    "eventually",
    "someday",
    "sometime",
    "sometimes",
    "yesterday",
    "ago",
    "every",
    "weekly",
    "daily",
    "hourly",
    "monthly",
    "nightly",
    "weekend",
    "midnight",
    "noon",
    "morning",
    "evening",
    "afternoon",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mondays",
    "tuesdays",
    "wednesdays",
    "thursdays",
    "fridays",
    "saturdays",
    "sundays",
    "weekdays",
    "o'clock",
];

/// Units of time: "in ten minutes".
const UNITS_OF_TIME: &[&str] = &["second", "minute", "hour", "day", "week", "month", "year"];

/// The first doubt that the form of a clause raises, or the words (by index) that its form explains.
pub(super) fn form(words: &[Token], mood: Mood) -> Result<BTreeSet<usize>, Doubt> {
    let polite = closing(words);
    if let Some(token) = (0..polite).find_map(|at| conditional(words, at)) {
        return Err(Doubt::new(Reason::Condition, token));
    }
    // What is to be written down is told, not wished.
    if matches!(mood, Mood::Act(Family::Record, ..)) {
        return Ok((0..words.len()).collect());
    }
    let mut explained = frame::explained(words, mood)?;
    explained.extend(polite..words.len());
    Ok(explained)
}

/// The first word of an acting clause that neither its form nor the wishes found in it explain.
pub(super) fn unknown(words: &[Token], mood: Mood, framed: &BTreeSet<usize>, found: &[Match<'_>]) -> Option<Doubt> {
    (0..words.len())
        .filter(|at| !framed.contains(at))
        .find(|at| !vocabulary::understood(words, *at, mood, found))
        .and_then(|at| words.get(at))
        .map(|token| Doubt::new(Reason::Word, token))
}

fn lower(words: &[Token], at: usize) -> &str {
    words.get(at).map_or("", |token| token.lower.as_str())
}

/// The word, if it makes the clause conditional or puts it off.
fn conditional(words: &[Token], at: usize) -> Option<&Token> {
    let token = words.get(at).filter(|token| !token.quoted)?;
    let labelled = at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|before| before.label);
    if labelled {
        return None;
    }
    let word = token.lower.as_str();
    let possible = word == "soon" && lower(words, at + 1) == "as" && lower(words, at + 2) == "possible";
    // "Good morning" says nothing about when.
    let greeting = at > 0 && lower(words, at - 1) == "good";
    let clock = word.strip_suffix("am").or_else(|| word.strip_suffix("pm")).is_some_and(is_hour)
        || word.contains(':') && is_hour(word)
        || matches!(word, "am" | "pm") && at > 0 && is_hour(lower(words, at - 1));
    let delay = word == "in"
        && (at + 1..at + 4)
            .any(|index| words.get(index).is_some_and(|unit| UNITS_OF_TIME.contains(&unit.stem.as_str())));
    // At the very beginning "next" only continues.
    let next = word == "next" && at > 0;
    let named = CONDITIONS.contains(&word) && !possible && !greeting;
    (named || clock || delay || next).then_some(token)
}

fn is_hour(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '.')
}

/// Where the closing request to be told of the end begins: "..., and let me know when it is done".
fn closing(words: &[Token]) -> usize {
    const ENDING: &[&str] = &[
        "let",
        "me",
        "us",
        "know",
        "tell",
        "when",
        "once",
        "it",
        "that",
        "this",
        "they",
        "is",
        "are",
        "has",
        "have",
        "been",
        "done",
        "finished",
        "ready",
        "complete",
        "completed",
        "running",
        "up",
        "live",
        "please",
        "thanks",
        "thank",
        "you",
        "the",
        "result",
    ];
    let begins = |at: usize| {
        matches!((lower(words, at), lower(words, at + 1)), ("let" | "tell", "me" | "us"))
            && (at + 2..at + 4).any(|index| matches!(lower(words, index), "when" | "once" | "result"))
            && (at..words.len()).all(|index| ENDING.contains(&lower(words, index)))
    };
    let Some(at) = (1..words.len()).find(|at| begins(*at)) else { return words.len() };
    if matches!(lower(words, at - 1), "and" | "please" | "then") { at - 1 } else { at }
}

/// The sentences of a clause, as ranges of its words.
fn pieces(words: &[Token]) -> Vec<std::ops::Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, token) in words.iter().enumerate() {
        if matches!(token.after, Pause::Stop | Pause::Question) {
            pieces.push(start..at + 1);
            start = at + 1;
        }
    }
    if start < words.len() {
        pieces.push(start..words.len());
    }
    pieces
}
