//! The properties of the custom resource, all checked, all problems told at once.

use std::ops::RangeInclusive;

use semver::Version;
use serde_json::{Map, Value};
use url::Url;

use super::tools::MAX_TOOLS_BYTES;
use crate::{
    mcp_client::{Endpoint, Failure, Guard, LambdaArn, api_key_header},
    registry::{AuthenticationType, ProtocolType, Status, Tool, valid_server_id},
};

/// Version of a server that names none.
pub(super) const DEFAULT_VERSION: &str = "1.0.0";

/// Longest version, in characters.
const MAX_VERSION: usize = 64;

/// Properties that CloudFormation and CDK use for themselves.
const IGNORED: &[&str] = &["ServiceToken", "ServiceTimeout", "Fingerprint"];

/// Largest `Metadata` and `Configuration` in bytes of JSON.
const MAX_MAP_BYTES: usize = 8 * 1024;

/// Seconds between health checks: the checker runs every minute, and what is looked at less than daily is not looked at.
const HEALTH_CHECK_INTERVALS: RangeInclusive<u32> = 60..=86_400;

/// What a template says about a server.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) server_id: String,
    pub(super) server_name: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) endpoint_url: String,
    pub(super) protocol_type: ProtocolType,
    pub(super) authentication_type: AuthenticationType,
    pub(super) api_key_header: Option<String>,
    /// `None`: ask the server.
    pub(super) tools: Option<Vec<Tool>>,
    pub(super) status: Status,
    pub(super) health_check_url: Option<String>,
    pub(super) health_check_interval: Option<u32>,
    pub(super) metadata: Map<String, Value>,
    pub(super) configuration: Map<String, Value>,
    pub(super) deployment_stack: Option<String>,
    pub(super) deployment_region: Option<String>,
}

/// Takes properties out one by one and collects what is wrong with them.
struct Reader<'a> {
    left: Map<String, Value>,
    problems: Vec<String>,
    guard: &'a Guard,
    home: &'a LambdaArn,
}

/// Whether an entry of the registry can have this version.
pub(super) fn valid_version(version: &str) -> bool {
    version.len() <= MAX_VERSION && Version::parse(version).is_ok()
}

impl Declared {
    /// Reads the properties. `table` is our registry table, `home` the ARN of this function.
    ///
    /// # Errors
    /// Everything that is wrong, each a phrase that names the property.
    pub(super) fn parse(
        properties: &Map<String, Value>,
        table: &str,
        guard: &Guard,
        home: &LambdaArn,
    ) -> Result<Self, Vec<String>> {
        let mut left = properties.clone();
        left.retain(|name, _| !IGNORED.contains(&name.as_str()));
        let mut read = Reader { left, problems: Vec::new(), guard, home };
        let named = read.text("TableName", 255);
        if let Some(named) = named.filter(|named| named != table) {
            read.problem(format!("TableName is \"{named}\"; this stage's registry is \"{table}\""));
        }
        let declared = Self {
            server_id: read.server_id(),
            server_name: read.required("ServerName", 128),
            description: read.text("Description", 1000).unwrap_or_default(),
            version: read.version(),
            endpoint_url: read.endpoint(),
            protocol_type: read.word("ProtocolType", ProtocolType::parse, "jsonrpc, rest, graphql").unwrap_or_default(),
            authentication_type: read
                .word("AuthenticationType", AuthenticationType::parse, "none, api_key, oauth, iam")
                .unwrap_or_default(),
            api_key_header: read.text("ApiKeyHeader", 64),
            tools: read.tools(),
            status: read.status(),
            health_check_url: read.health_check_url(),
            health_check_interval: read.health_check_interval(),
            metadata: read.map("Metadata"),
            configuration: read.map("Configuration"),
            deployment_stack: read.text("DeploymentStack", 128),
            deployment_region: read.text("DeploymentRegion", 32),
        };
        read.api_key_header(&declared);
        if declared.protocol_type != ProtocolType::JsonRpc && declared.tools.is_none() {
            read.problem(format!(
                "AvailableTools is missing: a {} server cannot be asked for its tools",
                declared.protocol_type
            ));
        }
        let unknown: Vec<String> = read.left.keys().cloned().collect();
        for name in unknown {
            read.problem(format!("{name} is not a property of this resource"));
        }
        if read.problems.is_empty() { Ok(declared) } else { Err(read.problems) }
    }
}

impl Reader<'_> {
    fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// The guard refuses an address. The address itself may hold a password, so only its host is told.
    fn refused(&mut self, name: &str, address: &str, failure: &Failure) {
        let host = Url::parse(address).ok().and_then(|url| url.host_str().map(|host| format!(" (host {host})")));
        let failure = failure.to_string();
        self.problem(format!("{name}{}: {}", host.unwrap_or_default(), failure.trim_end_matches('.')));
    }

    /// An optional text; an empty one counts as absent.
    fn text(&mut self, name: &str, limit: usize) -> Option<String> {
        match self.left.remove(name)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) if text.chars().count() > limit => {
                self.problem(format!("{name} is longer than {limit} characters"));
                None
            }
            Value::String(text) => Some(text),
            _ => {
                self.problem(format!("{name} must be a string"));
                None
            }
        }
    }

    fn required(&mut self, name: &str, limit: usize) -> String {
        let before = self.problems.len();
        let text = self.text(name, limit);
        if text.is_none() && self.problems.len() == before {
            self.problem(format!("{name} is missing"));
        }
        text.unwrap_or_default()
    }

    fn server_id(&mut self) -> String {
        let id = self.required("ServerId", 256);
        if !id.is_empty() && !valid_server_id(&id) {
            self.problem(format!(
                "ServerId \"{id}\" must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
            ));
        }
        id
    }

    fn version(&mut self) -> String {
        let version = self.text("Version", MAX_VERSION).unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        if !valid_version(&version) {
            self.problem(format!("Version \"{version}\" is not a semantic version such as {DEFAULT_VERSION}"));
        }
        version
    }

    fn endpoint(&mut self) -> String {
        let endpoint = self.required("EndpointUrl", 2048);
        if endpoint.is_empty() {
            return endpoint;
        }
        match self.guard.endpoint(&endpoint) {
            Ok(Endpoint::Lambda(arn)) if arn.region != self.home.region || arn.account != self.home.account => {
                let (region, account) = (&self.home.region, &self.home.account);
                self.problem(format!(
                    "EndpointUrl: the function {arn} is not in this region and account ({region}, {account})"
                ));
            }
            Ok(_) => {}
            Err(failure) => self.refused("EndpointUrl", &endpoint, &failure),
        }
        endpoint
    }

    fn word<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>, all: &str) -> Option<T> {
        let word = self.text(name, 32)?;
        let parsed = parse(&word);
        if parsed.is_none() {
            self.problem(format!("{name} \"{word}\" is none of {all}"));
        }
        parsed
    }

    fn status(&mut self) -> Status {
        let allowed = |word: &str| {
            Status::parse(word).filter(|status| {
                matches!(status, Status::Active | Status::Inactive | Status::Maintenance | Status::Pending)
            })
        };
        self.word("Status", allowed, "active, inactive, maintenance, pending").unwrap_or(Status::Active)
    }

    fn health_check_url(&mut self) -> Option<String> {
        let url = self.text("HealthCheckUrl", 2048)?;
        match self.guard.endpoint(&url) {
            Ok(Endpoint::Http { .. }) => {}
            Ok(Endpoint::Lambda(_)) => self.problem("HealthCheckUrl must be an https URL"),
            Err(failure) => self.refused("HealthCheckUrl", &url, &failure),
        }
        Some(url)
    }

    fn health_check_interval(&mut self) -> Option<u32> {
        let seconds = self.text("HealthCheckInterval", 16)?;
        let interval = seconds.parse().ok().filter(|seconds| HEALTH_CHECK_INTERVALS.contains(seconds));
        if interval.is_none() {
            let (least, most) = (HEALTH_CHECK_INTERVALS.start(), HEALTH_CHECK_INTERVALS.end());
            self.problem(format!(
                "HealthCheckInterval \"{seconds}\" is no whole number of seconds from {least} to {most}"
            ));
        }
        interval
    }

    fn api_key_header(&mut self, declared: &Declared) {
        let Some(header) = &declared.api_key_header else { return };
        if declared.authentication_type != AuthenticationType::ApiKey {
            self.problem("ApiKeyHeader needs AuthenticationType api_key");
        }
        if let Err(problem) = api_key_header(header) {
            self.problem(format!("ApiKeyHeader: {problem}"));
        }
    }

    /// A JSON object that travels as a string: CloudFormation would turn nested numbers and booleans into strings.
    fn map(&mut self, name: &str) -> Map<String, Value> {
        let Some(text) = self.text(name, MAX_MAP_BYTES) else { return Map::new() };
        serde_json::from_str(&text).unwrap_or_else(|e| {
            self.problem(format!("{name} must be a JSON object in a string ({e})"));
            Map::new()
        })
    }

    fn tools(&mut self) -> Option<Vec<Tool>> {
        let text = self.text("AvailableTools", MAX_TOOLS_BYTES)?;
        let list: Vec<Value> = match serde_json::from_str(&text) {
            Ok(list) => list,
            Err(e) => {
                self.problem(format!("AvailableTools must be a JSON array in a string ({e})"));
                return Some(Vec::new());
            }
        };
        let mut tools = Vec::with_capacity(list.len());
        for (index, tool) in list.into_iter().enumerate() {
            match serde_json::from_value(tool) {
                Ok(tool) => tools.push(tool),
                Err(e) => self.problem(format!("AvailableTools[{index}]: {e}")),
            }
        }
        Some(tools)
    }
}
