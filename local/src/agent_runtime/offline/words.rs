//! What the planner says by itself: questions, refusals, what it is.

use std::collections::BTreeSet;

use handlers::definitions::Parameter;

use super::{
    candidates::{Candidate, World},
    choose::Match,
    plan::{Open, Question},
    slots::takes_text,
    text::{Token, words_of},
};

/// What the planner is; it never passes for a language model.
pub(super) const WHAT_I_AM: &str =
    "I am the offline planner: a set of rules that reads the agents' definitions. I am not a language model.";

/// The name of a parameter in words.
pub(super) fn name_of(parameter: &Parameter) -> String {
    words_of(&parameter.name).join(" ")
}

/// What the agent can do, with what it needs for it.
pub(super) fn abilities(world: &World<'_>) -> String {
    let all = &world.all;
    let mut said = BTreeSet::new();
    let mut lines = Vec::new();
    for one in all {
        // The specialists' questions are reached through the work they do.
        if one.delegate.is_some() && !one.acting {
            continue;
        }
        let description = match one.delegate {
            Some(delegate) if functions_of(all, &delegate.agent.name) == 1 => delegate.agent.description.trim(),
            Some(delegate) => delegate.function.description.trim(),
            None => one.function.description.trim(),
        };
        let needs: BTreeSet<String> = required(one).map(name_of).collect();
        let needs = if needs.is_empty() {
            String::new()
        } else {
            format!(" Needs: {}.", needs.into_iter().collect::<Vec<_>>().join(", "))
        };
        let line = format!("- {}: {description}{needs}", one.label());
        if said.insert(line.clone()) {
            lines.push(line);
        }
    }
    format!("I can do this:\n{}", lines.join("\n"))
}

fn functions_of(all: &[Candidate<'_>], agent: &str) -> usize {
    all.iter().filter(|one| one.acting && one.delegate.is_some_and(|delegate| delegate.agent.name == agent)).count()
}

/// Required parameters that a user has to give: not the text of the wish, not the choice of the specialist.
fn required<'a>(candidate: &Candidate<'a>) -> impl Iterator<Item = &'a Parameter> {
    let naming = candidate.delegate.map(|delegate| delegate.parameter.name.as_str());
    candidate.parameters().filter(move |p| p.required && !takes_text(p) && naming != Some(p.name.as_str()))
}

/// "Which of these do you mean?"
pub(super) fn which(several: &[Match<'_>]) -> Question {
    let mut options: Vec<(String, String)> = Vec::new();
    let mut lines = Vec::new();
    for one in several {
        let (label, description) = match one.candidate.delegate {
            Some(delegate) => (one.candidate.label(), delegate.agent.description.trim()),
            None => (one.candidate.label(), one.candidate.function.description.trim()),
        };
        let added = match one.candidate.delegate {
            Some(delegate) => format!("{}: {}", name_of(delegate.parameter), delegate.agent.name),
            None => label.clone(),
        };
        if !options.iter().any(|(known, _)| *known == label) {
            lines.push(format!("- {label}: {description}"));
            options.push((label, added));
        }
    }
    Question { text: format!("Which of these do you mean?\n{}", lines.join("\n")), open: Open::Choice(options) }
}

/// The question about what is missing, not allowed or said twice, if there is such.
pub(super) fn unclear(found: &Match<'_>, words: &[Token]) -> Option<Question> {
    let span = |at: &usize| words.get(*at).map(|token| (token.start, token.end));
    let mut lines = Vec::new();
    let mut parameters: Vec<String> = Vec::new();
    let mut replaces = Vec::new();
    for parameter in found.candidate.parameters() {
        if parameters.contains(&parameter.name) {
            continue;
        }
        let filled = |filling: &super::slots::Filling| filling.slots.contains_key(&parameter.name);
        let in_either = [&found.outer, &found.inner];
        if let Some((values, at)) = in_either.iter().find_map(|filling| filling.several.get(&parameter.name)) {
            lines.push(format!(
                "Which {} do you mean: {}? Name one at a time.",
                name_of(parameter),
                values.join(" or ")
            ));
            replaces.extend(at.iter().filter_map(span));
            replaces.extend(joints(words, at).iter().filter_map(span));
        } else if let Some(slot) = in_either.iter().find_map(|filling| filling.invalid.get(&parameter.name)) {
            let name = name_of(parameter);
            lines.push(format!(
                "{} is not a valid {name}. Which {name}? {}",
                slot.value,
                parameter.rendered_description()
            ));
            replaces.extend(slot.words.iter().filter_map(span));
        } else if required(&found.candidate).any(|p| p.name == parameter.name) && !in_either.into_iter().any(filled) {
            lines.push(format!("Which {}? {}", name_of(parameter), parameter.rendered_description()));
        } else {
            continue;
        }
        parameters.push(parameter.name.clone());
    }
    if lines.is_empty() {
        return None;
    }
    let about = format!("{} needs more:", found.candidate.label());
    let text = if lines.len() == 1 { lines.concat() } else { format!("{about}\n{}", lines.join("\n")) };
    Some(Question { text, open: Open::Values { parameters, replaces } })
}

/// The words that join values: what replaces the values replaces them too.
fn joints(words: &[Token], values: &[usize]) -> Vec<usize> {
    let join = |at: &usize| words.get(*at).is_some_and(|token| matches!(token.lower.as_str(), "and" | "or"));
    let pairs = values.windows(2).filter_map(|pair| pair.first().zip(pair.last()));
    pairs.flat_map(|(first, last)| first + 1..*last).filter(join).collect()
}
