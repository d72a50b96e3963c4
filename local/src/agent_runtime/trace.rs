//! Trace events, in the shapes of Bedrock's `TracePart`.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::Call;
use handlers::definitions::{Function, LOCAL_ALIAS_ID};

/// Version of every agent here; on Bedrock an alias points to a numbered version.
pub(crate) const AGENT_VERSION: &str = "1";

/// Makes the trace events of one request.
#[derive(Debug)]
pub(crate) struct Tracer {
    agent_id: String,
    session_id: String,
    /// First half of the trace ids; Bedrock's are at most 16 characters.
    request: String,
    step: usize,
}

impl Tracer {
    pub(crate) fn new(agent_id: &str, session_id: &str) -> Self {
        let request = Uuid::new_v4().simple().to_string().chars().take(12).collect();
        Self { agent_id: agent_id.to_owned(), session_id: session_id.to_owned(), request, step: 0 }
    }

    /// The next question to the model begins.
    pub(crate) const fn next_step(&mut self) {
        self.step += 1;
    }

    fn id(&self) -> String {
        format!("{}-{}", self.request, self.step)
    }

    fn part(&self, trace: Value) -> Value {
        json!({
            "agentId": self.agent_id,
            "agentAliasId": LOCAL_ALIAS_ID,
            "sessionId": self.session_id,
            "agentVersion": AGENT_VERSION,
            "callerChain": [{ "agentAliasArn": format!(
                "arn:aws:bedrock:local:000000000000:agent-alias/{}/{LOCAL_ALIAS_ID}", self.agent_id) }],
            "eventTime": Timestamp::now().to_string(),
            "trace": trace,
        })
    }

    fn orchestration(&self, kind: &str, mut value: Value) -> Value {
        value["traceId"] = self.id().into();
        self.part(json!({ "orchestrationTrace": { kind: value } }))
    }

    pub(crate) fn model_input(&self, text: &str, model: &str) -> Value {
        self.orchestration(
            "modelInvocationInput",
            json!({ "type": "ORCHESTRATION", "text": text, "foundationModel": model }),
        )
    }

    pub(crate) fn rationale(&self, text: &str) -> Value {
        self.orchestration("rationale", json!({ "text": text }))
    }

    pub(crate) fn invocation(&self, call: &Call, function: Option<&Function>, invocation_id: &str) -> Value {
        let input = json!({
            "actionGroupName": call.action_group,
            "function": call.function,
            "parameters": parameters(call, function),
            "executionType": "LAMBDA",
            "invocationId": invocation_id,
        });
        self.orchestration(
            "invocationInput",
            json!({ "invocationType": "ACTION_GROUP", "actionGroupInvocationInput": input }),
        )
    }

    pub(crate) fn output(&self, text: &str) -> Value {
        self.orchestration(
            "observation",
            json!({ "type": "ACTION_GROUP", "actionGroupInvocationOutput": { "text": text } }),
        )
    }

    pub(crate) fn reprompt(&self, text: &str, source: &str) -> Value {
        let response = json!({ "text": text, "source": source });
        self.orchestration("observation", json!({ "type": "REPROMPT", "repromptResponse": response }))
    }

    pub(crate) fn finish(&self, text: &str) -> Value {
        self.orchestration("observation", json!({ "type": "FINISH", "finalResponse": { "text": text } }))
    }

    pub(crate) fn failure(&self, reason: &str) -> Value {
        self.part(json!({ "failureTrace": { "traceId": self.id(), "failureReason": reason } }))
    }
}

/// The arguments as Bedrock lists them: in the order of the declaration, every value a string.
pub(crate) fn parameters(call: &Call, function: Option<&Function>) -> Value {
    let declared = function.map(|function| function.parameters.as_slice()).unwrap_or_default();
    let known = declared.iter().filter_map(|parameter| {
        let value = call.parameters.get(&parameter.name)?;
        Some(json!({ "name": parameter.name, "type": parameter.kind.to_string(), "value": value }))
    });
    let unknown = call
        .parameters
        .iter()
        .filter(|(name, _)| !declared.iter().any(|parameter| parameter.name == **name))
        .map(|(name, value)| json!({ "name": name, "type": "string", "value": value }));
    known.chain(unknown).collect()
}
