//! Any endpoint that speaks OpenAI's chat completions with tools.

use std::time::Duration;

use futures_util::{StreamExt as _, future::BoxFuture};
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use url::{Host, Url};

use super::{
    super::{
        command::Secret,
        error::{AgentError, Fault, Result},
    },
    Decision, Model, Prompt, openai_wire as wire,
};

/// Longest wait for one answer; small models on small machines are slow.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Most bytes of an answer.
const MAX_ANSWER: usize = 4_000_000;

/// A model behind an OpenAI-compatible endpoint.
#[derive(Debug)]
pub(crate) struct OpenAi {
    client: Client,
    url: Url,
    name: String,
    key: Option<Secret>,
}

impl OpenAi {
    /// `base` is the address before `/chat/completions`.
    ///
    /// # Errors
    /// The address is neither https nor on this machine.
    pub(crate) fn new(base: &Url, name: &str, key: Option<Secret>) -> Result<Self, String> {
        let on_this_machine = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if base.scheme() != "https" && !(base.scheme() == "http" && on_this_machine) {
            return Err(format!(
                "--model-url {base}: use https, or http on this machine; the messages and the key must not travel in the clear."
            ));
        }
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| format!("--model-url {base} cannot have a path."))?
            .pop_if_empty()
            .extend(["chat", "completions"]);
        let mut client = Client::builder().timeout(TIMEOUT).redirect(Policy::none());
        if on_this_machine {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| format!("The HTTP client cannot start: {error}."))?;
        Ok(Self { client, url, name: name.to_owned(), key })
    }

    async fn ask(&self, prompt: Prompt<'_>) -> Result<Decision> {
        let tools = wire::tools(prompt.agent);
        let mut request = self.client.post(self.url.clone()).json(&wire::request(&self.name, &tools, prompt));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.reveal());
        }
        let broken = |what: String| AgentError::new(Fault::BadGateway, format!("The model at {} {what}", self.url));
        let response = request.send().await.map_err(|error| match error.is_timeout() {
            true => broken(format!("gave no answer within {} s.", TIMEOUT.as_secs())),
            false => broken(format!("cannot be reached: {}.", error.without_url())),
        })?;
        let status = response.status();
        let body = read(response).await.map_err(|reason| broken(format!("broke off its answer: {reason}.")))?;
        if !status.is_success() {
            return Err(self.refusal(status, &body));
        }
        wire::decision(&body, &tools).map_err(|reason| broken(format!("gave an answer that cannot be read: {reason}.")))
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> AgentError {
        let said = wire::error_message(body);
        let (fault, advice) = match status.as_u16() {
            401 | 403 => (Fault::AccessDenied, "Check OPENAI_API_KEY."),
            404 => (Fault::ResourceNotFound, "Check --model-url and --model-name."),
            429 => (Fault::Throttling, "Try again later."),
            503 => (Fault::ModelNotReady, "Try again when the model is loaded."),
            _ => (Fault::BadGateway, "Look into its log."),
        };
        AgentError::new(fault, format!("The model at {} answered {status}: {said} {advice}", self.url))
    }
}

/// The body, as far as it is allowed to be long.
async fn read(response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(part) = stream.next().await {
        body.extend_from_slice(&part.map_err(|error| error.without_url().to_string())?);
        if body.len() > MAX_ANSWER {
            return Err(format!("it is longer than {MAX_ANSWER} bytes"));
        }
    }
    Ok(body)
}

impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn next<'a>(&'a self, prompt: Prompt<'a>) -> BoxFuture<'a, Result<Decision>> {
        Box::pin(self.ask(prompt))
    }
}

#[cfg(test)]
mod tests;
