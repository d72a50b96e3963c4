//! The policy evaluator (crate iam-rs), and proof that it says no where it must.

use std::collections::BTreeMap;

use iam_rs::{Arn, Context, IAMPolicy, IAMRequest, IAMStatement, PolicyEvaluator, Principal};
use serde_json::Value;

pub(crate) use iam_rs::Decision;

/// What somebody asks for.
pub(crate) struct Question<'a> {
    pub(crate) principal: Principal,
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    /// Values of condition keys.
    pub(crate) facts: &'a BTreeMap<String, String>,
}

/// A statement of a policy, as JSON.
pub(crate) fn statement(json: &Value) -> Result<IAMStatement, String> {
    // A key that the evaluator does not know would be passed over.
    let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
    if let Some(key) =
        json.as_object().into_iter().flatten().map(|(key, _)| key).find(|key| !known.contains(&key.as_str()))
    {
        return Err(format!("statements with {key} are not judged yet: {json}"));
    }
    serde_json::from_value(json.clone()).map_err(|error| format!("{error}: {json}"))
}

/// What these statements together say.
pub(crate) fn decide(statements: Vec<IAMStatement>, question: &Question<'_>) -> Result<Decision, String> {
    let context = question.facts.iter().fold(Context::new(), |context, (key, value)| context.with_string(key, value));
    let resource = Arn::parse(question.resource).map_err(|error| format!("{}: {error}", question.resource))?;
    let request = IAMRequest::new_with_context(question.principal.clone(), question.action, resource, context);
    let policy = IAMPolicy { statement: statements, ..IAMPolicy::new() };
    let result = PolicyEvaluator::with_policies(vec![policy]).evaluate(&request);
    Ok(result.map_err(|error| error.to_string())?.decision)
}

#[cfg(test)]
mod tests {
    use std::slice;

    use iam_rs::PrincipalId;
    use serde_json::json;

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Things";

    fn ask(statements: &[Value], action: &str, resource: &str, facts: &[(&str, &str)]) -> Decision {
        let statements = statements.iter().map(|json| statement(json).unwrap()).collect();
        let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let role = Principal::Aws(PrincipalId::String("arn:aws:iam::000000000000:role/some".to_owned()));
        decide(statements, &Question { principal: role, action, resource, facts: &facts }).unwrap()
    }

    fn allow(action: Value, resource: Value) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    #[test]
    fn nothing_is_allowed_that_is_not_named() {
        let read = allow(json!(["dynamodb:GetItem", "dynamodb:Query"]), json!(TABLE));
        for (action, resource, decision) in [
            ("dynamodb:GetItem", TABLE, Decision::Allow),
            ("dynamodb:Query", TABLE, Decision::Allow),
            ("dynamodb:PutItem", TABLE, Decision::NotApplicable),
            ("dynamodb:GetItems", TABLE, Decision::NotApplicable),
            ("dynamodb:Query", &format!("{TABLE}/index/by-name"), Decision::NotApplicable),
            ("dynamodb:GetItem", &format!("{TABLE}2"), Decision::NotApplicable),
            ("dynamodb:GetItem", &TABLE.replace("us-east-1", "us-east-2"), Decision::NotApplicable),
            ("dynamodb:GetItem", &TABLE.to_lowercase(), Decision::NotApplicable),
        ] {
            assert_eq!(ask(slice::from_ref(&read), action, resource, &[]), decision, "{action} on {resource}");
        }
        assert_eq!(ask(&[], "dynamodb:GetItem", TABLE, &[]), Decision::NotApplicable);
    }

    #[test]
    fn a_wildcard_stands_for_what_is_in_its_place() {
        let secrets = "arn:aws:secretsmanager:us-east-1:000000000000:secret:switchyard/dev/mcp/";
        let all = allow(json!("secretsmanager:GetSecretValue"), json!(format!("{secrets}*")));
        let ask = |resource: &str| ask(slice::from_ref(&all), "secretsmanager:GetSecretValue", resource, &[]);
        assert_eq!(ask(&format!("{secrets}a/api_key-AbCdEf")), Decision::Allow);
        assert_eq!(ask(&secrets.replace("/mcp/", "/gitlab_token-AbCdEf")), Decision::NotApplicable);
        assert_eq!(ask(&format!("{}a", secrets.replace("/dev/", "/prod/"))), Decision::NotApplicable);
    }

    #[test]
    fn a_deny_outweighs_every_allow() {
        let everything = allow(json!("*"), json!("*"));
        let deny = json!({ "Effect": "Deny", "Action": "dynamodb:DeleteItem", "Resource": TABLE });
        assert_eq!(ask(&[everything.clone(), deny.clone()], "dynamodb:DeleteItem", TABLE, &[]), Decision::Deny);
        assert_eq!(ask(&[deny, everything], "dynamodb:GetItem", TABLE, &[]), Decision::Allow);
    }

    #[test]
    fn a_condition_needs_its_fact() {
        let mut tagged =
            allow(json!("lambda:InvokeFunction"), json!("arn:aws:lambda:us-east-1:000000000000:function:*"));
        tagged["Condition"] = json!({ "StringEquals": { "aws:ResourceTag/switchyard-mcp": "dev" } });
        let function = "arn:aws:lambda:us-east-1:000000000000:function:tools";
        let ask = |facts: &[(&str, &str)]| ask(&[tagged.clone()], "lambda:InvokeFunction", function, facts);
        assert_eq!(ask(&[("aws:ResourceTag/switchyard-mcp", "dev")]), Decision::Allow);
        assert_eq!(ask(&[("aws:ResourceTag/switchyard-mcp", "prod")]), Decision::NotApplicable);
        assert_eq!(ask(&[("aws:ResourceTag/other", "dev")]), Decision::NotApplicable);
        assert_eq!(ask(&[]), Decision::NotApplicable);
    }

    #[test]
    fn a_service_is_let_in_for_its_source_only() {
        let function = "arn:aws:lambda:us-east-1:000000000000:function:tools";
        let agents = "arn:aws:bedrock:us-east-1:000000000000:agent";
        let statement = statement(&json!({
            "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function,
            "Principal": { "Service": "bedrock.amazonaws.com" },
            "Condition": {
                "StringEquals": { "aws:SourceAccount": "000000000000" },
                "ArnLike": { "aws:SourceArn": format!("{agents}/ONE") },
            },
        }))
        .unwrap();
        let ask = |service: &str, agent: &str, account: &str| {
            let facts = [("aws:SourceArn", format!("{agents}/{agent}")), ("aws:SourceAccount", account.to_owned())];
            let facts = facts.map(|(key, value)| (key.to_owned(), value)).into();
            let principal = Principal::Service(PrincipalId::String(service.to_owned()));
            let action = "lambda:InvokeFunction";
            decide(vec![statement.clone()], &Question { principal, action, resource: function, facts: &facts }).unwrap()
        };
        assert_eq!(ask("bedrock.amazonaws.com", "ONE", "000000000000"), Decision::Allow);
        assert_eq!(ask("bedrock.amazonaws.com", "TWO", "000000000000"), Decision::NotApplicable);
        assert_eq!(ask("bedrock.amazonaws.com", "ONE", "111122223333"), Decision::NotApplicable);
        assert_eq!(ask("apigateway.amazonaws.com", "ONE", "000000000000"), Decision::NotApplicable);
    }

    #[test]
    fn what_the_evaluator_would_pass_over_is_an_error() {
        let json = json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Conditions": {} });
        assert!(statement(&json).unwrap_err().contains("Conditions"));
    }
}
