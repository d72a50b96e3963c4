use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::pipelines::testing::CONFIG;

mod fuzz;

/// The smallest file, with one line replaced or added.
fn file(parameters: &str) -> String {
    format!(
        "pipelines:\n  one:\n    description: Does one thing.\n    project: group/one\n    ref: main\n    pass_as: inputs\n    \
         tenant: none\n    parameters:\n      size: {parameters}\n"
    )
}

fn problems(text: &str) -> String {
    Config::parse(text).unwrap_err().join("\n")
}

#[test]
fn the_shipped_file_is_accepted() {
    let config = Config::parse(CONFIG).unwrap();
    let names: Vec<&str> = config.iter().map(|pipeline| pipeline.name.as_str()).collect();
    assert_eq!(names, ["app", "bootstrap", "compute"]);
    let compute = config.get("compute").unwrap();
    assert_eq!((compute.project.as_str(), compute.reference.as_str()), ("platform/compute", "main"));
    assert_eq!((compute.tenant, compute.pass_as), (Tenant::Required, PassAs::Variables));
    assert_eq!(config.projects().len(), 3);
}

#[test]
fn errors_name_file_key_and_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipelines.yaml");
    std::fs::write(&path, CONFIG.replace("minimum: 1", "minimum: 30")).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    let key = "pipelines.compute.parameters.instance_count.minimum: 30 is greater than the maximum 20";
    assert!(error.contains(&format!("pipelines.yaml: {key}")), "{error}");
    let error = Config::load(Path::new("no-such-directory/pipelines.yaml")).unwrap_err().to_string();
    assert!(error.starts_with("no-such-directory/pipelines.yaml: cannot be read: "), "{error}");
}

#[test]
fn every_rule_of_a_pipeline_type() {
    let good = file("{ type: integer, description: How many. }");
    assert!(Config::parse(&good).is_ok());
    for (from, to, expected) in [
        ("  one:", "  One:", "pipelines.One: the name must match"),
        ("tenant: none", "tenant: maybe", "pipelines.one.tenant: unknown variant `maybe`"),
        ("pass_as: inputs", "pass_as: files", "pipelines.one.pass_as: unknown variant"),
        ("    ref: main\n", "", "pipelines.one: missing field `ref`"),
        ("ref: main", "ref: my branch", "pipelines.one.ref: must be the name of a branch or tag"),
        ("ref: main", "ref: main\n    branch: main", "pipelines.one.branch: unknown field `branch`"),
        ("project: group/one", "project: one", "pipelines.one.project: must be a project's id or full path"),
        ("project: group/one", "project: group/../one", "pipelines.one.project: must be"),
        ("project: group/one", "project: 0", "pipelines.one.project: must be"),
        ("description: Does one thing.", "description: ' '", "pipelines.one.description: must have 1 to 1000"),
        ("size:", "environment:", "pipelines.one.parameters.environment: the name is taken"),
        ("size:", "ci_job_token:", "pipelines.one.parameters.ci_job_token: as the variable CI_JOB_TOKEN"),
        ("size:", "Size:", "pipelines.one.parameters.Size: the name must match"),
        ("pipelines:", "pipes:", "pipes: unknown field `pipes`"),
    ] {
        let text = good.replacen(from, to, 1);
        let problems = problems(&text);
        assert!(problems.contains(expected), "{to}: {problems}");
    }
    assert!(Config::parse(&good.replacen("group/one", "4711", 1)).is_ok());
    assert!(problems("pipelines: {}").contains("at least one pipeline type"));
    assert!(problems("pipelines: [").contains("is not valid YAML"));
    assert!(problems(&format!("{good}{}", good.replacen("pipelines:\n", "", 1))).contains("duplicate"));
}

#[test]
fn every_rule_of_a_parameter() {
    for (parameter, expected) in [
        ("{ type: array, description: x }", "size.type: unknown variant `array`"),
        ("{ type: string }", "size: missing field `description`"),
        ("{ type: string, description: '' }", "size.description: must have 1 to 500"),
        ("{ type: string, description: x, pattern: '(' }", "size.pattern: `(` is not a regular expression"),
        ("{ type: integer, description: x, pattern: a }", "size.pattern: is a rule for strings"),
        ("{ type: boolean, description: x, enum: [a] }", "size.enum: is a rule for strings"),
        ("{ type: string, description: x, enum: [] }", "size.enum: must name at least one value"),
        ("{ type: string, description: x, minimum: 1 }", "size.minimum: is a rule for numbers"),
        ("{ type: integer, description: x, maximum: 3, default: 4 }", "size.default: must be at most 3, not 4"),
        ("{ type: integer, description: x, default: 1.5 }", "size.default: must be an integer, not 1.5"),
        ("{ type: string, description: x, default: 4 }", "size.default: must be of type string, not the number 4"),
        ("{ type: string, description: x, enum: [a], default: b }", "size.default: must be one of a"),
        ("{ type: string, description: x, pattern: ^a$, default: b }", "size.default: must match ^a$"),
        ("{ type: string, description: x, default: $HOME }", "size.default: must not contain"),
        ("{ type: string, description: x, required: true, default: a }", "size.default: a required parameter cannot"),
        ("{ type: string, description: x, optional: true }", "size.optional: unknown field"),
    ] {
        let problems = problems(&file(parameter));
        assert!(problems.contains(&format!("pipelines.one.parameters.{expected}")), "{parameter}: {problems}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let text = CONFIG.replace("ref: main", "ref: ' '").replace("default: t3.medium", "default: T3");
    assert_eq!(Config::parse(&text).unwrap_err().len(), 4);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = Config::parse(&text);
    }

    #[test]
    fn no_change_of_the_shipped_file_makes_the_parser_panic(at in 0..CONFIG.len(), with in "[\\PC\n]{0,6}", cut in 0..20usize) {
        prop_assume!(CONFIG.is_char_boundary(at) && CONFIG.is_char_boundary((at + cut).min(CONFIG.len())));
        let text = format!("{}{with}{}", &CONFIG[..at], &CONFIG[(at + cut).min(CONFIG.len())..]);
        match Config::parse(&text) {
            // What is accepted keeps its own rules.
            Ok(config) => for pipeline in config.iter() {
                for parameter in pipeline.parameters.values() {
                    if let Some(default) = &parameter.default {
                        prop_assert!(parameter.accept(default).is_ok());
                    }
                }
            },
            Err(problems) => prop_assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.is_empty())),
        }
    }
}
