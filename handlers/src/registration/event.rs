//! The event of a custom resource.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    error::{Result, invalid, shorten},
    registry::{
        rules::{DEFAULT_VERSION, valid_version},
        valid_server_id,
    },
};

/// What CloudFormation asks for.
/// Source: AWS CloudFormation user guide, "Custom resource request and response reference".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request {
    pub(super) request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    pub(super) response_url: String,
    pub(super) stack_id: String,
    pub(super) request_id: String,
    #[serde(rename = "LogicalResourceId")]
    pub(super) logical_id: String,
    /// Absent on Create.
    #[serde(rename = "PhysicalResourceId")]
    pub(super) physical_id: Option<String>,
    #[serde(rename = "ResourceProperties", default)]
    pub(super) properties: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum RequestType {
    Create,
    Update,
    Delete,
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The parts of a stack id, `arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stack {
    pub(super) region: String,
    pub(super) account: String,
    pub(super) name: String,
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    /// It is no event of a custom resource, so there is no `ResponseURL` to answer to.
    pub(super) fn parse(event: Value) -> Result<Self> {
        const WHAT: &str = "This is not an event of a CloudFormation custom resource";
        if !event.is_object() {
            return Err(invalid(format!("{WHAT}: it is no object.")));
        }
        // What serde says of a value repeats it, and one of them is a credential: only the place is told.
        serde_path_to_error::deserialize(event).map_err(|e| match e.path().to_string() {
            path if path == "." => invalid(format!("{WHAT}: {}.", e.inner())),
            path => invalid(format!("{WHAT}: {} is not what it should be.", shorten(&path, 60))),
        })
    }

    /// The parts of the stack's id.
    ///
    /// # Errors
    /// The id is not one that CloudFormation makes.
    pub(super) fn stack(&self) -> Result<Stack> {
        let wrong = || {
            invalid(format!("StackId \"{}\" is not the id of a CloudFormation stack.", shorten(&self.stack_id, 200)))
        };
        let parts: Vec<&str> = self.stack_id.splitn(6, ':').collect();
        let ["arn", _, "cloudformation", region, account, resource] = parts.as_slice() else { return Err(wrong()) };
        // Who owns what follows from these parts, so nothing may be missing or left over.
        let parts: Vec<&str> = resource.split('/').collect();
        let ["stack", name, number] = parts.as_slice() else { return Err(wrong()) };
        if [region, account, name, number].iter().any(|part| part.is_empty()) || self.stack_id.contains('#') {
            return Err(wrong());
        }
        Ok(Stack { region: (*region).to_owned(), account: (*account).to_owned(), name: (*name).to_owned() })
    }

    /// The `ServerId@Version` that the properties ask for, as far as it can be told.
    pub(super) fn wanted_id(&self) -> Option<String> {
        let id = self.properties.get("ServerId")?.as_str()?;
        let version = self.properties.get("Version").and_then(Value::as_str);
        let version = version.filter(|version| !version.trim().is_empty()).unwrap_or(DEFAULT_VERSION);
        (valid_server_id(id) && valid_version(version)).then(|| format!("{id}@{version}"))
    }
}
