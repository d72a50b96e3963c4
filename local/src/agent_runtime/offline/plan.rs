//! From a complete sentence to what is to be done about it.

use std::collections::{BTreeMap, BTreeSet};

use handlers::definitions::Parameter;

use super::{
    candidates::{Candidate, World},
    choose::{self, Choice, Match},
    mood::{self, Mood, Talk},
    plain::{self, Doubt},
    slots::{Clause, Filling, Sign, Slot, fill, is_party, is_place, takes_text},
    split,
    text::{Token, tokens, words_of},
    words,
};

/// Most wishes of one sentence.
const MAX_WISHES: usize = 3;

/// What a sentence comes to.
#[derive(Debug)]
pub(super) enum Reading<'a> {
    Talk(Talk),
    HowTo,
    /// Nothing is done, and this is why.
    Refused(Refusal),
    /// Something is not clear.
    Question(Question),
    /// This is to be done, one after the other.
    Do(Vec<Wish<'a>>),
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The user said not to.
    Negated,
    /// No function does that.
    Unsupported,
    /// The sentence tells something; it neither wishes nor asks.
    Statement,
    /// It may be a wish, and is not plain enough to start something.
    Doubt(Doubt),
}

/// A question to the user, and what an answer to it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) open: Open,
}

/// What an answer would complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Open {
    /// Nothing is open.
    #[default]
    Nothing,
    /// Values: parameter names, and bytes of the wish that the answer replaces.
    Values { parameters: Vec<String>, replaces: Vec<(usize, usize)> },
    /// One of these: what the user may say, and what is added to the wish.
    Choice(Vec<(String, String)>),
    /// Whatever the specialist asked.
    Anything,
}

/// Something to do.
#[derive(Debug, Clone)]
pub(super) struct Wish<'a> {
    pub(super) candidate: Candidate<'a>,
    /// Arguments of the call.
    pub(super) arguments: BTreeMap<String, String>,
    /// Everything the sentence said: values of the specialist's parameters too.
    pub(super) facts: BTreeMap<String, String>,
    /// Where in the sentence each fact stands (bytes).
    pub(super) spans: BTreeMap<String, Vec<(usize, usize)>>,
}

/// Reads a sentence that stands on its own.
pub(super) fn read<'a>(world: &World<'a>, sentence: &str) -> Reading<'a> {
    let words = tokens(sentence);
    if let Some(talk) = mood::talk(&words) {
        return Reading::Talk(talk);
    }
    let reader = Reader { all: &world.all, known: &world.known, words: &words, sentence };
    reader.read()
}

struct Reader<'a, 'r> {
    all: &'r [Candidate<'a>],
    known: &'r BTreeSet<String>,
    words: &'r [Token],
    sentence: &'r str,
}

impl<'a> Reader<'a, '_> {
    fn read(&self) -> Reading<'a> {
        let clauses = split::clauses(self.words);
        let negated = clauses.iter().any(|clause| clause.mood == Mood::Negated);
        let kept: Vec<_> = clauses.into_iter().filter(|clause| clause.mood != Mood::Negated).collect();
        if negated && !kept.iter().any(|clause| matches!(clause.mood, Mood::Ask | Mood::Act(..))) {
            return Reading::Refused(Refusal::Negated);
        }
        let mut wishes: Vec<Match<'a>> = Vec::new();
        let mut first_trouble = None;
        let mut first_doubt = None;
        for clause in &kept {
            match self.clause(&clause.words, clause.mood) {
                Ok((found, doubt)) => {
                    wishes.extend(found);
                    first_doubt = first_doubt.or(doubt);
                }
                Err(trouble) => first_trouble = first_trouble.or(Some(trouble)),
            }
        }
        // What was not understood is not passed over: part of it could be a condition.
        if let Some(trouble) = first_trouble {
            return trouble;
        }
        if wishes.is_empty() || wishes.len() > MAX_WISHES {
            return Reading::Refused(Refusal::Unsupported);
        }
        let words_of = |asking: bool| -> Vec<Token> {
            let of_kind = kept.iter().filter(|clause| asking || clause.mood != Mood::Ask);
            of_kind.flat_map(|clause| clause.words.clone()).collect()
        };
        let reading = self.complete(wishes, &words_of(true), &words_of(false));
        match (reading, first_doubt) {
            (Reading::Do(_), Some(doubt)) => Reading::Refused(Refusal::Doubt(doubt)),
            (reading, _) => reading,
        }
    }

    /// What a clause is about, and a word in it that was not understood.
    fn clause(&self, words: &[Token], mood: Mood) -> Result<(Vec<Match<'a>>, Option<Doubt>), Reading<'a>> {
        let head = if let Mood::Act(_, _, at) = mood { Some(at) } else { None };
        let text = split::text(words, self.sentence);
        let clause = Clause { tokens: words, known: self.known, head, sentence: &text };
        let choice = match mood {
            Mood::HowTo => return Err(Reading::HowTo),
            Mood::Statement => return Err(Reading::Refused(Refusal::Statement)),
            Mood::Negated => return Err(Reading::Refused(Refusal::Negated)),
            Mood::Ask => choose::asking(self.all, clause),
            Mood::Act(..) | Mood::Bare => {
                if let Some(parts) = self.enumeration(words, mood) {
                    return plainly(words, mood, parts);
                }
                match choose::acting(self.all, mood, clause) {
                    Choice::Nothing if mood == Mood::Bare => choose::asking(self.all, clause),
                    other => other,
                }
            }
        };
        match choice {
            Choice::One(one) => plainly(words, mood, vec![*one]),
            Choice::Several(several) => {
                let question = words::which(&several);
                plainly(words, mood, several).and(Err(Reading::Question(question)))
            }
            Choice::Nothing => Err(Reading::Refused(Refusal::Unsupported)),
        }
    }

    /// "the network and three servers": parts that each are something else to do.
    fn enumeration(&self, words: &[Token], mood: Mood) -> Option<Vec<Match<'a>>> {
        let parts = split::parts(words);
        if parts.len() < 2 || parts.len() > MAX_WISHES {
            return None;
        }
        let mut found: Vec<Match<'a>> = Vec::new();
        for part in &parts {
            let text = split::text(part, self.sentence);
            // The verb stands in the first part and counts for all.
            let head = match mood {
                Mood::Act(_, _, at) => {
                    words.get(at).and_then(|verb| part.iter().position(|token| token.start == verb.start))
                }
                _ => None,
            };
            let clause = Clause { tokens: part, known: self.known, head, sentence: &text };
            let Choice::One(one) = choose::acting(self.all, mood, clause) else { return None };
            if found.iter().any(|other| other.candidate.label() == one.candidate.label()) {
                return None;
            }
            found.push(*one);
        }
        Some(found)
    }

    /// Adds what one part of the sentence says for all, and asks for what is missing.
    fn complete(&self, wishes: Vec<Match<'a>>, all_words: &[Token], wished: &[Token]) -> Reading<'a> {
        let single = wishes.len() == 1;
        let mut done = Vec::new();
        for mut wish in wishes {
            // What a question names is no value of a wish.
            let tokens = if wish.candidate.acting { wished } else { all_words };
            let whole = Clause { tokens, known: self.known, head: None, sentence: self.sentence };
            if !single {
                share_circumstances(&mut wish, whole);
            }
            if let Some(question) = words::unclear(&wish, if single { all_words } else { &[] }) {
                return Reading::Question(question);
            }
            done.push(wish_of(wish, all_words, self.sentence, single));
        }
        Reading::Do(done)
    }
}

/// What was found in a clause, unless it would start something and the clause is no plain wish.
fn plainly<'a>(
    words: &[Token],
    mood: Mood,
    found: Vec<Match<'a>>,
) -> Result<(Vec<Match<'a>>, Option<Doubt>), Reading<'a>> {
    if !found.iter().any(|one| one.candidate.acting) {
        return Ok((found, None));
    }
    let framed = plain::form(words, mood).map_err(|doubt| Reading::Refused(Refusal::Doubt(doubt)))?;
    let unknown = plain::unknown(words, mood, &framed, &found);
    Ok((found, unknown))
}

/// Place and party said once hold for every wish of the sentence.
fn share_circumstances(wish: &mut Match<'_>, whole: Clause<'_>) {
    let (outer, inner) = (wish.candidate.function, wish.candidate.innermost());
    for (function, filling) in [(outer, &mut wish.outer), (inner, &mut wish.inner)] {
        let everything = fill(function, whole);
        for parameter in function.parameters.iter().filter(|p| is_place(p) || is_party(p)) {
            let name = &parameter.name;
            if !parameter.required && !inner.parameters.iter().any(|other| other.name == *name) {
                continue;
            }
            if filling.slots.contains_key(name) || filling.several.contains_key(name) {
                continue;
            }
            if let Some(slot) = everything.slots.get(name) {
                // The words' places are those of the whole sentence; they are not used for this wish again.
                filling.slots.insert(name.clone(), Slot { words: Vec::new(), ..slot.clone() });
            } else if let Some(several) = everything.several.get(name) {
                filling.several.insert(name.clone(), several.clone());
            }
        }
    }
}

fn wish_of<'a>(found: Match<'a>, all_words: &[Token], sentence: &str, single: bool) -> Wish<'a> {
    let Match { candidate, outer, inner, .. } = found;
    let facts: BTreeMap<String, String> = values(&outer).chain(values(&inner)).collect();
    let spans =
        if single { spans(&outer, all_words).chain(spans(&inner, all_words)).collect() } else { BTreeMap::new() };
    let mut arguments = BTreeMap::new();
    for parameter in &candidate.function.parameters {
        let named = candidate.delegate.filter(|delegate| delegate.parameter.name == parameter.name);
        let value = match named {
            Some(delegate) => Some(delegate.agent.name.clone()),
            None if takes_text(parameter) && single => {
                outer.slots.get(&parameter.name).map(|_| sentence.trim().to_owned()).filter(|_| wants_text(parameter))
            }
            None if takes_text(parameter) => outer
                .slots
                .get(&parameter.name)
                .map(|slot| with_facts(&slot.value, &facts, &inner))
                .filter(|_| wants_text(parameter)),
            None => facts.get(&parameter.name).cloned(),
        };
        if let Some(value) = value {
            arguments.insert(parameter.name.clone(), value);
        }
    }
    Wish { candidate, arguments, facts, spans }
}

/// Free text that is optional is a remark; the wish itself is one only where there is nothing else to say it.
const fn wants_text(parameter: &Parameter) -> bool {
    parameter.required
}

/// One part of a longer sentence, with the values that were said in another part.
fn with_facts(text: &str, facts: &BTreeMap<String, String>, inner: &Filling) -> String {
    let mut text = text.trim_end_matches([' ', ',', '.']).to_owned();
    for (name, value) in facts {
        if inner.slots.get(name).is_some_and(|slot| slot.words.is_empty() && slot.sign != Sign::Text) {
            text.push_str(&format!("; {}: {value}", words_of(name).join(" ")));
        }
    }
    text
}

fn values(filling: &Filling) -> impl Iterator<Item = (String, String)> + '_ {
    let said = filling.slots.iter().filter(|(_, slot)| slot.sign != Sign::Text);
    said.map(|(name, slot)| (name.clone(), slot.value.clone()))
}

fn spans<'f>(filling: &'f Filling, words: &'f [Token]) -> impl Iterator<Item = (String, Vec<(usize, usize)>)> + 'f {
    filling.slots.iter().filter(|(_, slot)| !slot.words.is_empty()).map(|(name, slot)| {
        let spans = slot.words.iter().filter_map(|at| words.get(*at)).map(|token| (token.start, token.end)).collect();
        (name.clone(), spans)
    })
}
