//! Which door an event came through, and what it asks for.

use serde_json::Value;

use super::{
    callers,
    form::{Form, HttpForm},
    http::{self, HttpRequest},
    limits::LARGEST_MESSAGE,
    message::{self, Kind, Messages},
    metadata, plain,
    refusal::{INVALID_REQUEST, Refusal},
    rules::{self, Accepted, Target},
};
use crate::stdio_host::{
    ask::{Ask, Caller, Door, McpHeaders},
    runtime_api::Event,
};

/// What the doors have to know about the deployment.
#[derive(Debug, Clone, Copy)]
pub(super) struct House<'a> {
    /// Id of the hosted server.
    pub server_id: &'a str,
    /// Its name for people.
    pub server_name: &'a str,
    /// Origins of web pages that may call, besides pages of the same host.
    pub origins: &'a [String],
    /// Whether Lambda passes the answers of HTTP requests on in parts.
    pub streams: bool,
}

/// What an event asks for, and the form its answer must have.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Messages for the hosted server: one, or those of a batch.
    Asks { asks: Vec<Ask>, form: Form },
    /// The health of the hosted server.
    Health { form: Form },
    /// Something that breaks a rule of the door.
    Refused { refusal: Refusal, form: Form },
}

/// Reads an event. What decides about the door comes in this order: a tool in the client context (AgentCore Gateway), a
/// request context (HTTP), a tool named by the event (plain), `jsonrpc` or `method` or an array (Invoke). Whatever is none of
/// these names no tool.
pub(super) fn read(event: &Event, house: House<'_>) -> Arrival {
    let payload = serde_json::from_slice::<Value>(&event.payload);
    let caller = callers::of_invoke(event.tenant_id.as_deref());
    if let Some(tool) = plain::context_tool(event.client_context.as_deref()) {
        let call = taken(event, payload).and_then(|payload| plain::of_gateway(&tool, payload));
        return tool_call(call, Form::Gateway, caller);
    }
    if payload.as_ref().is_ok_and(http::is_http) {
        return http(payload.unwrap_or_default(), event.tenant_id.as_deref(), house);
    }
    let is_invoke = match &payload {
        Ok(Value::Object(fields)) if fields.contains_key("jsonrpc") => true,
        Ok(object @ Value::Object(fields)) => fields.contains_key("method") && !plain::names_tool(object),
        Ok(payload) => payload.is_array(),
        Err(_) => true,
    };
    let payload = match taken(event, payload) {
        Ok(payload) => payload,
        Err(refusal) => {
            let form = if is_invoke { Form::Invoke { batch: false } } else { Form::Plain };
            return Arrival::Refused { refusal, form };
        }
    };
    if is_invoke {
        return invoke(payload, caller);
    }
    tool_call(plain::of_event(payload, house.server_id, house.server_name), Form::Plain, caller)
}

/// The payload of an event that is itself a message.
fn taken(event: &Event, payload: serde_json::Result<Value>) -> Result<Value, Refusal> {
    match payload {
        Ok(payload) if event.payload.len() <= LARGEST_MESSAGE => Ok(payload),
        // Says what is wrong, as for any other message.
        _ => message::parse(&event.payload),
    }
}

fn tool_call(call: Result<plain::ToolCall, Refusal>, form: Form, caller: Option<Caller>) -> Arrival {
    match call {
        Ok(call) => {
            let ask = Ask { message: call.message(), door: form.door(), caller, headers: McpHeaders::default() };
            Arrival::Asks { asks: vec![ask], form }
        }
        Err(refusal) => Arrival::Refused { refusal, form },
    }
}

fn invoke(payload: Value, caller: Option<Caller>) -> Arrival {
    match messages(payload, None) {
        Ok(Messages { all, batch }) => {
            let ask = |(message, _)| Ask {
                message,
                door: Door::Invoke,
                caller: caller.clone(),
                headers: McpHeaders::default(),
            };
            Arrival::Asks { asks: all.into_iter().map(ask).collect(), form: Form::Invoke { batch } }
        }
        Err(refusal) => Arrival::Refused { refusal, form: Form::Invoke { batch: false } },
    }
}

fn http(event: Value, tenant: Option<&str>, house: House<'_>) -> Arrival {
    let form = Form::Http(HttpForm::json(house.streams));
    let request = match HttpRequest::read(event, tenant) {
        Ok(request) => request,
        Err(refusal) => return Arrival::Refused { refusal, form },
    };
    match rules::check(&request, house.origins) {
        Ok(Target::Health) => Arrival::Health { form },
        Ok(Target::Mcp(accepted)) => {
            post(request, accepted, house.streams).unwrap_or_else(|refusal| Arrival::Refused { refusal, form })
        }
        Err(refusal) => Arrival::Refused { refusal, form },
    }
}

/// The messages of a POST.
fn post(mut request: HttpRequest, accepted: Accepted, streams: bool) -> Result<Arrival, Refusal> {
    let headers = request.headers.mcp();
    let caller = request.caller.take();
    let body = message::parse(&request.into_body()?)?;
    let Messages { all, batch } = messages(body, Some(&headers))?;
    // Their answers bring a session in a header, which nothing may overtake.
    let brings_session = |method: &Value| method == "initialize" || method == "logging/setLevel";
    let begins_early = all.iter().any(|(_, kind)| *kind == Kind::Request)
        && !all.iter().any(|(message, _)| brings_session(&message["method"]));
    let ask = |(message, _)| Ask { message, door: Door::Http, caller: caller.clone(), headers: headers.clone() };
    let form = Form::Http(HttpForm { streams, accepted, batch, begins_early });
    Ok(Arrival::Asks { asks: all.into_iter().map(ask).collect(), form })
}

/// The messages of a body, each checked as far as that needs no hosted server.
fn messages(body: Value, headers: Option<&McpHeaders>) -> Result<Messages, Refusal> {
    let messages = message::read(body, headers.and_then(|headers| headers.protocol_version.as_deref()))?;
    for (message, kind) in &messages.all {
        metadata::check(message, *kind, headers)?;
    }
    let answers = messages.all.iter().filter(|(_, kind)| *kind == Kind::Response).count();
    if answers > 0 && headers.is_none() {
        return Err(Refusal::new(
            400,
            INVALID_REQUEST,
            "Invalid request: a response belongs to a session, which only HTTP requests have.",
        ));
    }
    Ok(messages)
}

#[cfg(test)]
mod tests;
