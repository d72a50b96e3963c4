//! The key in `X-API-Key`, which every HTTP door but `/health` and `/live` asks for.

use std::time::Duration;

use handlers::error::{Error, Kind};
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::secret::{KEPT, Secret};

/// The header that carries the key.
pub const HEADER: HeaderName = HeaderName::from_static("x-api-key");
/// A wrong key makes the expected one be read again if it is older than this, so that a new key works at once and
/// somebody who guesses cannot make this server ask Secrets Manager more often.
const FRESH: Duration = Duration::from_secs(30);

/// Checks the key of a request.
///
/// # Errors
/// 401 when it is missing or wrong; the reason why the expected key cannot be read.
pub async fn check(expected: &Secret, headers: &HeaderMap) -> Result<(), Error> {
    let mut given = headers.get_all(HEADER).iter();
    let (Some(key), None) = (given.next(), given.next()) else {
        return Err(Error::new(Kind::Unauthorized, "Send the key of this server in the header X-API-Key, once."));
    };
    if same(expected.get(KEPT).await?.reveal().as_bytes(), key.as_bytes())
        || same(expected.get(FRESH).await?.reveal().as_bytes(), key.as_bytes())
    {
        return Ok(());
    }
    Err(Error::new(Kind::Unauthorized, "The key in the header X-API-Key is not the key of this server."))
}

/// Digests are compared, in constant time: neither length nor first difference of the key shows in the time it takes.
fn same(expected: &[u8], given: &[u8]) -> bool {
    Sha256::digest(expected).as_slice().ct_eq(Sha256::digest(given).as_slice()).into()
}
