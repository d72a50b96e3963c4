//! The only file that reads environment variables: one typed configuration per function, read once at start.
//!
//! | variable | read by | meaning |
//! | --- | --- | --- |
//! | `LOG_LEVEL` | all | `trace`, `debug`, `info` (default), `warn`, `error` or `off` |
//! | `LAMBDA_TASK_ROOT` | those with agents | where the zip was unpacked; set by Lambda, the current directory when unset |
//! | `STAGE` | mcp_proxy, registration, registry_api, health_checker | stage of the deployment, part of every name |
//! | `ORCHESTRATOR_AGENT` | chat_handler | `agentId/aliasId` |
//! | `RESPONSE_MODE` | chat_handler | `stream` or `buffered`, as API Gateway's integration is set |
//! | `AGENTS` | agent_invoker | JSON object, specialist's name to `agentId/aliasId` |
//! | `MEMORY_TABLE` | memory_manager, mcp_proxy | name of the deployment history table |
//! | `REGISTRY_TABLE` | mcp_proxy, registration, registry_api, health_checker | name of the MCP server registry table |
//! | `STATE_TABLE` | mcp_proxy, registration, registry_api, health_checker | name of the table of slots, request keys, counters, health and the audit |
//! | `ENVIRONMENTS` | mcp_proxy | the environments there are, separated by commas |
//! | `PROTECTED_ENVIRONMENTS` | mcp_proxy | those of them that need a person's approval; `none` if none does |
//! | `REQUEST_KEY_MINUTES` | mcp_proxy | how long a success answers the same request again, default 10 |
//! | `ALLOWED_NETWORKS` | mcp_proxy, registration, registry_api, health_checker | CIDR ranges that MCP servers may live in although private |
//! | `INVOCABLE_FUNCTIONS` | mcp_proxy, registration, registry_api, health_checker | Lambda ARNs that may be called without the tag |
//! | `MCP_ROLE_PREFIX` | mcp_proxy, registration, registry_api, health_checker | ARN of the roles under which requests to servers are signed, up to the server's id |
//! | `CONNECT_TO` | mcp_proxy, registration, registry_api, health_checker | `host:port=host:port` pairs; the local stage only |
//! | `REGISTRATION_APPROVAL` | registry_api | `required` or `auto`: whether self-registered servers wait for a person |
//! | `REGISTRATION_LIMIT` | registry_api | registrations an hour for each token and address |
//! | `REGISTRY_NAMESPACE` | registry_api | what names begin with in the official registry API |
//! | `APPROVAL_TOPIC` | registration, registry_api, health_checker | ARN of the SNS topic that approvers listen to |
//! | `AWS_ENDPOINT_URL` | registration | set on the local stage: the one other host that may receive a custom resource's answer |

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use ipnet::IpNet;
use tracing_subscriber::filter::LevelFilter;

use crate::error::{Error, internal};

/// Longest namespace in characters: a name has at most 200, of which 63 are for the server's id and one for the slash between.
/// Source: JSON Schema of `server.json`, 2025-12-11.
const MAX_NAMESPACE: usize = 200 - 63 - 1;

/// How API Gateway takes the answer of chat_handler.
/// Source: "Stream the integration response for your proxy integrations in API Gateway".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// `responseTransferMode: STREAM`, up to 15 minutes.
    Stream,
    /// `BUFFERED`, up to 29 seconds.
    Buffered,
}

/// Configuration of chat_handler.
#[derive(Debug, Clone)]
pub struct ChatHandler {
    /// `agentId/aliasId` of the orchestrator.
    pub orchestrator_agent: String,
    /// How the answer travels.
    pub response_mode: ResponseMode,
}

/// Configuration of agent_invoker.
#[derive(Debug, Clone)]
pub struct AgentInvoker {
    /// Specialist's name to `agentId/aliasId`.
    pub agents: BTreeMap<String, String>,
    /// Folder with `agents/` in it.
    pub task_root: PathBuf,
}

/// Configuration of memory_manager.
#[derive(Debug, Clone)]
pub struct MemoryManager {
    /// Name of the deployment history table.
    pub memory_table: String,
    /// Folder with `agents/` in it.
    pub task_root: PathBuf,
}

/// Configuration of mcp_proxy.
#[derive(Debug, Clone)]
pub struct McpProxy {
    /// Which servers may be reached.
    pub reach: Reach,
    /// Name of the deployment history table.
    pub memory_table: String,
    /// Name of the MCP server registry table.
    pub registry_table: String,
    /// Name of the table of slots and request keys.
    pub state_table: String,
    /// The environments there are.
    pub environments: Vec<String>,
    /// Those that need a person's approval.
    pub protected_environments: Vec<String>,
    /// How long a success answers the same request again.
    pub request_key_age: Duration,
    /// Folder with `agents/` in it.
    pub task_root: PathBuf,
}

/// Configuration of registration.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Which servers may be reached.
    pub reach: Reach,
    /// Name of the MCP server registry table.
    pub registry_table: String,
    /// Name of the table of claims, held definitions and the audit.
    pub state_table: String,
    /// ARN of the SNS topic that approvers listen to, if there is one.
    pub approval_topic: Option<String>,
    /// The emulator's address on the local stage, `None` on AWS.
    pub aws_endpoint_url: Option<String>,
}

/// Whether a server that somebody registered is used at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It waits for a person.
    Required,
    /// It is active at once, unless calls to it carry credentials.
    Auto,
}

/// Configuration of registry_api.
#[derive(Debug, Clone)]
pub struct RegistryApi {
    /// Which servers may be reached.
    pub reach: Reach,
    /// Name of the MCP server registry table.
    pub registry_table: String,
    /// Name of the table of counters, held definitions and the audit.
    pub state_table: String,
    /// Whether self-registered servers wait for a person.
    pub approval: Approval,
    /// Registrations an hour for each token and address.
    pub registration_limit: u32,
    /// What the names of our servers in the official registry API begin with, before the slash.
    pub namespace: String,
    /// SNS topic that approvers listen to; without it nobody is told.
    pub approval_topic: Option<String>,
}

/// Configuration of health_checker.
#[derive(Debug, Clone)]
pub struct HealthChecker {
    /// Which servers may be reached.
    pub reach: Reach,
    /// Name of the MCP server registry table.
    pub registry_table: String,
    /// Name of the table of health states and the audit.
    pub state_table: String,
    /// SNS topic that approvers listen to; without it nobody is told.
    pub approval_topic: Option<String>,
}

/// Which MCP servers may be reached, for the functions that call them.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Stage of the deployment.
    pub stage: String,
    /// Ranges that are reached although private, and in plain http.
    pub allowed_networks: Vec<IpNet>,
    /// Lambda ARNs that are called without the tag.
    pub invocable_functions: Vec<String>,
    /// `host:port` to `host:port`, like curl's `--connect-to`.
    pub connect_to: BTreeMap<String, String>,
    /// ARN of the roles under which requests are signed, up to the server's id; without it none is.
    pub role_prefix: Option<String>,
}

/// Where variables come from: the process, or a test.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn optional(&self, name: &str) -> Option<String> {
        self.0(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<String, Error> {
        self.optional(name).ok_or_else(|| internal(format!("the environment variable {name} is missing")))
    }

    fn list(&self, name: &str) -> Vec<String> {
        let value = self.optional(name).unwrap_or_default();
        value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn task_root(&self) -> PathBuf {
        PathBuf::from(self.optional("LAMBDA_TASK_ROOT").unwrap_or_else(|| ".".into()))
    }

    fn reach(&self) -> Result<Reach, Error> {
        let allowed_networks = self
            .list("ALLOWED_NETWORKS")
            .iter()
            .map(|text| text.parse().map_err(|_| wrong("ALLOWED_NETWORKS", text, "ranges such as 10.0.0.0/16")))
            .collect::<Result<_, _>>()?;
        let connect_to = self
            .list("CONNECT_TO")
            .iter()
            .map(|text| {
                let (from, to) =
                    text.split_once('=').ok_or_else(|| wrong("CONNECT_TO", text, "pairs of host:port=host:port"))?;
                Ok((from.to_owned(), to.to_owned()))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Reach {
            stage: self.required("STAGE")?,
            allowed_networks,
            invocable_functions: self.list("INVOCABLE_FUNCTIONS"),
            connect_to,
            role_prefix: self.optional("MCP_ROLE_PREFIX"),
        })
    }

    fn chat_handler(&self) -> Result<ChatHandler, Error> {
        let response_mode = match self.required("RESPONSE_MODE")?.as_str() {
            "stream" => ResponseMode::Stream,
            "buffered" => ResponseMode::Buffered,
            other => return Err(wrong("RESPONSE_MODE", other, "stream or buffered")),
        };
        Ok(ChatHandler { orchestrator_agent: self.required("ORCHESTRATOR_AGENT")?, response_mode })
    }

    fn agent_invoker(&self) -> Result<AgentInvoker, Error> {
        let agents = self.required("AGENTS")?;
        let agents = serde_json::from_str(&agents).map_err(|error| {
            wrong("AGENTS", &agents, "a JSON object of names and agentId/aliasId").with_source(error)
        })?;
        Ok(AgentInvoker { agents, task_root: self.task_root() })
    }

    fn memory_manager(&self) -> Result<MemoryManager, Error> {
        Ok(MemoryManager { memory_table: self.required("MEMORY_TABLE")?, task_root: self.task_root() })
    }

    fn mcp_proxy(&self) -> Result<McpProxy, Error> {
        let minutes = self.optional("REQUEST_KEY_MINUTES").unwrap_or_else(|| "10".into());
        let minutes: u64 =
            minutes.parse().map_err(|_| wrong("REQUEST_KEY_MINUTES", &minutes, "a whole number of minutes"))?;
        Ok(McpProxy {
            reach: self.reach()?,
            memory_table: self.required("MEMORY_TABLE")?,
            registry_table: self.required("REGISTRY_TABLE")?,
            state_table: self.required("STATE_TABLE")?,
            environments: self.required("ENVIRONMENTS").map(|_| self.list("ENVIRONMENTS"))?,
            // Forgotten is not the same as none: without the variable the function does not start.
            protected_environments: match self.required("PROTECTED_ENVIRONMENTS")?.as_str() {
                "none" => Vec::new(),
                _ => self.list("PROTECTED_ENVIRONMENTS"),
            },
            request_key_age: Duration::from_secs(minutes * 60),
            task_root: self.task_root(),
        })
    }

    /// Only what the names of a `server.json` may begin with; an entry with another name would be valid nowhere.
    fn namespace(&self) -> Result<String, Error> {
        let namespace = self.required("REGISTRY_NAMESPACE")?;
        let allowed = namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        if !allowed || namespace.len() > MAX_NAMESPACE {
            let allowed = format!("1 to {MAX_NAMESPACE} letters, digits, dots and hyphens");
            return Err(wrong("REGISTRY_NAMESPACE", &namespace, &allowed));
        }
        Ok(namespace)
    }

    fn registry_api(&self) -> Result<RegistryApi, Error> {
        let approval = match self.required("REGISTRATION_APPROVAL")?.as_str() {
            "required" => Approval::Required,
            "auto" => Approval::Auto,
            other => return Err(wrong("REGISTRATION_APPROVAL", other, "required or auto")),
        };
        let limit = self.required("REGISTRATION_LIMIT")?;
        Ok(RegistryApi {
            reach: self.reach()?,
            registry_table: self.required("REGISTRY_TABLE")?,
            state_table: self.required("STATE_TABLE")?,
            approval,
            registration_limit: limit.parse().map_err(|_| wrong("REGISTRATION_LIMIT", &limit, "a whole number"))?,
            namespace: self.namespace()?,
            approval_topic: self.optional("APPROVAL_TOPIC"),
        })
    }

    fn health_checker(&self) -> Result<HealthChecker, Error> {
        Ok(HealthChecker {
            reach: self.reach()?,
            registry_table: self.required("REGISTRY_TABLE")?,
            state_table: self.required("STATE_TABLE")?,
            approval_topic: self.optional("APPROVAL_TOPIC"),
        })
    }

    fn registration(&self) -> Result<Registration, Error> {
        Ok(Registration {
            reach: self.reach()?,
            registry_table: self.required("REGISTRY_TABLE")?,
            state_table: self.required("STATE_TABLE")?,
            approval_topic: self.optional("APPROVAL_TOPIC"),
            aws_endpoint_url: self.optional("AWS_ENDPOINT_URL"),
        })
    }
}

/// The variables of this process.
const PROCESS: Variables<'static> = Variables(&|name| std::env::var(name).ok());

/// What our own crates log, `info` when the variable is missing.
///
/// # Errors
/// The value is none of the levels.
pub fn log_level() -> Result<LevelFilter, Error> {
    let level = PROCESS.optional("LOG_LEVEL").unwrap_or_else(|| "info".into());
    level.parse().map_err(|_| wrong("LOG_LEVEL", &level, "trace, debug, info, warn, error or off"))
}

macro_rules! from_env {
    ($($config:ident $read:ident),*) => {$(
        impl $config {
            /// Reads the configuration from the environment.
            ///
            /// # Errors
            /// A variable is missing or wrong; the message names it.
            pub fn from_env() -> Result<Self, Error> {
                PROCESS.$read()
            }
        }
    )*};
}
from_env!(ChatHandler chat_handler, AgentInvoker agent_invoker, MemoryManager memory_manager, McpProxy mcp_proxy, Registration registration,
    RegistryApi registry_api, HealthChecker health_checker);

fn wrong(name: &str, value: &str, allowed: &str) -> Error {
    internal(format!("the environment variable {name} is `{value}`; it must be {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(pairs: &[(&str, &str)], read: impl Fn(&Variables<'_>) -> Result<T, Error>) -> Result<T, String> {
        let get = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        read(&Variables(&get)).map_err(|error| error.to_string())
    }

    const PROXY: [(&str, &str); 6] = [
        ("STAGE", "dev"),
        ("MEMORY_TABLE", "m"),
        ("REGISTRY_TABLE", "r"),
        ("STATE_TABLE", "s"),
        ("ENVIRONMENTS", "dev, prod"),
        ("PROTECTED_ENVIRONMENTS", "prod"),
    ];

    #[test]
    fn a_forgotten_protection_is_not_the_same_as_none() {
        let with_protection = |value| {
            let mut variables = PROXY.to_vec();
            variables[5] = ("PROTECTED_ENVIRONMENTS", value);
            with(&variables, |v| v.mcp_proxy()).map(|config| config.protected_environments)
        };
        assert_eq!(with_protection("prod,staging").unwrap(), ["prod", "staging"]);
        assert!(with_protection("none").unwrap().is_empty());
        assert!(with_protection(" ").unwrap_err().contains("PROTECTED_ENVIRONMENTS is missing"));
        assert!(with(&PROXY[..5], |v| v.mcp_proxy()).unwrap_err().contains("PROTECTED_ENVIRONMENTS is missing"));
    }

    #[test]
    fn an_error_names_the_variable_and_what_is_allowed() {
        let fault = with(&[], |v| v.chat_handler()).unwrap_err();
        assert_eq!(fault, "the environment variable RESPONSE_MODE is missing");
        let fault = with(&[("RESPONSE_MODE", "later")], |v| v.chat_handler()).unwrap_err();
        assert_eq!(fault, "the environment variable RESPONSE_MODE is `later`; it must be stream or buffered");
        let fault =
            with(&[PROXY.as_slice(), &[("ALLOWED_NETWORKS", "10.0.0.0/33")]].concat(), |v| v.mcp_proxy()).unwrap_err();
        assert!(fault.contains("ALLOWED_NETWORKS is `10.0.0.0/33`"), "{fault}");
    }

    #[test]
    fn a_namespace_is_one_that_names_may_begin_with() {
        let namespace = |namespace: &str| {
            let variables = [
                ("STAGE", "dev"),
                ("REGISTRY_TABLE", "r"),
                ("STATE_TABLE", "s"),
                ("REGISTRATION_APPROVAL", "required"),
                ("REGISTRATION_LIMIT", "10"),
                ("REGISTRY_NAMESPACE", namespace),
            ];
            with(&variables, |v| v.registry_api()).map(|config| config.namespace)
        };
        let longest = "x".repeat(136);
        for good in ["switchyard.dev", "com.Example-1", "x", &longest] {
            assert_eq!(namespace(good).as_deref(), Ok(good));
        }
        let longer = "x".repeat(137);
        for bad in ["com.example/tools", "com_example", "com example", "münchen", &longer] {
            let fault = namespace(bad).unwrap_err();
            let expected = format!(
                "the environment variable REGISTRY_NAMESPACE is `{bad}`; it must be 1 to 136 letters, digits, dots and hyphens"
            );
            assert_eq!(fault, expected);
        }
        assert!(namespace(" ").unwrap_err().contains("REGISTRY_NAMESPACE is missing"));
    }

    #[test]
    fn lists_and_pairs_are_read() {
        let more = [
            ("ALLOWED_NETWORKS", "10.0.0.0/16,fd00::/8"),
            ("CONNECT_TO", "mcp.test:443=127.0.0.1:8443"),
            ("REQUEST_KEY_MINUTES", "5"),
        ];
        let config = with(&[PROXY.as_slice(), &more].concat(), |v| v.mcp_proxy()).unwrap();
        assert_eq!(config.environments, ["dev", "prod"]);
        assert_eq!(config.reach.allowed_networks.len(), 2);
        assert_eq!(config.reach.connect_to["mcp.test:443"], "127.0.0.1:8443");
        assert_eq!(config.request_key_age, Duration::from_secs(300));
    }
}
