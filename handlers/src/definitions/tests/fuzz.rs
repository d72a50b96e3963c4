//! Whatever stands in an agent's file: an agent, or what to mend; and the same word on it as from the CDK app.

use serde::Deserialize;

use super::*;
use crate::{
    fuzz::{Source, explore, readable},
    yaml,
};

/// The longest line about one problem.
const LONGEST_PROBLEM: usize = 700;
/// Files and whether they are accepted, which both readers check; see `cdk/test/agent-cases.ts`.
const CASES: &str = include_str!("../../../../tests/fixtures/agent-files.jsonl");

/// The smallest one, since it is read with every case; the same as in `cdk/test/agent-cases.ts`.
const ORCHESTRATOR_FILE: &str = "name: orchestrator
description: Decides.
model: anthropic.claude
idle_session_seconds: 600
instruction: You hand each wish to one of the specialists.
action_groups:
  - name: invoke
    description: Hands on.
    handler: agent_invoker
    functions:
      - name: invoke_agent
        description: Hands on.
        parameters: [{ name: agent_type, type: string, description: Who., enum_from: specialists }]
";

/// What is wrong with the orchestrator beside this file, `database.yaml`.
fn problems(text: &str) -> Vec<String> {
    let files = [("agents/database.yaml", text), ("agents/orchestrator.yaml", ORCHESTRATOR_FILE)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    match Definitions::of_files(Path::new("agents"), files.to_vec()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_file_is_an_agent_or_refused_line_by_line() {
    let full = "[{name: a, type: string, description: d, enum: [x, y], default: x}, {name: b, type: integer, description: d, \
                default: 3}, {name: c, type: number, description: d, enum: [1, 2.5], required: true}]";
    let texts = [database("[]"), database(full)];
    let documents: Vec<Value> = texts.iter().map(|text| yaml::read(text).unwrap()).collect();
    let input = |source: &mut Source| source.yaml(&documents, &texts[1]);
    let outcomes = explore(file!(), 500, 1, input, |text| {
        let problems = problems(&text);
        for problem in &problems {
            readable(problem, LONGEST_PROBLEM)?;
            prop_assert!(problem.starts_with("agents/"), "{}", problem);
        }
        Ok(match problems.first() {
            None => "accepted",
            Some(first) if first.contains("not valid YAML") => "no YAML",
            Some(first) if first.contains("unknown field") => "unknown key",
            Some(first) if first.contains("missing field") => "missing key",
            Some(first) if first.contains("invalid type") => "wrong type",
            Some(_) => "rules",
        })
    });
    outcomes.include(&["accepted", "no YAML", "unknown key", "missing key", "wrong type", "rules"]);
}

#[derive(Deserialize)]
struct Case {
    text: String,
    accepted: bool,
}

#[test]
fn both_readers_take_and_refuse_the_same_files() {
    let cases: Vec<Case> = CASES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let accepted = cases.iter().filter(|case| case.accepted).count();
    assert!(cases.len() >= 500 && (100..cases.len() - 100).contains(&accepted), "{accepted} of {}", cases.len());
    let differ: Vec<_> = cases
        .iter()
        .map(|case| (case, problems(&case.text)))
        .filter(|(case, problems)| case.accepted != problems.is_empty())
        .map(|(case, problems)| format!("accepted there: {}\n{}\n{problems:?}\n", case.accepted, case.text))
        .collect();
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), cases.len(), differ.join("\n"));
}
