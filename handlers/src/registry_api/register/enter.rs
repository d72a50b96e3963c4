//! From a submission to an entry of the registry, whoever made it.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    place::{self, Place},
    submission::{Registrant, Submission},
    tools,
};
use crate::{
    audit::differences,
    error::{Error, Kind, Result, dependency, invalid},
    mcp_client::{Discovery, Failure},
    notices::Notice,
    problem::Fault,
    registry::{AuthenticationType, CONTENT, Creation, ProtocolType, Server, Status, rules},
    registry_api::{RegistryApi, refusal::Refusal},
};

/// How often a place is looked for again after somebody else took it in between.
const ATTEMPTS: u32 = 5;

/// How long a server whose tools were given is asked for its MCP version.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// What became of a submission.
#[derive(Debug)]
pub(in crate::registry_api) struct Entered {
    /// The entry as it is now.
    pub(in crate::registry_api) entry: Server,
    /// Whether it was not there before.
    pub(in crate::registry_api) is_new: bool,
}

/// Enters a submission. What is new is counted before the server is asked anything, and before the registry is written.
///
/// # Errors
/// `Invalid` with all faults, `Refused` if the id is another's, `Conflict` if the version has other content, `Throttled` if there
/// were too many, and what is wrong with the server if it has to be asked.
pub(in crate::registry_api) async fn enter(
    api: &RegistryApi,
    submission: &Submission,
    registrant: &Registrant,
    deadline: Instant,
) -> Result<Entered, Refusal> {
    for _ in 0..ATTEMPTS {
        let Place { server_id, version, there } = place::find(&api.registry, submission, registrant).await?;
        if let Some(there) = there {
            if submission.is_same_as(&there, registrant) {
                return Ok(Entered { entry: there, is_new: false });
            }
            return Err(conflict(submission, registrant, &there));
        }
        let entry = checked(api, submission.entry(&server_id, &version, registrant), deadline).await?;
        if let Some(quota) = &registrant.quota {
            quota.count(&submission.hash_at(&server_id, &version)?).await?;
        }
        let entry = completed(api, entry, submission.available_tools.is_none(), deadline).await?;
        match api.registry.create_owned(&entry, &registrant.who).await? {
            Creation::Registered => {
                if entry.status == Status::Pending {
                    api.notices.send(&Notice::waiting(&entry)).await;
                }
                return Ok(Entered { entry, is_new: true });
            }
            Creation::Same(there) => return Ok(Entered { entry: *there, is_new: false }),
            // Somebody was faster; what was derived is derived anew.
            Creation::Conflict(there) if submission.version.is_some() => {
                return Err(conflict(submission, registrant, &there));
            }
            Creation::Taken(holding) if submission.server_id.is_some() => {
                return Err(place::taken(&server_id, &holding).into());
            }
            Creation::Conflict(_) | Creation::Taken(_) => {}
        }
    }
    let message = "Others are registering the same server at this moment. Try again in a few seconds.";
    Err(Error::new(Kind::Conflict, message).into())
}

/// The entry, if what it says of itself can be acted on.
async fn checked(api: &RegistryApi, mut entry: Server, deadline: Instant) -> Result<Server, Refusal> {
    let mut faults = rules::approve(&mut entry);
    if entry.available_tools.is_empty() {
        // They name tools that are not known yet.
        faults.clear();
    }
    faults.extend(tools::gateway_faults(&entry.server_id, &entry.available_tools));
    if let Err(error) = api.client.check_endpoint(&entry, deadline).await {
        let pointer = match error.failure {
            Failure::Misdeclared(_) => "/configuration",
            Failure::Unsupported(_) => "/authentication_type",
            _ => "/endpoint_url",
        };
        faults.push(Fault::at(pointer, error.failure.to_string()));
    }
    // Nobody has looked at the address yet, so it gets no credentials.
    if entry.available_tools.is_empty() && entry.authentication_type != AuthenticationType::None {
        let detail = format!(
            "is missing: a server with the authentication type {} is not asked for its tools before it is approved",
            entry.authentication_type
        );
        faults.push(Fault::at("/available_tools", detail));
    }
    if faults.is_empty() { Ok(entry) } else { Err(Refusal::of_body(faults)) }
}

/// The entry with what the server itself has to say: its MCP version, and the tools if they were left out.
async fn completed(api: &RegistryApi, mut entry: Server, asks: bool, deadline: Instant) -> Result<Server, Refusal> {
    if asks {
        let Discovery { mcp_version, mut tools } =
            api.client.discover(&entry, deadline).await.map_err(|error| undiscovered(&error.failure))?;
        rules::distrust(&mut tools);
        entry.available_tools = tools;
        entry.mcp_version = Some(mcp_version);
        let mut faults = rules::approve(&mut entry);
        faults.extend(rules::tool_faults(&entry));
        faults.extend(tools::gateway_faults(&entry.server_id, &entry.available_tools));
        if !faults.is_empty() {
            return Err(Refusal::of_body(faults.into_iter().map(discovered).collect()));
        }
    } else if entry.protocol_type == ProtocolType::JsonRpc && entry.status == Status::Active {
        entry.mcp_version = version(api, &entry, deadline).await?;
    }
    entry.definition_hash = entry.compute_hash();
    Ok(entry)
}

/// The MCP version of a server that is called from now on; none if it cannot be learned now.
async fn version(api: &RegistryApi, entry: &Server, deadline: Instant) -> Result<Option<String>> {
    match api.client.discover(entry, deadline.min(Instant::now() + VERSION_PATIENCE)).await {
        Ok(discovery) => Ok(Some(discovery.mcp_version)),
        // The guard's word is final; a server that is down can be registered all the same.
        Err(error) if matches!(error.failure, Failure::Refused(_)) => Err(invalid(error.to_string())),
        Err(error) => {
            tracing::warn!(server_id = entry.server_id, %error, "registered without asking the server");
            Ok(None)
        }
    }
}

fn undiscovered(failure: &Failure) -> Error {
    dependency(format!("The server was asked for its tools, and {failure} Give available_tools, or make it reachable."))
}

/// A fault in the server's own answer, of which the body has no part.
fn discovered(fault: Fault) -> Fault {
    let Fault { pointer, detail } = fault;
    match pointer.strip_prefix("/available_tools") {
        Some(place) => Fault::at("/endpoint_url", format!("the tools that the server lists: {place} {detail}")),
        None => Fault { pointer, detail },
    }
}

/// The version has other content: where it differs.
fn conflict(submission: &Submission, registrant: &Registrant, there: &Server) -> Refusal {
    let mut wanted = submission.entry(&there.server_id, &there.version, registrant);
    if submission.available_tools.is_none() {
        wanted.available_tools.clone_from(&there.available_tools);
    }
    // What is wrong with these settings is told as a difference.
    drop(rules::approve(&mut wanted));
    let (old, new) = differences(Some(there), Some(&wanted));
    let faults = CONTENT
        .iter()
        .filter(|name| old.contains_key(**name) || new.contains_key(**name))
        .map(|name| Fault::at(format!("/{name}"), "is different in the registry"));
    Refusal { error: place::conflict(there), faults: faults.collect() }
}
