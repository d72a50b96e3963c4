//! How a server, or a version of it, is named on the command line.

use std::{fmt, str::FromStr};

use handlers::registry::valid_server_id;

use super::Failure;
use crate::registry_client::RegistryClient;

/// `weather` or `weather@1.2.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) server_id: String,
    pub(super) version: Option<String>,
}

/// One version of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) server_id: String,
    pub(super) version: String,
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (server_id, version) = match text.split_once('@') {
            Some((server_id, version)) => (server_id, Some(version)),
            None => (text, None),
        };
        if !valid_server_id(server_id) {
            return Err("a server's id has 1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end".to_owned());
        }
        let versionlike = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
        };
        if version.is_some_and(|version| !versionlike(version)) {
            return Err("a version is a semantic version, as in weather@1.2.0".to_owned());
        }
        Ok(Self { server_id: server_id.to_owned(), version: version.map(str::to_owned) })
    }
}

impl Reference {
    /// The version that is meant: the one named, or the only one there is.
    pub(super) async fn entry(self, client: &RegistryClient) -> Result<Entry, Failure> {
        let Self { server_id, version } = self;
        if let Some(version) = version {
            return Ok(Entry { server_id, version });
        }
        let answer = client.get(&["servers", &server_id, "versions"], &[]).await?;
        let servers = answer["versions"].as_array().cloned().unwrap_or_default();
        let versions: Vec<&str> = servers.iter().filter_map(|server| server["version"].as_str()).collect();
        match versions.as_slice() {
            [version] => Ok(Entry { version: (*version).to_owned(), server_id }),
            [] => Err(format!("there is no server {server_id}; `switchyard servers list` shows all").into()),
            [newest, ..] => Err(format!(
                "{server_id} has {} versions: {}. Say which, as in {server_id}@{newest}",
                versions.len(),
                versions.join(", ")
            )
            .into()),
        }
    }
}

impl Entry {
    /// Segments of its path in the admin API, and what is behind them.
    pub(super) fn path<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec!["servers", &self.server_id, "versions", &self.version];
        path.extend(more);
        path
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.server_id, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_behind_the_at_sign() {
        let read = |text: &str| text.parse::<Reference>().map(|one| (one.server_id, one.version));
        assert_eq!(read("weather"), Ok(("weather".to_owned(), None)));
        assert_eq!(read("weather@1.2.0-rc.1+b"), Ok(("weather".to_owned(), Some("1.2.0-rc.1+b".to_owned()))));
        for bad in ["", "Weather", "a/b", "-a", "weather@", "weather@latest", "weather@1/../2", "weather@1 2"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
