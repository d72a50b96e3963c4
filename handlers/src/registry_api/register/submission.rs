//! What somebody wants to register: the body of `POST /mcp/register`, all of it checked, all faults told at once.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;
use utoipa::ToSchema;

use super::{limit::Quota, tools};
use crate::{
    env::Approval,
    error::{Result, internal},
    mcp_client::{Guard, LambdaArn},
    problem::Fault,
    registry::{self, AuthenticationType, ProtocolType, Server, Status, Tool, rules},
    registry_api::{
        reader::{Reader, pointer},
        storable,
    },
};

/// Hexadecimal digits by which a registration is known again: the record of an hour holds one for each, and an item of DynamoDB
/// has room for the 10,000 that a deployment may allow.
const HASH_DIGITS: usize = 32;

/// A server to register. Nothing else may be in the body; null counts as left out.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(in crate::registry_api) struct Submission {
    /// 1 to 63 lower-case letters, digits and hyphens. Left out, it is made of the name; the same request gets the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server_id: Option<String>,
    /// A semantic version. Left out, it is 1.0.0, or the next patch version if the server is there with other content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// Name for people, at most 128 characters.
    pub(super) server_name: String,
    /// What the server is for, at most 1000 characters.
    #[schema(required = false)]
    pub(super) description: String,
    /// An https URL.
    pub(super) endpoint_url: String,
    /// What the server speaks; `jsonrpc`, which is MCP, if left out.
    #[schema(required = false)]
    pub(super) protocol_type: ProtocolType,
    /// How calls prove who they are; `none` if left out.
    #[schema(required = false)]
    pub(super) authentication_type: AuthenticationType,
    /// Header of the API key; `X-API-Key` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_key_header: Option<String>,
    /// The tools, as in MCP's `tools/list`. Left out, the server is asked for them, unless that takes credentials, which are not
    /// sent before approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) available_tools: Option<Vec<Tool>>,
    /// An https URL where its health is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health_check_url: Option<String>,
    /// Seconds between health checks, 60 to 86400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health_check_interval: Option<u32>,
    /// Settings that Switchyard acts on, such as `environment_argument`, `status_tool`, `read_only_tools`, `oauth`.
    #[schema(value_type = Object, required = false)]
    pub(super) configuration: Map<String, Value>,
    /// Whatever the owner wants to note.
    #[schema(value_type = Object, required = false)]
    pub(super) metadata: Map<String, Value>,
}

/// What endpoints may be.
#[derive(Debug, Clone, Copy)]
pub(in crate::registry_api) enum Endpoints<'a> {
    /// https only.
    Https,
    /// Whatever the guard lets through; Lambda functions of the region and account of this one.
    All(&'a LambdaArn),
}

/// As whom and as what a submission is entered.
#[derive(Debug, Clone)]
pub(in crate::registry_api) struct Registrant {
    /// Owner of the entry.
    pub(in crate::registry_api) owner: String,
    /// Who did it, for the audit.
    pub(in crate::registry_api) who: String,
    /// Whether a new entry waits for a person.
    pub(in crate::registry_api) approval: Approval,
    /// How many there may be; as many as one likes without.
    pub(in crate::registry_api) quota: Option<Quota>,
}

impl Submission {
    /// Reads the fields of a body.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(in crate::registry_api) fn parse(
        fields: Map<String, Value>,
        guard: &Guard,
        endpoints: Endpoints<'_>,
    ) -> Result<Self, Vec<Fault>> {
        let body = Value::Object(fields);
        let unstorable = storable::faults(&body);
        let Value::Object(fields) = body else { return Err(unstorable) };
        let mut read = Reader::new(String::new(), fields);
        read.extend(unstorable);
        let this = Self::read(&mut read, guard, endpoints);
        let mut faults = read.finish();
        // Of what could not be read, nothing more is said.
        let is_told = |place: &str| {
            faults.iter().any(|Fault { pointer, .. }| {
                place.strip_prefix(pointer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let more: Vec<_> = this.tool_faults().into_iter().filter(|fault| !is_told(&fault.pointer)).collect();
        faults.extend(more);
        if faults.is_empty() { Ok(this) } else { Err(faults) }
    }

    /// The entry that this becomes, with the tools that were given.
    pub(super) fn entry(&self, server_id: &str, version: &str, registrant: &Registrant) -> Server {
        let now = registry::now();
        Server {
            server_id: server_id.to_owned(),
            version: version.to_owned(),
            server_name: self.server_name.clone(),
            description: self.description.clone(),
            endpoint_url: self.endpoint_url.clone(),
            protocol_type: self.protocol_type,
            authentication_type: self.authentication_type,
            api_key_header: self.api_key_header.clone(),
            available_tools: self.available_tools.clone().unwrap_or_default(),
            definition_hash: String::new(),
            status: self.status(registrant.approval),
            health_check_url: self.health_check_url.clone(),
            health_check_interval: self.health_check_interval,
            configuration: self.configuration.clone(),
            metadata: self.metadata.clone(),
            deployment_stack: None,
            deployment_region: None,
            owner: registrant.owner.clone(),
            mcp_version: None,
            created_at: now.clone(),
            updated_at: now,
            created_by: registrant.who.clone(),
            unhealthy_since: None,
            superseded: None,
        }
    }

    /// Whether `entry` says the same; of tools that were left out, whatever it has is the same.
    pub(super) fn is_same_as(&self, entry: &Server, registrant: &Registrant) -> bool {
        let mut this = self.entry(&entry.server_id, &entry.version, registrant);
        if self.available_tools.is_none() {
            this.available_tools.clone_from(&entry.available_tools);
        }
        rules::approve(&mut this).is_empty() && this.same_content(entry)
    }

    /// A hash by which the same content at the same place is known again. The place belongs to it: where the version is derived,
    /// two contents in turn are a new version each time.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn hash_at(&self, server_id: &str, version: &str) -> Result<String> {
        let text = serde_json::to_vec(&(server_id, version, self))
            .map_err(|e| internal("A registration cannot be hashed.").with_source(e))?;
        let mut digits = hex::encode(Sha256::digest(text));
        digits.truncate(HASH_DIGITS);
        Ok(digits)
    }

    /// Status of a new entry. Whoever comes first gets a free id, and secrets and roles are found by the id: they may be there
    /// already, for somebody else. So what is sent credentials waits for a person, whatever the deployment says of the rest.
    fn status(&self, approval: Approval) -> Status {
        match (approval, self.authentication_type) {
            (Approval::Auto, AuthenticationType::None) => Status::Active,
            _ => Status::Pending,
        }
    }

    fn read(read: &mut Reader, guard: &Guard, endpoints: Endpoints<'_>) -> Self {
        let this = Self {
            server_id: read.checked("server_id", rules::server_id),
            version: read.checked("version", rules::version),
            server_name: read.required("server_name", rules::server_name),
            description: read.checked("description", rules::description).unwrap_or_default(),
            endpoint_url: read.required("endpoint_url", |url| match endpoints {
                Endpoints::Https => only_https(guard, url),
                Endpoints::All(home) => rules::endpoint(guard, home, url).map(drop),
            }),
            protocol_type: read.word("protocol_type", ProtocolType::ALL, ProtocolType::as_str).unwrap_or_default(),
            authentication_type: read
                .word("authentication_type", AuthenticationType::ALL, AuthenticationType::as_str)
                .unwrap_or_default(),
            api_key_header: read.checked("api_key_header", |header| rules::limited(header, rules::MAX_HEADER)),
            available_tools: available_tools(read),
            health_check_url: read.checked("health_check_url", |url| match endpoints {
                Endpoints::Https => only_https(guard, url),
                Endpoints::All(_) => rules::health_check_url(guard, url),
            }),
            health_check_interval: read.number("health_check_interval"),
            configuration: read.object("configuration").unwrap_or_default(),
            metadata: read.object("metadata").unwrap_or_default(),
        };
        if let Some(header) = &this.api_key_header {
            read.check("api_key_header", rules::api_key_header(header, this.authentication_type));
        }
        if let Some(seconds) = this.health_check_interval {
            read.check("health_check_interval", rules::health_check_interval(seconds));
        }
        read.check("configuration", rules::map(&this.configuration));
        read.check("metadata", rules::map(&this.metadata));
        if let (Endpoints::Https, Some(url)) = (endpoints, this.token_url())
            && let Err(detail) = only_https(guard, url)
        {
            read.extend([Fault::at("/configuration/oauth/token_url", detail)]);
        }
        if this.protocol_type != ProtocolType::JsonRpc && this.available_tools.is_none() {
            let detail = format!("is missing: a {} server cannot be asked for its tools", this.protocol_type);
            read.extend([Fault::at("/available_tools", detail)]);
        }
        this
    }

    fn token_url(&self) -> Option<&str> {
        self.configuration.get("oauth")?.get("token_url")?.as_str()
    }

    /// What is wrong with the tools that were given, and with the settings about them.
    fn tool_faults(&self) -> Vec<Fault> {
        let Some(tools) = &self.available_tools else { return Vec::new() };
        let nobody = Registrant { owner: String::new(), who: String::new(), approval: Approval::Required, quota: None };
        let mut entry = self.entry("", "", &nobody);
        let mut faults = rules::approve(&mut entry);
        faults.extend(rules::tool_faults(&entry));
        if let Some(server_id) = &self.server_id {
            faults.extend(tools::gateway_faults(server_id, tools));
        }
        faults
    }
}

/// The tools in a body.
pub(in crate::registry_api) fn available_tools(read: &mut Reader) -> Option<Vec<Tool>> {
    let place = read.pointer("available_tools");
    let items = read.list("available_tools")?;
    let mut all = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let (tool, faults) = tools::read(pointer(&place, &index.to_string()), item);
        read.extend(faults);
        all.push(tool);
    }
    Some(all)
}

fn only_https(guard: &Guard, url: &str) -> Result<(), String> {
    if Url::parse(url).is_ok_and(|url| url.scheme() != "https") {
        return Err(
            "must begin with https://; a Lambda function, and a server that is reached by plain http, is registered \
                    by its stack or by an operator"
                .to_owned(),
        );
    }
    rules::health_check_url(guard, url)
}

#[cfg(test)]
mod tests;
