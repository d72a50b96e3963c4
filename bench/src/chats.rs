//! Many people at once: chat_handler and everything behind it, each function in as many processes as Lambda would start.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    Result,
    cloud::Cloud,
    events::{chat, registration, streamed},
    programs::Programs,
    stage::{Stage, full_name},
    statistics::{median, milliseconds, quantile},
};

/// People who chat at the same time.
pub const PEOPLE: usize = 50;

/// One round: everybody says one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// How many were answered rightly; the run ends at the first that is not.
    pub answered: usize,
    /// Median in ms from request to answer.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The slowest.
    pub slowest_ms: f64,
    /// The whole round in seconds.
    pub seconds: f64,
}

/// All rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Chats {
    /// The first finds no process of a function running.
    pub rounds: Vec<Round>,
    /// How many processes of each function were started in all.
    pub environments: BTreeMap<String, usize>,
    /// Pipelines started in GitLab: one for each wish.
    pub pipelines: usize,
}

/// What somebody says, and what has to be in the answer.
struct Wish {
    tenant: String,
    message: String,
    /// The execution that is asked for; a wish starts a new one.
    known: Option<String>,
}

/// Has everybody chat this many times.
///
/// # Errors
/// An answer is wrong: an error, another tenant's, or not what GitLab was asked to do.
pub async fn measure(programs: &Programs, rounds: usize) -> Result<Chats> {
    let stage = Stage::start(programs, false).await?;
    let event = registration("Create", None, &stage.endpoints.aws).to_string();
    stage.cloud.invoke(&full_name("registration"), event.into()).await?;
    // So that there is something to ask for; the processes that this starts are one of each function.
    let mut executions = BTreeMap::new();
    for number in 0..PEOPLE / 5 {
        let tenant = format!("initech{number}");
        let message = format!("{} t3.small for tenant {tenant} in test", count(number));
        let (_, id) = say(&stage.cloud, Wish { tenant: tenant.clone(), message, known: None }).await?;
        executions.insert(tenant, id);
    }
    let mut measured = Vec::new();
    for round in 0..rounds {
        measured.push(one_round(&stage.cloud, wishes(round, &executions), &mut executions).await?);
    }
    let pipelines = check_gitlab(&stage, &executions).await?;
    let started = stage.cloud.started().into_iter();
    let environments = started.map(|(name, count)| (name.replace(&full_name(""), ""), count)).collect();
    Ok(Chats { rounds: measured, environments, pipelines })
}

/// A sentence for each person. Every tenant gets something new but those who are asked for.
fn wishes(round: usize, known: &BTreeMap<String, String>) -> Vec<Wish> {
    let mut asked = known.iter().filter(|(tenant, _)| tenant.starts_with("initech"));
    let wish = |number: usize| {
        let environment = ["dev", "test", "staging"][number % 3];
        let tenant = format!("acme{round}x{number}");
        let (tenant, message, known) = match number % 5 {
            0 => match asked.next() {
                Some((tenant, id)) => {
                    (tenant.clone(), format!("what is running in test for tenant {tenant}?"), Some(id.clone()))
                }
                None => (tenant.clone(), format!("one t3.micro for tenant {tenant} in {environment}"), None),
            },
            1 => {
                let message =
                    format!("deploy version {round}.{number}.0 of app shop for tenant {tenant} in {environment}");
                (tenant, message, None)
            }
            _ => {
                let kind = ["t3.small", "t3.medium", "t3.large", "m5.large"][number % 4];
                let message = format!("{} {kind} for tenant {tenant} in {environment}", count(number));
                (tenant, message, None)
            }
        };
        Wish { tenant, message, known }
    };
    (0..PEOPLE).map(wish).collect()
}

fn count(number: usize) -> &'static str {
    ["one", "two", "three", "four", "five", "six"][number % 6]
}

async fn one_round(cloud: &Arc<Cloud>, wishes: Vec<Wish>, executions: &mut BTreeMap<String, String>) -> Result<Round> {
    let start = Instant::now();
    let mut people = JoinSet::new();
    for wish in wishes {
        let cloud = Arc::clone(cloud);
        people.spawn(async move {
            let tenant = wish.tenant.clone();
            say(&cloud, wish).await.map(|(time, id)| (tenant, time, id))
        });
    }
    let mut times = Vec::new();
    while let Some(answered) = people.join_next().await {
        let (tenant, time, id) = answered??;
        times.push(time);
        executions.insert(tenant, id);
    }
    Ok(Round {
        answered: times.len(),
        p50_ms: milliseconds(median(&times)),
        p99_ms: milliseconds(quantile(&times, 0.99)),
        slowest_ms: milliseconds(quantile(&times, 1.0)),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Somebody says something: how long the answer took, and the one execution in it.
async fn say(cloud: &Cloud, wish: Wish) -> Result<(Duration, String)> {
    let Wish { tenant, message, known } = wish;
    let event = chat(&format!("person-of-{tenant}"), &message, "application/json").to_string();
    let start = Instant::now();
    let answer = cloud.invoke(&full_name("chat_handler"), event.into()).await?;
    let time = answer.at.duration_since(start);
    let (status, body) = streamed(&answer.body())?;
    let wrong = || format!("`{message}` was answered with {status}: {body}");
    let reply: Value = serde_json::from_str(&body).map_err(|_| wrong())?;
    let reply = reply["reply"].as_str().unwrap_or_default();
    let ids: BTreeSet<&str> =
        reply.split(|c: char| !c.is_ascii_hexdigit() && c != '-').filter(|word| is_id(word)).collect();
    let tenants: BTreeSet<&str> =
        reply.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_tenant(word)).collect();
    let (1, Some(id)) = (ids.len(), ids.first()) else { return Err(wrong().into()) };
    let right = status == 200 && tenants == BTreeSet::from([tenant.as_str()]) && known.is_none_or(|known| known == *id);
    if right { Ok((time, (*id).to_owned())) } else { Err(wrong().into()) }
}

fn is_id(word: &str) -> bool {
    word.len() == 36 && uuid::Uuid::try_parse(word).is_ok()
}

fn is_tenant(word: &str) -> bool {
    let number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    word.strip_prefix("acme").or_else(|| word.strip_prefix("initech")).is_some_and(number)
}

/// GitLab has exactly one pipeline for each tenant, and it is the one that was told of.
async fn check_gitlab(stage: &Stage, executions: &BTreeMap<String, String>) -> Result<usize> {
    let url = format!("{}/_stand_in/pipelines", stage.gitlab_address);
    let answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?.error_for_status()?;
    let pipelines: Vec<Value> = serde_json::from_slice(&answer.bytes().await?)?;
    let text = |pipeline: &Value, name: &str| pipeline["variables"][name].as_str().unwrap_or_default().to_owned();
    let started: BTreeMap<String, String> =
        pipelines.iter().map(|pipeline| (text(pipeline, "TENANT_ID"), text(pipeline, "EXECUTION_ID"))).collect();
    if started != *executions || pipelines.len() != executions.len() {
        return Err(format!("GitLab has {started:?}, but people were told of {executions:?}").into());
    }
    Ok(pipelines.len())
}
