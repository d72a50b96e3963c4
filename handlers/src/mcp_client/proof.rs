//! How a call proves who it is: nothing, a secret in a header, or a signature. What is proven, and to whom, follows from the
//! server's id and its approved entry; nothing of it comes from a caller.

use http::{HeaderName, HeaderValue, header};

use super::{
    DEFAULT_API_KEY_HEADER,
    connection::Routes,
    error::Failure,
    iam::{self, Roles, Signer},
    oauth::{self, Tokens},
    requests::api_key_header,
    secrets::{ApiKeys, Purpose, Secrets},
};
use crate::registry::{AuthenticationType, Server};

/// What goes on every request of a call.
#[derive(Clone)]
pub(super) enum Proof {
    /// Nothing.
    Nothing,
    /// A header that is not printed.
    Header(HeaderName, HeaderValue),
    /// A signature over the whole request.
    Signature(Signer),
}

impl Proof {
    /// Puts the proof on a request that is otherwise complete.
    pub(super) fn put_on(&self, request: &mut reqwest::Request) -> Result<(), Failure> {
        match self {
            Self::Nothing => {}
            Self::Header(name, value) => drop(request.headers_mut().insert(name.clone(), value.clone())),
            Self::Signature(signer) => signer.sign(request)?,
        }
        Ok(())
    }
}

/// Makes proofs, and keeps what they are made of between calls.
#[derive(Debug, Clone)]
pub(super) struct Proofs {
    secrets: Secrets,
    keys: ApiKeys,
    tokens: Tokens,
    roles: Roles,
}

impl Proofs {
    pub(super) fn new(config: &aws_config::SdkConfig, routes: &Routes) -> Self {
        let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(config), routes.guard().stage());
        Self {
            keys: ApiKeys::new(secrets.clone()),
            tokens: Tokens::new(secrets.clone(), routes.clone()),
            roles: Roles::new(config.clone(), routes.guard().clone()),
            secrets,
        }
    }

    /// The proof for calls to `server`.
    ///
    /// # Errors
    /// A secret is missing, the token endpoint gives no token, the role cannot be assumed.
    pub(super) async fn of(&self, server: &Server) -> Result<Proof, Failure> {
        match server.authentication_type {
            AuthenticationType::None => Ok(Proof::Nothing),
            AuthenticationType::ApiKey => {
                let header = server.api_key_header.as_deref().unwrap_or(DEFAULT_API_KEY_HEADER);
                let header = api_key_header(header).map_err(Failure::Refused)?;
                Ok(Proof::Header(header, self.keys.get(&server.server_id, false).await?))
            }
            AuthenticationType::OAuth => Ok(Proof::Header(header::AUTHORIZATION, self.tokens.get(server, None).await?)),
            AuthenticationType::Iam => Ok(Proof::Signature(self.roles.signer(server).await?)),
        }
    }

    /// Another proof after `refused` was answered with 401; none if there is no newer one.
    pub(super) async fn renewed(&self, server: &Server, refused: &Proof) -> Result<Option<Proof>, Failure> {
        let Proof::Header(name, old) = refused else { return Ok(None) };
        let fresh = match server.authentication_type {
            AuthenticationType::OAuth => self.tokens.get(server, Some(old)).await?,
            _ => self.keys.get(&server.server_id, true).await?,
        };
        Ok((fresh != *old).then(|| Proof::Header(name.clone(), fresh)))
    }

    /// Name of the secret that a server's proof is made of, if it is one.
    pub(super) fn secret_name(&self, server: &Server) -> Option<String> {
        let purpose = match server.authentication_type {
            AuthenticationType::ApiKey => Purpose::ApiKey,
            AuthenticationType::OAuth => Purpose::OAuth,
            AuthenticationType::None | AuthenticationType::Iam => return None,
        };
        Some(self.secrets.name(&server.server_id, purpose))
    }
}

/// Whether a server's entry says all that its authentication type needs, and nothing that belongs to another one.
///
/// # Errors
/// A phrase that names the setting.
pub(super) fn check(server: &Server, routes: &Routes) -> Result<(), Failure> {
    let kind = server.authentication_type;
    for (setting, owner) in [(oauth::SETTING, AuthenticationType::OAuth), (iam::SETTING, AuthenticationType::Iam)] {
        if kind != owner && server.configuration.contains_key(setting) {
            return Err(Failure::Misdeclared(format!("Configuration.{setting} needs the authentication type {owner}")));
        }
    }
    match kind {
        AuthenticationType::OAuth => oauth::check(server, routes.guard()),
        AuthenticationType::Iam => iam::check(server, routes.guard()),
        AuthenticationType::None | AuthenticationType::ApiKey => Ok(()),
    }
}
