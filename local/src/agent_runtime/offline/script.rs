//! Carrying a plan out, one call at a time.
//!
//! The script runs from its beginning each time: calls whose results are already in the history return at once, the first
//! one without a result is the next step. So the planner keeps no state of its own.

use std::collections::BTreeMap;

use handlers::definitions::Parameter;

use super::{
    super::model::{Call, CallResult},
    candidates::{Candidate, is_acting},
    lexicon,
    plan::{Open, Wish},
    records::{self, Record},
    reply, shape,
    slots::takes_text,
    text::{stem, words_of},
};

/// Nouns of functions that know what was done before.
const RUNS: &[&str] = &["deployment", "history", "execution", "run", "pipeline", "job"];

/// The next call, and why.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) call: Call,
    pub(super) why: String,
}

/// The end of a turn.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) text: String,
    pub(super) open: Open,
    /// The id that the answer is about.
    pub(super) id: Option<String>,
}

/// Results that are there already, in the order of their calls.
struct Replay<'r> {
    results: std::slice::Iter<'r, CallResult>,
}

impl<'r> Replay<'r> {
    fn call(&mut self, call: Call, why: impl Into<String>) -> Result<&'r CallResult, Pending> {
        self.results.next().ok_or_else(|| Pending { call, why: why.into() })
    }
}

/// Does what was planned.
///
/// # Errors
/// The next call, as long as there is one.
pub(super) fn perform(all: &[Candidate<'_>], wishes: &[Wish<'_>], results: &[CallResult]) -> Result<Done, Pending> {
    let mut replay = Replay { results: results.iter() };
    let mut done = Done::default();
    let mut texts = Vec::new();
    for (at, wish) in wishes.iter().enumerate() {
        let (step, good) = one(all, wish, &mut replay)?;
        texts.push(step.text);
        done.open = step.open;
        done.id = step.id.or(done.id);
        let rest = wishes.get(at + 1..).unwrap_or_default();
        if !good && !rest.is_empty() {
            let names: Vec<String> = rest.iter().map(|wish| wish.candidate.label()).collect();
            texts.push(format!("I stopped here; not started: {}.", names.join(", ")));
            break;
        }
    }
    done.text = texts.join("\n\n");
    Ok(done)
}

/// One wish: what it came to, and whether it went well enough to go on with the next.
fn one(all: &[Candidate<'_>], wish: &Wish<'_>, replay: &mut Replay<'_>) -> Result<(Done, bool), Pending> {
    let id_name = records::id_name(all);
    if wish.candidate.acting {
        for lookup in lookups(all, wish) {
            let why = format!(
                "Before {} starts anything, see whether the same is already under way.",
                wish.candidate.label()
            );
            let result = replay.call(lookup, why)?;
            let Some(record) =
                records::open_for(&result.body, &wish.facts, wish.candidate.delegate.map(|d| d.agent.name.as_str()))
            else {
                continue;
            };
            // The history may not know yet that it has ended: the specialist knows.
            let mut last = None;
            if let Some(call) = status_call(all, &record, id_name) {
                let status = replay.call(call, "The history shows one that has not ended; ask how it stands now.")?;
                let state = id_name.and_then(|name| records::state_of(&status.body, name, record.get(name)?));
                if state.is_some_and(|state| has_ended(&state)) {
                    continue;
                }
                last = Some(reply::message(&status.body));
            }
            let text = reply::under_way(&wish.candidate.label(), &record, last.as_deref());
            return Ok((
                Done { text, open: Open::Nothing, id: id_name.and_then(|name| record.get(name)).map(str::to_owned) },
                false,
            ));
        }
    }
    let call = call_of(&wish.candidate, wish.arguments.clone());
    let why = match wish.candidate.delegate {
        Some(delegate) => format!("This is work of {}: {}", delegate.agent.name, delegate.agent.description.trim()),
        None => {
            format!("{} answers this: {}", wish.candidate.function.name, wish.candidate.function.description.trim())
        }
    };
    let mut result = replay.call(call, why)?;
    if result.reprompt && !wish.candidate.acting {
        // A question may be asked again without a filter that was only guessed.
        if let Some(arguments) = without_guesses(wish, &result.body) {
            result =
                replay.call(call_of(&wish.candidate, arguments), "Ask again without the filter that was refused.")?;
        }
    }
    let id = id_name.and_then(|name| records::first_id(&result.body, name));
    if result.reprompt {
        let text = reply::message(&result.body);
        let named = |name: &&String| text.contains(name.as_str());
        let parameters: Vec<String> = wish.candidate.parameters().map(|p| &p.name).filter(named).cloned().collect();
        let replaces = parameters.iter().filter_map(|name| wish.spans.get(name)).flatten().copied().collect();
        return Ok((Done { text, open: Open::Values { parameters, replaces }, id }, false));
    }
    if !wish.candidate.acting && wish.candidate.delegate.is_none() {
        if let Some(record) = id.as_deref().zip(id_name).and_then(|(id, name)| records::single(&result.body, name, id))
        {
            let asked_for_one = id_name.is_some_and(|name| wish.facts.contains_key(name));
            if let Some(call) = status_call(all, &record, id_name).filter(|_| asked_for_one && record.is_open()) {
                let status =
                    replay.call(call, "It had not ended when it was last looked at; ask how it stands now.")?;
                return Ok((Done { text: reply::message(&status.body), open: Open::Nothing, id }, true));
            }
        }
        return Ok((Done { text: reply::findings(&result.body), open: Open::Nothing, id }, true));
    }
    let text =
        if wish.candidate.delegate.is_some() { reply::message(&result.body) } else { reply::outcome(&result.body) };
    let asked = wish.candidate.delegate.is_some() && id.is_none() && text.trim_end().contains('?');
    let open = if asked { Open::Anything } else { Open::Nothing };
    let good = records::any_state(&result.body).is_some_and(|state| !lexicon::ENDED_STATES.contains(&state.as_str()));
    Ok((Done { text, open, id }, good))
}

fn call_of(candidate: &Candidate<'_>, parameters: BTreeMap<String, String>) -> Call {
    Call { action_group: candidate.group.name.clone(), function: candidate.function.name.clone(), parameters }
}

fn has_ended(state: &str) -> bool {
    lexicon::ENDED_STATES.contains(&state) || lexicon::GOOD_STATES.contains(&state)
}

/// The questions of the same agent that can be asked with what the wish says, and that narrow the history down by it.
fn lookups(all: &[Candidate<'_>], wish: &Wish<'_>) -> Vec<Call> {
    let about_runs = |one: &&Candidate<'_>| RUNS.iter().any(|word| one.vocabulary.contains_key(&stem(word)));
    let own = all.iter().filter(|one| !one.acting && one.delegate.is_none()).filter(about_runs);
    let wanted = own.filter_map(|one| {
        let mut arguments = BTreeMap::new();
        for parameter in one.function.parameters.iter().filter(|p| !takes_text(p)) {
            let specialist = || {
                wish.candidate
                    .delegate
                    .map(|d| d.agent.name.clone())
                    .filter(|name| takes_specialist(all, parameter, name))
            };
            if let Some(value) = wish.facts.get(&parameter.name).cloned().or_else(specialist) {
                arguments.insert(parameter.name.clone(), value);
            } else if parameter.required {
                return None;
            }
        }
        (!arguments.is_empty()).then(|| call_of(one, arguments))
    });
    wanted.take(1).collect()
}

/// Whether a parameter's examples name a specialist: then it takes this one's name too.
fn takes_specialist(all: &[Candidate<'_>], parameter: &Parameter, name: &str) -> bool {
    let is_specialist = |example: &String| all.iter().any(|one| one.delegate.is_some_and(|d| d.agent.name == *example));
    let allowed = parameter.allowed.is_empty() || parameter.allowed.iter().any(|value| value.as_str() == Some(name));
    allowed && (shape::examples(parameter).iter().any(is_specialist) || parameter.enum_from.is_some())
}

/// The call that asks the record's specialist how it stands now; `None` if the record or the definitions do not allow it.
fn status_call(all: &[Candidate<'_>], record: &Record, id_name: Option<&str>) -> Option<Call> {
    let id_name = id_name?;
    let id = record.get(id_name)?;
    let one = all.iter().filter(|one| !one.acting).find(|one| {
        let Some(delegate) = one.delegate else { return false };
        let asks_by_id = delegate.function.parameters.iter().all(|p| !p.required || p.name == id_name)
            && delegate.function.parameters.iter().any(|p| p.name == id_name);
        asks_by_id && !is_acting(delegate.function) && record.names(&delegate.agent.name)
    })?;
    let delegate = one.delegate?;
    let mut arguments = BTreeMap::new();
    for parameter in &one.function.parameters {
        if parameter.name == delegate.parameter.name {
            arguments.insert(parameter.name.clone(), delegate.agent.name.clone());
        } else if takes_text(parameter) {
            arguments
                .insert(parameter.name.clone(), format!("What is the status of {} {id}?", words_of(id_name).join(" ")));
        } else if let Some(value) = record.get(&parameter.name) {
            arguments.insert(parameter.name.clone(), value.to_owned());
        } else if parameter.required {
            return None;
        }
    }
    Some(call_of(one, arguments))
}

/// The arguments without the optional ones that the complaint names and the user did not say in so many words.
fn without_guesses(wish: &Wish<'_>, complaint: &str) -> Option<BTreeMap<String, String>> {
    let mut arguments = wish.arguments.clone();
    for parameter in wish.candidate.parameters().filter(|p| !p.required && complaint.contains(&p.name)) {
        let said = wish
            .facts
            .get(&parameter.name)
            .is_some_and(|value| complaint.contains(value.as_str()) && !shape::examples(parameter).is_empty());
        if said {
            arguments.remove(&parameter.name);
        }
    }
    (arguments.len() < wish.arguments.len()).then_some(arguments)
}
