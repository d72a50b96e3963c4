//! The endpoint guard: registered endpoints are hostile until proven otherwise.
//!
//! An endpoint is checked twice: its text here, and every address of its host at the moment of connecting, in the resolver
//! of [`Guard::resolver`]; so a name that changes its answer between check and connection gains nothing.

use std::{fmt, future::Future, io, net::IpAddr, net::SocketAddr, pin::Pin, sync::Arc};

use ipnet::IpNet;
use reqwest::dns::{Name, Resolve, Resolving};
use url::{Host, Url};

use super::{
    address::{admitted, refusal},
    error::Failure,
};
use crate::{
    env::Reach,
    error::{Result, internal},
    registry::valid_server_id,
};

/// Longest endpoint that is stored.
const MAX_ENDPOINT: usize = 2048;

/// Functions of ours that no registered endpoint may name: they act with our rights.
const OWN_FUNCTIONS: &[&str] =
    &["chat_handler", "agent_invoker", "mcp_proxy", "memory_manager", "registration", "registry_api", "health_checker"];

/// Longest name of a role in IAM.
const MAX_ROLE_NAME: usize = 64;

/// The stage on which [`Reach::connect_to`] may be set.
const LOCAL_STAGE: &str = "local";

type Lookup = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

/// Decides which endpoints may be called.
#[derive(Clone)]
pub struct Guard {
    stage: String,
    allowed_networks: Arc<[IpNet]>,
    invocable_functions: Vec<String>,
    connect_to: Vec<(String, SocketAddr)>,
    role_prefix: Option<String>,
    lookup: Lookup,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("stage", &self.stage).field("allowed_networks", &self.allowed_networks).finish()
    }
}

/// An endpoint that passed the guard's check of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// An HTTP endpoint.
    Http {
        /// Where, as registered.
        url: Url,
        /// Where the connection really goes on the local stage: plain http with the registered Host header.
        via: Option<SocketAddr>,
    },
    /// A Lambda function, called by `lambda:Invoke`.
    Lambda(LambdaArn),
}

/// The ARN of a Lambda function, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LambdaArn {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// Region of the function.
    pub region: String,
    /// Account of the function, 12 digits.
    pub account: String,
    /// Name of the function.
    pub name: String,
    /// Version or alias.
    pub qualifier: Option<String>,
}

impl LambdaArn {
    /// Takes an ARN apart.
    ///
    /// # Errors
    /// The text is not the full ARN of a function; the message says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is not the ARN of a Lambda function (arn:aws:lambda:REGION:ACCOUNT:function:NAME, optionally \
                 with :ALIAS)"
            )
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (head, qualifier) = match parts.as_slice() {
            [head @ .., qualifier] if parts.len() == 8 => (head, Some(*qualifier)),
            all => (all, None),
        };
        let ["arn", partition, "lambda", region, account, "function", name] = head else { return Err(wrong()) };
        let word = |text: &str, extra: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
        };
        let well_formed = (*partition == "aws" || partition.starts_with("aws-"))
            && word(partition, "-")
            && word(region, "-")
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && name.len() <= 64
            && word(name, "-_")
            && qualifier.is_none_or(|qualifier| qualifier.len() <= 128 && word(qualifier, "-_$"));
        if !well_formed {
            return Err(wrong());
        }
        Ok(Self {
            partition: (*partition).to_owned(),
            region: (*region).to_owned(),
            account: (*account).to_owned(),
            name: (*name).to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }

    /// The ARN without version or alias: what tags belong to.
    pub fn function(&self) -> String {
        format!("arn:{}:lambda:{}:{}:function:{}", self.partition, self.region, self.account, self.name)
    }
}

impl fmt::Display for LambdaArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function())?;
        self.qualifier.iter().try_for_each(|qualifier| write!(f, ":{qualifier}"))
    }
}

impl Guard {
    /// A guard with the operator's settings.
    ///
    /// # Errors
    /// `connect_to` is set on a stage other than the local one, or holds something that is not `host:port` to `address:port`.
    pub fn new(reach: &Reach) -> Result<Self> {
        if !reach.connect_to.is_empty() && reach.stage != LOCAL_STAGE {
            return Err(internal(format!(
                "CONNECT_TO is set on the stage {}; only {LOCAL_STAGE} may use it",
                reach.stage
            )));
        }
        let connect_to = reach
            .connect_to
            .iter()
            .map(|(from, to)| {
                let to =
                    to.parse().map_err(|e| internal(format!("CONNECT_TO: {to} is not ADDRESS:PORT")).with_source(e))?;
                Ok((from.to_ascii_lowercase(), to))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            stage: reach.stage.clone(),
            allowed_networks: reach.allowed_networks.clone().into(),
            invocable_functions: reach.invocable_functions.clone(),
            connect_to,
            role_prefix: reach.role_prefix.clone(),
            lookup: Arc::new(|host| {
                Box::pin(
                    async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) },
                )
            }),
        })
    }

    /// The same guard with another way to look up names, for tests of names that change their answer.
    #[cfg(test)]
    pub(crate) fn with_lookup(mut self, lookup: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        self.lookup = Arc::new(move |host| {
            let found = lookup(&host);
            Box::pin(async move { Ok(found) })
        });
        self
    }

    /// Stage of the deployment.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Checks the text of an endpoint.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the reason.
    pub fn endpoint(&self, text: &str) -> Result<Endpoint, Failure> {
        if text.len() > MAX_ENDPOINT {
            return Err(Failure::Refused(format!("it is longer than {MAX_ENDPOINT} characters")));
        }
        if text.starts_with("arn:") {
            return self.function(text).map(Endpoint::Lambda).map_err(Failure::Refused);
        }
        self.url(text).map_err(Failure::Refused)
    }

    /// Whether the operator listed the function as invocable without the tag.
    pub fn is_listed(&self, arn: &LambdaArn) -> bool {
        self.invocable_functions.iter().any(|listed| *listed == arn.function() || *listed == arn.to_string())
    }

    /// ARN of the role under which requests to a server are signed. It follows from the server's id and is never supplied, so
    /// that no registrant can have requests signed with rights that were meant for another server.
    ///
    /// # Errors
    /// There can be no such role.
    pub(super) fn role(&self, server_id: &str) -> Result<String, String> {
        let prefix = self.role_prefix.as_deref().ok_or("this function was deployed without roles for servers")?;
        if !valid_server_id(server_id) {
            return Err("the server id is not valid".to_owned());
        }
        let role = format!("{prefix}{server_id}");
        let name = role.rsplit('/').next().unwrap_or_default();
        if name.len() > MAX_ROLE_NAME {
            return Err(format!("the name of its role, {name}, would be longer than {MAX_ROLE_NAME} characters"));
        }
        Ok(role)
    }

    fn function(&self, text: &str) -> Result<LambdaArn, String> {
        let arn = LambdaArn::parse(text)?;
        // Of any stage: one stage's registrants must not reach another stage's handlers either.
        let name = arn.name.to_ascii_lowercase();
        let own = name.strip_prefix("switchyard-").and_then(|rest| rest.rsplit_once('-'));
        if own.is_some_and(|(_, function)| OWN_FUNCTIONS.contains(&function)) {
            return Err(format!("{} is a function of Switchyard itself, not an MCP server", arn.name));
        }
        Ok(arn)
    }

    fn url(&self, text: &str) -> Result<Endpoint, String> {
        let url = Url::parse(text).map_err(|e| format!("it is neither an https URL nor a Lambda ARN ({e})"))?;
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            other => return Err(format!("the scheme {other} is not https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user name or password in the URL is not allowed; use authentication_type".to_owned());
        }
        if url.fragment().is_some() {
            return Err("a fragment (#…) in the URL has no meaning".to_owned());
        }
        let literal = match url.host() {
            None => return Err("the URL has no host".to_owned()),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        };
        let via = self.via(&url);
        if via.is_none() {
            if plain && self.allowed_networks.is_empty() {
                return Err("plain http is only allowed inside allowedNetworks; use https".to_owned());
            }
            if let Some(address) = literal {
                judge(address, plain, &self.allowed_networks)?;
            }
        }
        Ok(Endpoint::Http { url, via })
    }

    /// Where a call to `url` is led on the local stage. A key `*.example:443` stands for every name below `example`.
    fn via(&self, url: &Url) -> Option<SocketAddr> {
        let target = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
        let fits = |from: &str| match from.strip_prefix('*') {
            Some(suffix) => suffix.starts_with('.') && target.ends_with(suffix),
            None => from == target,
        };
        self.connect_to.iter().find(|(from, _)| fits(from)).map(|(_, to)| *to)
    }

    /// The resolver of connections: names resolve to addresses that may be connected to, or to a [`Blocked`] error.
    /// `plain`: for http, which is allowed inside the operator's ranges only.
    pub(super) fn resolver(&self, plain: bool) -> Arc<GuardedResolver> {
        Arc::new(GuardedResolver {
            allowed: Arc::clone(&self.allowed_networks),
            plain,
            lookup: Arc::clone(&self.lookup),
        })
    }
}

/// Why a connection to `address` may not be made.
fn judge(address: IpAddr, plain: bool, allowed: &[IpNet]) -> Result<(), String> {
    if let Some(word) = refusal(address, allowed) {
        return Err(format!("{address} is a {word} address; only allowedNetworks would admit it"));
    }
    if plain && !admitted(address, allowed) {
        return Err(format!("plain http to {address} is only allowed inside allowedNetworks; use https"));
    }
    Ok(())
}

/// Resolves names for reqwest and checks every address just before the connection is made.
pub(super) struct GuardedResolver {
    allowed: Arc<[IpNet]>,
    plain: bool,
    lookup: Lookup,
}

/// What the resolver found to be wrong with a name.
#[derive(Debug, thiserror::Error)]
pub(super) enum Blocked {
    /// The name leads where nothing may go.
    #[error("{0}")]
    Refused(String),
    /// The name leads nowhere.
    #[error("{0} cannot be resolved")]
    Unresolvable(String),
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let found = (self.lookup)(host.clone());
        let (allowed, plain) = (Arc::clone(&self.allowed), self.plain);
        Box::pin(async move {
            let addresses = found.await.unwrap_or_default();
            if addresses.is_empty() {
                return Err(Blocked::Unresolvable(host).into());
            }
            // One bad address condemns the name: which of them gets used is not ours to predict.
            for address in &addresses {
                judge(*address, plain, &allowed)
                    .map_err(|reason| Blocked::Refused(format!("the host name {host} leads astray: {reason}")))?;
            }
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

#[cfg(test)]
mod tests;
