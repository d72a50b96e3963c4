//! The properties of the custom resource, all checked, all problems told at once.

use serde_json::{Map, Value};

use crate::{
    mcp_client::{Guard, LambdaArn},
    problem::Fault,
    registry::{
        AuthenticationType, ProtocolType, Status, Tool,
        rules::{
            self, DEFAULT_VERSION, MAX_DESCRIPTION, MAX_HEADER, MAX_MAP_BYTES, MAX_NAME, MAX_TOOLS_BYTES, MAX_URL,
            MAX_VERSION,
        },
    },
};

/// Properties that CloudFormation and CDK use for themselves.
const IGNORED: &[&str] = &["ServiceToken", "ServiceTimeout", "Fingerprint"];

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

/// What is wrong with an entry, in the words of a template: `/configuration/status_tool` is `Configuration.status_tool` there.
/// What is wrong with a tool names the tool, which may have been discovered.
pub(super) fn in_words(fault: &Fault) -> String {
    let Some(path) = fault.pointer.strip_prefix("/configuration/") else { return fault.detail.clone() };
    let place = path.split('/').fold("Configuration".to_owned(), |place, part| {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{place}[{part}]")
        } else {
            format!("{place}.{part}")
        }
    });
    let colon = if fault.detail.starts_with("must ") { "" } else { ":" };
    format!("{place}{colon} {}", fault.detail)
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
            server_name: read.required("ServerName", MAX_NAME),
            description: read.text("Description", MAX_DESCRIPTION).unwrap_or_default(),
            version: read.version(),
            endpoint_url: read.endpoint(),
            protocol_type: read.word("ProtocolType", ProtocolType::parse, "jsonrpc, rest, graphql").unwrap_or_default(),
            authentication_type: read
                .word("AuthenticationType", AuthenticationType::parse, "none, api_key, oauth, iam")
                .unwrap_or_default(),
            api_key_header: read.text("ApiKeyHeader", MAX_HEADER),
            tools: read.tools(),
            status: read.status(),
            health_check_url: read.health_check_url(),
            health_check_interval: read.health_check_interval(),
            metadata: read.map("Metadata"),
            configuration: read.map("Configuration"),
            deployment_stack: read.text("DeploymentStack", 128),
            deployment_region: read.text("DeploymentRegion", 32),
        };
        if !declared.server_name.is_empty() {
            read.check("ServerName", rules::server_name(&declared.server_name));
        }
        read.check("Description", rules::description(&declared.description));
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

    /// Tells what a rule says of a property.
    fn check(&mut self, name: &str, outcome: Result<(), String>) {
        if let Err(problem) = outcome {
            // A rule that quotes the value goes on from it.
            let colon = if problem.starts_with('"') || problem.starts_with("must ") { "" } else { ":" };
            self.problem(format!("{name}{colon} {problem}"));
        }
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
        if !id.is_empty() {
            self.check("ServerId", rules::server_id(&id));
        }
        id
    }

    fn version(&mut self) -> String {
        let version = self.text("Version", MAX_VERSION).unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        self.check("Version", rules::version(&version));
        version
    }

    fn endpoint(&mut self) -> String {
        let endpoint = self.required("EndpointUrl", MAX_URL);
        if !endpoint.is_empty() {
            self.check("EndpointUrl", rules::endpoint(self.guard, self.home, &endpoint).map(drop));
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
        let url = self.text("HealthCheckUrl", MAX_URL)?;
        self.check("HealthCheckUrl", rules::health_check_url(self.guard, &url));
        Some(url)
    }

    fn health_check_interval(&mut self) -> Option<u32> {
        let text = self.text("HealthCheckInterval", 16)?;
        // What is no number is none of the allowed ones either.
        let seconds = text.parse().unwrap_or(0);
        let outcome = rules::health_check_interval(seconds).map_err(|problem| format!("\"{text}\" {problem}"));
        self.check("HealthCheckInterval", outcome);
        Some(seconds)
    }

    fn api_key_header(&mut self, declared: &Declared) {
        let Some(header) = &declared.api_key_header else { return };
        self.check("ApiKeyHeader", rules::api_key_header(header, declared.authentication_type));
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
