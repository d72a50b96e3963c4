//! Which of the candidates a clause is about.
//!
//! Weighted overlap of the clause with names and descriptions, plus the values that fit only some candidates. Places and
//! parties weigh nothing: every function has them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    candidates::{Candidate, naming_parameter},
    lexicon::{self, Family},
    mood::Mood,
    shape,
    slots::{Clause, Filling, Sign, Slot, fill, is_party, is_place, takes_text},
    text::{Token, stem, words_of},
};

/// Least score of something that is started.
const ENOUGH_TO_ACT: f64 = 2.0;
/// What a rare verb counts, "delete" or "record": nearly enough, but its object has to be there as well.
const DECISIVE_VERB: f64 = 1.5;
/// A runner-up this close makes the choice ambiguous.
const TOO_CLOSE: f64 = 0.75;

/// A candidate with what the clause says about it.
#[derive(Debug, Clone)]
pub(super) struct Match<'a> {
    pub(super) candidate: Candidate<'a>,
    /// Values for the candidate's own parameters.
    pub(super) outer: Filling,
    /// Values for the specialist's function; the same as `outer` where there is none.
    pub(super) inner: Filling,
    /// How much the clause is about it.
    pub(super) content: f64,
    /// Words that neither the candidate nor the language explains.
    pub(super) unknown: usize,
    /// Among them: words for things that the candidate does not deal with.
    pub(super) foreign: usize,
    /// Where words begin that are values (bytes of the sentence).
    pub(super) used: BTreeSet<usize>,
    /// Concepts of the words in the names of its parameters.
    pub(super) names: BTreeSet<String>,
}

/// The outcome of choosing.
#[derive(Debug)]
pub(super) enum Choice<'a> {
    One(Box<Match<'a>>),
    /// Several fit about equally well.
    Several(Vec<Match<'a>>),
    /// Nothing fits.
    Nothing,
}

/// Reads the clause for every candidate of the kind.
fn matches<'a>(all: &[Candidate<'a>], acting: bool, clause: Clause<'_>) -> Vec<Match<'a>> {
    let of_kind = all.iter().filter(|candidate| candidate.acting == acting);
    let mut owners: BTreeMap<&str, u32> = BTreeMap::new();
    for name in of_kind.clone().flat_map(|candidate| &candidate.innermost().parameters).map(|p| p.name.as_str()) {
        *owners.entry(name).or_default() += 1;
    }
    of_kind.filter_map(|candidate| weigh(candidate, all, clause, &owners)).collect()
}

fn weigh<'a>(
    candidate: &Candidate<'a>,
    all: &[Candidate<'a>],
    clause: Clause<'_>,
    owners: &BTreeMap<&str, u32>,
) -> Option<Match<'a>> {
    let mut outer = fill(candidate.function, clause);
    let mut inner = candidate.delegate.map_or_else(|| outer.clone(), |delegate| fill(delegate.function, clause));
    if let Some(delegate) = candidate.delegate {
        outer.keep_what_is_shared(candidate.function, delegate.function);
    }
    let mut content = 0.0;
    let mut explained = BTreeSet::new();
    if let Some(delegate) = &candidate.delegate {
        if let Some(named) = outer.slots.get(&delegate.parameter.name) {
            if named.value != delegate.agent.name {
                return None;
            }
            content += 10.0;
        }
    } else {
        let known = domain(candidate, all, clause, &mut outer);
        if !known.is_empty() {
            content += 1.0;
        }
        explained = known;
        inner = outer.clone();
    }
    let innermost = candidate.innermost();
    for parameter in &innermost.parameters {
        let Some(slot) = inner.slots.get(&parameter.name) else { continue };
        let shared = owners.get(parameter.name.as_str()).copied().unwrap_or(1).max(1);
        content += match slot.sign {
            Sign::Shape => 2.0 / f64::from(shared),
            Sign::Id => 2.0,
            Sign::Number | Sign::Leftover => 1.0,
            Sign::Allowed if !is_place(parameter) => 1.5 / f64::from(shared),
            Sign::Cue | Sign::Label if !is_place(parameter) && !is_party(parameter) => 1.0 / f64::from(shared),
            _ => 0.0,
        };
    }
    let mut counted = BTreeSet::new();
    let used = clause.tokens.iter().enumerate();
    let used = used.filter(|(at, _)| outer.is_kept(*at) || inner.is_kept(*at) || explained.contains(at));
    let used = used.map(|(_, token)| token.start).collect();
    let named = candidate.parameters().flat_map(|parameter| words_of(&parameter.name));
    let names = named.map(|word| lexicon::concept(&stem(&word)).to_owned()).collect();
    let mut unknown = 0;
    let mut foreign = 0;
    for (at, token) in clause.tokens.iter().enumerate() {
        if token.is_stop() || outer.is_used(at) || inner.is_used(at) || token.label {
            continue;
        }
        let concept = token.concept();
        match candidate.vocabulary.get(concept) {
            // "bootstrap dev": the verb can be the candidate's own name.
            Some(weight) if clause.head != Some(at) || *weight >= ENOUGH_TO_ACT => {
                if counted.insert(concept.to_owned()) {
                    content += weight;
                }
            }
            Some(_) => {}
            None if explained.contains(&at) || is_circumstance(token) => {}
            None if lexicon::is_noun(&token.stem) && clause.head != Some(at) => {
                unknown += 1;
                foreign += 1;
                content -= 1.0;
            }
            None => {
                unknown += usize::from(
                    clause.head != Some(at) && token.number().is_none() && lexicon::verb(&token.stem).is_none(),
                )
            }
        }
    }
    Some(Match { candidate: candidate.clone(), outer, inner, content, unknown, foreign, used, names })
}

/// Places, parties and words for asking belong to every wish.
fn is_circumstance(token: &Token) -> bool {
    lexicon::is_circumstance(token.concept()) || lexicon::is_asking_noun(&token.stem)
}

/// Fills a parameter whose example is the name of a specialist with the specialist the clause is about, and says which words
/// told so. "Only deployments of this type, for example bootstrap": such a parameter takes such a name.
fn domain(
    candidate: &Candidate<'_>,
    all: &[Candidate<'_>],
    clause: Clause<'_>,
    filling: &mut Filling,
) -> BTreeSet<usize> {
    let names: BTreeSet<&str> =
        all.iter().filter_map(|one| one.delegate.map(|delegate| delegate.agent.name.as_str())).collect();
    let mut told = BTreeSet::new();
    for parameter in candidate.function.parameters.iter().filter(|p| p.allowed.is_empty() && !takes_text(p)) {
        if !shape::examples(parameter).iter().any(|example| names.contains(example.as_str())) {
            continue;
        }
        if let Some(slot) = filling.slots.get(&parameter.name).filter(|slot| slot.sign != Sign::Label) {
            // A word beside "type" that names no specialist says nothing about it.
            if !names.contains(slot.value.as_str()) {
                filling.slots.remove(&parameter.name);
            }
        }
        if filling.slots.contains_key(&parameter.name) {
            continue;
        }
        let mut scores: BTreeMap<&str, (f64, BTreeSet<usize>)> = BTreeMap::new();
        for one in all.iter().filter(|one| one.acting) {
            let Some(delegate) = one.delegate else { continue };
            let entry = scores.entry(delegate.agent.name.as_str()).or_default();
            for (at, token) in clause.tokens.iter().enumerate() {
                if token.is_stop() || filling.is_used(at) || clause.head == Some(at) {
                    continue;
                }
                let weight = one.vocabulary.get(token.concept()).copied().unwrap_or(0.0);
                if weight >= 0.5 && entry.1.insert(at) {
                    entry.0 += weight;
                }
            }
        }
        let mut ranked: Vec<_> = scores.into_iter().collect();
        ranked.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
        let second = ranked.get(1).map_or(0.0, |(_, (score, _))| *score);
        let clear = |score: f64| score >= ENOUGH_TO_ACT && second < TOO_CLOSE * score;
        if let Some((name, (_, words))) = ranked.into_iter().next().filter(|(_, (score, _))| clear(*score)) {
            let slot = Slot { value: name.to_owned(), words: words.iter().copied().collect(), sign: Sign::Shape };
            filling.slots.insert(parameter.name.clone(), slot);
            told.extend(words);
        }
    }
    told
}

/// Whether a wish with this verb can be meant for a function that does this.
fn compatible(mood: Mood, candidate: &Candidate<'_>) -> bool {
    let has = |family: Family| candidate.verbs.iter().any(|(known, _)| *known == family);
    let silent = !candidate.verbs.iter().any(|(family, _)| !matches!(family, Family::Ask | Family::Light));
    match mood {
        Mood::Act(Family::Make, ..) | Mood::Bare => has(Family::Make) || silent,
        Mood::Act(Family::Upgrade, ..) => has(Family::Upgrade) || candidate.verbs.contains(&(Family::Make, "deploy")),
        Mood::Act(Family::Record, ..) => has(Family::Record),
        Mood::Act(family, concept, _) => candidate.verbs.contains(&(family, concept)),
        _ => false,
    }
}

/// Chooses what to start.
pub(super) fn acting<'a>(all: &[Candidate<'a>], mood: Mood, clause: Clause<'_>) -> Choice<'a> {
    let mut found = matches(all, true, clause);
    found.retain(|one| compatible(mood, &one.candidate));
    // What deletes or restarts one kind of thing must not be taken for another kind.
    found.retain(|one| one.foreign == 0 || !matches!(mood, Mood::Act(Family::Other, ..)));
    for one in &mut found {
        let verb = match mood {
            Mood::Act(family, concept, _) => one.candidate.verbs.contains(&(family, concept)),
            _ => false,
        };
        // Rare verbs say by themselves what is meant.
        let decisive = matches!(mood, Mood::Act(Family::Record | Family::Other, ..));
        one.content += if !verb {
            0.0
        } else if decisive {
            DECISIVE_VERB
        } else {
            1.0
        };
    }
    if found.is_empty() {
        return Choice::Nothing;
    }
    // A name that could be anything's explains nothing by itself.
    let guessed = |one: &Match<'_>| one.inner.slots.values().any(|slot| slot.sign == Sign::Leftover);
    let foreign = found.iter().all(|one| one.unknown > 0 || guessed(one));
    found.sort_by(|a, b| b.content.total_cmp(&a.content));
    let best = found.first().map_or(0.0, |one| one.content);
    if best < ENOUGH_TO_ACT {
        if foreign || !matches!(mood, Mood::Act(..)) {
            return Choice::Nothing;
        }
        return Choice::Several(found);
    }
    found.retain(|one| one.content > TOO_CLOSE * best);
    match found.len() {
        1 => found.pop().map_or(Choice::Nothing, |one| Choice::One(Box::new(one))),
        _ => Choice::Several(found),
    }
}

/// Chooses what to look up.
pub(super) fn asking<'a>(all: &[Candidate<'a>], clause: Clause<'_>) -> Choice<'a> {
    let found = matches(all, false, clause);
    let has_id = clause.tokens.iter().any(Token::is_uuid);
    let mut ranked: Vec<(f64, Match<'a>)> = found
        .into_iter()
        .filter_map(|one| {
            let required = one.candidate.parameters().filter(|p| {
                p.required
                    && !takes_text(p)
                    && naming_parameter(one.candidate.function).is_none_or(|naming| naming.name != p.name)
            });
            let (filled, missing): (Vec<_>, Vec<_>) = required.partition(|parameter| {
                one.outer.slots.contains_key(&parameter.name) || one.inner.slots.contains_key(&parameter.name)
            });
            let takes_id = one.inner.slots.values().any(|slot| slot.sign == Sign::Id || slot.sign == Sign::Label);
            let any_slot = one.inner.slots.values().any(|slot| slot.sign != Sign::Text);
            let own = if one.candidate.delegate.is_none() { 1.5 } else { 0.0 };
            let stray = if has_id && !takes_id { 2.0 } else { 0.0 };
            let count = |list: &[_]| f64::from(u32::try_from(list.len()).unwrap_or(u32::MAX));
            let rank = one.content + 2.0 * count(&filled) - 3.0 * count(&missing) + own - stray;
            // "Show everything that is running": what was made, without any filter.
            let made = clause.tokens.iter().any(|token| matches!(lexicon::verb(&token.stem), Some((Family::Make, _))));
            let about = one.content >= 0.3 || takes_id || one.unknown == 0 && (any_slot || made);
            let fits = if missing.is_empty() { about } else { one.content >= 1.5 };
            fits.then_some((rank, one))
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    match ranked.into_iter().next() {
        Some((_, one)) => Choice::One(Box::new(one)),
        None => Choice::Nothing,
    }
}
