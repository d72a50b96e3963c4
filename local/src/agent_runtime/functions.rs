//! Action groups: the exact event of Bedrock to the deployed Lambda function, and its answer checked as Bedrock checks it.
//!
//! Source: Amazon Bedrock user guide, "Configure Lambda functions to send information that an agent elicits from the user".

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_lambda::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::DisplayErrorContext,
    primitives::Blob,
};
use handlers::definitions::{ActionGroup, Function, LOCAL_ALIAS_ID, local_agent_id};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::{AgentError, Result},
    model::Call,
    trace::{self, AGENT_VERSION},
};

/// Invokes the action-group functions of one stage.
#[derive(Debug, Clone)]
pub(crate) struct Functions {
    client: Client,
    stage: String,
}

/// The circumstances of a call that are part of the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) agent: &'a str,
    pub(crate) session_id: &'a str,
    pub(crate) input_text: &'a str,
    pub(crate) attributes: &'a BTreeMap<String, String>,
    pub(crate) prompt_attributes: &'a BTreeMap<String, String>,
}

/// What a function answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) body: String,
    pub(crate) reprompt: bool,
    /// Replaces the session's attributes where the function sent some.
    pub(crate) attributes: Option<BTreeMap<String, String>>,
    pub(crate) prompt_attributes: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    message_version: Option<String>,
    response: AnswerResponse,
    session_attributes: Option<BTreeMap<String, String>>,
    prompt_session_attributes: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerResponse {
    action_group: String,
    function: String,
    function_response: FunctionResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    response_state: Option<State>,
    response_body: BTreeMap<String, ContentBody>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Failure,
    Reprompt,
}

#[derive(Deserialize)]
struct ContentBody {
    body: String,
}

impl Functions {
    /// `timeout` bounds one call, connection included.
    pub(crate) fn new(config: &aws_config::SdkConfig, stage: &str, timeout: Duration) -> Self {
        let config = aws_sdk_lambda::config::Builder::from(config)
            // A call may have started a pipeline before its answer was lost.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(timeout).read_timeout(timeout).build())
            .build();
        Self { client: Client::from_conf(config), stage: stage.to_owned() }
    }

    /// Calls a function of an agent.
    ///
    /// # Errors
    /// `dependencyFailedException` when the function cannot be invoked, fails, answers in another shape or says FAILURE.
    pub(crate) async fn call(
        &self,
        group: &ActionGroup,
        function: &Function,
        call: &Call,
        at: Circumstances<'_>,
    ) -> Result<Reply> {
        let name = format!("switchyard-{}-{}", self.stage, group.handler);
        let event = self.event(function, call, at);
        let failed = |what: String| {
            let message = format!(
                "Your request couldn't be completed. Lambda function {name} encountered a problem while processing the \
                 request. {what} Look into the function's log, then try the request again."
            );
            AgentError::dependency(name.clone(), message)
        };
        let request = self.client.invoke().function_name(&name).payload(Blob::new(event.to_string()));
        let output = request
            .send()
            .await
            .map_err(|error| failed(format!("It cannot be invoked: {}.", DisplayErrorContext(&error))))?;
        let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
        if let Some(kind) = output.function_error {
            let message = serde_json::from_slice::<Value>(&payload).ok();
            let message = message.as_ref().and_then(|value| value["errorMessage"].as_str()).unwrap_or("no message");
            return Err(failed(format!("It ended with an error ({kind}): {message}.")));
        }
        check(&payload, call)
            .map_err(|reason| {
                failed(format!("The server encountered an error processing the Lambda response: {reason}."))
            })?
            .map_err(|body| failed(format!("It answered with FAILURE: {body}")))
    }

    fn event(&self, function: &Function, call: &Call, at: Circumstances<'_>) -> Value {
        json!({
            "messageVersion": "1.0",
            "agent": {
                "name": format!("switchyard-{}-{}", self.stage, at.agent),
                "id": local_agent_id(at.agent),
                "alias": LOCAL_ALIAS_ID,
                "version": AGENT_VERSION,
            },
            "inputText": at.input_text,
            "sessionId": at.session_id,
            "actionGroup": call.action_group,
            "function": call.function,
            "parameters": trace::parameters(call, Some(function)),
            "sessionAttributes": at.attributes,
            "promptSessionAttributes": at.prompt_attributes,
        })
    }
}

/// The reply inside a payload; inner `Err` is the body of a FAILURE, outer `Err` says what is wrong with the shape.
fn check(payload: &[u8], call: &Call) -> Result<Result<Reply, String>, String> {
    let answer: Answer = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    if answer.message_version.as_deref().is_some_and(|version| version != "1.0") {
        return Err("messageVersion is not 1.0".into());
    }
    let response = answer.response;
    if response.action_group != call.action_group || response.function != call.function {
        return Err(format!(
            "it answers {}::{}, but {}::{} was called",
            response.action_group, response.function, call.action_group, call.function
        ));
    }
    let mut bodies = response.function_response.response_body;
    let Some(ContentBody { body }) = bodies.remove("TEXT") else {
        return Err("responseBody has no TEXT".into());
    };
    if response.function_response.response_state == Some(State::Failure) {
        return Ok(Err(body));
    }
    Ok(Ok(Reply {
        body,
        reprompt: response.function_response.response_state == Some(State::Reprompt),
        attributes: answer.session_attributes,
        prompt_attributes: answer.prompt_session_attributes,
    }))
}
