//! Steps from the traces of a run: each call of an action group, paired with what it answered.

use std::collections::{BTreeMap, VecDeque};

use aws_sdk_bedrockagentruntime::types::{
    ActionGroupInvocationInput, FailureTrace, InvocationInput, Observation, OrchestrationTrace, Source, Trace,
    TracePart,
};

use super::step::Step;

/// What a call shows for a result when the run ended without one.
const NO_RESULT: &str = "The agent reported no result of this call.";

/// The calls of one run.
#[derive(Debug)]
pub(super) struct Calls {
    agent: String,
    open: VecDeque<Open>,
    any: bool,
    failure: Option<String>,
}

/// A call that has not been answered.
#[derive(Debug)]
struct Open {
    trace_id: Option<String>,
    step: Step,
}

impl Calls {
    /// No calls yet, of the agent with this name.
    pub(super) const fn of(agent: String) -> Self {
        Self { agent, open: VecDeque::new(), any: false, failure: None }
    }

    /// Name of the agent.
    pub(super) fn agent(&self) -> &str {
        &self.agent
    }

    /// Whether the agent called anything.
    pub(super) const fn any(&self) -> bool {
        self.any
    }

    /// Why the agent gave up, where a failure trace said so.
    pub(super) fn failure_reason(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Takes a trace; gives the step that is complete with it.
    pub(super) fn see(&mut self, part: TracePart) -> Option<Step> {
        match part.trace? {
            Trace::OrchestrationTrace(OrchestrationTrace::InvocationInput(input)) => {
                self.called(input);
                None
            }
            Trace::OrchestrationTrace(OrchestrationTrace::Observation(observation)) => self.answered(observation),
            Trace::FailureTrace(FailureTrace { failure_reason, .. }) => {
                self.failure = failure_reason.or_else(|| self.failure.take());
                None
            }
            _ => None,
        }
    }

    /// The calls that were never answered, as steps that say so.
    pub(super) fn unanswered(&mut self) -> Vec<Step> {
        self.open.drain(..).map(|open| Step { result: NO_RESULT.to_owned(), ..open.step }).collect()
    }

    fn called(&mut self, input: InvocationInput) {
        let Some(call) = input.action_group_invocation_input else { return };
        self.any = true;
        self.open.push_back(Open { trace_id: input.trace_id, step: step(&self.agent, call) });
    }

    fn answered(&mut self, observation: Observation) -> Option<Step> {
        let result = match (observation.action_group_invocation_output, observation.reprompt_response) {
            (Some(output), _) => output.text.unwrap_or_default(),
            // An answer with the state REPROMPT; the parser's own reprompts belong to no call.
            (None, Some(reprompt)) if reprompt.source == Some(Source::ActionGroup) => reprompt.text.unwrap_or_default(),
            _ => return None,
        };
        // An answer carries the trace id of its call, but not the invocation id; calls of one id are answered in order.
        let place = self
            .open
            .iter()
            .position(|open| open.trace_id.is_some() && open.trace_id == observation.trace_id)
            .unwrap_or_default();
        let open = self.open.remove(place)?;
        Some(Step { result, ..open.step })
    }
}

fn step(agent: &str, call: ActionGroupInvocationInput) -> Step {
    let function = call.function.unwrap_or_else(|| {
        let (verb, path) = (call.verb.unwrap_or_default(), call.api_path.unwrap_or_default());
        format!("{} {path}", verb.to_uppercase()).trim().to_owned()
    });
    let body = call.request_body.and_then(|body| body.content).unwrap_or_default();
    let parameters: BTreeMap<String, String> = call
        .parameters
        .unwrap_or_default()
        .into_iter()
        .chain(body.into_values().flatten())
        .filter_map(|parameter| Some((parameter.name?, parameter.value.unwrap_or_default())))
        .collect();
    Step {
        agent: agent.to_owned(),
        action_group: call.action_group_name.unwrap_or_default(),
        function,
        parameters,
        result: String::new(),
    }
}
