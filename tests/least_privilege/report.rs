//! What people read: a finding says who, what, where and what to change; the table shows every right with its use.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use crate::{
    calls::{Call, Caller},
    reasons::{self, Reason},
    rights::{Holder, Right, Rights},
    run::{Run, work},
};

/// A call that AWS would deny.
pub(crate) fn denied(call: &Call, times: usize, rights: &Rights) -> String {
    let facts: Vec<String> = call.facts.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let (who, home) = match &call.caller {
        Caller::Function(name) => (name.as_str(), file(&Holder::Role(name.clone()))),
        Caller::Service(name) => (*name, file(&Holder::Named((*name).to_owned()))),
    };
    let mut text = format!(
        "{who} makes a call ({times} in the end-to-end run) that AWS would deny:\n  {} on {}{}",
        call.action,
        call.resource,
        if facts.is_empty() { String::new() } else { format!("\n  where {}", facts.join(", ")) },
    );
    let near: Vec<&Right> = rights
        .all()
        .iter()
        .filter(|right| match (&right.holder, &call.caller) {
            (Holder::Role(name), Caller::Function(caller)) => {
                name == caller && (right.action == call.action || right.resource == call.resource)
            }
            (Holder::Named(_), _) => right.resource == call.resource,
            _ => false,
        })
        .collect();
    text.push_str(if near.is_empty() { "\nNo statement comes near it." } else { "\nStatements that come near:" });
    for right in near {
        let _ = write!(text, "\n  {}", line(right));
    }
    let _ = write!(text, "\nGrant it in {home}, or do not make the call.");
    text
}

/// A permission that nothing used.
pub(crate) fn unused(right: &Right) -> String {
    format!("{}: nothing needs what is allowed here:\n  {}", file(&right.holder), line(right))
}

/// What to do about permissions that nothing used.
pub(crate) const ABOUT_UNUSED: &str = "Take out what the end-to-end run does not need. If the code does need it, write an \
    end-to-end test that comes there. If AWS itself uses it, say so in tests/least_privilege/reasons.rs.";

/// A reason that is none.
pub(crate) fn stale_reason(right: &Right, reason: &Reason) -> String {
    format!(
        "tests/least_privilege/reasons.rs lists {} as never used by a call ({}), but one needs it:\n  {}",
        reason.permission,
        reason.why,
        line(right)
    )
}

fn file(holder: &Holder) -> &'static str {
    match holder {
        Holder::Role(function) if function.ends_with("-pipelines") => "cdk/constructs/pipelines-server.ts",
        Holder::Role(function)
            if ["registration", "registry_api", "health_checker"].iter().any(|bin| function.ends_with(bin)) =>
        {
            "cdk/constructs/registry-handlers.ts"
        }
        Holder::Role(_) => "cdk/constructs/handlers.ts",
        Holder::Named(name) if name == "apigateway.amazonaws.com" => "cdk/constructs/chat-api.ts or registry-api.ts",
        Holder::Named(name) if name == "events.amazonaws.com" => "cdk/constructs/registry-handlers.ts",
        Holder::Named(name) if name == "bedrock.amazonaws.com" => "cdk/constructs/bedrock-agent.ts",
        Holder::Named(_) => "cdk/constructs/pipelines-server.ts",
    }
}

fn line(right: &Right) -> String {
    let condition = match &right.condition {
        empty if empty.as_object().is_none_or(serde_json::Map::is_empty) => String::new(),
        condition => format!(" if {condition}"),
    };
    let who = match &right.holder {
        Holder::Role(name) | Holder::Named(name) => name,
    };
    format!("{who} may {} on {}{condition}", right.action, right.resource)
}

/// Writes the table of all rights with their use.
pub(crate) fn write(run: &Run, rights: &Rights) -> Result<(), String> {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for (index, right) in rights.all().iter().enumerate() {
        *uses.entry(line(right)).or_default() += rights.needing(index, &run.calls).sum::<usize>();
    }
    let mut text = String::from("calls that need it, and what is allowed\n");
    for (right, times) in uses {
        let _ = writeln!(text, "{times:>6}  {right}");
    }
    text.push_str("\nnot used by any call\n");
    for Reason { permission, why, .. } in &reasons::ALL {
        let _ = writeln!(text, "  {permission}: {why}");
    }
    for (service, why) in &reasons::ROLES {
        let _ = writeln!(text, "  roles for {service}: {why}");
    }
    let path = work().join("least_privilege.txt");
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
