//! Parameters of a request, wherever GitLab accepts them: query string, form or JSON body.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A variable of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Variable {
    /// Name.
    pub(super) key: String,
    /// Value.
    #[serde(default)]
    pub(super) value: String,
    /// `env_var` or `file`.
    #[serde(default = "env_var")]
    pub(super) variable_type: String,
}

fn env_var() -> String {
    "env_var".to_owned()
}

/// What a new pipeline is made from.
#[derive(Debug, Default, Deserialize)]
pub(super) struct NewPipeline {
    #[serde(default, rename = "ref")]
    pub(super) git_ref: Option<String>,
    #[serde(default)]
    pub(super) variables: Vec<Variable>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, Value>,
}

impl NewPipeline {
    /// Reads query and body together; the body wins.
    ///
    /// # Errors
    /// The sentence that GitLab's parameter check would answer with.
    pub(super) fn read(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Self, String> {
        let mut pipeline = Self::default();
        pipeline.take_pairs(query.unwrap_or_default().as_bytes())?;
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if media_type.starts_with("application/json") && !body.is_empty() {
            let from_body: Self = serde_json::from_slice(body).map_err(|error| {
                if error.is_data() { format!("a parameter is invalid: {error}") } else { "400 Bad request".to_owned() }
            })?;
            pipeline.git_ref = from_body.git_ref.or(pipeline.git_ref);
            pipeline.variables.extend(from_body.variables);
            pipeline.inputs.extend(from_body.inputs);
        } else {
            pipeline.take_pairs(body)?;
        }
        if let Some(variable) = pipeline.variables.iter().find(|it| !matches!(&*it.variable_type, "env_var" | "file")) {
            return Err(format!("variables[0][variable_type] does not have a valid value: {}", variable.variable_type));
        }
        Ok(pipeline)
    }

    /// `ref=main&variables[][key]=A&variables[][value]=1&inputs[name]=x`: each `variables[][key]` begins a variable.
    fn take_pairs(&mut self, encoded: &[u8]) -> Result<(), String> {
        for (name, value) in url::form_urlencoded::parse(encoded) {
            let value = value.into_owned();
            match &*name {
                "ref" => self.git_ref = Some(value),
                "variables[][key]" => {
                    self.variables.push(Variable { key: value, value: String::new(), variable_type: env_var() });
                }
                "variables[][value]" => self.last_variable()?.value = value,
                "variables[][variable_type]" => self.last_variable()?.variable_type = value,
                other => {
                    if let Some(input) = other.strip_prefix("inputs[").and_then(|rest| rest.strip_suffix(']')) {
                        self.inputs.insert(input.to_owned(), Value::String(value));
                    }
                }
            }
        }
        Ok(())
    }

    fn last_variable(&mut self) -> Result<&mut Variable, String> {
        self.variables.last_mut().ok_or_else(|| "variables[0][key] is missing".to_owned())
    }
}

/// Parameters of a list, from the query string.
#[derive(Debug)]
pub(super) struct ListQuery {
    pairs: Vec<(String, String)>,
}

impl ListQuery {
    pub(super) fn read(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        Self { pairs }
    }

    /// The last value of a parameter, if it is given and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of `name[]`, and of `name`.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let matches = |key: &str| key.strip_suffix("[]").unwrap_or(key) == name;
        self.pairs.iter().filter(|(key, _)| matches(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// A parameter that must be one of the given words.
    pub(super) fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<&str>, String> {
        match self.get(name) {
            Some(value) if !words.contains(&value) => Err(format!("{name} does not have a valid value")),
            value => Ok(value),
        }
    }

    /// A positive number; `most` caps it, as GitLab does with `per_page`.
    pub(super) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, String> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => match text.parse::<usize>() {
                Ok(0) | Err(_) => Err(format!("{name} is invalid")),
                Ok(number) => Ok(number.min(most)),
            },
        }
    }

    /// A point in time, ISO 8601.
    pub(super) fn time(&self, name: &str) -> Result<Option<jiff::Timestamp>, String> {
        self.get(name).map(|text| text.parse().map_err(|_| format!("{name} is invalid"))).transpose()
    }

    /// The query without paging, to build links from.
    pub(super) fn without_page(&self) -> Vec<(&str, &str)> {
        self.pairs
            .iter()
            .filter(|(key, _)| key != "page" && key != "per_page")
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }
}
