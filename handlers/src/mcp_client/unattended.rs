//! Tools that ask back in the middle of a call. Nobody sits here who could answer, and no capability to answer is declared;
//! a tool that asks all the same is told that its question was cancelled, so that it ends the call in its own words instead
//! of leaving it unknown what became of it.
//!
//! Source: MCP 2025-11-25, elicitation; MCP 2026-07-28, multi round-trip requests.

use std::time::Duration;

use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        CallToolRequestParams, CallToolResponse, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
        InputRequest, InputRequiredResult, InputResponses,
    },
    service::RequestContext,
};
use serde_json::json;

use super::{
    ToolResult,
    connection::Session,
    error::{Failure, shorten},
    result,
};

/// How often one call may ask back.
const MAX_ROUNDS: usize = 4;

/// Wait before a call goes on that the server put off without a question.
const PAUSE: Duration = Duration::from_millis(500);

/// What answers the questions that servers of older versions ask over an open stream.
#[derive(Debug, Clone)]
pub(super) struct Nobody(pub(super) ClientConfig);

impl ClientHandler for Nobody {
    fn get_info(&self) -> ClientConfig {
        self.0.clone()
    }

    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(cancelled())
    }
}

/// Calls a tool; whatever it asks back is cancelled.
///
/// # Errors
/// The call failed, or the tool wants something that cannot even be cancelled, or asks without end.
pub(super) async fn call_tool(session: &Session, mut params: CallToolRequestParams) -> Result<ToolResult, Failure> {
    for _ in 0..MAX_ROUNDS {
        let request = params.clone();
        match session.run(async |server| server.call_tool_once(request).await).await? {
            CallToolResponse::InputRequired(required) => {
                let (state, responses) = (required.request_state.clone(), answers(required)?);
                if responses.is_none() {
                    tokio::time::sleep(PAUSE).await;
                }
                params.request_state = state;
                params.input_responses = responses;
            }
            response => return result::tool_result(response),
        }
    }
    Err(Failure::InputRequired(format!("more than {MAX_ROUNDS} times")))
}

/// The answers to what a tool asks; none if it only wants to be called again.
fn answers(required: InputRequiredResult) -> Result<Option<InputResponses>, Failure> {
    let requests = required.input_requests.unwrap_or_default();
    if requests.is_empty() {
        let nothing = || Failure::Malformed("it asks for input and says neither which nor for what".to_owned());
        return required.request_state.map(|_| None).ok_or_else(nothing);
    }
    let mut responses = InputResponses::new();
    for (name, request) in requests {
        let answer = match request {
            InputRequest::Elicitation(_) => json!(cancelled()),
            InputRequest::ListRoots(_) => json!({ "roots": [] }),
            _ => return Err(Failure::InputRequired(shorten(&name, 200))),
        };
        responses.insert(name, answer);
    }
    Ok(Some(responses))
}

fn cancelled() -> ElicitResult {
    ElicitResult::new(ElicitationAction::Cancel)
}
