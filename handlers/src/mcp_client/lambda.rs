//! The Lambda transport: each JSON-RPC request is the payload of one `lambda:Invoke`, the response is its result.

use std::io;

use aws_sdk_lambda::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError},
    operation::invoke::InvokeError,
    primitives::Blob,
};
use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    error::{Failure, shorten},
    exchange::Exchange,
    guard::{Guard, LambdaArn},
    https::parse_answer,
};
use crate::sdk::was_not_sent;

/// Tag that makes a function invocable as an MCP server; its value is the stage.
pub(crate) const TAG: &str = "switchyard-mcp";

/// Invocations of one function during one call.
pub(super) struct LambdaTransport {
    invoke: Invoke,
    answers: mpsc::UnboundedSender<ServerJsonRpcMessage>,
    inbox: mpsc::UnboundedReceiver<ServerJsonRpcMessage>,
}

#[derive(Clone)]
struct Invoke {
    client: Client,
    arn: LambdaArn,
    stage: String,
    exchange: Exchange,
}

impl LambdaTransport {
    /// Invocations of `arn` by `client`, whose retries must be off.
    pub(super) fn new(client: Client, arn: LambdaArn, guard: &Guard, exchange: Exchange) -> Self {
        let (answers, inbox) = mpsc::unbounded_channel();
        Self { invoke: Invoke { client, arn, stage: guard.stage().to_owned(), exchange }, answers, inbox }
    }
}

impl Transport<RoleClient> for LambdaTransport {
    type Error = io::Error;

    fn send(&mut self, item: ClientJsonRpcMessage) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let (invoke, answers) = (self.invoke.clone(), self.answers.clone());
        async move {
            // Invocations share no state, so a notification could tell the next one nothing.
            if !matches!(item, ClientJsonRpcMessage::Request(_)) {
                return Ok(());
            }
            match invoke.call(&item).await {
                // The receiver is gone only when nobody waits for the answer any more.
                Ok(answer) => drop(answers.send(answer)),
                Err(failure) => {
                    let text = failure.to_string();
                    invoke.exchange.failed(failure);
                    return Err(io::Error::other(text));
                }
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        self.inbox.recv().await
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.inbox.close();
        Ok(())
    }
}

impl Invoke {
    async fn call(&self, message: &ClientJsonRpcMessage) -> Result<ServerJsonRpcMessage, Failure> {
        let payload = serde_json::to_vec(message)
            .map_err(|e| Failure::Refused(format!("the request cannot be written as JSON ({e})")))?;
        self.exchange.sending(message);
        let request = self
            .client
            .invoke()
            .function_name(self.arn.function())
            .set_qualifier(self.arn.qualifier.clone())
            .payload(Blob::new(payload));
        let answer = request.send().await.map_err(|e| self.failure(&e))?;
        let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if answer.function_error.is_some() {
            return Err(Failure::Function(function_error(&body)));
        }
        self.exchange.received(body.len())?;
        parse_answer(&body)
    }

    fn failure(&self, error: &SdkError<InvokeError>) -> Failure {
        let arn = || self.arn.to_string();
        match error {
            SdkError::ServiceError(service) => match error.code() {
                Some("ResourceNotFoundException") => Failure::FunctionMissing(arn()),
                Some("AccessDeniedException" | "AccessDenied" | "UnrecognizedClientException") => {
                    Failure::FunctionDenied { arn: arn(), stage: self.stage.clone() }
                }
                Some("TooManyRequestsException" | "ThrottlingException" | "EC2ThrottledException") => {
                    Failure::FunctionThrottled
                }
                code => Failure::Invoke {
                    code: code.unwrap_or("unknown error").to_owned(),
                    // A 4xx is a refusal; after a 5xx nobody knows.
                    may_have_run: !(400..500).contains(&service.raw().status().as_u16()),
                },
            },
            unsent if was_not_sent(unsent) => {
                Failure::Invoke { code: shorten(&DisplayErrorContext(unsent).to_string(), 200), may_have_run: false }
            }
            other => Failure::Interrupted(shorten(&DisplayErrorContext(other).to_string(), 200)),
        }
    }
}

/// The words of a function that failed. Source: Lambda developer guide, payload of an invocation with `FunctionError`.
fn function_error(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let message = parsed.as_ref().and_then(|error| error.get("errorMessage")).and_then(Value::as_str);
    match message {
        Some(message) => shorten(message, 300),
        None => shorten(&String::from_utf8_lossy(body.get(..1000).unwrap_or(body)), 300),
    }
}

/// Whether the operator lets `arn` be called: it is listed, or its tag says so.
///
/// # Errors
/// The tags cannot be read, or none of them says so; the message says what to do.
pub(super) async fn check_invocable(client: &Client, guard: &Guard, arn: &LambdaArn) -> Result<(), Failure> {
    if guard.is_listed(arn) {
        return Ok(());
    }
    let denied = || Failure::FunctionDenied { arn: arn.to_string(), stage: guard.stage().to_owned() };
    let answer = client.list_tags().resource(arn.function()).send().await.map_err(|error| match error.code() {
        Some("ResourceNotFoundException") => Failure::FunctionMissing(arn.to_string()),
        Some("AccessDeniedException" | "AccessDenied") => denied(),
        Some("TooManyRequestsException" | "ThrottlingException") => Failure::FunctionThrottled,
        code => Failure::Invoke { code: code.unwrap_or("unreachable").to_owned(), may_have_run: false },
    })?;
    let tag = answer.tags().and_then(|tags| tags.get(TAG));
    if tag.is_some_and(|stage| stage == guard.stage()) { Ok(()) } else { Err(denied()) }
}
