//! The arguments of a call, checked against its pipeline type.

use std::{collections::BTreeMap, sync::LazyLock};

use handlers::error::shorten;
use regex_lite::Regex;
use serde_json::{Map, Value};

use super::{
    config::{PassAs, Pipeline, Tenant},
    parameter::shown,
};

/// What the name of an environment must match. Which environments exist is the pipelines' own affair.
pub const ENVIRONMENT_PATTERN: &str = "^[a-z][a-z0-9-]{0,30}$";
/// What the id of a tenant must match, in its [one spelling](one_spelling).
pub const TENANT_PATTERN: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// How many arguments that do not exist are named in one refusal.
const MOST_UNKNOWN: usize = 5;
/// [`TENANT_PATTERN`] in words.
const TENANT_WORDS: &str = "at most 63 lower-case letters a to z, digits and hyphens, with no hyphen first or last";

// The patterns are constants covered by a test: they always compile. A lazy `Option` keeps that free of a panic.
static ENVIRONMENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ENVIRONMENT_PATTERN).ok());
static TENANT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(TENANT_PATTERN).ok());

/// The one spelling of a tenant: `ACME` and `acme` are the same. Other alphabets stay as they are, and are refused.
pub fn one_spelling(tenant: &str) -> String {
    tenant.to_ascii_lowercase()
}

/// A call that GitLab can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Arguments {
    /// The environment it runs for.
    pub environment: String,
    /// The tenant it runs for.
    pub tenant_id: Option<String>,
    /// Values of the declared parameters, defaults filled in; optional ones that were not given are absent.
    pub parameters: BTreeMap<String, Value>,
}

impl Arguments {
    /// Checks the arguments of a tool call.
    ///
    /// # Errors
    /// A sentence for each argument that is wrong, with its name.
    pub fn check(pipeline: &Pipeline, arguments: &Map<String, Value>) -> Result<Self, String> {
        let mut problems = Vec::new();
        let mut check = |name: &str, result: Result<Option<String>, String>| match result {
            Ok(value) => value,
            Err(reason) => {
                problems.push(format!("{name}: {reason}"));
                None
            }
        };
        let environment =
            check("environment", text(arguments.get("environment"), true, &ENVIRONMENT, ENVIRONMENT_PATTERN));
        let tenant = match (pipeline.tenant, arguments.get("tenant_id")) {
            (Tenant::None, Some(_)) => Err(format!("the {} pipeline runs for no tenant; leave it out", pipeline.name)),
            (Tenant::None, None) => Ok(None),
            (tenant, value) => {
                let value =
                    value.map(|value| value.as_str().map_or_else(|| value.clone(), |id| one_spelling(id).into()));
                text(value.as_ref(), tenant == Tenant::Required, &TENANT, &format!("{TENANT_PATTERN} ({TENANT_WORDS})"))
            }
        };
        let tenant_id = check("tenant_id", tenant);
        let mut parameters = BTreeMap::new();
        for (name, parameter) in &pipeline.parameters {
            let value = match arguments.get(name) {
                Some(value) => parameter.accept(value).map(Some),
                None if parameter.required => Err("is required".to_owned()),
                None => Ok(parameter.default.clone()),
            };
            match value {
                Ok(Some(value)) => drop(parameters.insert(name.clone(), value)),
                Ok(None) => {}
                Err(reason) => problems.push(format!("{name}: {reason}")),
            }
        }
        let known = known(pipeline);
        let mut unknown = arguments.keys().filter(|name| *name != "tenant_id" && !known.contains(&name.as_str()));
        for name in unknown.by_ref().take(MOST_UNKNOWN) {
            problems.push(format!("{}: is not an argument; there are {}", shorten(name, 60), known.join(", ")));
        }
        match unknown.count() {
            0 => {}
            more => problems.push(format!("There are {more} more that are not arguments")),
        }
        match environment {
            Some(environment) if problems.is_empty() => Ok(Self { environment, tenant_id, parameters }),
            _ => Err(format!("The arguments of the {} pipeline are wrong. {}.", pipeline.name, problems.join(". "))),
        }
    }

    /// Names and values as GitLab receives them: variables as upper-cased text, inputs as they are.
    pub fn for_gitlab(&self, pipeline: &Pipeline, execution_id: &str) -> BTreeMap<String, Value> {
        let mut all = self.parameters.clone();
        all.insert("pipeline_type".to_owned(), Value::from(pipeline.name.as_str()));
        all.insert("environment".to_owned(), Value::from(self.environment.as_str()));
        all.insert("execution_id".to_owned(), Value::from(execution_id));
        if let Some(tenant_id) = &self.tenant_id {
            all.insert("tenant_id".to_owned(), Value::from(tenant_id.as_str()));
        }
        match pipeline.pass_as {
            PassAs::Inputs => all,
            PassAs::Variables => all
                .into_iter()
                .map(|(name, value)| {
                    let text = match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    (name.to_uppercase(), Value::from(text))
                })
                .collect(),
        }
    }
}

fn text(
    value: Option<&Value>,
    required: bool,
    pattern: &LazyLock<Option<Regex>>,
    shown_pattern: &str,
) -> Result<Option<String>, String> {
    match value {
        None if required => Err("is required".to_owned()),
        None => Ok(None),
        Some(Value::String(text)) if pattern.as_ref().is_some_and(|pattern| pattern.is_match(text)) => {
            Ok(Some(text.clone()))
        }
        Some(Value::String(_)) => Err(format!("must match {shown_pattern}")),
        Some(other) => Err(format!("must be of type string, not {}", shown(other))),
    }
}

fn known(pipeline: &Pipeline) -> Vec<&str> {
    let tenant = (pipeline.tenant != Tenant::None).then_some("tenant_id");
    std::iter::once("environment").chain(tenant).chain(pipeline.parameters.keys().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests;
