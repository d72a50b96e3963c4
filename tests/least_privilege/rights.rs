//! Who may do what, from the templates: the roles of our functions, and the functions' own policies. One right is one action
//! on one resource, so that each of them can be taken away by itself.

use std::collections::BTreeMap;

use iam_rs::{IAMStatement, Principal, PrincipalId};
use serde_json::{Value, json};

use crate::{
    calls::{Call, Caller},
    evaluator::{self, Decision, Question},
    template::{ACCOUNT, Template},
};

/// One action on one resource, allowed.
#[derive(Debug)]
pub(crate) struct Right {
    pub(crate) holder: Holder,
    pub(crate) action: String,
    pub(crate) resource: String,
    /// As in the policy; null for none.
    pub(crate) condition: Value,
    statement: IAMStatement,
}

/// Who has a right, and so where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The role of this function.
    Role(String),
    /// Whoever is named in the policy of the function that is the resource: a service, or the ARN of a role.
    Named(String),
}

/// All rights that concern our functions.
pub(crate) struct Rights {
    rights: Vec<Right>,
    /// What is denied, by function.
    denied: BTreeMap<String, Vec<IAMStatement>>,
    /// Role of each function.
    roles: BTreeMap<String, String>,
    /// Roles of nobody's function, and the service that each is for.
    others: Vec<(String, String)>,
}

/// Types that hold policies which are not judged here: a template with one of them needs more than these tests.
const UNKNOWN: [&str; 6] = [
    "AWS::SecretsManager::ResourcePolicy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::RolePolicy",
    "AWS::KMS::Key",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::S3::BucketPolicy",
];

impl Rights {
    /// Reads the templates.
    pub(crate) fn of(template: &Template) -> Result<Self, String> {
        for (kind, properties) in template.types() {
            if UNKNOWN.contains(&kind)
                || (kind.starts_with("AWS::DynamoDB::") && !properties["ResourcePolicy"].is_null())
            {
                return Err(format!("{kind} holds a policy that tests/least_privilege/rights.rs does not read"));
            }
        }
        let mut all = Self { rights: Vec::new(), denied: BTreeMap::new(), roles: BTreeMap::new(), others: Vec::new() };
        let mut functions = BTreeMap::new();
        for (_, function) in template.of_type("AWS::Lambda::Function") {
            let (role, name) = (template.text(&function["Role"])?, template.text(&function["FunctionName"])?);
            all.roles.insert(name.clone(), role.clone());
            if let Some(other) = functions.insert(role, name) {
                return Err(format!("{other} shares its role with another function"));
            }
        }
        for (id, role) in template.of_type("AWS::IAM::Role") {
            let Some(function) = functions.get(&format!("arn:aws:iam::{ACCOUNT}:role/{id}")) else {
                let service = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"];
                all.others.push((id.to_owned(), service.as_str().unwrap_or("nobody known").to_owned()));
                continue;
            };
            if !role["ManagedPolicyArns"].is_null() || !role["PermissionsBoundary"].is_null() {
                return Err(format!("the role {id} has managed policies or a boundary, which are not read"));
            }
            for policy in role["Policies"].as_array().into_iter().flatten() {
                all.read(template, function, &policy["PolicyDocument"])?;
            }
        }
        for (_, policy) in template.of_type("AWS::IAM::Policy") {
            for role in policy["Roles"].as_array().into_iter().flatten() {
                if let Some(function) = functions.get(&format!("arn:aws:iam::{ACCOUNT}:role/{}", template.text(role)?))
                {
                    all.read(template, function, &policy["PolicyDocument"])?;
                }
            }
        }
        for (_, permission) in template.of_type("AWS::Lambda::Permission") {
            let right = permitted(template, permission)?;
            all.rights.push(right);
        }
        Ok(all)
    }

    /// Statements of a function's role.
    fn read(&mut self, template: &Template, function: &str, document: &Value) -> Result<(), String> {
        let statements = document["Statement"].as_array().ok_or_else(|| format!("no statements in {document}"))?;
        for statement in statements {
            let texts = |value: &Value| match value {
                Value::Array(values) => values.iter().map(|value| template.text(value)).collect::<Result<Vec<_>, _>>(),
                value => Ok(vec![template.text(value)?]),
            };
            for action in texts(&statement["Action"])? {
                for resource in texts(&statement["Resource"])? {
                    let mut single = statement.clone();
                    single["Action"] = json!(action);
                    single["Resource"] = json!(resource);
                    let parsed = evaluator::statement(&single)?;
                    match statement["Effect"].as_str() {
                        Some("Deny") => self.denied.entry(function.to_owned()).or_default().push(parsed),
                        Some("Allow") if action.contains(['*', '?']) => {
                            return Err(format!("{function} may do {action}: name each action that it needs"));
                        }
                        Some("Allow") => self.rights.push(Right {
                            holder: Holder::Role(function.to_owned()),
                            action: action.clone(),
                            resource,
                            condition: statement["Condition"].clone(),
                            statement: parsed,
                        }),
                        _ => return Err(format!("a statement without effect: {statement}")),
                    }
                }
            }
        }
        Ok(())
    }

    /// Every right, in the order that [`Rights::decide`] counts in.
    pub(crate) fn all(&self) -> &[Right] {
        &self.rights
    }

    /// Names of our functions.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// Roles that no function has, each with the service that it is for.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        self.others.iter().map(|(role, service)| (role.as_str(), service.as_str()))
    }

    /// How often each recorded call was made that this right, by its index, and no other allows.
    pub(crate) fn needing<'a>(
        &'a self,
        index: usize,
        calls: &'a BTreeMap<Call, usize>,
    ) -> impl Iterator<Item = usize> + 'a {
        let denied_without = move |call: &Call| self.decide(call, Some(index)) != Decision::Allow;
        calls
            .iter()
            .filter(move |(call, _)| denied_without(call) && self.decide(call, None) == Decision::Allow)
            .map(|(_, times)| *times)
    }

    /// What AWS would say to a call, if one of the rights were not there. Within an account, what either the role or the
    /// resource allows is allowed, unless one of them denies it.
    pub(crate) fn decide(&self, call: &Call, without: Option<usize>) -> Decision {
        let left =
            || self.rights.iter().enumerate().filter(|(index, _)| Some(*index) != without).map(|(_, right)| right);
        let function = call.caller.function();
        let mut statements: Vec<IAMStatement> = left()
            .filter(|right| match &right.holder {
                Holder::Role(name) => Some(name.as_str()) == function,
                Holder::Named(_) => right.resource == call.resource,
            })
            .map(|right| right.statement.clone())
            .collect();
        statements.extend(function.and_then(|name| self.denied.get(name)).into_iter().flatten().cloned());
        let principal = match &call.caller {
            Caller::Function(name) => match self.roles.get(name) {
                Some(role) => Principal::Aws(PrincipalId::String(role.clone())),
                None => return Decision::NotApplicable,
            },
            Caller::Service(name) => Principal::Service(PrincipalId::String((*name).to_owned())),
        };
        let question = Question { principal, action: &call.action, resource: &call.resource, facts: &call.facts };
        evaluator::decide(statements, &question).unwrap_or_else(|error| panic!("{call:?}: {error}"))
    }
}

/// A permission of Lambda as the statement that it adds to the function's policy.
/// Source: AWS Lambda developer guide, "Viewing resource-based IAM policies in Lambda".
fn permitted(template: &Template, permission: &Value) -> Result<Right, String> {
    let known = ["Action", "FunctionName", "Principal", "SourceArn", "SourceAccount"];
    if let Some(key) =
        permission.as_object().into_iter().flatten().map(|(key, _)| key).find(|key| !known.contains(&key.as_str()))
    {
        return Err(format!("permissions with {key} are not judged yet: {permission}"));
    }
    let text = |key: &str| template.text(&permission[key]);
    let (action, resource, principal) = (text("Action")?, text("FunctionName")?, text("Principal")?);
    let kind = if principal.ends_with(".amazonaws.com") { "Service" } else { "AWS" };
    let mut condition = json!({});
    if permission.get("SourceArn").is_some() {
        condition["ArnLike"] = json!({ "aws:SourceArn": text("SourceArn")? });
    }
    if permission.get("SourceAccount").is_some() {
        condition["StringEquals"] = json!({ "aws:SourceAccount": text("SourceAccount")? });
    }
    let statement = evaluator::statement(&json!({
        "Effect": "Allow", "Principal": { kind: principal }, "Action": action, "Resource": resource, "Condition": condition,
    }))?;
    Ok(Right { holder: Holder::Named(principal), action, resource, condition, statement })
}
