//! Requests signed by SigV4, under a role that the operator made for the one server.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::{Credentials, provider::ProvideCredentials as _};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::{
    error::{Failure, shorten},
    guard::{Endpoint, Guard},
    shared::Shared,
};
use crate::registry::Server;

/// The setting in a server's configuration.
pub(super) const SETTING: &str = "aws_auth";

/// Services that a signature may be for: those that serve somebody's own endpoints. A signature for any other one, STS or
/// DynamoDB say, has nothing to do with a server.
const SERVICES: &[&str] = &["appsync", "bedrock-agentcore", "execute-api", "lambda"];

/// Credentials are not used any more this long before they end.
const MARGIN: Duration = Duration::from_secs(300);

/// The shortest session that STS gives: nothing here needs a longer one.
const SESSION: Duration = Duration::from_secs(900);

/// What a signature is valid for; `aws_auth` in the configuration of a server whose host name does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    service: String,
    region: String,
}

/// Signs requests.
#[derive(Clone)]
pub(super) struct Signer {
    credentials: Credentials,
    scope: Scope,
}

/// Assumes the servers' roles and keeps their credentials.
#[derive(Clone)]
pub(super) struct Roles {
    config: SdkConfig,
    guard: Guard,
    kept: Shared<String, Credentials>,
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roles").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Scope {
    fn of(server: &Server, guard: &Guard) -> Result<Self, Failure> {
        let Endpoint::Http { url, .. } = guard.endpoint(&server.endpoint_url)? else {
            return Err(Failure::Unsupported("a signature for a Lambda function".to_owned()));
        };
        let wrong = |reason: String| Failure::Misdeclared(format!("Configuration.aws_auth{reason}"));
        let told = server.configuration.get(SETTING).map(Self::deserialize).transpose();
        let told = told.map_err(|e| wrong(format!(": {e}")))?;
        match (Self::of_host(&url), told) {
            (Some(found), Some(told)) if found != told => Err(wrong(format!(
                " says {} in {}, but the host of EndpointUrl is {} in {}; leave the setting out",
                told.service, told.region, found.service, found.region
            ))),
            (Some(found), _) => Ok(found),
            (None, None) => Err(wrong(
                " is missing: the host of EndpointUrl does not tell the service and region to sign for".to_owned(),
            )),
            (None, Some(told)) if !SERVICES.contains(&told.service.as_str()) => {
                Err(wrong(format!(".service \"{}\" is none of {}", shorten(&told.service, 40), SERVICES.join(", "))))
            }
            (None, Some(told)) if !is_region(&told.region) => {
                Err(wrong(format!(".region \"{}\" is not a region such as eu-west-1", shorten(&told.region, 40))))
            }
            (None, Some(told)) => Ok(told),
        }
    }

    /// What the host name of AWS's own endpoints tells.
    fn of_host(url: &Url) -> Option<Self> {
        let labels: Vec<&str> = url.host_str()?.split('.').collect();
        let (service, region) = match labels.as_slice() {
            [_, "execute-api", region, "amazonaws", "com"] | [_, "execute-api", region, "amazonaws", "com", "cn"] => {
                ("execute-api", region)
            }
            [_, "appsync-api", region, "amazonaws", "com"] => ("appsync", region),
            [_, "lambda-url", region, "on", "aws"] => ("lambda", region),
            ["bedrock-agentcore", region, "amazonaws", "com"]
            | [_, "gateway", "bedrock-agentcore", region, "amazonaws", "com"] => ("bedrock-agentcore", region),
            _ => return None,
        };
        Some(Self { service: service.to_owned(), region: (*region).to_owned() })
    }
}

fn is_region(text: &str) -> bool {
    (5..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether requests to a server can be signed.
///
/// # Errors
/// A phrase that names the setting.
pub(super) fn check(server: &Server, guard: &Guard) -> Result<(), Failure> {
    Scope::of(server, guard)?;
    role(server, guard).map(drop)
}

fn role(server: &Server, guard: &Guard) -> Result<String, Failure> {
    let unusable = |reason| Failure::Misdeclared(format!("the authentication type iam cannot be used: {reason}"));
    guard.role(&server.server_id).map_err(unusable)
}

impl Roles {
    pub(super) fn new(config: SdkConfig, guard: Guard) -> Self {
        Self { config, guard, kept: Shared::default() }
    }

    /// A signer for requests to `server`, under the server's own role.
    ///
    /// # Errors
    /// The settings are wrong, or the role cannot be assumed.
    pub(super) async fn signer(&self, server: &Server) -> Result<Signer, Failure> {
        let scope = Scope::of(server, &self.guard)?;
        let role = role(server, &self.guard)?;
        let is_good =
            |credentials: &Credentials| credentials.expiry().is_none_or(|end| SystemTime::now() + MARGIN < end);
        let credentials = self.kept.get(role.clone(), is_good, self.assume(role)).await?;
        Ok(Signer { credentials, scope })
    }

    async fn assume(&self, role: String) -> Result<Credentials, Failure> {
        let unusable = |reason: &str| Failure::RoleUnusable { role: role.clone(), reason: reason.to_owned() };
        if self.config.time_source().is_none() {
            return Err(unusable("the SDK has no clock"));
        }
        let provider = AssumeRoleProvider::builder(&role)
            .session_name(format!("switchyard-{}", self.guard.stage()))
            .session_length(SESSION)
            .configure(&self.config)
            .build()
            .await;
        provider.provide_credentials().await.map_err(|error| {
            tracing::warn!(role, error = %aws_smithy_types::error::display::DisplayErrorContext(&error), "role not assumed");
            unusable(&shorten(&error.to_string(), 200))
        })
    }
}

impl Signer {
    /// Adds a signature over method, address, headers and body.
    pub(super) fn sign(&self, request: &mut reqwest::Request) -> Result<(), Failure> {
        let unsigned = |reason: String| Failure::Refused(format!("the request cannot be signed: {reason}"));
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.scope.region)
            .name(&self.scope.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| unsigned(e.to_string()))?
            .into();
        let headers: Vec<(&str, &str)> = request
            .headers()
            .iter()
            .map(|(name, value)| Ok((name.as_str(), value.to_str().map_err(|e| unsigned(e.to_string()))?)))
            .collect::<Result<_, Failure>>()?;
        let body = match request.body() {
            None => &[],
            Some(body) => body.as_bytes().ok_or_else(|| unsigned("its body is a stream".to_owned()))?,
        };
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body),
        )
        .map_err(|e| unsigned(e.to_string()))?;
        let (instructions, _) = sign(signable, &params).map_err(|e| unsigned(e.to_string()))?.into_parts();
        for (name, value) in instructions.headers() {
            let name: HeaderName = name.parse().map_err(|_| unsigned("a header has no name".to_owned()))?;
            let mut value = HeaderValue::from_str(value).map_err(|e| unsigned(e.to_string()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_aws_tell_service_and_region() {
        for (host, expected) in [
            ("abc.execute-api.eu-west-1.amazonaws.com", Some(("execute-api", "eu-west-1"))),
            ("abc-vpce-1.execute-api.cn-north-1.amazonaws.com.cn", Some(("execute-api", "cn-north-1"))),
            ("abc.lambda-url.us-east-1.on.aws", Some(("lambda", "us-east-1"))),
            ("abc.appsync-api.us-east-1.amazonaws.com", Some(("appsync", "us-east-1"))),
            ("bedrock-agentcore.us-west-2.amazonaws.com", Some(("bedrock-agentcore", "us-west-2"))),
            ("gw.gateway.bedrock-agentcore.us-west-2.amazonaws.com", Some(("bedrock-agentcore", "us-west-2"))),
            ("sts.us-east-1.amazonaws.com", None),
            ("dynamodb.us-east-1.amazonaws.com", None),
            ("abc.execute-api.us-east-1.amazonaws.com.evil.example", None),
            ("execute-api.us-east-1.amazonaws.com.evil.example", None),
            ("abc.lambda-url.us-east-1.on.aws.evil.example", None),
        ] {
            let found = Scope::of_host(&format!("https://{host}/mcp").parse().unwrap());
            let found = found.as_ref().map(|scope| (scope.service.as_str(), scope.region.as_str()));
            assert_eq!(found, expected, "{host}");
        }
    }

    #[test]
    fn the_signature_covers_headers_and_body() {
        let credentials = Credentials::new("AKIATEST", "secret", Some("session".to_owned()), None, "tests");
        let scope = Scope { service: "execute-api".to_owned(), region: "eu-west-1".to_owned() };
        let signer = Signer { credentials, scope };
        let signature = |header: &str, body: &str| {
            let client = reqwest::Client::new();
            let request = client.post("https://abc.execute-api.eu-west-1.amazonaws.com/mcp").header("mcp-name", header);
            let mut request = request.body(body.to_owned()).build().unwrap();
            signer.sign(&mut request).unwrap();
            assert_eq!(request.headers()["x-amz-security-token"], "session");
            request.headers()["authorization"].to_str().unwrap().to_owned()
        };
        let first = signature("echo", "{}");
        assert!(first.contains("/eu-west-1/execute-api/aws4_request"), "{first}");
        assert!(first.contains("SignedHeaders=host;mcp-name;x-amz-date;x-amz-security-token"), "{first}");
        let tail = |text: &str| text.rsplit_once("Signature=").unwrap().1.to_owned();
        assert_ne!(tail(&first), tail(&signature("other", "{}")));
        assert_ne!(tail(&first), tail(&signature("echo", "[]")));
    }
}
