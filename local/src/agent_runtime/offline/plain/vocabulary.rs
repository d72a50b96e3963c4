//! Which words a wish that starts something may have.

use super::{
    super::{
        choose::Match,
        lexicon::{self, Family},
        mood::Mood,
        shape,
        slots::is_party,
        text::{Pause, Token},
    },
    frame, lower,
};

/// Words that change nothing about a wish. What is not in this list has to be understood in another way.
const FILLERS: &[&str] = &[
    "a",
    "an",
    "the",
    "our",
    "my",
    "your",
    "their",
    "its",
    "in",
    "on",
    "at",
    "to",
    "into",
    "onto",
    "for",
    "of",
    "with",
    "within",
    "inside",
    "under",
    "from",
    "by",
    "via",
    "and",
    "plus",
    "then",
    "also",
    "too",
    "as",
    "well",
    "instead",
    "now",
    "today",
    "immediately",
    "right",
    "away",
    "asap",
    "quickly",
    "soon",
    "possible",
    "please",
    "pls",
    "kindly",
    "just",
    "simply",
    "you",
    "hi",
    "hello",
    "hey",
    "morning",
    "evening",
    "afternoon",
    "ok",
    "okay",
    "yes",
    "yeah",
    "sure",
    "so",
    "me",
    "us",
    "it",
    "them",
    "up",
    "out",
    "off",
    "new",
    "fresh",
    "another",
    "more",
    "additional",
    "extra",
    "some",
    "something",
    "same",
    "again",
    "called",
    "named",
    "type",
    "kind",
    "size",
    "x",
    "using",
    "exactly",
    "very",
    "course",
    "definitely",
    "absolutely",
    "gladly",
    "behalf",
    "live",
];

/// Adjectives that say something about the thing which no value says: that it is not really to be there, or how big it is.
const TELLING: &[&str] = &[
    "dry",
    "plan",
    "draft",
    "fake",
    "mock",
    "dummy",
    "pretend",
    "hypothetical",
    "example",
    "imaginary",
    "possible",
    "potential",
    "theoretical",
    "future",
    "eventual",
    "no",
    "not",
    "non",
    "zero",
    "wrong",
    "broken",
    "slow",
    "old",
    "previous",
    "last",
    "first",
    "big",
    "large",
    "small",
    "little",
    "tiny",
    "huge",
    "cheap",
    "fast",
    "strong",
    "powerful",
    "short",
    "long",
];

/// Words for how a thing is or how it went. Beside the name of a thing they tell about it.
const STATES: &[&str] = &[
    "failed",
    "fails",
    "failing",
    "failure",
    "broken",
    "slow",
    "down",
    "green",
    "red",
    "stuck",
    "done",
    "finished",
    "succeeded",
    "success",
    "successful",
    "wrong",
    "fine",
    "dead",
    "unhealthy",
    "healthy",
    "flaky",
    "missing",
    "gone",
    "ready",
    "complete",
    "completed",
    "working",
    "running",
    "cancelled",
    "canceled",
    "aborted",
    "pending",
    "crashed",
    "hanging",
    "unavailable",
];

/// Whether a word changes nothing about a wish.
pub(in super::super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(&word)
}

/// Whether the word at this place of an acting clause is understood.
pub(super) fn understood(words: &[Token], at: usize, mood: Mood, found: &[Match<'_>]) -> bool {
    let Some(token) = words.get(at) else { return true };
    // A value of a parameter, or the same once more; quoted words are values only where a parameter took them.
    let value = |word: &Token| found.iter().any(|one| one.used.contains(&word.start));
    if value(token) || words.iter().any(|other| other.lower == token.lower && !other.is_stop() && value(other)) {
        return true;
    }
    if token.quoted {
        return false;
    }
    let before = at.checked_sub(1).and_then(|before| words.get(before));
    if addressed(words, at, found) {
        return true;
    }
    if before.is_some_and(|before| before.label) || STATES.contains(&token.lower.as_str()) {
        return false;
    }
    let known = |word: &Token| found.iter().any(|one| one.candidate.vocabulary.contains_key(word.concept()));
    if is_filler(&token.lower) || is_fragment(words, at) {
        return true;
    }
    if token.label {
        return false;
    }
    if let Some((family, _)) = lexicon::verb(&token.stem).filter(|(family, _)| *family != Family::Light) {
        // "The test record": a word that is a verb elsewhere can be a thing of the candidate.
        return frame::verb_fits(words, at, family, mood) || known(token) && is_thing(words, at, &known);
    }
    if known(token) || lexicon::is_circumstance(token.concept()) {
        return true;
    }
    if lexicon::verb(&token.stem).is_some() {
        return frame::verb_fits(words, at, Family::Light, mood);
    }
    match token.lower.as_str() {
        // "Only in dev", "the tenant is acme", "not in prod": bound to the value that follows.
        "only" => lexicon::is_place_preposition(lower(words, at + 1)),
        // Thanks in advance, not for what is there.
        "thanks" | "thank" | "cheers" => (at + 1..at + 5).all(|index| lower(words, index) != "for"),
        "there" => at > 0 && matches!(lower(words, at - 1), "hi" | "hello" | "hey"),
        "good" => matches!(lower(words, at + 1), "morning" | "evening" | "afternoon"),
        "much" => at > 0 && lower(words, at - 1) == "very",
        "is" | "be" | "should" => copula(words, at, found),
        _ => names_somebody(words, at, found) || qualifies(words, at, &known),
    }
}

/// "Agent type: compute": the name of the agent itself, after the label with which work is handed to it.
fn addressed(words: &[Token], at: usize, found: &[Match<'_>]) -> bool {
    let label =
        (at.saturating_sub(1)..words.len().min(at + 3)).find(|index| words.get(*index).is_some_and(|word| word.label));
    let Some(value) = label.and_then(|label| words.get(label + 1)) else { return false };
    let word = |index: usize| lower(words, index).to_owned();
    found.iter().any(|one| {
        let address = &one.candidate.address;
        label.is_some_and(|label| {
            value.lower == one.candidate.name
                && address.last().is_some_and(|last| *last == word(label))
                && (at == label + 1 || address.contains(&word(at)))
        })
    })
}

/// A value that was given alone, in answer to what another asked: "...; eu-west-1".
fn is_fragment(words: &[Token], at: usize) -> bool {
    let ends = |index: usize| words.get(index).is_none_or(|word| word.after == Pause::Stop);
    let alone = at.checked_sub(1).is_some_and(ends) && (ends(at) || at + 1 == words.len());
    let word = lower(words, at);
    alone && shape::has_shape(word) && word.starts_with(char::is_alphabetic) && word.chars().any(|c| c.is_ascii_digit())
}

/// A noun: an article, a preposition or another word of the candidate is before it, and no "to".
fn is_thing(words: &[Token], at: usize, known: &impl Fn(&Token) -> bool) -> bool {
    let plain = words.get(at).is_some_and(|token| !token.lower.ends_with("ed") && !token.lower.ends_with("ing"));
    let after = at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|before| {
        matches!(before.lower.as_str(), "up" | "off" | "out")
            || lexicon::is_plain_verb(&before.lower)
            || lexicon::is_article(&before.lower)
            || before.lower != "to" && lexicon::is_place_preposition(&before.lower)
            || known(before)
    });
    plain && after
}

/// "The tenant is acme", "version should be 2.3": between the name of a parameter and its value.
fn copula(words: &[Token], at: usize, found: &[Match<'_>]) -> bool {
    let is_copula = |word: &str| matches!(word, "is" | "be" | "should");
    let link = |index: usize| is_copula(lower(words, index)) || matches!(lower(words, index), "called" | "named");
    let value = (at + 1..words.len()).find(|index| !link(*index)).and_then(|index| words.get(index));
    let name = (0..at).rev().find(|index| !link(*index)).and_then(|index| words.get(index));
    value.is_some_and(|value| found.iter().any(|one| one.used.contains(&value.start)))
        && name.is_some_and(|name| found.iter().any(|one| one.names.contains(name.concept())))
}

/// "For acme" where nothing takes a party: the work is done for somebody, and is the same for everybody.
fn names_somebody(words: &[Token], at: usize, found: &[Match<'_>]) -> bool {
    let partyless = found.iter().any(|one| !one.candidate.innermost().parameters.iter().any(is_party));
    let possessive = words.get(at).is_some_and(|token| token.possessive);
    let before = (0..at).rev().find(|index| !lexicon::is_article(lower(words, *index)));
    partyless
        && (possessive || before.is_some_and(|index| lower(words, index) == "for"))
        && !lexicon::is_stop(lower(words, at))
}

/// "The landing network": an adjective between an article and a word of the candidate.
fn qualifies(words: &[Token], at: usize, known: &impl Fn(&Token) -> bool) -> bool {
    let Some(token) = words.get(at) else { return false };
    let article = at.checked_sub(1).is_some_and(|before| lexicon::is_article(lower(words, before)));
    let noun = words.get(at + 1).is_some_and(|next| known(next) && !next.is_stop());
    let word = token.lower.as_str();
    article
        && noun
        && !TELLING.contains(&word)
        && !lexicon::is_stop(word)
        && !word.ends_with("ed")
        && !word.ends_with('s')
        && !word.ends_with("er")
        && word.chars().all(char::is_alphabetic)
}
