//! What a sentence is: a question, a wish, a refusal, small talk.

use super::{
    lexicon::{self, Family},
    text::{Pause, Token},
};

/// What a clause wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// To know something.
    Ask,
    /// Something done: family and concept of the verb, and where it stands.
    Act(Family, &'static str, usize),
    /// Something, without a verb that says what: "I need ...", "three servers".
    Bare,
    /// That something is not done.
    Negated,
    /// To tell something.
    Statement,
    /// To know how one does something.
    HowTo,
}

/// Small talk and questions about the agent itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talk {
    Identity,
    Help,
    Greeting,
    Thanks,
    /// "No", "never mind".
    Decline,
}

const GREETINGS: &[&str] =
    &["hi", "hello", "hey", "good", "morning", "evening", "afternoon", "day", "there", "greetings", "howdy"];
const THANKS: &[&str] = &[
    "thanks", "thank", "you", "great", "cool", "perfect", "nice", "ok", "okay", "very", "much", "awesome", "good",
    "cheers", "a", "lot", "so", "well", "done",
];
const DECLINES: &[&str] = &[
    "no",
    "nope",
    "never",
    "mind",
    "nevermind",
    "forget",
    "it",
    "cancel",
    "that",
    "stop",
    "nothing",
    "thanks",
    "thank",
    "you",
    "don",
    "do",
    "not",
    "leave",
    "please",
    "abort",
];
const SELF: &[&str] = &[
    "who",
    "what",
    "robot",
    "bot",
    "ai",
    "human",
    "llm",
    "gpt",
    "chatgpt",
    "claude",
    "person",
    "real",
    "model",
    "assistant",
    "machine",
];
const NEGATORS: &[&str] = &["not", "never", "no", "without", "avoid", "neither", "nor"];
/// After these a negation is a wish after all: "don't forget to deploy".
pub(super) const DOUBLE_NEGATIVES: &[&str] = &["forget", "hesitate", "wait", "fail"];
const SUBJECTS: &[&str] = &["i", "we", "they", "he", "she", "somebody", "someone", "it", "you"];
const FINITE: &[&str] =
    &["is", "are", "was", "were", "am", "has", "had", "looks", "seems", "keeps", "does", "did", "been"];

/// Small talk, if the whole sentence is that.
pub(super) fn talk(tokens: &[Token]) -> Option<Talk> {
    let all_of = |words: &[&str]| tokens.iter().all(|token| words.contains(&token.lower.as_str()));
    let has = |word: &str| tokens.iter().any(|token| token.lower == word);
    let at = |index: usize| tokens.get(index).map_or("", |token| token.lower.as_str());
    if tokens.is_empty() {
        return Some(Talk::Help);
    }
    if all_of(GREETINGS) {
        return Some(Talk::Greeting);
    }
    if all_of(THANKS)
        && (has("thanks")
            || has("thank")
            || has("great")
            || has("perfect")
            || has("cheers")
            || has("cool")
            || tokens.len() <= 2 && (has("ok") || has("okay")))
    {
        return Some(Talk::Thanks);
    }
    if all_of(DECLINES)
        && (has("no")
            || has("nope")
            || has("never")
            || has("nevermind")
            || has("forget")
            || has("cancel")
            || has("stop")
            || has("nothing")
            || has("not")
            || has("abort"))
    {
        return Some(Talk::Decline);
    }
    let about_self = tokens.windows(2).any(|pair| match pair {
        [a, b] => {
            (a.lower == "are" && b.lower == "you")
                || (a.lower == "your" && b.lower == "name")
                || (a.lower == "you" && b.lower == "are")
        }
        _ => false,
    });
    if (has("your") && has("name"))
        || about_self && tokens.iter().any(|token| SELF.contains(&token.lower.as_str())) && tokens.len() <= 9
    {
        return Some(Talk::Identity);
    }
    let can_you = (has("can") || has("do") || has("could")) && has("you") && at(0) == "what" && tokens.len() <= 8;
    let only_help = tokens.iter().all(|token| {
        token.is_stop() || matches!(token.stem.as_str(), "help" | "command" | "option" | "capability" | "work")
    });
    if can_you
        || only_help
            && tokens.iter().any(|token| matches!(token.stem.as_str(), "help" | "command" | "option" | "capability"))
        || only_help && has("work") && at(0) == "how"
    {
        return Some(Talk::Help);
    }
    None
}

/// The verb at a place, with the particle that changes its meaning.
pub(super) fn verb_at(tokens: &[Token], at: usize) -> Option<(Family, &'static str)> {
    let token = tokens.get(at).filter(|token| !token.quoted && !token.possessive)?;
    // "deployment", "installation": nouns, even where the stem is a verb's.
    if token.lower.ends_with("ment") || token.lower.ends_with("ments") {
        return None;
    }
    // What follows a label is its value.
    if at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| before.label) {
        return None;
    }
    let particle =
        tokens.iter().skip(at + 1).take(5).find_map(|particle| lexicon::phrase(&token.stem, &particle.lower));
    if let Some(meaning) = particle {
        return lexicon::verb(&meaning);
    }
    lexicon::verb(&token.stem)
}

/// The mood of one clause.
pub(super) fn mood(tokens: &[Token]) -> Mood {
    let first = lead_in(tokens);
    let at = |index: usize| tokens.get(index).map_or("", |token| token.lower.as_str());
    let asks = tokens.last().is_some_and(|last| last.after == Pause::Question);
    let requested = first > 0
        && (0..first)
            .any(|index| matches!(at(index), "can" | "could" | "would" | "will" | "want" | "need" | "like" | "let"));
    if at(first) == "how"
        && matches!(at(first + 1), "do" | "to" | "can" | "would" | "could" | "should")
        && at(first + 2) != "you"
        && !tokens.iter().any(|token| token.is_uuid())
    {
        return Mood::HowTo;
    }
    // "Do not deploy" begins like a question and is none.
    let order = at(first) == "do" && (!asks || at(first + 1) == "not");
    let question = lexicon::starts_question(at(first)) && !order;
    let negation = if question { None } else { negated(tokens) };
    if negation.is_some() {
        return Mood::Negated;
    }
    if question && !(at(first) == "have" && requested) && !matches!((at(first), asks), ("any", false)) {
        return Mood::Ask;
    }
    if tokens.get(first).is_some_and(|token| lexicon::is_asking_noun(&token.stem)) {
        return Mood::Ask;
    }
    let mut light = false;
    for index in first..tokens.len() {
        let Some(token) = tokens.get(index) else { break };
        match verb_at(tokens, index) {
            Some((Family::Ask, _)) if index == first || light || requested => return Mood::Ask,
            Some((Family::Light, _)) if index == first || light => light = true,
            Some((family, concept)) if family != Family::Light && family != Family::Ask => {
                let past = token.lower.ends_with("ed");
                let told = past && index > 0 && !light && !requested;
                let noun = index > first && is_noun_here(tokens, index);
                if told && (0..index).any(|before| SUBJECTS.contains(&at(before)) || FINITE.contains(&at(before))) {
                    return if asks { Mood::Ask } else { Mood::Statement };
                }
                if !noun
                    && (index == first || light || requested || !past)
                    && (!asks || requested || light || index == first)
                {
                    return Mood::Act(family, concept, index);
                }
            }
            _ if light && lexicon::is_asking_noun(&token.stem) => return Mood::Ask,
            _ => {}
        }
    }
    if asks && !requested && !light {
        return Mood::Ask;
    }
    if !light && !requested && (first..tokens.len()).any(|index| FINITE.contains(&at(index))) {
        return Mood::Statement;
    }
    Mood::Bare
}

/// A verb's word used as a noun: after an article, a possessive or a preposition of place.
pub(super) fn is_noun_here(tokens: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| tokens.get(before)) else { return false };
    before.possessive
        || lexicon::is_article(&before.lower)
        || matches!(before.lower.as_str(), "in" | "on" | "for" | "of" | "at")
}

/// Where the clause really begins, after "please", "could you", "I want to", "let's".
pub(super) fn lead_in(tokens: &[Token]) -> usize {
    let mut at = 0;
    let word = |index: usize| tokens.get(index).map_or("", |token| token.lower.as_str());
    loop {
        let here = word(at);
        let step = match here {
            "please" | "pls" | "hi" | "hello" | "hey" | "ok" | "okay" | "so" | "now" | "then" | "and" | "also"
            | "well" | "but" | "next" | "finally" | "first" | "afterwards" | "yes" | "just" | "kindly" | "let"
            | "lets" | "us" | "to" | "maybe" => 1,
            "can" | "could" | "would" | "will"
                if matches!(word(at + 1), "you" | "we" | "i" | "somebody" | "someone") =>
            {
                2
            }
            "i" | "we" if matches!(word(at + 1), "want" | "need" | "would" | "wish") => 2,
            "like" | "love" | "you" | "want" | "need" if at > 0 => 1,
            "go" if word(at + 1) == "ahead" => 2,
            "make" if word(at + 1) == "sure" => 2,
            _ => 0,
        };
        if step == 0 || at + step >= tokens.len() {
            return at;
        }
        at += step;
    }
}

/// Where a negation stands that turns a verb around: "don't deploy", "never start", "no deployments".
fn negated(tokens: &[Token]) -> Option<usize> {
    tokens.iter().enumerate().find_map(|(at, token)| {
        if !NEGATORS.contains(&token.lower.as_str()) || token.quoted {
            return None;
        }
        let after: Vec<&Token> = tokens.iter().skip(at + 1).take(3).collect();
        if after.iter().any(|token| DOUBLE_NEGATIVES.contains(&token.stem.as_str())) {
            return None;
        }
        let verb =
            after.iter().any(|token| lexicon::verb(&token.stem).is_some_and(|(family, _)| family != Family::Ask));
        let touch = after.iter().any(|token| matches!(token.stem.as_str(), "touch" | "anyth" | "anything"));
        (verb || touch).then_some(at)
    })
}
