//! What makes an entry valid, whichever way it came in: through CloudFormation, by self-registration or by hand.
//!
//! A rule for one value says what is wrong with it without naming it; where a rule is about several, its [`Fault`] says which
//! by JSON pointer into the entry. Each way in names the place in its own words.
//!
//! [`Fault`]: crate::problem::Fault

mod tools;

use std::ops::RangeInclusive;

use semver::Version;
use serde_json::{Map, Value};
pub use tools::{MAX_TOOLS_BYTES, distrust, refreshed, unsettled};
pub(crate) use tools::{approve, faults as tool_faults};
use url::Url;

use super::{AuthenticationType, valid_server_id};
use crate::mcp_client::{Endpoint, Failure, Guard, LambdaArn, api_key_header as header_problem};

/// Version of a server that names none.
pub const DEFAULT_VERSION: &str = "1.0.0";

/// Longest version, in characters.
pub const MAX_VERSION: usize = 64;

/// Longest name of a server, in characters.
pub const MAX_NAME: usize = 128;

/// Longest description of a server, in characters.
pub const MAX_DESCRIPTION: usize = 1000;

/// Longest URL or ARN, in characters.
pub const MAX_URL: usize = 2048;

/// Longest name of a header, in characters.
pub const MAX_HEADER: usize = 64;

/// Largest `metadata` and `configuration` in bytes of JSON.
pub const MAX_MAP_BYTES: usize = 8 * 1024;

/// Seconds between health checks: the checker runs every minute, and what is looked at less than daily is not looked at.
pub const HEALTH_CHECK_INTERVALS: RangeInclusive<u32> = 60..=86_400;

/// Whether an entry can have this version.
pub fn valid_version(version: &str) -> bool {
    version.len() <= MAX_VERSION && Version::parse(version).is_ok()
}

/// # Errors
/// What is wrong with a server's id.
pub fn server_id(id: &str) -> Result<(), String> {
    if valid_server_id(id) {
        return Ok(());
    }
    Err(format!("\"{id}\" must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"))
}

/// # Errors
/// What is wrong with a version.
pub fn version(version: &str) -> Result<(), String> {
    if valid_version(version) {
        return Ok(());
    }
    Err(format!("\"{version}\" is not a semantic version such as {DEFAULT_VERSION}"))
}

/// An endpoint: https, or a Lambda function in the region and account of `home`.
///
/// # Errors
/// What is wrong with it. A URL may hold a password, so only its host is told.
pub fn endpoint(guard: &Guard, home: &LambdaArn, endpoint: &str) -> Result<Endpoint, String> {
    match guard.endpoint(endpoint) {
        Ok(Endpoint::Lambda(arn)) if arn.region != home.region || arn.account != home.account => {
            let (region, account) = (&home.region, &home.account);
            Err(format!("the function {arn} is not in this region and account ({region}, {account})"))
        }
        Ok(endpoint) => Ok(endpoint),
        Err(failure) => Err(refusal(endpoint, &failure)),
    }
}

/// # Errors
/// What is wrong with the URL of a health check.
pub fn health_check_url(guard: &Guard, url: &str) -> Result<(), String> {
    match guard.endpoint(url) {
        Ok(Endpoint::Http { .. }) => Ok(()),
        Ok(Endpoint::Lambda(_)) => Err("must be an https URL".to_owned()),
        Err(failure) => Err(refusal(url, &failure)),
    }
}

/// # Errors
/// What is wrong with the name of the header that carries an API key.
pub fn api_key_header(header: &str, authentication: AuthenticationType) -> Result<(), String> {
    let needless =
        (authentication != AuthenticationType::ApiKey).then(|| "needs the authentication type api_key".to_owned());
    let wrong = header_problem(header).err();
    let problems: Vec<String> = needless.into_iter().chain(wrong).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

/// # Errors
/// That `metadata` or `configuration` is too large.
pub fn map(map: &Map<String, Value>) -> Result<(), String> {
    let size = Value::Object(map.clone()).to_string().len();
    if size <= MAX_MAP_BYTES {
        return Ok(());
    }
    Err(format!("has {size} bytes of JSON, at most {MAX_MAP_BYTES} are allowed"))
}

/// # Errors
/// That a text is empty or too long.
pub fn text(text: &str, limit: usize) -> Result<(), String> {
    if text.trim().is_empty() { Err("must not be empty".to_owned()) } else { limited(text, limit) }
}

/// # Errors
/// That a text is too long.
pub fn limited(text: &str, limit: usize) -> Result<(), String> {
    if text.chars().count() > limit { Err(format!("is longer than {limit} characters")) } else { Ok(()) }
}

/// # Errors
/// What is wrong with the name of a server.
pub fn server_name(name: &str) -> Result<(), String> {
    text(name, MAX_NAME).and_then(|()| shown(name, ""))
}

/// # Errors
/// What is wrong with the description of a server, which may be empty.
pub fn description(description: &str) -> Result<(), String> {
    limited(description, MAX_DESCRIPTION).and_then(|()| shown(description, "\n\t"))
}

/// That people see a text as it is: it has no control characters but the `allowed`, and none that turn its direction.
fn shown(text: &str, allowed: &str) -> Result<(), String> {
    let hidden = |c: &char| {
        (c.is_control() && !allowed.contains(*c)) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().find(hidden) {
        Some(c) => Err(format!("holds the character U+{:04X}, which is not shown", u32::from(c))),
        None => Ok(()),
    }
}

/// # Errors
/// That the pause between two health checks is too short or too long.
pub fn health_check_interval(seconds: u32) -> Result<(), String> {
    if HEALTH_CHECK_INTERVALS.contains(&seconds) {
        return Ok(());
    }
    let (least, most) = (HEALTH_CHECK_INTERVALS.start(), HEALTH_CHECK_INTERVALS.end());
    Err(format!("is no whole number of seconds from {least} to {most}"))
}

fn refusal(address: &str, failure: &Failure) -> String {
    let host = Url::parse(address).ok().and_then(|url| url.host_str().map(|host| format!("host {host}: ")));
    format!("{}{}", host.unwrap_or_default(), failure.to_string().trim_end_matches('.'))
}
