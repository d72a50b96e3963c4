//! Least privilege, proven: every AWS call that the end-to-end run recorded, against the roles and resource policies of an
//! account's template. What AWS would deny fails here, and so does a permission that nothing used.
//!
//! How it is proven, and what it does not prove, is in docs/decisions/0011-permissions-are-proven-by-calls.md.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

mod calls;
mod evaluator;
mod reasons;
mod report;
mod rights;
mod run;
mod template;

use std::{collections::BTreeSet, sync::LazyLock};

use calls::{Call, Caller};
use evaluator::Decision;
use rights::Rights;
use run::Run;

/// What the tests compare. A run that cannot be judged fails each of them with the same sentence.
struct Evidence {
    run: Run,
    rights: Rights,
}

static EVIDENCE: LazyLock<Result<Evidence, String>> = LazyLock::new(|| {
    let run = Run::read()?;
    let rights = Rights::of(&template::synthesise()?)?;
    report::write(&run, &rights)?;
    Ok(Evidence { run, rights })
});

fn evidence() -> &'static Evidence {
    EVIDENCE.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// Fails with all findings at once.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n\n{}\n", findings.join("\n\n"));
}

#[test]
fn every_call_is_one_that_aws_allows() {
    let Evidence { run, rights } = evidence();
    let denied = run.calls.iter().filter(|(call, _)| rights.decide(call, None) != Decision::Allow);
    none(&denied.map(|(call, &times)| report::denied(call, times, rights)).collect::<Vec<_>>());
}

#[test]
fn every_permission_is_used_or_has_its_reason() {
    let Evidence { run, rights } = evidence();
    let mut findings = Vec::new();
    let mut given = BTreeSet::new();
    for (index, right) in rights.all().iter().enumerate() {
        let used = rights.needing(index, &run.calls).next().is_some();
        let reason = reasons::of(right);
        match (used, reason) {
            (false, None) => findings.push(report::unused(right)),
            (true, Some(reason)) => findings.push(report::stale_reason(right, reason)),
            (true, None) => {}
            (false, Some(reason)) => drop(given.insert(reason.permission)),
        }
    }
    let needless = reasons::ALL.iter().filter(|reason| !given.contains(reason.permission));
    findings.extend(
        needless.map(|reason| format!("tests/least_privilege/reasons.rs: no role has `{}`", reason.permission)),
    );
    if !findings.is_empty() {
        findings.push(report::ABOUT_UNUSED.to_owned());
    }
    none(&findings);
}

#[test]
fn the_record_is_complete() {
    let Evidence { run, rights } = evidence();
    let mut findings = run.problems.clone();
    let callers: BTreeSet<&str> = run.calls.keys().filter_map(|call| call.caller.function()).collect();
    let functions: BTreeSet<&str> = rights.functions().collect();
    findings.extend(functions.difference(&callers).map(|name| {
        format!(
            "{name} made no AWS call: either no end-to-end test reaches it, or its calls go where nothing is recorded"
        )
    }));
    findings
        .extend(callers.difference(&functions).map(|name| format!("{name} made AWS calls, and no template has it")));
    none(&findings);
}

#[test]
fn no_role_is_left_out() {
    let Evidence { rights, .. } = evidence();
    let left_out = rights.others().filter(|(_, principal)| !reasons::ROLES.iter().any(|(known, _)| known == principal));
    none(
        &left_out
            .map(|(role, principal)| {
                format!(
                    "the role {role} is for {principal}: say in reasons.rs (ROLES) who uses it, and how that is judged"
                )
            })
            .collect::<Vec<_>>(),
    );
}

/// A registry entry must not become a way to act with the rights of our own functions, whatever they are tagged with.
#[test]
fn our_own_handlers_cannot_be_called_as_mcp_servers() {
    let Evidence { run, rights } = evidence();
    let call_of = |caller: &str, target: &str| Call {
        caller: Caller::Function(caller.to_owned()),
        action: "lambda:InvokeFunction".to_owned(),
        resource: template::function_arn(target),
        facts: [("aws:ResourceTag/switchyard-mcp".to_owned(), template::STAGE.to_owned())].into(),
    };
    let servers: BTreeSet<&Call> = run
        .calls
        .keys()
        .filter(|call| call.caller.function().is_some() && call.action == "lambda:InvokeFunction")
        .collect();
    let callers: BTreeSet<&str> = servers.iter().filter_map(|call| call.caller.function()).collect();
    for bin in ["mcp_proxy", "registration", "health_checker"] {
        assert!(callers.iter().any(|name| name.ends_with(bin)), "{bin} calls MCP servers: {callers:?}");
    }
    for caller in callers {
        let other = call_of(caller, "of-another-team");
        assert_eq!(rights.decide(&other, None), Decision::Allow, "{caller}: the tag opens functions of other teams");
        for handler in rights.functions().filter(|name| !name.ends_with("-pipelines")) {
            for resource in [template::function_arn(handler), format!("{}:live", template::function_arn(handler))] {
                let call = Call { resource, ..call_of(caller, handler) };
                assert_eq!(rights.decide(&call, None), Decision::Deny, "{caller} to {}", call.resource);
            }
        }
        let untagged = Call { facts: [].into(), ..call_of(caller, "of-another-team") };
        assert_ne!(rights.decide(&untagged, None), Decision::Allow, "{caller}: without the tag nothing is open");
    }
}

/// What calls servers has no right that a registrant could want for himself, whatever an entry of the registry says.
#[test]
fn what_calls_servers_can_be_talked_into_nothing() {
    let Evidence { rights, .. } = evidence();
    let stage = template::STAGE;
    let secret = |name: &str| template::arn("secretsmanager", &format!("secret:{name}-AbCdEf"));
    let role = |name: &str| format!("arn:aws:iam::{}:role/{name}", template::ACCOUNT);
    let call = |caller: &str, action: &str, resource: String| Call {
        caller: Caller::Function(caller.to_owned()),
        action: action.to_owned(),
        resource,
        facts: [].into(),
    };
    let own_key = || secret(&format!("switchyard/{stage}/mcp/tools/api_key"));
    let own_role = || role(&format!("switchyard-mcp/{stage}/switchyard-{stage}-mcp-tools"));
    let mut callers = 0;
    for caller in rights.functions() {
        let reads = |resource: String| rights.decide(&call(caller, "secretsmanager:GetSecretValue", resource), None);
        if reads(own_key()) != Decision::Allow {
            continue;
        }
        callers += 1;
        for name in [
            format!("switchyard/{stage}/gitlab_token"),
            "switchyard/prod/mcp/tools/api_key".to_owned(),
            format!("switchyard/{stage}/mcp"),
            format!("other/switchyard/{stage}/mcp/tools/api_key"),
            "rds/admin".to_owned(),
        ] {
            assert_ne!(reads(secret(&name)), Decision::Allow, "{caller} reads {name}");
        }
        // registry_api knows whom to let in by them, and nobody else does.
        let tokens = reads(secret(&format!("switchyard/{stage}/registration_tokens")));
        assert_eq!(tokens == Decision::Allow, caller.ends_with("-registry_api"), "{caller}: registration tokens");
        let assumes = |resource: String| rights.decide(&call(caller, "sts:AssumeRole", resource), None);
        assert_eq!(assumes(own_role()), Decision::Allow, "{caller} signs under the roles of servers");
        for name in [
            "admin".to_owned(),
            format!("switchyard-{stage}-mcp-tools"),
            "switchyard-mcp/prod/switchyard-prod-mcp-tools".to_owned(),
            format!("switchyard-mcp/{stage}/admin"),
            format!("other/switchyard-mcp/{stage}/switchyard-{stage}-mcp-tools"),
        ] {
            assert_ne!(assumes(role(&name)), Decision::Allow, "{caller} assumes {name}");
        }
        for (action, resource) in [
            ("secretsmanager:PutSecretValue", own_key()),
            ("secretsmanager:DeleteSecret", own_key()),
            ("secretsmanager:UpdateSecret", own_key()),
            ("iam:PassRole", own_role()),
            ("iam:CreateRole", own_role()),
            ("lambda:TagResource", template::function_arn("of-another-team")),
            ("lambda:UpdateFunctionCode", template::function_arn("of-another-team")),
            ("lambda:AddPermission", template::function_arn(&format!("switchyard-{stage}-mcp_proxy"))),
        ] {
            assert_ne!(
                rights.decide(&call(caller, action, resource.clone()), None),
                Decision::Allow,
                "{caller}: {action} {resource}"
            );
        }
    }
    assert!(callers >= 2, "mcp_proxy and registration call servers; {callers} functions read their keys");
}
