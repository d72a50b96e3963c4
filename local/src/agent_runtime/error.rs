//! The exceptions of InvokeAgent, as HTTP errors before the stream and as frames inside it.

use std::fmt;

use serde_json::{Value, json};

pub(crate) type Result<T, E = AgentError> = std::result::Result<T, E>;

/// Which exception. Source: the errors of `InvokeAgent` in the Amazon Bedrock API reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    AccessDenied,
    BadGateway,
    Conflict,
    DependencyFailed,
    InternalServer,
    ModelNotReady,
    ResourceNotFound,
    Throttling,
    Validation,
}

impl Fault {
    const fn row(self) -> (u16, &'static str) {
        match self {
            Self::AccessDenied => (403, "accessDeniedException"),
            Self::BadGateway => (502, "badGatewayException"),
            Self::Conflict => (409, "conflictException"),
            Self::DependencyFailed => (424, "dependencyFailedException"),
            Self::InternalServer => (500, "internalServerException"),
            Self::ModelNotReady => (424, "modelNotReadyException"),
            Self::ResourceNotFound => (404, "resourceNotFoundException"),
            Self::Throttling => (429, "throttlingException"),
            Self::Validation => (400, "validationException"),
        }
    }

    /// HTTP status when the exception comes before the stream.
    pub(crate) const fn status(self) -> u16 {
        self.row().0
    }

    /// Name inside the stream: `:exception-type`.
    pub(crate) const fn member(self) -> &'static str {
        self.row().1
    }

    /// Name in the `x-amzn-errortype` header: the shape's name, which starts with a capital letter.
    pub(crate) fn shape(self) -> String {
        let member = self.member();
        member[..1].to_ascii_uppercase() + &member[1..]
    }
}

/// An exception with its message and, for a failed dependency, the resource that failed.
#[derive(Debug, Clone)]
pub(crate) struct AgentError {
    pub(crate) fault: Fault,
    pub(crate) message: String,
    pub(crate) resource: Option<String>,
}

impl AgentError {
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), resource: None }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(Fault::Validation, message)
    }

    pub(crate) fn dependency(resource: impl Into<String>, message: impl Into<String>) -> Self {
        Self { resource: Some(resource.into()), ..Self::new(Fault::DependencyFailed, message) }
    }

    /// The exception's members as they travel.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "message": self.message });
        if let Some(resource) = &self.resource {
            body["resourceName"] = resource.as_str().into();
        }
        body
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fault.member(), self.message)
    }
}

impl std::error::Error for AgentError {}
