//! Who calls, as AWS verified it.
//!
//! Only what AWS itself puts into an event counts: the request context, which API Gateway and function URLs build, and the
//! tenant of the invocation. Nothing is taken from a body, a header that a client sends, or a client context.

use handlers::identity::Principal;
use serde_json::{Value, json};

use crate::stdio_host::ask::Caller;

/// The caller of an HTTP event, from its `requestContext`, and of the tenant, if the function isolates tenants.
///
/// | verified by | found in | who it is |
/// |---|---|---|
/// | IAM | `identity.userArn`, `authorizer.iam.userArn` | the user, or the role whatever its session's name |
/// | IAM, for a Cognito identity | `identity.cognitoIdentityId`, `authorizer.iam.cognitoIdentity.identityId` | that identity |
/// | a JWT or Cognito authorizer | `authorizer.jwt.claims`, `authorizer.claims` | issuer and subject |
/// | a Lambda authorizer | `authorizer`, `authorizer.lambda` | issuer and subject, or else `principalId` |
///
/// Sources: API Gateway developer guide, "Lambda proxy integrations in API Gateway", "AWS Lambda proxy integrations for HTTP
/// APIs"; AWS Lambda developer guide, "Invoking Lambda function URLs".
pub(super) fn of_http(context: &Value, tenant: Option<&str>) -> Option<Caller> {
    let authorizer = &context["authorizer"];
    let iam = [
        (&context["identity"]["userArn"], &context["identity"]["cognitoIdentityId"]),
        (&authorizer["iam"]["userArn"], &authorizer["iam"]["cognitoIdentity"]["identityId"]),
    ];
    let verified = iam
        .into_iter()
        .find_map(|(arn, cognito)| signed(arn, cognito))
        .or_else(|| subject(&authorizer["jwt"]["claims"]))
        .or_else(|| subject(&authorizer["claims"]))
        .or_else(|| authorized(&authorizer["lambda"]))
        .or_else(|| authorized(authorizer));
    caller(tenant, verified.unwrap_or_default())
}

/// The caller of an event that came by Invoke: the tenant, if there is one.
pub(super) fn of_invoke(tenant: Option<&str>) -> Option<Caller> {
    caller(tenant, Vec::new())
}

fn caller(tenant: Option<&str>, verified: Vec<Value>) -> Option<Caller> {
    let mut parts = Vec::new();
    if let Some(tenant) = tenant.filter(|tenant| !tenant.is_empty()) {
        parts.extend([json!("tenant"), json!(tenant)]);
    }
    parts.extend(verified);
    (!parts.is_empty()).then(|| Caller(Value::Array(parts).to_string()))
}

/// The signer of a request. All users of a Cognito identity pool share a role, so their identity counts.
fn signed(arn: &Value, cognito: &Value) -> Option<Vec<Value>> {
    let principal = Principal::from_user_arn(Some(text(arn)?)).ok()?;
    let mut parts = vec![json!("iam"), json!(principal.as_str())];
    if let Some(identity) = text(cognito) {
        parts.extend([json!("cognito"), json!(identity)]);
    }
    Some(parts)
}

/// Issuer and subject of claims. A subject means nothing without its issuer.
fn subject(claims: &Value) -> Option<Vec<Value>> {
    Some(vec![json!("jwt"), json!(text(&claims["iss"])?), json!(text(&claims["sub"])?)])
}

/// What a Lambda authorizer says.
fn authorized(context: &Value) -> Option<Vec<Value>> {
    subject(context).or_else(|| Some(vec![json!("authorizer"), json!(text(&context["principalId"])?)]))
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "arn:aws:iam::123456789012:user/alice";

    fn of(context: &Value) -> Option<String> {
        of_http(context, None).map(|caller| caller.0)
    }

    #[test]
    fn everybody_whom_aws_verified_is_somebody_else() {
        let role = "arn:aws:sts::123456789012:assumed-role/Deployer";
        for (context, expected) in [
            (json!({ "identity": { "userArn": ALICE } }), Some(json!(["iam", ALICE]))),
            (json!({ "authorizer": { "iam": { "userArn": ALICE } } }), Some(json!(["iam", ALICE]))),
            (json!({ "identity": { "userArn": format!("{role}/one") } }), Some(json!(["iam", role]))),
            (json!({ "identity": { "userArn": format!("{role}/other") } }), Some(json!(["iam", role]))),
            (
                json!({ "identity": { "userArn": format!("{role}/CognitoIdentityCredentials"), "cognitoIdentityId": "eu:1" } }),
                Some(json!(["iam", role, "cognito", "eu:1"])),
            ),
            (
                json!({ "authorizer": { "iam": { "userArn": format!("{role}/x"), "cognitoIdentity": { "identityId": "eu:2" } } } }),
                Some(json!(["iam", role, "cognito", "eu:2"])),
            ),
            (
                json!({ "authorizer": { "jwt": { "claims": { "iss": "https://idp", "sub": "u1" } } } }),
                Some(json!(["jwt", "https://idp", "u1"])),
            ),
            (
                json!({ "authorizer": { "claims": { "iss": "https://idp", "sub": "u1" } } }),
                Some(json!(["jwt", "https://idp", "u1"])),
            ),
            (json!({ "authorizer": { "principalId": "u1" } }), Some(json!(["authorizer", "u1"]))),
            (json!({ "authorizer": { "lambda": { "principalId": "u1" } } }), Some(json!(["authorizer", "u1"]))),
            (
                json!({ "authorizer": { "principalId": "user", "iss": "https://idp", "sub": "u1" } }),
                Some(json!(["jwt", "https://idp", "u1"])),
            ),
            // A subject without an issuer could be anybody's.
            (json!({ "authorizer": { "jwt": { "claims": { "sub": "u1" } } } }), None),
            // Federated users name themselves.
            (json!({ "identity": { "userArn": "arn:aws:sts::123456789012:federated-user/bob" } }), None),
            (json!({ "identity": { "userArn": null, "sourceIp": "192.0.2.1" } }), None),
            (json!({ "identity": { "userArn": " " } }), None),
            (json!({}), None),
            (json!(null), None),
        ] {
            assert_eq!(of(&context), expected.map(|parts| parts.to_string()), "{context}");
        }
    }

    #[test]
    fn a_tenant_is_part_of_who_calls() {
        let context = json!({ "identity": { "userArn": ALICE } });
        let blue = of_http(&context, Some("blue")).unwrap();
        assert_eq!(blue.0, json!(["tenant", "blue", "iam", ALICE]).to_string());
        assert_ne!(Some(&blue), of_http(&context, Some("green")).as_ref());
        assert_ne!(Some(&blue), of_http(&context, None).as_ref());
        assert_eq!(of_invoke(Some("blue")).unwrap().0, r#"["tenant","blue"]"#);
        assert_eq!((of_invoke(None), of_invoke(Some(""))), (None, None));
    }

    #[test]
    fn no_text_of_one_kind_makes_a_caller_of_another() {
        let disguised = json!({ "authorizer": { "principalId": format!("x\",\"iam\",\"{ALICE}") } });
        let both = of_http(&json!({ "authorizer": { "principalId": ALICE } }), None);
        let iam = of_http(&json!({ "identity": { "userArn": ALICE } }), None);
        assert_ne!(both, iam);
        let parts: Vec<String> = serde_json::from_str(&of(&disguised).unwrap()).unwrap();
        assert_eq!(parts.len(), 2);
    }
}
