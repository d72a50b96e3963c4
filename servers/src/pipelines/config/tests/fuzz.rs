//! Whatever stands in `pipelines.yaml`: a configuration that keeps its own rules, or what to mend, line by line.

use super::*;
use crate::{
    fuzz::{Source, explore, readable},
    pipelines::tools,
};

/// The longest line about one problem.
const LONGEST_PROBLEM: usize = 700;

/// The shipped file as a document.
fn shipped() -> Value {
    let mut all = handlers::yaml::read(CONFIG).unwrap();
    let rules = serde_json::json!({ "size": { "type": "number", "description": "d", "minimum": 0, "maximum": 9.5, "default": 1 },
        "kind": { "type": "string", "description": "d", "enum": ["a", "b"], "default": "a" },
        "fast": { "type": "boolean", "description": "d", "required": true } });
    all["pipelines"]["bootstrap"]["parameters"] = rules;
    all
}

#[test]
fn every_file_is_accepted_or_refused_line_by_line() {
    let documents = [handlers::yaml::read(CONFIG).unwrap(), shipped()];
    let outcomes = explore(
        file!(),
        500,
        1,
        |source: &mut Source| source.yaml(&documents, CONFIG),
        |text| {
            let config = match Config::parse(&text) {
                Ok(config) => config,
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    for problem in &problems {
                        readable(problem, LONGEST_PROBLEM)?;
                    }
                    let first = problems[0].as_str();
                    return Ok(if first.starts_with("is not valid YAML") { "no YAML" } else { "rules" });
                }
            };
            // What is accepted becomes tools, and keeps its own rules.
            prop_assert_eq!(tools::all(&config).len(), config.iter().count() + 1);
            for parameter in config.iter().flat_map(|pipeline| pipeline.parameters.values()) {
                prop_assert!(parameter.default.as_ref().is_none_or(|default| parameter.accept(default).is_ok()));
            }
            Ok("accepted")
        },
    );
    outcomes.include(&["accepted", "no YAML", "rules"]);
}

#[test]
fn what_a_problem_quotes_is_short_and_on_one_line() {
    let name = "x\\n".repeat(100_000);
    let text = format!(
        "pipelines:\n  one: {{ \"colour\": \"{name}\", description: d, project: \"{name}\", ref: r, pass_as: \"{name}\", tenant: none }}\n"
    );
    for problem in Config::parse(&text).unwrap_err() {
        assert!(problem.chars().count() < LONGEST_PROBLEM && !problem.contains('\n'), "{problem}");
    }
}
