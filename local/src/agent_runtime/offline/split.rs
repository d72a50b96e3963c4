//! Clauses and parts of a sentence.

use super::{
    lexicon::Family,
    mood::{self, Mood},
    text::{Pause, Token},
};

/// A clause with its mood.
#[derive(Debug, Clone)]
pub(super) struct ClauseWords {
    pub(super) words: Vec<Token>,
    pub(super) mood: Mood,
}

/// Splits at full stops and before a new verb ("..., then launch", "but do not start"). What comes without a wish or a
/// question of its own belongs to the clause before it.
pub(super) fn clauses(words: &[Token]) -> Vec<ClauseWords> {
    let mut pieces: Vec<Vec<Token>> = vec![Vec::new()];
    for (at, word) in words.iter().enumerate() {
        let begins = at > 0 && begins_clause(words, at);
        if begins && pieces.last().is_some_and(|piece| !piece.is_empty()) {
            pieces.push(Vec::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(word.clone());
        }
    }
    let mut clauses: Vec<ClauseWords> = Vec::new();
    for piece in pieces {
        let mood = mood::mood(&piece);
        match clauses.last_mut() {
            Some(last) if !independent(&piece, mood) => {
                last.words.extend(piece);
                // The verb's place counts from the start of the clause, which has not moved.
            }
            _ => clauses.push(ClauseWords { words: piece, mood }),
        }
    }
    // A lead without a wish of its own ("Hi!", "We have a new customer acme.") goes to the wish after it.
    if let [lead, rest, ..] = clauses.as_slice() {
        let weak = matches!(lead.mood, Mood::Bare | Mood::Statement) && matches!(rest.mood, Mood::Act(..) | Mood::Ask);
        let shift = lead.words.len();
        if weak {
            let mut merged = lead.words.clone();
            merged.extend(rest.words.clone());
            let mood = match rest.mood {
                Mood::Act(family, concept, at) => Mood::Act(family, concept, at + shift),
                other => other,
            };
            clauses.splice(0..2, [ClauseWords { words: merged, mood }]);
        }
    }
    clauses
}

/// Whether a clause starts at this word.
fn begins_clause(words: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| words.get(before)) else { return false };
    let lower = |index: usize| words.get(index).map_or("", |token| token.lower.as_str());
    if matches!(before.after, Pause::Stop | Pause::Question) {
        return true;
    }
    let conjunction = |index: usize| matches!(lower(index), "and" | "then" | "but" | "also" | "afterwards" | "or");
    let mut verb = at;
    while conjunction(verb) || matches!(lower(verb), "please" | "do" | "you" | "can" | "could") && verb > at {
        verb += 1;
    }
    let after_pause = before.after == Pause::Comma;
    if verb == at && !after_pause || at > 0 && conjunction(at - 1) {
        return false;
    }
    let negation = matches!(lower(verb), "do" | "never" | "not" | "don" | "without");
    let negation = negation && (lower(verb + 1) == "not" || lower(verb) != "do");
    negation
        || matches!(mood::verb_at(words, verb), Some((family, _)) if family != Family::Light) && lower(verb) != "note"
}

/// Whether a clause says by itself what is wanted. "make them t3.small", "use eu-west-1", "let me know" only add to it.
fn independent(words: &[Token], mood: Mood) -> bool {
    let lower = |at: usize| words.get(at).map_or("", |token| token.lower.as_str());
    match mood {
        Mood::Negated | Mood::HowTo => true,
        Mood::Bare | Mood::Statement => false,
        Mood::Ask => {
            !words.iter().any(|token| matches!(token.lower.as_str(), "let" | "me"))
                || lower(0) == "show"
                || words.len() > 4
        }
        Mood::Act(family, _, at) => {
            let pronoun = matches!(lower(at + 1), "it" | "them" | "that" | "this" | "those" | "sure");
            !(pronoun && matches!(family, Family::Make))
        }
    }
}

/// The parts of an enumeration, cut at "and", "plus" and commas.
pub(super) fn parts(words: &[Token]) -> Vec<Vec<Token>> {
    let mut parts = vec![Vec::new()];
    for token in words {
        if matches!(token.lower.as_str(), "and" | "plus" | "then") && !token.quoted {
            parts.push(Vec::new());
            continue;
        }
        if let Some(part) = parts.last_mut() {
            part.push(token.clone());
        }
        if token.after == Pause::Comma {
            parts.push(Vec::new());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// The text that the words cover.
pub(super) fn text(words: &[Token], sentence: &str) -> String {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return String::new() };
    // Quotation marks around a value stay.
    let start = if first.quoted { first.start.saturating_sub(1) } else { first.start };
    let end = if last.quoted { last.end + 1 } else { last.end };
    sentence
        .get(start..end.min(sentence.len()))
        .or_else(|| sentence.get(first.start..last.end))
        .unwrap_or(sentence)
        .to_owned()
}
