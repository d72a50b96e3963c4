//! Permissions that no recorded call needs, each with the reason why it is given all the same. A permission that is used, and
//! one that nobody has, fails the test if it is listed here.

use crate::rights::{Holder, Right};

/// Why something is allowed that nothing used.
pub(crate) struct Reason {
    pub(crate) permission: &'static str,
    /// On what; `{function}` is the name of the function whose role has it.
    resource: &'static str,
    pub(crate) why: &'static str,
}

const LOG: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/{function}:*";
const WRITES_THE_LOG: &str = "Lambda itself writes the function's log, with the function's role";
const SENDS_TRACES: &str = "Lambda itself sends traces, with the function's role; they have no resource";

/// All of them. They count for the role of every function.
pub(crate) const ALL: [Reason; 4] = [
    Reason { permission: "logs:CreateLogStream", resource: LOG, why: WRITES_THE_LOG },
    Reason { permission: "logs:PutLogEvents", resource: LOG, why: WRITES_THE_LOG },
    Reason { permission: "xray:PutTraceSegments", resource: "*", why: SENDS_TRACES },
    Reason { permission: "xray:PutTelemetryRecords", resource: "*", why: SENDS_TRACES },
];

/// Services whose roles are not a function's, and why nothing was recorded for them.
pub(crate) const ROLES: [(&str, &str); 2] = [
    (
        "bedrock.amazonaws.com",
        "Bedrock calls an agent's model with the agent's role; the local agent runtime has no model",
    ),
    ("apigateway.amazonaws.com", "API Gateway writes its access log, with the policy of AWS for exactly that"),
];

/// The reason for a right, if it has one.
pub(crate) fn of(right: &Right) -> Option<&'static Reason> {
    let Holder::Role(function) = &right.holder else { return None };
    let fits = |reason: &&Reason| {
        reason.permission == right.action && reason.resource.replace("{function}", function) == right.resource
    };
    ALL.iter().find(fits)
}
