//! The form of a wish: which words around the verb make it an order, a request or a want.

use std::collections::BTreeSet;

use super::{
    super::{
        lexicon::{self, Family},
        mood::{self, Mood},
        text::{Pause, Token},
    },
    Doubt, Reason, lower, pieces,
};

/// Verbs that only carry a wish, where they begin it: "give me three servers", "get the network running".
const CARRIERS: &[&str] =
    &["give", "get", "have", "put", "bring", "set", "go", "stand", "do", "try", "help", "make", "want", "need"];
/// What may stand between a carrier and the verb it carries: "help me to deploy", "go ahead and deploy".
const BETWEEN: &[&str] = &["me", "us", "to", "and", "ahead", "please", "now", "then", "also", "just"];
/// Words that stand for who wishes, whose own needs are wishes.
const WISHERS: &[&str] = &["i", "we"];
/// What a wisher does who wishes.
const WISHES: &[&str] = &["want", "need", "like", "love", "wish"];
/// Words that begin a circumstance said ahead: "in dev, deploy ...".
const AHEAD: &[&str] = &["in", "on", "for", "at", "with"];

/// The words that the form of the clause explains, or the word that makes it something else than a wish.
pub(super) fn explained(words: &[Token], mood: Mood) -> Result<BTreeSet<usize>, Doubt> {
    let head = if let Mood::Act(_, _, at) = mood { Some(at) } else { None };
    let mut explained = BTreeSet::new();
    for (number, piece) in pieces(words).into_iter().enumerate() {
        let tokens = words.get(piece.clone()).unwrap_or_default();
        let own = head.filter(|at| piece.contains(at)).map(|at| at - piece.start);
        let of_piece = match own {
            Some(at) => ordered(tokens, at)?,
            None if head.is_some_and(|at| at >= piece.end) => told_before(tokens)?,
            None => wanted(tokens, number > 0)?,
        };
        explained.extend(of_piece.into_iter().map(|at| at + piece.start));
    }
    Ok(explained)
}

fn doubt(tokens: &[Token], at: usize) -> Doubt {
    tokens.get(at).or_else(|| tokens.first()).map_or_else(
        || Doubt { reason: Reason::Form, word: String::new(), start: 0 },
        |token| Doubt::new(Reason::Form, token),
    )
}

/// A sentence with the verb of the wish.
fn ordered(tokens: &[Token], head: usize) -> Result<BTreeSet<usize>, Doubt> {
    let first = mood::lead_in(tokens);
    lead(tokens, first)?;
    let asks = tokens.last().is_some_and(|last| last.after == Pause::Question);
    let requested = (0..first).any(|at| {
        matches!(lower(tokens, at), "can" | "could" | "would" | "will") || WISHES.contains(&lower(tokens, at))
    });
    if asks && !requested {
        return Err(doubt(tokens, head));
    }
    let plain = tokens.get(head).is_some_and(|token| lexicon::is_plain_verb(&token.lower));
    let prefix = first.min(head)..head;
    let between = |from: usize, list: &[&str]| (from..head).all(|at| list.contains(&lower(tokens, at)));
    let carried = CARRIERS.contains(&lower(tokens, first)) && first < head;
    let mut explained: BTreeSet<usize> = (0..first).chain([head]).collect();
    let fits = if prefix.is_empty() {
        plain
    } else if let Some(from) = passive(tokens, head, requested) {
        explained.extend(from..head);
        true
    } else if twice_negated(tokens, first, head) {
        explained.extend(prefix.clone());
        plain
    } else if carried && plain {
        explained.extend(prefix.clone());
        between(first + 1, BETWEEN)
    } else if plain && interjection(tokens, prefix.clone()) {
        explained.extend(prefix.clone());
        true
    } else if plain {
        // "In dev, deploy ...": what is said ahead is read like the rest.
        AHEAD.contains(&lower(tokens, first)) && !prefix.clone().any(|at| lower(tokens, at) == "to")
    } else {
        // "Get two servers running", "I want billing 2.0 deployed": the thing stands between.
        let ends = tokens.get(head).is_some_and(|token| token.lower.ends_with("ed") || token.lower == "running");
        let thing = prefix
            .clone()
            .skip(usize::from(carried))
            .any(|at| tokens.get(at).is_some_and(|token| !token.is_stop() && lexicon::verb(&token.stem).is_none()));
        if carried {
            explained.insert(first);
        }
        ends && thing && (carried || requested) && !prefix.clone().any(|at| lower(tokens, at) == "to")
    };
    if fits { Ok(explained) } else { Err(doubt(tokens, if prefix.is_empty() { head } else { first })) }
}

/// "Great, now deploy ...".
fn interjection(tokens: &[Token], mut prefix: std::ops::Range<usize>) -> bool {
    const PRAISE: &[&str] = &[
        "great",
        "perfect",
        "cool",
        "good",
        "thanks",
        "thank",
        "you",
        "alright",
        "fine",
        "right",
        "there",
        "morning",
        "evening",
        "afternoon",
    ];
    const ON: &[&str] = &["now", "so", "then", "please", "and"];
    let paused = tokens.get(prefix.clone()).is_some_and(|words| words.iter().any(|word| word.after == Pause::Comma));
    paused && prefix.all(|at| PRAISE.contains(&lower(tokens, at)) || ON.contains(&lower(tokens, at)))
}

/// Where "should be deployed", "needs to be deployed" begins; after "I want ..." also "to be deployed".
fn passive(tokens: &[Token], head: usize, requested: bool) -> Option<usize> {
    let participle = tokens.get(head).is_some_and(|token| {
        token.lower.ends_with("ed") && matches!(lexicon::verb(&token.stem), Some((Family::Make | Family::Upgrade, _)))
    });
    let be = head.checked_sub(1).filter(|at| participle && lower(tokens, *at) == "be")?;
    let modal = be.checked_sub(1)?;
    let begins = match lower(tokens, modal) {
        "should" | "must" | "shall" => Some(modal),
        "to" if requested => Some(modal),
        "to" => modal.checked_sub(1).filter(|at| matches!(lower(tokens, *at), "needs" | "need" | "has" | "have")),
        _ => None,
    };
    begins.filter(|at| *at > 0)
}

/// "Don't forget to deploy".
fn twice_negated(tokens: &[Token], first: usize, head: usize) -> bool {
    let not = if lower(tokens, first) == "do" { first + 1 } else { first };
    matches!(lower(tokens, not), "not" | "never")
        && tokens.get(not + 1).is_some_and(|token| mood::DOUBLE_NEGATIVES.contains(&token.stem.as_str()))
        && (not + 2..head).all(|at| matches!(lower(tokens, at), "to" | "please"))
}

/// The polite beginning of a wish. Not every one is one: "can I deploy" asks for leave, "I would deploy" supposes.
fn lead(tokens: &[Token], first: usize) -> Result<(), Doubt> {
    for at in 0..first {
        let before = at.checked_sub(1).map_or("", |before| lower(tokens, before));
        let next = lower(tokens, at + 1);
        let wrong = match lower(tokens, at) {
            "maybe" => true,
            "to" => !matches!(before, "want" | "need" | "like" | "love" | "wish" | "you" | "sure" | "us" | "please"),
            "can" | "could" | "would" | "will" if WISHERS.contains(&next) => {
                !matches!(lower(tokens, first), "have" | "get")
            }
            word if WISHERS.contains(&word) && next == "would" => !WISHES.contains(&lower(tokens, at + 2)),
            _ => false,
        };
        if wrong {
            return Err(doubt(tokens, at));
        }
    }
    Ok(())
}

/// What is told ahead of a wish may only introduce what the wish is about: "We have a new customer called initech."
fn told_before(tokens: &[Token]) -> Result<BTreeSet<usize>, Doubt> {
    let has = |at: usize| matches!(lower(tokens, at), "have" | "got");
    if WISHERS.contains(&lower(tokens, 0)) && has(1) {
        return Ok((0..if has(2) { 3 } else { 2 }).collect());
    }
    wanted(tokens, false)
}

/// A sentence without a verb of its own: "I need ...", "three servers", and after a wish "it is for acme".
fn wanted(tokens: &[Token], later: bool) -> Result<BTreeSet<usize>, Doubt> {
    let first = mood::lead_in(tokens);
    lead(tokens, first)?;
    let mut explained: BTreeSet<usize> = (0..first).collect();
    let word = |at: usize| lower(tokens, at);
    if CARRIERS.contains(&word(first)) {
        // "Give away", "get out of": the particle turns it around.
        let turned = |at: &usize| matches!(word(*at), "away" | "out" | "off") && word(at - 1) != "right";
        if let Some(at) = (first + 1..tokens.len()).find(turned) {
            return Err(doubt(tokens, at));
        }
        explained.insert(first);
    } else if later && matches!(word(first), "it" | "that" | "this" | "they" | "them") {
        let verb = match (word(first + 1), word(first + 2)) {
            ("is" | "are", _) => 1,
            ("should" | "must" | "shall", "be") => 2,
            _ => 0,
        };
        explained.extend(first..=first + verb);
    }
    // "The app billing should be deployed".
    if let Some((from, head)) = (first..tokens.len()).find_map(|at| passive(tokens, at, first > 0).zip(Some(at))) {
        explained.extend(from..=head);
    }
    Ok(explained)
}

/// Whether a verb's word fits where it stands besides the verb of the wish: as a noun ("the release of"), joined to another
/// order ("build and deploy", "make them t3.small"), or right after it ("start deploying").
pub(super) fn verb_fits(words: &[Token], at: usize, family: Family, mood: Mood) -> bool {
    let Some(token) = words.get(at) else { return false };
    let before = at.checked_sub(1).and_then(|before| words.get(before));
    let begins = before
        .is_none_or(|before| before.after != Pause::None || matches!(before.lower.as_str(), "and" | "then" | "please"));
    let plain = lexicon::is_plain_verb(&token.lower);
    let noun = mood::is_noun_here(words, at) && !token.lower.ends_with("ed");
    let deed = token.lower.ends_with("ment") || token.lower.ends_with("ments") || token.lower.ends_with("ing");
    let after_head = matches!(mood, Mood::Act(_, _, head) if head + 1 == at);
    match family {
        Family::Make => begins && plain || noun || token.lower.ends_with("ment") || after_head && deed,
        // After something else "use t3.large" only adds to it.
        Family::Light => {
            let adds = at > 0 && matches!(token.lower.as_str(), "use" | "take");
            begins && plain && (adds || CARRIERS.contains(&token.lower.as_str()))
        }
        _ => false,
    }
}
