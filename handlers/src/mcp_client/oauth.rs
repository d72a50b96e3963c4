//! Access tokens by client credentials. Source: RFC 6749, sections 2.3.1, 4.4 and 5.

use std::{
    fmt,
    time::{Duration, Instant},
};

use http::{HeaderValue, header};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::{
    connection::Routes,
    error::Failure,
    exchange::Exchange,
    guard::{Endpoint, Guard},
    proof::Proof,
    requests::Requests,
    secrets::{Purpose, Secrets},
    shared::Shared,
};
use crate::registry::Server;

/// The setting in a server's configuration.
pub(super) const SETTING: &str = "oauth";

/// How long a token is used whose endpoint does not say how long it lasts.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// The longest that a token is used, whatever its endpoint says.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A token is not used any more this long before it ends, or for the last half of a shorter life.
const MARGIN: Duration = Duration::from_secs(60);

/// Largest answer of a token endpoint.
const MAX_ANSWER: usize = 64 * 1024;

/// Words by which a token endpoint refuses. Others are not repeated: an endpoint may echo what it was sent.
const ERRORS: &[&str] = &[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// Where and how a token is asked for: `oauth` in a server's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    token_url: String,
    scope: Option<String>,
    audience: Option<String>,
    #[serde(default)]
    token_endpoint_auth_method: ClientAuthentication,
}

/// How the client's own credentials travel. Source: RFC 7591, section 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientAuthentication {
    #[default]
    ClientSecretBasic,
    ClientSecretPost,
}

/// The secret. Not to be printed.
#[derive(Deserialize)]
struct Client {
    client_id: String,
    client_secret: String,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    until: Instant,
}

/// Fetches tokens and keeps them until they end.
#[derive(Clone)]
pub(super) struct Tokens {
    secrets: Secrets,
    routes: Routes,
    kept: Shared<(String, Settings), Token>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

impl Settings {
    fn of(server: &Server) -> Result<Self, Failure> {
        let missing = || "Configuration.oauth is missing; it needs at least a token_url".to_owned();
        let value = server.configuration.get(SETTING).ok_or_else(missing).map_err(Failure::Misdeclared)?;
        Self::deserialize(value).map_err(|e| Failure::Misdeclared(format!("Configuration.oauth: {e}")))
    }

    fn endpoint(&self, guard: &Guard) -> Result<Endpoint, Failure> {
        const NAME: &str = "Configuration.oauth.token_url";
        match guard.endpoint(&self.token_url) {
            Ok(endpoint @ Endpoint::Http { .. }) => Ok(endpoint),
            Ok(Endpoint::Lambda(_)) => Err(Failure::Misdeclared(format!("{NAME} must be an https URL"))),
            Err(Failure::Refused(reason)) => Err(Failure::Refused(format!("{NAME}: {reason}"))),
            Err(other) => Err(other),
        }
    }
}

/// Whether a server's settings can be used.
///
/// # Errors
/// A phrase that names the setting.
pub(super) fn check(server: &Server, guard: &Guard) -> Result<(), Failure> {
    Settings::of(server)?.endpoint(guard).map(drop)
}

impl Tokens {
    pub(super) fn new(secrets: Secrets, routes: Routes) -> Self {
        Self { secrets, routes, kept: Shared::default() }
    }

    /// The `Authorization` header for calls to `server`, other than `refused`.
    ///
    /// # Errors
    /// The settings or the secret are wrong, or the token endpoint gives no token.
    pub(super) async fn get(&self, server: &Server, refused: Option<&HeaderValue>) -> Result<HeaderValue, Failure> {
        let settings = Settings::of(server)?;
        let is_good = |token: &Token| Instant::now() < token.until && Some(&token.header) != refused;
        let fetch = self.fetch(&server.server_id, &settings);
        let key = (server.server_id.clone(), settings.clone());
        Ok(self.kept.get(key, is_good, fetch).await?.header)
    }

    async fn fetch(&self, server_id: &str, settings: &Settings) -> Result<Token, Failure> {
        let endpoint = settings.endpoint(self.routes.guard())?;
        let text = self.secrets.read(server_id, Purpose::OAuth).await?;
        let secret = self.secrets.name(server_id, Purpose::OAuth);
        // What serde says of the text could repeat a part of it.
        let client: Client = serde_json::from_str(&text).map_err(|_| Failure::SecretUnusable {
            name: secret.clone(),
            reason: "it is not JSON with the strings client_id and client_secret".to_owned(),
        })?;
        // The request for a token starts nothing at the server, so its notes are not those of the call.
        let requests = self.routes.requests(&endpoint, &Proof::Nothing, &Exchange::default()).await?;
        let asked = Instant::now();
        let (status, body) = ask(&requests, settings, &client).await?;
        let host = match &endpoint {
            Endpoint::Http { url, .. } => url.host_str().unwrap_or_default().to_owned(),
            Endpoint::Lambda(arn) => arn.to_string(),
        };
        token(status, &body, asked).map_err(|reason| Failure::NoToken { host, reason, secret })
    }
}

async fn ask(requests: &Requests, settings: &Settings, client: &Client) -> Result<(u16, Vec<u8>), Failure> {
    let response = requests.execute(token_request(requests, settings, client)).await?;
    let status = response.status().as_u16();
    Ok((status, requests.body(response, MAX_ANSWER).await?.to_vec()))
}

fn token_request(requests: &Requests, settings: &Settings, client: &Client) -> RequestBuilder {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    for (name, value) in [("scope", &settings.scope), ("audience", &settings.audience)] {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    let mut request = requests
        .request(Method::POST)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    match settings.token_endpoint_auth_method {
        ClientAuthentication::ClientSecretBasic => {
            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encode(&client.client_id), Some(encode(&client.client_secret)));
        }
        ClientAuthentication::ClientSecretPost => {
            form.append_pair("client_id", &client.client_id).append_pair("client_secret", &client.client_secret);
        }
    }
    request.body(form.finish())
}

/// The token in an answer to a request that was made at `asked`.
fn token(status: u16, body: &[u8], asked: Instant) -> Result<Token, String> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if status != 200 {
        let word = text("error").filter(|word| ERRORS.contains(word)).map(|word| format!(" ({word})"));
        return Err(format!("it answered HTTP {status}{}", word.unwrap_or_default()));
    }
    let access_token =
        text("access_token").filter(|token| !token.is_empty()).ok_or("its answer has no access_token")?;
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err("its token_type is not Bearer".to_owned());
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {access_token}"))
        .map_err(|_| "its token holds characters that no header may have")?;
    header.set_sensitive(true);
    Ok(Token { header, until: asked + usable(answer.get("expires_in")) })
}

/// How long a token is used. Some endpoints write the number as a string.
fn usable(expires_in: Option<&Value>) -> Duration {
    let seconds = expires_in.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    let life = seconds.map_or(DEFAULT_LIFE, Duration::from_secs).min(LONGEST_LIFE);
    life.saturating_sub(MARGIN).max(life / 2)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_used_until_shortly_before_it_ends() {
        for (expires_in, seconds) in [
            (json!(3600), 3540),
            (json!("3600"), 3540),
            (json!(60), 30),
            (json!(0), 0),
            (json!(null), 240),
            (json!(-1), 240),
            (json!(u64::MAX), 86_340),
        ] {
            assert_eq!(usable(Some(&expires_in)), Duration::from_secs(seconds), "{expires_in}");
        }
    }

    #[test]
    fn an_answer_without_a_usable_token_is_told_without_its_words() {
        let bearer = |token: &str| json!({"access_token": token, "token_type": "bearer"}).to_string();
        assert_eq!(token(200, bearer("abc").as_bytes(), Instant::now()).ok().unwrap().header, "Bearer abc");
        for (status, body, part) in [
            (200, bearer(""), "no access_token"),
            (200, bearer("a\nb"), "no header may have"),
            (200, json!({"access_token": "a", "token_type": "mac"}).to_string(), "not Bearer"),
            (200, "<html>s3cret</html>".to_owned(), "no access_token"),
            (401, json!({"error": "invalid_client"}).to_string(), "HTTP 401 (invalid_client)"),
            (400, json!({"error": "s3cret was sent"}).to_string(), "HTTP 400"),
            (302, String::new(), "HTTP 302"),
        ] {
            let reason = token(status, body.as_bytes(), Instant::now()).err().unwrap();
            assert!(reason.contains(part) && !reason.contains("s3cret"), "{reason}");
        }
    }
}
