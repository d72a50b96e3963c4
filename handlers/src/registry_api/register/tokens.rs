//! Registration tokens: who may register servers by themselves.
//!
//! One secret of Secrets Manager lists them, each by its SHA-256 digest, so that whoever reads the secret cannot register with
//! it. A token is random, of 32 characters or more, so its digest needs no salt. Several entries may share a name: while a
//! token is replaced, the old one and the new one are valid.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata as _};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use tokio::sync::Mutex;

use crate::error::{Error, Kind, Result, dependency, internal};

/// How long the list is used before it is read again: so long a token that was taken out may still be valid.
const MAX_AGE: Duration = Duration::from_secs(60);

/// How long an unknown token does not make us read the list again: so long a new one may still be unknown, and so seldom
/// somebody who guesses causes a request to Secrets Manager.
const PAUSE: Duration = Duration::from_secs(10);

/// Shortest token, in characters: 24 random bytes in base64. What is shorter might be guessed from its digest.
pub(super) const SHORTEST: usize = 32;

/// Most entries of the list.
const MOST: usize = 1000;

/// Longest name and owner, in characters.
const LONGEST_WORD: usize = 64;

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// Name of the token, for the log and the limit.
    pub(super) name: String,
    /// Owner of what is registered with it, as the registry stores it.
    pub(super) owner: String,
}

/// The secret as an operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    tokens: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    owner: String,
    sha256: String,
}

struct Token {
    digest: [u8; 32],
    holder: Holder,
}

/// What the secret said when it was read. Why it could not be used is for the log and never holds any of it.
type Read = Result<Arc<[Token]>, &'static str>;

/// Knows the tokens.
#[derive(Clone)]
pub(super) struct Tokens {
    client: Client,
    secret: String,
    pause: Duration,
    kept: Arc<Mutex<Option<(Read, Instant)>>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("secret", &self.secret).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn new(config: &SdkConfig, stage: &str) -> Self {
        Self {
            client: Client::new(config),
            secret: format!("switchyard/{stage}/registration_tokens"),
            pause: PAUSE,
            kept: Arc::default(),
        }
    }

    /// Who holds `token`.
    ///
    /// # Errors
    /// `Unauthorized` if nobody does, in the same words whatever is the matter with it; `Internal` if the secret is not there or
    /// not what it should be; `Dependency` if it cannot be read.
    pub(super) async fn holder(&self, token: Option<&[u8]>) -> Result<Holder> {
        let Some(token) = token else { return Err(unauthorized()) };
        let digest: [u8; 32] = Sha256::digest(token).into();
        let found = match find(&self.tokens(MAX_AGE).await?, &digest) {
            Some(holder) => Some(holder),
            // Perhaps it is newer than what we know.
            None => find(&self.tokens(self.pause).await?, &digest),
        };
        let holder = found.ok_or_else(unauthorized)?;
        if token.len() < SHORTEST {
            tracing::warn!(
                token = holder.name,
                "refused: this registration token has fewer than {SHORTEST} characters. Replace it by one of openssl rand -base64 32"
            );
            return Err(unauthorized());
        }
        Ok(holder)
    }

    /// Whether tokens can be known at all.
    ///
    /// # Errors
    /// Why they cannot.
    pub(super) async fn readable(&self) -> Result<()> {
        self.tokens(MAX_AGE).await.map(drop)
    }

    /// The list, read less than `age` ago; one that could not be used is looked at again after the pause.
    async fn tokens(&self, age: Duration) -> Result<Arc<[Token]>> {
        let mut kept = self.kept.lock().await;
        let is_fresh = |(read, at): &&(Read, Instant)| at.elapsed() < if read.is_ok() { age } else { self.pause };
        let read = match kept.as_ref().filter(is_fresh) {
            Some((read, _)) => read.clone(),
            None => {
                let read = self.read().await?;
                *kept = Some((read.clone(), Instant::now()));
                read
            }
        };
        read.map_err(|reason| {
            internal("Registration is not set up: the list of tokens cannot be used. Tell whoever runs this registry.")
                .with_source(format!("the secret {} {reason}", self.secret))
        })
    }

    async fn read(&self) -> Result<Read> {
        match self.client.get_secret_value().secret_id(&self.secret).send().await {
            Ok(answer) => Ok(answer.secret_string().ok_or("is binary; it must be JSON").and_then(parse)),
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                Ok(Err("does not exist or has no value"))
            }
            Err(error) => {
                Err(dependency("The list of registration tokens cannot be read. Try again in a few seconds.")
                    .with_source(error))
            }
        }
    }
}

/// Looks at every token, whatever it finds, so that the time it takes says nothing about them.
fn find(tokens: &[Token], digest: &[u8; 32]) -> Option<Holder> {
    let mut found = u32::MAX;
    for (index, token) in (0_u32..).zip(tokens) {
        found.conditional_assign(&index, token.digest.ct_eq(digest));
    }
    tokens.get(usize::try_from(found).ok()?).map(|token| token.holder.clone())
}

fn parse(text: &str) -> Result<Arc<[Token]>, &'static str> {
    // What serde says would repeat parts of the secret.
    let list: List = serde_json::from_str(text)
        .map_err(|_| "is not JSON of the form {\"tokens\":[{\"name\":\"…\",\"owner\":\"…\",\"sha256\":\"…\"}]}")?;
    if list.tokens.len() > MOST {
        return Err("has more than 1000 tokens");
    }
    let tokens = list.tokens.into_iter().map(token).collect::<Result<Vec<_>, _>>()?;
    let mut digests: Vec<_> = tokens.iter().map(|token| token.digest).collect();
    digests.sort_unstable();
    if digests.array_windows().any(|[one, next]| one == next) {
        return Err("has the same token twice");
    }
    Ok(tokens.into())
}

fn token(Entry { name, owner, sha256 }: Entry) -> Result<Token, &'static str> {
    if ![&name, &owner].into_iter().all(|word| is_word(word)) {
        return Err("has a token whose name or owner is not 1 to 64 letters, digits and . _ -");
    }
    let mut digest = [0; 32];
    hex::decode_to_slice(&sha256, &mut digest).map_err(|_| "has a token whose sha256 is not 64 hexadecimal digits")?;
    Ok(Token { digest, holder: Holder { name, owner: format!("token:{owner}") } })
}

/// Names and owners become parts of keys and of owners, which have their own separators.
fn is_word(text: &str) -> bool {
    (1..=LONGEST_WORD).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn unauthorized() -> Error {
    Error::new(
        Kind::Unauthorized,
        format!(
            "The header X-Registration-Token is missing or holds no valid token. A token has at least {SHORTEST} characters; \
             ask whoever runs this registry for one."
        ),
    )
}

#[cfg(test)]
mod tests;
