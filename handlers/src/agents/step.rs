//! A tool call of an agent, as it is shown to a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Longest result that is shown, in characters.
const RESULT_LENGTH: usize = 2000;

/// One call of one tool, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Name of the agent that called.
    pub agent: String,
    /// The action group the tool belongs to.
    pub action_group: String,
    /// The function; for action groups with an OpenAPI schema, method and path (`GET /deployments`).
    pub function: String,
    /// The parameters as the agent sent them; Bedrock sends every value as text.
    pub parameters: BTreeMap<String, String>,
    /// What the tool answered.
    pub result: String,
}

/// What `agent_invoker` answers to the orchestrator about the work of a specialist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// What the specialist said.
    pub message: String,
    /// The specialist's name.
    pub agent: String,
    /// The tools it called.
    pub steps: Vec<Step>,
}

impl Step {
    /// This step followed by the steps inside it: where the result is the [`Report`] of a specialist, the specialist's words
    /// are the result, and its own steps come after, so that the list tells what happened in the order it began.
    #[must_use]
    pub fn lift(mut self) -> Vec<Self> {
        match serde_json::from_str::<Report>(&self.result) {
            Ok(report) => {
                self.result = report.message;
                std::iter::once(self).chain(report.steps).map(Self::cut).collect()
            }
            Err(_) => vec![self.cut()],
        }
    }

    /// With a result of at most 2000 characters; a longer one ends in an ellipsis.
    #[must_use]
    pub fn cut(mut self) -> Self {
        if self.result.chars().nth(RESULT_LENGTH).is_some() {
            self.result = self.result.chars().take(RESULT_LENGTH - 1).chain(['…']).collect();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(agent: &str, function: &str, result: &str) -> Step {
        Step {
            agent: agent.to_owned(),
            action_group: "group".to_owned(),
            function: function.to_owned(),
            parameters: BTreeMap::from([("environment".to_owned(), "dev".to_owned())]),
            result: result.to_owned(),
        }
    }

    #[test]
    fn steps_of_a_specialist_follow_the_call_that_led_to_them() {
        let inner = step("bootstrap", "execute_bootstrap_pipeline", r#"{"message":"Started."}"#);
        let report = Report { message: "I started it.".into(), agent: "bootstrap".into(), steps: vec![inner.clone()] };
        let outer = step("orchestrator", "invoke_agent", &serde_json::to_string(&report).unwrap());
        let lifted = outer.lift();
        assert_eq!(lifted, [step("orchestrator", "invoke_agent", "I started it."), inner]);
    }

    #[test]
    fn other_results_stay_as_they_are() {
        for result in ["plain", r#"{"message":"3 deployments","deployments":[]}"#, r#"{"message":"m","agent":"a"}"#, ""]
        {
            assert_eq!(step("orchestrator", "query", result).lift(), [step("orchestrator", "query", result)]);
        }
    }

    #[test]
    fn long_results_are_cut_between_characters() {
        let exact = "é".repeat(RESULT_LENGTH);
        assert_eq!(step("a", "f", &exact).cut().result, exact);
        let cut = step("a", "f", &"é".repeat(RESULT_LENGTH + 1)).lift().remove(0).result;
        assert_eq!(cut.chars().count(), RESULT_LENGTH);
        assert!(cut.ends_with("é…"));
    }
}
