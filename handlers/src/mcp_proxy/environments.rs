//! Which environments a tool may change without a person's approval.
//!
//! A server's word counts for nothing here: the registry says which argument is the environment, the configuration says
//! which environments there are and which are protected, and whatever is not known counts as protected.

use serde_json::{Map, Value};

use crate::{
    error::{Error, Result, refused, shorten},
    registry::{Server, Tool},
};

/// The environments of the configuration.
#[derive(Debug, Clone)]
pub struct Environments {
    known: Vec<String>,
    protected: Vec<String>,
}

impl Environments {
    /// `known` are all there are, `protected` those that need an approval.
    pub fn new(known: &[String], protected: &[String]) -> Self {
        let canonical = |names: &[String]| names.iter().map(|name| canonical(name)).collect();
        Self { known: canonical(known), protected: canonical(protected) }
    }

    /// Writes the environment of a call into its arguments in its canonical spelling.
    pub fn spell(&self, server: &Server, arguments: &mut Map<String, Value>) {
        if let Some(Value::String(name)) = server.environment_argument().and_then(|name| arguments.get_mut(name)) {
            *name = canonical(name);
        }
    }

    /// The environment that a call would change, whose arguments have been through [`spell`](Self::spell).
    ///
    /// # Errors
    /// `Refused`, with the reason: the environment is protected, or it cannot be told that it is not.
    pub fn admit(&self, server: &Server, tool: &Tool, arguments: &Map<String, Value>) -> Result<String> {
        let Some(argument) = server.environment_argument() else {
            return Err(needs_approval(&format!(
                "the registry entry of `{}` does not say which argument of its tools is the environment \
                 (configuration.environment_argument), so `{}` counts as changing a protected one",
                server.server_id, tool.name
            )));
        };
        let Some(given) = arguments.get(argument).and_then(Value::as_str) else {
            return Err(needs_approval(&format!(
                "the call names no environment in `{argument}`, so it counts as changing a protected one"
            )));
        };
        let environment = canonical(given);
        if self.protected.contains(&environment) {
            return Err(needs_approval(&format!("the environment `{environment}` is protected")));
        }
        if !self.known.contains(&environment) {
            let known = self.known.join(", ");
            return Err(needs_approval(&format!(
                "`{}` is none of the environments there are ({known}), and an unknown one counts as protected",
                shorten(&environment, 60)
            )));
        }
        Ok(environment)
    }
}

/// One spelling for one environment.
fn canonical(name: &str) -> String {
    name.trim().to_lowercase()
}

fn needs_approval(reason: &str) -> Error {
    refused(format!(
        "Nothing was started: {reason}. Changes to protected environments need a person's approval, and there is no way to \
         give one yet. Another environment can be chosen, or the pipeline be started in GitLab by hand."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp_proxy::tests::server;

    fn admit(argument: Option<&str>, arguments: Value) -> std::result::Result<String, String> {
        let known = ["dev", "Prod"].map(str::to_owned);
        let environments = Environments::new(&known, &["prod".to_owned()]);
        let mut server = server("arn:aws:lambda:us-east-1:123456789012:function:some");
        match argument {
            Some(name) => drop(server.configuration.insert("environment_argument".into(), name.into())),
            None => drop(server.configuration.remove("environment_argument")),
        }
        let tool = server.available_tools[0].clone();
        let mut arguments = arguments.as_object().unwrap().clone();
        environments.spell(&server, &mut arguments);
        let admitted = environments.admit(&server, &tool, &arguments).map_err(|error| error.to_string())?;
        assert_eq!(arguments[argument.unwrap()], admitted, "what is sent is what was admitted");
        Ok(admitted)
    }

    #[test]
    fn only_a_known_unprotected_environment_is_admitted() {
        assert_eq!(admit(Some("environment"), json!({ "environment": " Dev " })).unwrap(), "dev");
        for (argument, arguments, reason) in [
            (Some("environment"), json!({ "environment": "PROD" }), "`prod` is protected"),
            (Some("environment"), json!({ "environment": "production" }), "none of the environments"),
            (Some("environment"), json!({ "environment": ["dev"] }), "names no environment"),
            (Some("environment"), json!({}), "names no environment"),
            (Some("stage"), json!({ "environment": "dev" }), "names no environment in `stage`"),
            (None, json!({ "environment": "dev" }), "does not say which argument"),
        ] {
            let refusal = admit(argument, arguments).unwrap_err();
            assert!(refusal.contains(reason) && refusal.starts_with("Nothing was started"), "{refusal}");
        }
    }
}
