//! What can go wrong with a call to an MCP server: one variant for each cause, each a sentence that says what to do.

use std::time::Duration;

pub(super) use crate::error::shorten;

/// A call that brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("MCP server {server_id}: {failure}{}", self.remark())]
pub struct CallError {
    /// The server that was called.
    pub server_id: String,
    /// What happened.
    pub failure: Failure,
    /// Whether a `tools/call` was on its way when it happened; whatever comes before one (a handshake, a list of tools)
    /// starts nothing.
    pub sent: bool,
}

impl CallError {
    /// Whether the tool may have started: then nobody may simply call it again.
    pub const fn may_have_run(&self) -> bool {
        self.sent && self.failure.may_have_run()
    }

    /// What to think of the tool where the failure's own words do not say it.
    const fn remark(&self) -> &'static str {
        match (self.may_have_run(), &self.failure) {
            (true, Failure::Timeout { .. }) => " The tool may still be running.",
            (true, Failure::Interrupted(_)) => " The tool may have run.",
            _ => "",
        }
    }
}

/// Why a call brought no result. Display is a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The endpoint guard does not let the call out.
    #[error("its endpoint is refused: {0}.")]
    Refused(String),
    /// A protocol or authentication type that this version does not speak.
    #[error("{0} is not supported by this version of Switchyard.")]
    Unsupported(String),
    /// What the registry says about the server or the tool cannot be acted on.
    #[error("its entry in the registry is wrong: {0}.")]
    Misdeclared(String),
    /// An argument that has no place in the request, or does not fit there.
    #[error("the argument \"{name}\" {reason}.")]
    Argument {
        /// Name of the argument.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry has no such approved tool.
    #[error("it has no approved tool \"{tool}\". It offers: {}.", list(known))]
    UnknownTool {
        /// Name that was asked for.
        tool: String,
        /// Names in the registry.
        known: Vec<String>,
    },
    /// It answers, and not as a healthy server does.
    #[error("it is not healthy: {0}.")]
    Unhealthy(String),
    /// The host name has no address.
    #[error("the host name \"{0}\" cannot be resolved. Check endpoint_url in the registry.")]
    Unresolvable(String),
    /// No connection.
    #[error("no connection to {host}: {reason}. Check that the server runs and is reachable from here.")]
    Connect {
        /// Host and port.
        host: String,
        /// What the network said.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("no secure connection to {host}: {reason}. Check the server's certificate and that it speaks TLS there.")]
    Tls {
        /// Host and port.
        host: String,
        /// What the handshake said.
        reason: String,
    },
    /// No complete answer in time.
    #[error("no answer within {} s.", .after.as_secs())]
    Timeout {
        /// Time that was left for the call.
        after: Duration,
    },
    /// The connection broke before the answer was complete.
    #[error("the connection broke before the answer was complete: {0}.")]
    Interrupted(String),
    /// An HTTP status other than success, without a JSON-RPC error in it.
    #[error("it answered HTTP {status}{}.", hint(*status))]
    Status {
        /// HTTP status code.
        status: u16,
    },
    /// An HTTP status other than success from a server without MCP, with its words.
    #[error("it answered HTTP {status}: {message}")]
    Http {
        /// HTTP status code.
        status: u16,
        /// The server's words, shortened.
        message: String,
    },
    /// HTTP 401 or 403: the credentials do not open the door.
    #[error("it answered HTTP {status}: the credentials are not accepted{}.", secret.as_deref().map(|name| format!(". Check the secret {name}")).unwrap_or_default())]
    Unauthorized {
        /// HTTP status code.
        status: u16,
        /// Secret that was used, if any.
        secret: Option<String>,
    },
    /// A JSON-RPC error.
    #[error("it answered with error {code}: {message}")]
    Rpc {
        /// JSON-RPC error code.
        code: i32,
        /// The server's words, shortened.
        message: String,
        /// HTTP status it came with, if it came over HTTP.
        status: Option<u16>,
    },
    /// An answer that is not what the protocol type promises.
    #[error("its answer cannot be read: {0}.")]
    Unreadable(String),
    /// An answer that is not MCP.
    #[error("its answer is not a valid MCP answer: {0}.")]
    Malformed(String),
    /// More than is read.
    #[error("its answer is larger than {limit} bytes and was not read. Ask for less at a time.")]
    Oversized {
        /// Largest answer that is read, in bytes.
        limit: usize,
    },
    /// The tool wants something that only a person can give in the middle of the call.
    #[error("the tool asks for input during the call ({0}), which is not supported.")]
    InputRequired(String),
    /// The Lambda function ended with an error.
    #[error("its Lambda function failed: {0}. Its log has the details.")]
    Function(String),
    /// There is no such Lambda function.
    #[error("the Lambda function {0} does not exist. Deploy it or register the right ARN.")]
    FunctionMissing(String),
    /// IAM does not allow the invocation.
    #[error("invoking {arn} is not allowed. Tag the function switchyard-mcp={stage} or list it in invocableFunctions.")]
    FunctionDenied {
        /// The function.
        arn: String,
        /// Value the tag must have.
        stage: String,
    },
    /// Lambda has no capacity for the invocation now.
    #[error("its Lambda function is throttled. Try again in a few seconds.")]
    FunctionThrottled,
    /// Lambda did not do the invocation for another reason.
    #[error("Lambda refused or lost the invocation ({code}).")]
    Invoke {
        /// Error code of the Lambda API.
        code: String,
        /// Whether the function may have run all the same.
        may_have_run: bool,
    },
    /// The API key is not in Secrets Manager.
    #[error("its API key is missing. Store it as the secret {0} (a plain string).")]
    SecretMissing(String),
    /// The client credentials are not in Secrets Manager.
    #[error(
        "its client credentials are missing. Store them as the secret {0} (JSON with client_id and client_secret)."
    )]
    ClientMissing(String),
    /// A secret cannot be read.
    #[error("the secret {name} cannot be used: {reason}.")]
    SecretUnusable {
        /// Name of the secret.
        name: String,
        /// Why.
        reason: String,
    },
    /// The token endpoint gave no access token.
    #[error("no access token from {host}: {reason}. Check Configuration.oauth and the secret {secret}.")]
    NoToken {
        /// Host of the token endpoint.
        host: String,
        /// What came instead.
        reason: String,
        /// Secret with the client credentials.
        secret: String,
    },
    /// The role under which requests to the server are signed cannot be assumed.
    #[error("the role {role} cannot be assumed ({reason}). Create it and let the role of this function assume it.")]
    RoleUnusable {
        /// The role.
        role: String,
        /// What AWS said.
        reason: String,
    },
}

impl Failure {
    /// Whether it is what AWS says for a while after a key, a role, a tag or a right was made.
    pub(crate) const fn may_be_new(&self) -> bool {
        matches!(self, Self::Unauthorized { .. } | Self::RoleUnusable { .. } | Self::FunctionDenied { .. })
    }

    /// Whether the tool may have started if this happened to a `tools/call`. Whether it did, [`CallError`] knows.
    pub(super) const fn may_have_run(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Unsupported(_)
            | Self::Misdeclared(_)
            | Self::Argument { .. }
            | Self::ClientMissing(_)
            | Self::NoToken { .. }
            | Self::RoleUnusable { .. }
            | Self::UnknownTool { .. }
            | Self::Unhealthy(_)
            | Self::Unresolvable(_)
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Unauthorized { .. }
            | Self::FunctionMissing(_)
            | Self::FunctionDenied { .. }
            | Self::FunctionThrottled
            | Self::SecretMissing(_)
            | Self::SecretUnusable { .. } => false,
            // A gateway may give up (408, 5xx) on a server that goes on working; any other 4xx, or a redirect, is a refusal.
            Self::Status { status } | Self::Http { status, .. } => *status < 300 || *status >= 500 || *status == 408,
            // Codes that say the request was never taken up. Source: JSON-RPC 2.0 section 5.1, MCP 2026-07-28 errors.
            Self::Rpc { code, .. } => !matches!(*code, -32700 | -32602..=-32600 | -32022..=-32020),
            Self::Invoke { may_have_run, .. } => *may_have_run,
            Self::Timeout { .. }
            | Self::Interrupted(_)
            | Self::Malformed(_)
            | Self::Unreadable(_)
            | Self::Oversized { .. }
            | Self::InputRequired(_)
            | Self::Function(_) => true,
        }
    }

    /// Whether this says nothing about the server: a secret, a role or a permission of ours is missing, or Lambda has no room
    /// for us.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::SecretMissing(_)
                | Self::ClientMissing(_)
                | Self::SecretUnusable { .. }
                | Self::RoleUnusable { .. }
                | Self::FunctionDenied { .. }
                | Self::FunctionThrottled
                | Self::Invoke { may_have_run: false, .. }
        )
    }

    /// The error of a call to `server_id`; `sent` as in [`CallError`].
    pub(super) fn of(self, server_id: &str, sent: bool) -> CallError {
        CallError { server_id: server_id.to_owned(), failure: self, sent }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

const fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => " (a redirect, which is never followed; register the final address)",
        404 | 405 => ". Check the path of endpoint_url in the registry",
        406 | 415 => ". It does not look like an MCP endpoint",
        413 => ". The arguments are too large for it",
        429 => ": too many requests. Try again in a few seconds",
        502..=504 => ": it or something in front of it is down or too slow",
        _ => "",
    }
}
