//! `pipelines.yaml`: which pipeline types exist and which GitLab project runs each of them.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use handlers::error::shorten;
use serde::Deserialize;
use serde_json::Value;

use super::parameter::{Parameter, RawParameter};

/// How parameters reach GitLab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassAs {
    /// As pipeline variables, names upper-cased, values as text.
    Variables,
    /// As pipeline inputs (`spec: inputs:`), names as they are, values with their type.
    Inputs,
}

/// Whether a pipeline runs for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tenant {
    /// The tool takes no `tenant_id`.
    None,
    /// The tool must be given a `tenant_id`.
    Required,
    /// The tool may be given a `tenant_id`.
    Optional,
}

/// One pipeline type, checked.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its name; the tool is `execute_{name}_pipeline`.
    pub name: String,
    /// What it does, for the reader of the tool list.
    pub description: String,
    /// GitLab project: numeric id or full path.
    pub project: String,
    /// Branch or tag the pipeline runs on.
    pub reference: String,
    /// How parameters reach GitLab.
    pub pass_as: PassAs,
    /// Whether it runs for a tenant.
    pub tenant: Tenant,
    /// Parameters beyond `environment` and `tenant_id`, by name.
    pub parameters: BTreeMap<String, Parameter>,
}

/// All pipeline types, by name.
#[derive(Debug, Clone)]
pub struct Config {
    pipelines: BTreeMap<String, Pipeline>,
}

/// Why a configuration file is not accepted: one line for each thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// `key path: reason`, in order of the file's keys.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {problem}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    pipelines: BTreeMap<String, RawPipeline>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPipeline {
    description: String,
    project: Value,
    r#ref: String,
    pass_as: PassAs,
    tenant: Tenant,
    #[serde(default)]
    parameters: BTreeMap<String, RawParameter>,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each line with file, key and reason.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let fail = |problem: String| ConfigError { file: file.to_owned(), problems: vec![problem] };
        let text = std::fs::read_to_string(file).map_err(|error| fail(format!("cannot be read: {error}")))?;
        Self::parse(&text).map_err(|problems| ConfigError { file: file.to_owned(), problems })
    }

    /// Checks the text of a configuration file.
    ///
    /// # Errors
    /// `key path: reason` for everything that is wrong.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let yaml = handlers::yaml::read(text).map_err(|error| vec![format!("is not valid YAML: {error}")])?;
        let raw: RawConfig = serde_path_to_error::deserialize(yaml).map_err(|error| {
            let (path, reason) = (error.path().to_string(), error.inner().to_string());
            vec![line(&if path == "." { reason } else { format!("{path}: {reason}") })]
        })?;
        let mut problems = Vec::new();
        if raw.pipelines.is_empty() {
            problems.push("pipelines: at least one pipeline type is needed".to_owned());
        }
        let pipelines =
            raw.pipelines.into_iter().map(|(name, raw)| (name.clone(), pipeline(name, raw, &mut problems))).collect();
        if problems.is_empty() {
            Ok(Self { pipelines })
        } else {
            Err(problems.iter().map(|problem| line(problem)).collect())
        }
    }

    /// The pipeline type of that name.
    pub fn get(&self, name: &str) -> Option<&Pipeline> {
        self.pipelines.get(name)
    }

    /// All pipeline types, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Pipeline> {
        self.pipelines.values()
    }

    /// The GitLab projects in use, each once, with whether any of its types passes inputs.
    pub fn projects(&self) -> Vec<(&str, PassAs)> {
        let mut projects: BTreeMap<&str, PassAs> = BTreeMap::new();
        for pipeline in self.iter() {
            let pass_as = projects.entry(&pipeline.project).or_insert(pipeline.pass_as);
            if pipeline.pass_as == PassAs::Inputs {
                *pass_as = PassAs::Inputs;
            }
        }
        projects.into_iter().collect()
    }
}

/// A problem as one line of readable length, whatever names and values the file has.
fn line(problem: &str) -> String {
    shorten(problem, 600)
}

fn pipeline(name: String, raw: RawPipeline, problems: &mut Vec<String>) -> Pipeline {
    let at = format!("pipelines.{name}");
    if !is_name(&name, 40) {
        problems.push(format!("{at}: the name must match ^[a-z][a-z0-9_]{{0,39}}$"));
    }
    let description = raw.description.trim().to_owned();
    if description.is_empty() || description.chars().count() > 1000 {
        problems.push(format!("{at}.description: must have 1 to 1000 characters"));
    }
    let project = match raw.project {
        Value::Number(number) if number.as_u64().is_some_and(|id| id > 0) => number.to_string(),
        Value::String(path) if is_project(&path) => path,
        other => {
            problems.push(format!("{at}.project: must be a project's id or full path (group/project), not {other}"));
            String::new()
        }
    };
    if raw.r#ref.is_empty() || raw.r#ref.contains(|c: char| c.is_whitespace() || c.is_control()) {
        problems.push(format!("{at}.ref: must be the name of a branch or tag"));
    }
    let parameters = raw
        .parameters
        .into_iter()
        .map(|(parameter, raw)| {
            let at = format!("{at}.parameters.{parameter}");
            check_parameter_name(&parameter, &at, problems);
            (parameter, Parameter::check(raw, &at, problems))
        })
        .collect();
    Pipeline { name, description, project, reference: raw.r#ref, pass_as: raw.pass_as, tenant: raw.tenant, parameters }
}

fn check_parameter_name(name: &str, at: &str, problems: &mut Vec<String>) {
    // These are the fields of every call; a parameter of the same name could not be told from them.
    const OURS: [&str; 4] = ["environment", "tenant_id", "pipeline_type", "execution_id"];
    // As a variable these would replace what the runner and GitLab rely on.
    const THEIRS: [&str; 5] = ["path", "home", "shell", "ld_preload", "ld_library_path"];
    if !is_name(name, 63) {
        problems.push(format!("{at}: the name must match ^[a-z][a-z0-9_]{{0,62}}$"));
    } else if OURS.contains(&name) {
        problems.push(format!("{at}: the name is taken; every call has its own {name}"));
    } else if THEIRS.contains(&name) || name.starts_with("ci_") || name.starts_with("gitlab_") {
        problems.push(format!("{at}: as the variable {} it would replace one of the runner's", name.to_uppercase()));
    }
}

fn is_name(name: &str, longest: usize) -> bool {
    name.len() <= longest
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_project(path: &str) -> bool {
    if path.bytes().all(|b| b.is_ascii_digit()) {
        return path.bytes().any(|b| b != b'0');
    }
    let part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    path.contains('/') && path.split('/').all(part)
}

#[cfg(test)]
mod tests;
