//! One entry of the registry: a version of an MCP server, its tools and how it is reached.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// What whoever registers a server has a say in: attributes of [`Server`].
pub(crate) const CONTENT: [&str; 11] = [
    "server_name",
    "description",
    "endpoint_url",
    "protocol_type",
    "authentication_type",
    "api_key_header",
    "available_tools",
    "health_check_url",
    "health_check_interval",
    "configuration",
    "metadata",
];

/// A version of an MCP server as stored in the registry table; field names are the attribute names.
///
/// Only the key, the name, the endpoint and the status have to be there: people write entries by hand in a console.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Server {
    /// Partition key, see [`valid_server_id`].
    pub server_id: String,
    /// Sort key, a semantic version.
    pub version: String,
    /// Name for people.
    pub server_name: String,
    /// What the server is for.
    #[serde(default)]
    pub description: String,
    /// An https URL or the ARN of a Lambda function; the transport follows from it.
    pub endpoint_url: String,
    /// What is spoken over the transport.
    #[serde(default)]
    pub protocol_type: ProtocolType,
    /// How calls prove who they are.
    #[serde(default)]
    pub authentication_type: AuthenticationType,
    /// Header that carries the API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_header: Option<String>,
    /// The tools as approved, annotations included.
    #[serde(default)]
    pub available_tools: Vec<Tool>,
    /// [`Server::compute_hash`] at approval.
    #[serde(default)]
    pub definition_hash: String,
    /// Whether calls go to it.
    pub status: Status,
    /// Since when its health checks keep it `unhealthy`, ISO 8601; only there while they do. Whoever else changes the status
    /// removes it: health checks bring back only what they took out of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy_since: Option<String>,
    /// Where its health is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_url: Option<String>,
    /// Seconds between health checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_interval: Option<u32>,
    /// Settings of this server that Switchyard acts on, see [`Server::environment_argument`] and [`Server::status_tool`].
    #[serde(default)]
    #[schema(value_type = Object)]
    pub configuration: Map<String, Value>,
    /// Whatever the owner wants to note: team, cost center.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// CloudFormation stack that registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_stack: Option<String>,
    /// Region of that stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_region: Option<String>,
    /// Who may change this entry: see [`stack_owner`], [`token_owner`] and [`principal_owner`]. Empty: made by hand.
    #[serde(default)]
    pub owner: String,
    /// MCP version agreed on at registration. With it a call is one request; without it the version is negotiated first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_version: Option<String>,
    /// ISO 8601; empty in an entry made by hand without it, which is in no list by stack then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// ISO 8601; empty in an entry made by hand without it, which is in no list by status then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub updated_at: String,
    /// Who made the entry.
    #[serde(default)]
    pub created_by: String,
    /// The entry that another resource of the same stack took over from, until that resource is deleted: a stack update
    /// that renames the resource and is rolled back puts it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub superseded: Option<Box<Server>>,
}

/// A tool as approved at registration. The server's own word about it does not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    /// Name in `tools/call`.
    pub name: String,
    /// For people and models.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the arguments.
    #[serde(rename = "inputSchema")]
    pub input_schema: Value,
    /// JSON Schema of `structuredContent`.
    #[serde(rename = "outputSchema", default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What the tool does to the world.
    #[serde(default)]
    pub annotations: Annotations,
    /// `_meta` of the tool, an object or null.
    #[serde(rename = "_meta", default, skip_serializing_if = "Value::is_null")]
    pub meta: Value,
}

/// Approved annotations of a tool. Source: MCP 2026-07-28, `ToolAnnotations`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Title for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// True when the tool changes nothing; missing means that it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// False when its changes only add; missing means that it may destroy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// True when a second identical call changes nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// Whether it touches things outside its own domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

/// Declares a fieldless enum that is stored and shown as one word.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word it is stored as.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one stored as `word`.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a server speaks.
    #[derive(Default)]
    ProtocolType {
        /// MCP.
        #[default]
        JsonRpc = "jsonrpc",
        /// Plain HTTP routes.
        Rest = "rest",
        /// GraphQL over HTTP.
        GraphQl = "graphql",
    }
}

words! {
    /// How calls to a server prove who they are.
    #[derive(Default)]
    AuthenticationType {
        /// Nothing is sent; a Lambda function is guarded by IAM all the same.
        #[default]
        None = "none",
        /// A key from Secrets Manager in a header.
        ApiKey = "api_key",
        /// Client credentials.
        OAuth = "oauth",
        /// SigV4.
        Iam = "iam",
    }
}

words! {
    /// Where a version of a server is in its life. Only `active` ones are called.
    Status {
        /// Waits for a person's approval.
        Pending = "pending",
        /// In use.
        Active = "active",
        /// Switched off by its owner.
        Inactive = "inactive",
        /// Being worked on.
        Maintenance = "maintenance",
        /// Fails its health checks.
        Unhealthy = "unhealthy",
        /// Refused by an approver.
        Rejected = "rejected",
        /// Gone; kept for the record.
        Decommissioned = "decommissioned",
    }
}

impl Status {
    /// Whether people and the health checks may change the one into the other. A registration has its own rules: it may take
    /// a decommissioned entry.
    pub const fn may_become(self, to: Self) -> bool {
        match self {
            Self::Pending => matches!(to, Self::Active | Self::Rejected | Self::Decommissioned),
            Self::Active => matches!(to, Self::Inactive | Self::Maintenance | Self::Unhealthy | Self::Decommissioned),
            Self::Inactive | Self::Maintenance | Self::Unhealthy => matches!(to, Self::Active | Self::Decommissioned),
            Self::Rejected => matches!(to, Self::Decommissioned),
            Self::Decommissioned => false,
        }
    }
}

impl Server {
    /// The approved tool of that name.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.available_tools.iter().find(|tool| tool.name == name)
    }

    /// Name of the argument that holds the environment, in every tool of this server.
    pub fn environment_argument(&self) -> Option<&str> {
        self.configuration.get("environment_argument")?.as_str()
    }

    /// The read-only tool that reports an execution. One that is not approved as read-only, as an entry made by hand may name
    /// it, is none: it would be called without what a change of an environment takes.
    pub fn status_tool(&self) -> Option<&Tool> {
        self.tool(self.configuration.get("status_tool")?.as_str()?).filter(|tool| tool.read_only())
    }

    /// `server_id@version`: how people and CloudFormation name the entry.
    pub fn id(&self) -> String {
        format!("{}@{}", self.server_id, self.version)
    }

    /// Whether somebody who registers `self` where `other` is changes nothing by it: the same definition, and the same said
    /// about it.
    pub fn same_content(&self, other: &Self) -> bool {
        self.compute_hash() == other.compute_hash()
            && self.server_name == other.server_name
            && self.description == other.description
            && self.health_check_interval == other.health_check_interval
            && canonical(&Value::Object(self.metadata.clone())) == canonical(&Value::Object(other.metadata.clone()))
    }

    /// Hash of everything that decides where calls go and what they do: endpoint, protocol, authentication, header, health
    /// URL, configuration, tools with their annotations. 64 hexadecimal digits.
    pub fn compute_hash(&self) -> String {
        let definition = serde_json::json!({
            "endpoint_url": self.endpoint_url,
            "protocol_type": self.protocol_type,
            "authentication_type": self.authentication_type,
            "api_key_header": self.api_key_header,
            "health_check_url": self.health_check_url,
            "configuration": self.configuration,
            "available_tools": self.available_tools,
        });
        hex::encode(Sha256::digest(canonical(&definition).to_string()))
    }
}

impl Tool {
    /// Whether two descriptions of a tool mean the same, however their numbers are spelt.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let meaning = |tool: &Self| canonical(&serde_json::json!(tool));
        meaning(self) == meaning(other)
    }

    /// Whether the tool is approved as changing nothing.
    pub fn read_only(&self) -> bool {
        self.annotations.read_only_hint == Some(true)
    }

    /// The kind of pipeline the tool starts (`_meta` key `switchyard/pipeline_type`).
    pub fn pipeline_type(&self) -> Option<&str> {
        self.meta.get("switchyard/pipeline_type")?.as_str()
    }
}

/// Whether `id` can name a server: `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`. It becomes part of a secret's name.
pub fn valid_server_id(id: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = id.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|&byte| inner(byte) || byte == b'-')
        && bytes.first().is_some_and(|&byte| inner(byte))
        && bytes.last().is_some_and(|&byte| inner(byte))
}

/// Owner of an entry that a CloudFormation resource registered: stack id, `#`, logical id of the resource.
pub fn stack_owner(stack_id: &str, logical_id: &str) -> String {
    format!("{stack_id}#{logical_id}")
}

/// What owners begin with that are no stack.
const TOKEN: &str = "token:";
const PRINCIPAL: &str = "principal:";

/// Owner of an entry that was registered with a registration token: the team the token was given to.
pub fn token_owner(team: &str) -> String {
    format!("{TOKEN}{team}")
}

/// Owner of an entry that a caller of the admin API registered; `arn` is that of the principal.
pub fn principal_owner(arn: &str) -> String {
    format!("{PRINCIPAL}{arn}")
}

/// Who an owner acts for: the stack of an owner made by [`stack_owner`]; tokens and principals act for themselves.
pub fn holder(owner: &str) -> &str {
    if owner.starts_with(TOKEN) || owner.starts_with(PRINCIPAL) {
        return owner;
    }
    owner.rsplit_once('#').map_or(owner, |(stack, _)| stack)
}

/// What the holders have in common that follow one another. For stacks under one name in one account and region it is the
/// stack id up to the last slash, after which each has a number of its own; others are followed by nobody.
pub(super) fn succession(owner: &str) -> &str {
    let holder = holder(owner);
    if !holder.starts_with("arn:") {
        return holder;
    }
    holder.rfind('/').and_then(|end| holder.get(..=end)).unwrap_or(holder)
}

/// The same document with object keys sorted and whole numbers in one spelling, as DynamoDB returns `1.0` as `1`.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), canonical(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                // In range by the guard, so the cast is exact.
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        other => other.clone(),
    }
}
