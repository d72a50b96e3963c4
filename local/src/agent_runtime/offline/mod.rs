//! The offline planner: rules instead of a language model.
//!
//! It knows general English about infrastructure ([`lexicon`]) and reads everything else out of the agents' definitions:
//! names, descriptions, types, allowed values, defaults. It is deterministic and keeps nothing: the session's history is
//! replayed for each decision. The way of a message:
//!
//! 1. Words ([`text`]).
//! 2. A follow-up becomes a sentence that stands on its own ([`follow`]).
//! 3. Clauses ([`split`]), each a question, a wish, a refusal or small talk ([`mood`]).
//! 4. What can be called ([`candidates`]), which values the sentence has for it ([`slots`]), which one is meant ([`choose`]).
//! 5. What is not a plain wish is not started ([`plain`]); what is missing is asked for ([`plan`]).
//! 6. The history is looked up before anything is started, then the call ([`script`], [`records`]).
//! 7. The answer ([`reply`], [`words`]).

mod candidates;
mod choose;
mod follow;
mod lexicon;
mod mood;
mod plain;
mod plan;
mod records;
mod reply;
mod script;
mod shape;
mod slots;
mod split;
mod text;
mod words;

use futures_util::future::BoxFuture;

use super::{
    error::Result,
    model::{CallResult, Decision, Message, Model, Next, Prompt},
};
use candidates::World;
use follow::Context;
use mood::Talk;
use plan::{Open, Reading, Refusal};
use script::Done;

/// Longest message that is planned, in characters: the rules are for a few sentences.
const MAX_CHARACTERS: usize = 8_000;

/// How many turns back the planner remembers; follow-ups are about what was said just before.
const MAX_TURNS: usize = 12;

/// The planner as a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offline;

impl Model for Offline {
    fn name(&self) -> &str {
        "offline"
    }

    fn next<'a>(&'a self, prompt: Prompt<'a>) -> BoxFuture<'a, Result<Decision>> {
        Box::pin(std::future::ready(Ok(decide(prompt))))
    }
}

/// A user's message and the results that came after it.
struct Turn<'h> {
    text: &'h str,
    results: Vec<CallResult>,
}

fn turns(history: &[Message]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for message in history {
        match (message, turns.last_mut()) {
            (Message::User(text), _) => turns.push(Turn { text, results: Vec::new() }),
            (Message::Result(result), Some(turn)) => turn.results.push(result.clone()),
            _ => {}
        }
    }
    turns
}

/// The next step: the last turns are read again in order, each in the context the ones before it left.
pub(super) fn decide(prompt: Prompt<'_>) -> Decision {
    let world = World::new(prompt.agent, prompt.definitions);
    let mut context = Context::default();
    let mut decision = Decision { rationale: None, next: Next::Answer(words::WHAT_I_AM.to_owned()) };
    let turns = turns(prompt.history);
    for turn in turns.iter().skip(turns.len().saturating_sub(MAX_TURNS)) {
        (decision, context) = step(&world, turn, context);
    }
    decision
}

fn step(world: &World<'_>, turn: &Turn<'_>, context: Context) -> (Decision, Context) {
    if turn.text.chars().count() > MAX_CHARACTERS {
        let text = format!(
            "Your message is longer than {MAX_CHARACTERS} characters. {} Please say what you wish in a few sentences.",
            words::WHAT_I_AM
        );
        return (answer(text), context);
    }
    let (sentence, reading) = follow::read(world, turn.text, &context);
    let text = match reading {
        Reading::Do(wishes) => {
            let acting = wishes.iter().any(|wish| wish.candidate.acting);
            let mut next = Context { wish: Some(sentence.clone()), open: Open::Nothing, ..context };
            if acting {
                next.started = Some(sentence);
            }
            return match script::perform(&world.all, &wishes, &turn.results) {
                Err(pending) => {
                    let next_step = Next::Calls(vec![pending.call]);
                    (Decision { rationale: Some(pending.why), next: next_step }, next)
                }
                Ok(Done { text, open, id }) => {
                    next.open = open;
                    next.id = id.or(next.id);
                    (answer(text), next)
                }
            };
        }
        Reading::Question(question) => {
            let next = Context { wish: Some(sentence), open: question.open, ..context };
            return (answer(question.text), next);
        }
        Reading::Talk(Talk::Decline) => match context.open {
            Open::Nothing => "All right. I started nothing.".to_owned(),
            _ => "All right, I drop that. Nothing was started for it.".to_owned(),
        },
        Reading::Talk(Talk::Greeting) => {
            format!("Hello. {}\n{}", words::WHAT_I_AM, words::abilities(world))
        }
        Reading::Talk(Talk::Thanks) => "You are welcome.".to_owned(),
        Reading::Talk(Talk::Identity | Talk::Help) | Reading::HowTo => {
            format!("{}\n{}", words::WHAT_I_AM, words::abilities(world))
        }
        Reading::Refused(Refusal::Doubt(doubt)) => doubt.text(),
        Reading::Refused(Refusal::Negated) => "Understood: I started nothing.".to_owned(),
        Reading::Refused(refusal) => {
            let what = match refusal {
                Refusal::Statement => "I read no wish and no question in that, so I started nothing.",
                _ => "That is nothing I can do, or I did not understand it, so I started nothing.",
            };
            format!("{what} {}\n{}", words::WHAT_I_AM, words::abilities(world))
        }
    };
    // Small talk leaves an open question open; a refusal closes it.
    (answer(text), Context { open: Open::Nothing, ..context })
}

const fn answer(text: String) -> Decision {
    Decision { rationale: None, next: Next::Answer(text) }
}

#[cfg(test)]
mod tests;
