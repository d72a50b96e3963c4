//! No event can stop the process, and each gets exactly one answer of the form that its door has.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;
use crate::{
    fuzz::{Source, explore, readable},
    stdio_host::outlet::Answer,
};

fn documents() -> Vec<Value> {
    let modern = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "t", "arguments": {},
        "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } } });
    vec![
        fixture("rest_iam"),
        fixture("rest_cognito"),
        fixture("http_api_jwt"),
        fixture("http_api_lambda"),
        fixture("http_api_payload_1"),
        fixture("function_url_iam"),
        fixture("function_url_public"),
        json!({ "toolName": "t", "arguments": { "a": [1] } }),
        json!({ "headers": { "bedrockAgentCoreToolName": "a___b" }, "x": 1 }),
        json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }, { "jsonrpc": "2.0", "method": "n" }]),
        json!({ "jsonrpc": "2.0", "id": "x", "error": { "code": 1, "message": "m" } }),
        modern,
    ]
}

#[derive(Debug)]
struct Sent {
    payload: Vec<u8>,
    context: Option<String>,
    tenant: Option<String>,
    streams: bool,
}

/// An event that is like one of AWS, with changes in its object, in the message within it, or in its bytes.
fn any_event(source: &mut Source, documents: &[Value], contexts: &[Value]) -> Sent {
    let mut document = if source.chance(5) { source.json(4) } else { source.like(documents) };
    let body = document.get("body").and_then(Value::as_str).map(serde_json::from_str::<Value>);
    if let Some(Ok(body)) = body
        && source.chance(50)
    {
        document["body"] = source.like(&[body]).to_string().into();
    }
    let mut payload = document.to_string().into_bytes();
    if source.chance(10) {
        let at = source.below(payload.len());
        payload[at] = source.number() as u8;
    }
    let context = source.chance(25).then(|| source.like(contexts).to_string());
    Sent { payload, context, tenant: source.chance(20).then(|| source.text()), streams: source.chance(50) }
}

#[test]
fn every_event_gets_one_well_formed_answer() {
    let documents = documents();
    let contexts = ["gateway", "gateway_propagated"].map(|name| fixture(name)["client_context"].clone());
    let input = |source: &mut Source| any_event(source, &documents, &contexts);
    let outcomes = explore(file!(), 3000, 1, input, |sent| {
        let event =
            Event { client_context: sent.context.clone(), tenant_id: sent.tenant.clone(), ..raw(sent.payload.clone()) };
        let house = House { streams: sent.streams, ..HOUSE };
        match read(&event, house) {
            Arrival::Asks { asks, form } => {
                prop_assert!(!asks.is_empty());
                let mut answers = Vec::new();
                for ask in &asks {
                    prop_assert_eq!(ask.door, form.door());
                    prop_assert_eq!(&ask.message["jsonrpc"], "2.0");
                    if let Some(caller) = &ask.caller {
                        prop_assert!(serde_json::from_str::<Vec<String>>(&caller.0).is_ok());
                    }
                    let response = json!({ "jsonrpc": "2.0", "id": ask.message["id"], "result": { "content": [] } });
                    let is_request = ask.message.get("method").is_some() && ask.message.get("id").is_some();
                    answers.push(if is_request { Answer::Message(response) } else { Answer::Accepted });
                }
                check(form, sent.streams, &answers)?;
                Ok(match form.door() {
                    Door::Http => "HTTP served",
                    Door::Gateway => "gateway served",
                    Door::Invoke => "Invoke served",
                    Door::Plain => "plain served",
                })
            }
            Arrival::Health { form } => {
                check(form, sent.streams, &[])?;
                Ok("health")
            }
            Arrival::Refused { refusal, form } => {
                readable(&refusal.error.message, 500)?;
                prop_assert!((400..500).contains(&refusal.status));
                prop_assert!(refusal.id.is_null() || super::super::super::refusal::is_id(&refusal.id));
                check(form, sent.streams, &[Answer::Refused { status: refusal.status, message: refusal.message() }])?;
                Ok(match form.door() {
                    Door::Http => "HTTP refused",
                    Door::Gateway => "gateway refused",
                    Door::Invoke => "Invoke refused",
                    Door::Plain => "plain refused",
                })
            }
        }
    });
    outcomes.include(&[
        "HTTP served",
        "HTTP refused",
        "gateway served",
        "gateway refused",
        "Invoke served",
        "Invoke refused",
        "plain served",
        "plain refused",
    ]);
}

/// The answer is what its door takes.
fn check(form: Form, streams: bool, answers: &[Answer]) -> Result<(), TestCaseError> {
    let whole = form.whole(answers, &[], &[]);
    let is_http = form.door() == Door::Http;
    prop_assert_eq!(whole.prelude.is_some(), is_http && streams);
    let head = match &whole.prelude {
        Some(prelude) => {
            let (head, nuls) = prelude.split_at(prelude.len() - 8);
            prop_assert!(nuls.iter().all(|byte| *byte == 0) && prelude.len() < 16 * 1024);
            head.to_vec()
        }
        None => whole.body.to_vec(),
    };
    let head: Value = serde_json::from_slice(&head).map_err(|error| TestCaseError::fail(error.to_string()))?;
    if is_http {
        prop_assert!(head["statusCode"].as_u64().is_some_and(|status| (200..500).contains(&status)));
        prop_assert!(head["headers"].as_object().is_some_and(|headers| headers.values().all(Value::is_string)));
    } else {
        prop_assert!(head.is_object() || head.is_array(), "{head}");
    }
    Ok(())
}
