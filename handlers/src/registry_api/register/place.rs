//! Which entry of the registry a submission means: its id and version, given or derived.
//!
//! A server that names no id is known by its owner, its name and its endpoint. Its id is the name in the characters of an id;
//! if that is somebody else's, or a server's of the same owner at another endpoint, a hash of owner and endpoint is added. So
//! two servers never share an id, and the same request always means the same server.

use semver::{BuildMetadata, Prerelease, Version};
use sha2::{Digest, Sha256};

use super::submission::{Registrant, Submission};
use crate::{
    error::{Error, Kind, Result, invalid, refused},
    registry::{Holding, Registry, Server, Standing, Status, Summary, principal_owner, rules, token_owner},
};

/// Longest id that is made of a name, in characters: the hash, and a gateway's prefix of tool names, need room too.
const LONGEST_SLUG: usize = 30;

/// What an id is made of where a name has no character that an id may have.
const NAMELESS: &str = "server";

/// Hexadecimal digits of the hash after a derived id.
const HASH_DIGITS: usize = 8;

/// Where a submission belongs.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    pub(super) server_id: String,
    pub(super) version: String,
    /// The live entry that is there.
    pub(super) there: Option<Server>,
}

/// Finds the place of a submission.
///
/// # Errors
/// `Refused`: the id is somebody else's. `Invalid`: no version can be derived. Else the table.
pub(super) async fn find(registry: &Registry, submission: &Submission, registrant: &Registrant) -> Result<Place> {
    let server_id = match &submission.server_id {
        Some(id) => match registry.standing(id, &registrant.owner).await? {
            Standing::Other(holding) => return Err(taken(id, &holding)),
            Standing::Own | Standing::Free => id.clone(),
        },
        None => derived_id(registry, submission, &registrant.owner).await?,
    };
    let (version, found) = match &submission.version {
        Some(version) => (version.clone(), registry.get(&server_id, version).await?),
        None => derived_version(registry, submission, registrant, &server_id).await?,
    };
    Ok(Place { server_id, version, there: found.filter(|entry| entry.status != Status::Decommissioned) })
}

/// Why an id cannot be had. Whose it is, is told in general only.
pub(super) fn taken(server_id: &str, holding: &Holding) -> Error {
    let Holding { id, owner, live } = holding;
    let by = match owner.as_str() {
        "" => "an entry that was made by hand",
        token if token.starts_with(&token_owner("")) => "the owner of another registration token",
        principal if principal.starts_with(&principal_owner("")) => "an operator",
        _ => "a CloudFormation stack",
    };
    let has = if *live { "belongs" } else { "belonged" };
    refused(format!(
        "The server id {server_id} {has} to {by} (entry {id}). Choose another server_id, or ask whoever runs this registry."
    ))
}

async fn derived_id(registry: &Registry, submission: &Submission, owner: &str) -> Result<String> {
    let short = slug(&submission.server_name);
    let short_standing = registry.standing(&short, owner).await?;
    if short_standing == Standing::Own {
        let highest = highest(registry.versions(&short).await?).map(|(_, summary)| summary);
        if highest.is_some_and(|summary| summary.endpoint_url == submission.endpoint_url) {
            return Ok(short);
        }
    }
    let long = format!("{short}-{}", hash(owner, &submission.endpoint_url));
    match registry.standing(&long, owner).await? {
        Standing::Other(_) => Err(refused(format!(
            "The server has no server_id, and those that its name would give it, {short} and {long}, belong to others. Name one."
        ))),
        // Once it has the long one it keeps it, also when the short one has become free.
        Standing::Free if short_standing == Standing::Free => Ok(short),
        Standing::Free | Standing::Own => Ok(long),
    }
}

/// The highest version if it has the same content, else the next one; and the entry of that version.
async fn derived_version(
    registry: &Registry,
    submission: &Submission,
    registrant: &Registrant,
    server_id: &str,
) -> Result<(String, Option<Server>)> {
    let Some((version, summary)) = highest(registry.versions(server_id).await?) else {
        return Ok((rules::DEFAULT_VERSION.to_owned(), None));
    };
    let entry = registry.get(server_id, &summary.version).await?;
    if entry.as_ref().is_some_and(|entry| submission.is_same_as(entry, registrant)) {
        return Ok((summary.version, entry));
    }
    next(&version)
        .map(|version| (version, None))
        .ok_or_else(|| invalid(format!("There is no next version after {version} of {server_id}. Give a version.")))
}

fn highest(versions: Vec<Summary>) -> Option<(Version, Summary)> {
    versions
        .into_iter()
        .filter_map(|summary| Some((Version::parse(&summary.version).ok()?, summary)))
        .max_by(|a, b| a.0.cmp(&b.0))
}

/// The next patch version.
fn next(version: &Version) -> Option<String> {
    let patch = version.patch.checked_add(1)?;
    let next = Version { patch, pre: Prerelease::EMPTY, build: BuildMetadata::EMPTY, ..version.clone() };
    Some(next.to_string()).filter(|next| rules::valid_version(next))
}

/// A name in the characters of an id.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(LONGEST_SLUG);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { NAMELESS.to_owned() } else { slug.to_owned() }
}

fn hash(owner: &str, endpoint: &str) -> String {
    let mut hash = Sha256::new();
    for part in [owner, endpoint] {
        // The length keeps two pairs of parts from running together into the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut digits = hex::encode(hash.finalize());
    digits.truncate(HASH_DIGITS);
    digits
}

/// The owner has this version with other content.
pub(super) fn conflict(entry: &Server) -> Error {
    Error::new(
        Kind::Conflict,
        format!(
            "{} is registered with other content, see errors. Give a higher version, or leave version out to get the next one.",
            entry.id()
        ),
    )
}

#[cfg(test)]
mod tests;
