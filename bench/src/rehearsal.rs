//! The whole system once, with everything written down: the events that the functions are measured with, the answers that are
//! right, and what the functions are answered by others.

use serde_json::Value;

use crate::{
    Result,
    events::{api, chat, listing, registration, streamed},
    exchange::{Answers, Served, timeless},
    programs::Programs,
    stage::{Stage, full_name},
};

/// Something a function does, as it happened.
#[derive(Debug, Clone)]
pub struct Case {
    /// The function.
    pub function: &'static str,
    /// What it does, in a few words.
    pub title: &'static str,
    /// The event.
    pub event: Value,
    /// What it answered, without ids and times.
    pub answer: String,
    /// What it was answered by others.
    pub answers: Answers,
    /// Settings of the function that are not the usual ones.
    pub variables: Vec<(String, String)>,
    /// Whether the Runtime API acknowledges at once what it receives.
    pub prompt: bool,
    /// Whether this is what the function is there for: it is started with it, and does it for long.
    pub usual: bool,
}

/// What each function is there for.
const USUAL: [(&str, &str); 8] = [
    ("chat_handler", "answers a wish"),
    ("agent_invoker", "has a specialist work"),
    ("mcp_proxy", "starts a pipeline"),
    ("memory_manager", "lists ten deployments"),
    ("registration", "registers a server again, asking for its tools"),
    ("registry_api", "lists the servers of a status"),
    ("health_checker", "checks a server"),
    ("pipelines", "starts a pipeline in GitLab"),
];

/// Plays everything through.
///
/// # Errors
/// Something is not answered as it should be.
pub async fn rehearse(programs: &Programs) -> Result<Vec<Case>> {
    let stage = Stage::start(programs, true).await?;
    let mut cases = Vec::new();
    let mailbox = stage.endpoints.aws.clone();
    register(&stage, "Create", None, &mailbox).await?;
    for (kind, id, title) in [
        ("Update", "pipelines@0.1.0", "registers a server again, asking for its tools"),
        ("Delete", "never-registered", "is asked to delete what was never registered"),
    ] {
        register(&stage, kind, Some(id), &mailbox).await?;
        cases.push(case(&stage, "registration", kind, title)?);
    }

    for (event, title) in [
        (listing(&[("status", "active")]), "lists the servers of a status"),
        (api("GET", "/servers/pipelines", &[]), "shows a server with its tools"),
    ] {
        calls(&stage, "registry_api", event, &["\"statusCode\":200"]).await?;
        cases.push(case(&stage, "registry_api", "/{proxy+}", title)?);
    }
    // Once only: what it has checked is not due again, and the newest answers are those that are replayed.
    calls(&stage, "health_checker", serde_json::json!({}), &["\"checked\":1", "\"failed\":0"]).await?;
    cases.push(case(&stage, "health_checker", "", "checks a server")?);

    says(&stage, "two t3.small for tenant acme in prod", "application/json", "`prod` is protected").await?;
    cases.push(case(&stage, "mcp_proxy", "execute_compute_pipeline", "refuses a protected environment")?);

    says(&stage, "two t3.small for tenant globex in dev", "text/event-stream", "event: done").await?;
    cases.push(case(&stage, "chat_handler", "/chat", "answers a wish with events")?);

    let answer = says(&stage, "three t3.large for tenant acme in dev", "application/json", "\"reply\"").await?;
    for (function, called, title) in [
        ("chat_handler", "/chat", "answers a wish"),
        ("agent_invoker", "invoke_agent", "has a specialist work"),
        ("memory_manager", "query_deployments", "lists deployments: none"),
        ("mcp_proxy", "execute_compute_pipeline", "starts a pipeline"),
        ("pipelines", "tools/call execute_compute_pipeline", "starts a pipeline in GitLab"),
        ("pipelines", "tools/list", "lists its tools"),
    ] {
        cases.push(case(&stage, function, called, title)?);
    }
    let wish = usual(&cases, "chat_handler")?.clone();
    cases.push(buffered(&wish)?);
    cases.push(Case { title: "answers a wish, acknowledged late", prompt: false, usual: false, ..wish });

    let answer: Value = serde_json::from_str(&answer)?;
    let mut words = answer["reply"].as_str().unwrap_or_default().split([' ', '`', ',', '.', '\n']);
    let id = words.find(|word| uuid::Uuid::try_parse(word).is_ok());
    let id = id.ok_or_else(|| format!("no execution id in: {answer}"))?;
    says(&stage, &format!("What is the status of execution {id}?"), "application/json", "running").await?;
    cases.push(case(&stage, "mcp_proxy", "get_pipeline_status", "tells how a pipeline is going")?);
    cases.push(case(&stage, "pipelines", "tools/call get_pipeline_status", "asks GitLab how a pipeline is going")?);

    for number in 0..10 {
        let wish = format!("deploy version 1.0.{number} of app shop{number} for tenant hooli{number} in staging");
        says(&stage, &wish, "application/json", "staging").await?;
    }
    says(&stage, "what is deployed in staging?", "application/json", "hooli9").await?;
    cases.push(case(&stage, "memory_manager", "query_deployments", "lists ten deployments")?);
    cases.sort_by_key(|case| USUAL.iter().position(|(function, _)| *function == case.function));
    Ok(cases)
}

/// What this function is there for.
///
/// # Errors
/// It was not rehearsed.
pub fn usual<'a>(cases: &'a [Case], function: &str) -> Result<&'a Case> {
    let case = cases.iter().find(|case| case.function == function && case.usual);
    case.ok_or_else(|| format!("there is no usual event for {function}").into())
}

fn case(stage: &Stage, function: &'static str, called: &str, title: &'static str) -> Result<Case> {
    let Served { event, answer } = stage.recording.served(function, called)?;
    let answer = timeless(&String::from_utf8(answer)?);
    let usual = USUAL.contains(&(function, title));
    let answers = stage.recording.answers();
    Ok(Case { function, title, event, answer, answers, variables: Vec::new(), prompt: true, usual })
}

/// The same from chat_handler where API Gateway does not stream: one JSON document around the same payload.
fn buffered(wish: &Case) -> Result<Case> {
    let (status, payload) = streamed(wish.answer.as_bytes())?;
    let (metadata, _) = wish.answer.split_once('\0').ok_or("the answer has no metadata")?;
    let metadata: Value = serde_json::from_str(metadata)?;
    let headers = metadata["headers"].as_object().ok_or("the metadata have no headers")?;
    let several: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| (name.clone(), serde_json::json!([value]))).collect();
    let answer = serde_json::json!({
        "statusCode": status, "headers": {}, "multiValueHeaders": several, "body": payload, "isBase64Encoded": false,
    });
    Ok(Case {
        title: "answers a wish, buffered",
        answer: answer.to_string(),
        variables: vec![("RESPONSE_MODE".to_owned(), "buffered".to_owned())],
        usual: false,
        ..wish.clone()
    })
}

async fn register(stage: &Stage, kind: &str, id: Option<&str>, mailbox: &str) -> Result<()> {
    let event = registration(kind, id, mailbox).to_string();
    let answer = stage.cloud.invoke(&full_name("registration"), event.into()).await?;
    match answer.json()["Status"].as_str() {
        Some("SUCCESS") => Ok(()),
        _ => Err(format!("{kind} failed: {}", String::from_utf8_lossy(&answer.body())).into()),
    }
}

/// A function is called; the answer has to have all of this in it.
async fn calls(stage: &Stage, function: &str, event: Value, expected: &[&str]) -> Result<()> {
    let answer = stage.cloud.invoke(&full_name(function), event.to_string().into()).await?;
    let text = String::from_utf8(answer.body())?;
    if !answer.failed && expected.iter().all(|part| text.contains(part)) {
        Ok(())
    } else {
        Err(format!("{function} answered {event} with {text}").into())
    }
}

/// A person says something; the answer has to have this in it.
async fn says(stage: &Stage, message: &str, accept: &str, expected: &str) -> Result<String> {
    let event = chat("ann", message, accept).to_string();
    let answer = stage.cloud.invoke(&full_name("chat_handler"), event.into()).await?;
    let (status, body) = streamed(&answer.body())?;
    if status == 200 && body.contains(expected) {
        Ok(body)
    } else {
        Err(format!("`{message}` was answered with {status}: {body}").into())
    }
}
