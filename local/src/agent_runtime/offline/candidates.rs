//! What an agent can do, as the planner sees it: each function, and each function of each specialist behind a function that
//! hands work on.

use std::collections::{BTreeMap, BTreeSet};

use handlers::definitions::{ActionGroup, Agent, Definitions, EnumFrom, Function, Parameter};

use super::{
    lexicon::{self, Family},
    text::{Token, stem, tokens, words_of},
};

/// Weight of a word by where it stands: the name of a function or specialist says most.
const IN_NAME: f64 = 4.0;
const IN_DESCRIPTION: f64 = 2.5;
const IN_PARAMETER: f64 = 1.0;

/// One thing that can be called for.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    pub(super) group: &'a ActionGroup,
    pub(super) function: &'a Function,
    /// The specialist's function behind it, if this function hands work on.
    pub(super) delegate: Option<Delegate<'a>>,
    /// It may change something. What is not clearly a question counts as acting.
    pub(super) acting: bool,
    /// Verbs (family, concept) that name and description use for it.
    pub(super) verbs: BTreeSet<(Family, &'static str)>,
    /// Concepts of its nouns, weighted.
    pub(super) vocabulary: BTreeMap<String, f64>,
    /// Name of the agent whose function it ends at.
    pub(super) name: &'a str,
    /// The label with which work is handed to that agent, in words: "agent type" of `agent_type`.
    pub(super) address: Vec<String>,
}

/// The specialist's function that a handed-on wish ends at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delegate<'a> {
    /// The parameter that names the specialist.
    pub(super) parameter: &'a Parameter,
    pub(super) agent: &'a Agent,
    pub(super) function: &'a Function,
}

impl<'a> Candidate<'a> {
    /// What the wish is checked against: the specialist's function where there is one.
    pub(super) fn innermost(&self) -> &'a Function {
        self.delegate.map_or(self.function, |delegate| delegate.function)
    }

    /// All parameters that the wish can fill.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'a Parameter> {
        let inner = self.delegate.map(|delegate| delegate.function.parameters.as_slice()).unwrap_or_default();
        self.function.parameters.iter().chain(inner)
    }

    /// A name for people: the specialist's, or the function's in words.
    pub(super) fn label(&self) -> String {
        self.delegate
            .map_or_else(|| self.function.name.replace('_', " "), |delegate| delegate.agent.name.replace('_', " "))
    }
}

/// An agent with everything it can be asked for, worked out once for a decision.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) agent: &'a Agent,
    pub(super) all: Vec<Candidate<'a>>,
    /// Every concept that names and descriptions use: such a word is not the name of a tenant or an application.
    pub(super) known: BTreeSet<String>,
}

impl<'a> World<'a> {
    pub(super) fn new(agent: &'a Agent, definitions: &'a Definitions) -> Self {
        let all = candidates(agent, definitions);
        let known = all.iter().flat_map(|one| one.vocabulary.keys().cloned()).collect();
        Self { agent, all, known }
    }
}

/// The parameter of a function that names a specialist, if it has one.
pub(super) fn naming_parameter(function: &Function) -> Option<&Parameter> {
    function.parameters.iter().find(|parameter| parameter.enum_from == Some(EnumFrom::Specialists))
}

/// The functions that rules can call. Those that find and call whatever tools there are want arguments written as JSON by a
/// schema that is read on the way: that is work for a language model.
fn functions(agent: &Agent) -> impl Iterator<Item = (&ActionGroup, &Function)> {
    let plain = agent.action_groups.iter().filter(|group| group.tools.is_none());
    plain.flat_map(|group| group.functions.iter().map(move |function| (group, function)))
}

/// Everything the agent can be asked for.
fn candidates<'a>(agent: &'a Agent, definitions: &'a Definitions) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (group, function) in functions(agent) {
        match naming_parameter(function) {
            None => all.push(candidate(agent, group, function, None)),
            Some(parameter) => {
                let names = parameter.allowed.iter().filter_map(|value| value.as_str());
                for specialist in names.filter_map(|name| definitions.agent(name)) {
                    // An agent that hands work to itself would never end.
                    if specialist.name == agent.name {
                        continue;
                    }
                    for (_, inner) in functions(specialist) {
                        let delegate = Delegate { parameter, agent: specialist, function: inner };
                        all.push(candidate(agent, group, function, Some(delegate)));
                    }
                }
            }
        }
    }
    share(&mut all);
    let groups = definitions.orchestrator().map(|agent| agent.action_groups.as_slice()).unwrap_or_default();
    let handing = groups.iter().flat_map(|group| &group.functions).find_map(naming_parameter);
    let address = handing.map(|parameter| words_of(&parameter.name)).unwrap_or_default();
    for one in &mut all {
        one.address.clone_from(&address);
    }
    all
}

fn candidate<'a>(
    agent: &'a Agent,
    group: &'a ActionGroup,
    function: &'a Function,
    delegate: Option<Delegate<'a>>,
) -> Candidate<'a> {
    let (agent, innermost) = delegate.map_or((agent, function), |delegate| (delegate.agent, delegate.function));
    let acting = is_acting(innermost);
    let mut verbs = verbs_of(innermost);
    let mut vocabulary = BTreeMap::new();
    for word in words_of(&innermost.name).iter().skip(1) {
        learn(&mut vocabulary, &stem(word), IN_NAME);
    }
    learn_text(&mut vocabulary, first_sentence(&innermost.description), IN_DESCRIPTION);
    // What the agent is there for is what its acting functions do; every agent can be asked how its work goes.
    if acting && (delegate.is_some() || single_purpose(agent)) {
        for word in words_of(&agent.name) {
            learn(&mut vocabulary, &stem(&word), IN_NAME);
        }
        learn_text(&mut vocabulary, &agent.description, IN_DESCRIPTION);
        verbs.extend(leading_verbs(&agent.description));
    }
    for parameter in &innermost.parameters {
        for word in words_of(&parameter.name) {
            learn(&mut vocabulary, &stem(&word), IN_PARAMETER);
        }
        learn_text(&mut vocabulary, first_sentence(&parameter.description), IN_PARAMETER);
        for value in parameter.allowed.iter().filter_map(|value| value.as_str()).filter(|value| value.len() > 2) {
            learn(&mut vocabulary, &stem(value), IN_PARAMETER);
        }
    }
    Candidate { group, function, delegate, acting, verbs, vocabulary, name: &agent.name, address: Vec::new() }
}

/// Whether the agent's description speaks of one function only.
fn single_purpose(agent: &Agent) -> bool {
    agent.action_groups.iter().flat_map(|group| &group.functions).filter(|function| is_acting(function)).count() == 1
}

/// Whether calling the function may change something: its name's verb decides, then its description's.
pub(super) fn is_acting(function: &Function) -> bool {
    let family = |word: &str| match word {
        // "get" says that one wants something in English, and that one reads something in a function's name.
        "get" | "read" | "is" | "has" | "validate" | "estimate" | "preview" | "plan" => Some(Family::Ask),
        _ => lexicon::verb(&stem(word)).map(|(family, _)| family),
    };
    let by_name = words_of(&function.name).first().and_then(|word| family(word));
    let by_description = || tokens(&function.description).first().and_then(|token| family(&token.lower));
    by_name.or_else(by_description) != Some(Family::Ask)
}

/// The verb of the name, the first of the description and those in the third person: "Starts the pipeline that creates ...".
fn verbs_of(function: &Function) -> BTreeSet<(Family, &'static str)> {
    let name = words_of(&function.name).first().and_then(|word| lexicon::verb(&stem(word)));
    leading_verbs(first_sentence(&function.description)).into_iter().chain(name).collect()
}

fn leading_verbs(description: &str) -> Vec<(Family, &'static str)> {
    let words = tokens(description);
    words
        .iter()
        .enumerate()
        .filter(|(at, token)| *at == 0 || third_person(token))
        .filter(|(at, _)| *at == 0 || !words.get(at - 1).is_some_and(|before| lexicon::is_article(&before.lower)))
        .filter_map(|(_, token)| lexicon::verb(&token.stem))
        .collect()
}

fn third_person(token: &Token) -> bool {
    token.lower.ends_with('s') && !token.lower.ends_with("ments") && !token.possessive
}

/// Later sentences say when not to use a function, or give examples.
fn first_sentence(description: &str) -> &str {
    description.split(". ").next().unwrap_or(description)
}

fn learn_text(vocabulary: &mut BTreeMap<String, f64>, text: &str, weight: f64) {
    let text = text.split("for example").next().unwrap_or(text);
    for (at, token) in tokens(text).iter().enumerate() {
        let verb = (at == 0 || third_person(token)) && lexicon::verb(&token.stem).is_some();
        if !verb && !token.is_stop() && token.number().is_none() {
            learn(vocabulary, &token.stem, weight);
        }
    }
}

/// Verbs, places and parties are no subject of a wish by themselves: every function has them.
fn learn(vocabulary: &mut BTreeMap<String, f64>, stem: &str, weight: f64) {
    let concept = lexicon::concept(stem);
    if lexicon::is_stop(stem) || lexicon::is_circumstance(concept) {
        return;
    }
    let entry = vocabulary.entry(concept.to_owned()).or_insert(0.0);
    *entry = entry.max(weight);
}

/// A word that several candidates of the same kind share says less about each; one that all share says nothing.
fn share(all: &mut [Candidate<'_>]) {
    for acting in [true, false] {
        let of_kind: Vec<usize> =
            (0..all.len()).filter(|at| all.get(*at).is_some_and(|one| one.acting == acting)).collect();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for one in of_kind.iter().filter_map(|at| all.get(*at)) {
            for word in one.vocabulary.keys() {
                *counts.entry(word.clone()).or_default() += 1;
            }
        }
        for at in &of_kind {
            let Some(one) = all.get_mut(*at) else { continue };
            for (word, weight) in &mut one.vocabulary {
                let count = counts.get(word).copied().unwrap_or(1);
                if acting && count > 1 && count >= of_kind.len() {
                    *weight = 0.0;
                } else {
                    *weight /= f64::from(u32::try_from(count).unwrap_or(u32::MAX));
                }
            }
        }
    }
}
