//! Follow-ups: an answer to an open question, "and the same for globex", "is it done?", "try again".
//!
//! A follow-up is turned into a sentence that stands on its own, out of the wish before it. That sentence is read like any
//! other, so there is one way of reading, and a specialist that gets it needs no history.

use std::collections::BTreeSet;

use super::{
    candidates::{World, is_acting},
    lexicon,
    mood::{self, Mood, Talk},
    plain,
    plan::{self, Open, Reading, Refusal, Wish},
    slots::{Clause, Sign, fill, is_party},
    text::{Pause, Token, tokens, words_of},
};

/// What the session has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// The last wish or question, as a sentence that stands on its own.
    pub(super) wish: Option<String>,
    /// The last wish that was for something to be started.
    pub(super) started: Option<String>,
    pub(super) open: Open,
    /// The id the last answer was about.
    pub(super) id: Option<String>,
}

const PRONOUNS: &[&str] = &["it", "that", "this", "them", "they", "those", "one"];
const REPEAT: &[&str] = &["again", "retry", "repeat", "redo", "rerun"];
const REPEAT_FILL: &[&str] = &[
    "try", "please", "it", "that", "do", "now", "run", "the", "one", "once", "more", "time", "go", "same", "thing",
    "start", "deploy", "can", "you", "could", "yes", "ok",
];
/// Words around an answer that change nothing about it: "it is dev", "I mean dev", "let's take dev".
const ANSWERS: &[&str] = &[
    "it", "is", "i", "mean", "meant", "let", "us", "take", "use", "make", "go", "should", "be", "one", "want", "we",
    "need", "that", "this", "thanks", "thank", "cheers",
];
/// Words beside a variation that change nothing about it: "can you do the same in prod, but five".
const CONNECTIVES: &[&str] =
    &["do", "can", "could", "would", "thing", "but", "only", "i", "we", "need", "want", "like", "let", "is", "was"];
const VARIATION: &[&str] = &["and", "also", "same", "too", "instead", "likewise", "about", "now", "then", "again"];

/// The sentence that is meant, and what it comes to.
pub(super) fn read<'a>(world: &World<'a>, text: &str, context: &Context) -> (String, Reading<'a>) {
    let words = tokens(text);
    let alone = plan::read(world, text);
    let reader = Follow { world, text, words: &words, context };
    if !matches!(alone, Reading::Talk(Talk::Identity | Talk::Help | Talk::Greeting | Talk::Thanks | Talk::Decline)) {
        let found = match context.open {
            Open::Nothing => reader.without_question(&alone),
            _ => reader.answer(&alone),
        };
        if let Some(found) = found {
            return found;
        }
    }
    (text.to_owned(), alone)
}

struct Follow<'a, 't> {
    world: &'t World<'a>,
    text: &'t str,
    words: &'t [Token],
    context: &'t Context,
}

impl<'a> Follow<'a, '_> {
    fn plan(&self, sentence: String) -> (String, Reading<'a>) {
        let reading = plan::read(self.world, &sentence);
        (sentence, reading)
    }

    fn has(&self, list: &[&str]) -> bool {
        self.words.iter().any(|word| list.contains(&word.lower.as_str()))
    }

    /// The message as an answer to the open question, unless it is a new wish or question.
    fn answer(&self, alone: &Reading<'a>) -> Option<(String, Reading<'a>)> {
        let wish = self.context.wish.as_ref()?;
        let explicit = matches!(mood::mood(self.words), Mood::Act(..) | Mood::Ask | Mood::Negated | Mood::HowTo);
        let stands = matches!(
            alone,
            Reading::Do(_)
                | Reading::Question(_)
                | Reading::HowTo
                | Reading::Refused(Refusal::Negated | Refusal::Doubt(_))
        );
        if explicit && stands && !self.has(PRONOUNS) {
            return None;
        }
        let attempts = match &self.context.open {
            Open::Nothing => return None,
            Open::Anything => vec![self.append(wish, self.text)],
            Open::Choice(options) => {
                let named = options.iter().find(|(label, _)| self.names(label));
                let by_content = || self.chosen_by_content(options);
                let (label, added) = named.or_else(by_content)?;
                // "Not compute", "compute tomorrow": no choice.
                if !self.says_only(|word| self.belongs_to(label, word)) {
                    return Some(self.plan(wish.clone()));
                }
                vec![self.append(wish, added)]
            }
            Open::Values { parameters, replaces } => {
                let rest = cut(wish, replaces);
                let mut attempts = vec![self.append(&rest, self.text)];
                for parameter in parameters {
                    let label = words_of(parameter).join(" ");
                    attempts.extend(self.bare_value().map(|value| self.append(&rest, &format!("{label}: {value}"))));
                }
                attempts
            }
        };
        let before = self.open_parameters(wish);
        let mut read: Vec<(String, Reading<'a>)> = attempts.into_iter().map(|sentence| self.plan(sentence)).collect();
        // The attempt that leaves the fewest questions, if it leaves fewer than there were.
        let asked = match &self.context.open {
            Open::Values { parameters, .. } => parameters.as_slice(),
            _ => &[],
        };
        let questions = |reading: &Reading<'_>| match reading {
            Reading::Do(wishes) => {
                let unanswered = |name: &&String| !wishes.iter().any(|wish| wish.facts.contains_key(*name));
                asked.iter().filter(unanswered).count()
            }
            Reading::Question(question) => match &question.open {
                Open::Values { parameters, .. } => parameters.len(),
                _ => usize::MAX - 1,
            },
            _ => usize::MAX,
        };
        read.sort_by_key(|(_, reading)| questions(reading));
        let best = read.into_iter().next()?;
        let progress = questions(&best.1) < before || matches!(self.context.open, Open::Choice(_) | Open::Anything);
        if progress {
            return Some(best);
        }
        // What is not clear in the wish itself does not get clear by asking again.
        let replaced: &[(usize, usize)] = match &self.context.open {
            Open::Values { replaces, .. } => replaces,
            _ => &[],
        };
        let kept = self.append(&cut(wish, replaced), "").len();
        if matches!(&best.1, Reading::Refused(Refusal::Doubt(doubt)) if doubt.start < kept) {
            return Some(best);
        }
        // No answer, no wish and no clear question: ask again.
        let looks_up = |wishes: &[Wish<'_>]| wishes.iter().all(|wish| !wish.candidate.acting);
        let guessed = !explicit && matches!(alone, Reading::Do(wishes) if looks_up(wishes));
        (!stands || guessed).then(|| self.plan(wish.clone()))
    }

    /// How many values the wish lacks; as many as can be, when what was refused is not seen in the wish itself.
    fn open_parameters(&self, wish: &str) -> usize {
        match plan::read(self.world, wish) {
            Reading::Question(question) => match question.open {
                Open::Values { parameters, .. } => parameters.len(),
                _ => usize::MAX,
            },
            _ => usize::MAX,
        }
    }

    fn append(&self, wish: &str, text: &str) -> String {
        format!("{}; {}", wish.trim_end_matches([' ', ',', '.', '?', '!']), text.trim())
    }

    fn names(&self, label: &str) -> bool {
        let label = tokens(label);
        !label.is_empty()
            && label
                .iter()
                .all(|part| self.words.iter().any(|word| word.stem == part.stem || word.concept() == part.concept()))
    }

    fn chosen_by_content<'o>(&self, options: &'o [(String, String)]) -> Option<&'o (String, String)> {
        let score = |label: &str| -> f64 {
            let of_label = self.world.all.iter().filter(|one| one.acting && one.label() == label);
            let words = self.words.iter().filter(|word| !word.is_stop());
            of_label.flat_map(|one| words.clone().filter_map(|word| one.vocabulary.get(word.concept()))).sum()
        };
        let best = options.iter().max_by(|a, b| score(&a.0).total_cmp(&score(&b.0)))?;
        (score(&best.0) > 1.0).then_some(best)
    }

    /// The value that the message consists of, with only words around it that change nothing: "dev", "in production please",
    /// "it's for globex", "three hundred".
    fn bare_value(&self) -> Option<String> {
        let content = |word: &&Token| {
            word.quoted
                || word.number().is_some()
                || !plain::is_filler(&word.lower) && !ANSWERS.contains(&word.lower.as_str())
        };
        let values: Vec<&Token> = self.words.iter().filter(content).collect();
        let (first, last) = (values.first()?, values.last()?);
        let one = values.len() == 1
            && !(first.is_stop() && first.number().is_none())
            && (first.quoted || lexicon::verb(&first.stem).is_none() || self.words.len() == 1);
        let number = values.len() > 1 && values.iter().all(|word| word.number().is_some());
        let asks = self.words.iter().any(|word| word.after == Pause::Question);
        if asks || !(one || number) {
            return None;
        }
        let text = self.text.get(first.start..last.end)?;
        Some(if first.quoted { format!("\"{text}\"") } else { text.to_owned() })
    }

    /// Whether every word of the message is one of these or changes nothing.
    fn says_only(&self, these: impl Fn(&Token) -> bool) -> bool {
        let asks = self.words.iter().any(|word| word.after == Pause::Question);
        let harmless = |word: &Token| plain::is_filler(&word.lower) || ANSWERS.contains(&word.lower.as_str());
        !asks && self.words.iter().all(|word| these(word) || !word.quoted && harmless(word))
    }

    /// Whether a word is of an option's name or of what the option is about.
    fn belongs_to(&self, label: &str, word: &Token) -> bool {
        let of_label = tokens(label).iter().any(|part| part.stem == word.stem || part.concept() == word.concept());
        let mut candidates = self.world.all.iter().filter(|one| one.acting && one.label() == label);
        of_label || candidates.any(|one| one.vocabulary.contains_key(word.concept()))
    }

    fn without_question(&self, alone: &Reading<'a>) -> Option<(String, Reading<'a>)> {
        let repeat = self.has(REPEAT)
            || self.has(&["same"]) && self.has(&["thing"])
            || self.has(&["once"]) && self.has(&["more"]);
        let only_repeat = self
            .words
            .iter()
            .all(|word| REPEAT.contains(&word.lower.as_str()) || REPEAT_FILL.contains(&word.lower.as_str()));
        if repeat && only_repeat {
            return self.context.started.clone().map(|sentence| self.plan(sentence));
        }
        self.about_the_last_run(alone).or_else(|| self.variation(alone))
    }

    /// "Is it done?", "status?": about what the last answer was about.
    fn about_the_last_run(&self, alone: &Reading<'a>) -> Option<(String, Reading<'a>)> {
        let id = self.context.id.as_ref()?;
        if mood::mood(self.words) != Mood::Ask || self.words.iter().any(Token::is_uuid) {
            return None;
        }
        if matches!(alone, Reading::Do(wishes) if wishes.iter().any(|wish| !wish.facts.is_empty())) {
            return None;
        }
        let definite = self.words.windows(2).any(|pair| matches!(pair, [a, b] if matches!(a.lower.as_str(), "the" | "my") && matches!(b.stem.as_str(), "deploy" | "pipelin" | "run" | "execution" | "status" | "job" | "result")));
        let empty = self
            .words
            .iter()
            .all(|word| word.is_stop() || lexicon::is_asking_noun(&word.stem) || lexicon::verb(&word.stem).is_some());
        // "Status?", "done yet?"
        let elliptic = self.words.len() <= 3 && !self.has(&["what", "which", "show", "list", "anything"]);
        let meant = empty && (elliptic || self.has(PRONOUNS)) || definite && (empty || matches!(alone, Reading::Do(_)));
        let everything = self.has(&["everything", "anything", "all"]);
        if !meant || everything {
            return None;
        }
        let parameter = self
            .world
            .agent
            .action_groups
            .iter()
            .flat_map(|group| &group.functions)
            .filter(|function| !is_acting(function))
            .flat_map(|function| &function.parameters)
            .find(|parameter| parameter.required && parameter.name.ends_with("_id") && !is_party(parameter))?;
        Some(self.plan(self.append(self.text, &format!("{}: {id}", words_of(&parameter.name).join(" ")))))
    }

    /// "And the same for globex", "and in staging": the last wish with other values.
    fn variation(&self, alone: &Reading<'a>) -> Option<(String, Reading<'a>)> {
        let wish = self.context.wish.as_ref()?;
        let mood = mood::mood(self.words);
        let stands = matches!(alone, Reading::Do(_) | Reading::Question(_));
        let Reading::Do(wishes) = plan::read(self.world, wish) else { return None };
        let [last] = wishes.as_slice() else { return None };
        if !self.has(VARIATION) || stands && !self.has(&["same", "about"]) || mood == Mood::Negated {
            return None;
        }
        // A question after a wish asks about it; it does not wish the same again.
        if last.candidate.acting && mood == Mood::Ask {
            return None;
        }
        let (sentence, changed) = self.changed(wish, last);
        if changed.is_empty() {
            return None;
        }
        // "The same in prod" is a wish; "Ann wants the same in prod" and "the same in prod tomorrow" are not.
        let plain = |word: &Token| {
            let lower = word.lower.as_str();
            changed.contains(&word.start)
                || !word.quoted
                    && (plain::is_filler(lower)
                        || VARIATION.contains(&lower)
                        || CONNECTIVES.contains(&lower)
                        || lexicon::is_circumstance(word.concept())
                        || lexicon::verb(&word.stem).is_none()
                            && last.candidate.vocabulary.contains_key(word.concept()))
        };
        match self.words.iter().find(|word| last.candidate.acting && !plain(word)) {
            Some(word) => Some((self.text.to_owned(), Reading::Refused(Refusal::Doubt(plain::Doubt::of_word(word))))),
            None => Some(self.plan(sentence)),
        }
    }

    /// The wish with the values of the message, and where the words of those values begin in the message.
    fn changed(&self, wish: &str, last: &Wish<'a>) -> (String, BTreeSet<usize>) {
        let clause = Clause { tokens: self.words, known: &self.world.known, head: None, sentence: self.text };
        let mut edits: Vec<(usize, usize, String)> = Vec::new();
        let mut added = String::new();
        let mut changed = BTreeSet::new();
        let mut seen: Vec<&str> = Vec::new();
        for function in [last.candidate.innermost(), last.candidate.function] {
            let filling = fill(function, clause);
            for parameter in &function.parameters {
                let Some(slot) = filling
                    .slots
                    .get(&parameter.name)
                    .filter(|slot| slot.sign != Sign::Text && slot.sign != Sign::Leftover)
                else {
                    continue;
                };
                if seen.contains(&parameter.name.as_str()) {
                    continue;
                }
                seen.push(&parameter.name);
                changed.extend(slot.words.iter().filter_map(|at| self.words.get(*at)).map(|word| word.start));
                match last.spans.get(&parameter.name).map(Vec::as_slice) {
                    Some([(start, end)]) => edits.push((*start, *end, slot.value.clone())),
                    // The same place twice, or a number in several words.
                    Some(spans) if !parameter.allowed.is_empty() || slot.sign == Sign::Number => {
                        let repeated = !parameter.allowed.is_empty();
                        edits.extend(spans.iter().enumerate().map(|(at, (start, end))| {
                            let value = if at == 0 || repeated { slot.value.clone() } else { String::new() };
                            (*start, *end, value)
                        }));
                    }
                    _ => added.push_str(&format!("; {}: {}", words_of(&parameter.name).join(" "), slot.value)),
                }
            }
        }
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.0));
        let mut sentence = wish.to_owned();
        for (start, end, value) in edits {
            if sentence.is_char_boundary(start) && sentence.is_char_boundary(end) && start <= end {
                sentence.replace_range(start..end, &value);
            }
        }
        sentence = format!("{}{added}", sentence.trim_end_matches([' ', ',', '.', '?', '!']));
        (sentence, changed)
    }
}

/// The sentence without the words that an answer replaces.
fn cut(sentence: &str, spans: &[(usize, usize)]) -> String {
    let mut spans = spans.to_vec();
    spans.sort_unstable_by_key(|span| std::cmp::Reverse(span.0));
    let mut rest = sentence.to_owned();
    for (start, end) in spans {
        if rest.is_char_boundary(start) && rest.is_char_boundary(end) && start <= end {
            rest.replace_range(start..end, "");
        }
    }
    rest
}
