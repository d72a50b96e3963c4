//! Permissions that no recorded call needs, each with the reason why it is given all the same. A permission that is used, and
//! one that nobody has, fails the test if it is listed here.

use crate::rights::{Holder, Right};

/// Why something is allowed that nothing used.
pub(crate) struct Reason {
    pub(crate) permission: &'static str,
    pub(crate) why: &'static str,
}

/// All of them. They count for the role of every function.
pub(crate) const ALL: [Reason; 4] = [
    Reason { permission: "logs:CreateLogStream", why: "Lambda itself writes the log, with the function's role" },
    Reason { permission: "logs:PutLogEvents", why: "Lambda itself writes the log, with the function's role" },
    Reason { permission: "xray:PutTraceSegments", why: "Lambda itself sends traces, with the function's role" },
    Reason { permission: "xray:PutTelemetryRecords", why: "Lambda itself sends traces, with the function's role" },
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
    match right.holder {
        Holder::Role(_) => ALL.iter().find(|reason| reason.permission == right.action),
        Holder::Named(_) => None,
    }
}
