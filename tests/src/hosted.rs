//! A hosted server as it is deployed: `stdio_host` beside its file, with the variables that a deployment gives it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    aws::{Aws, STATE_TABLE},
    runtime_api::Function,
};

/// What signs sessions and request states here; a deployment generates one.
const SIGNING_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A package, and the function that is made of it.
#[derive(Debug)]
pub struct Hosted {
    /// The function. Whatever is changed here counts for environments that are started afterwards.
    pub function: Function,
    package: TempDir,
}

impl Hosted {
    /// Packs a server: `command` starts it, `file` has the other fields of `stdio_host.json`.
    ///
    /// # Errors
    /// The package cannot be written, or the services of AWS cannot be started.
    pub async fn pack(host: PathBuf, command: &[&str], file: Value) -> Result<Self, String> {
        let package = TempDir::new().map_err(|error| format!("there is no place for a package: {error}"))?;
        let mut settings = json!({ "server_id": "fixture", "command": command });
        for (name, value) in file.as_object().into_iter().flatten() {
            settings[name] = value.clone();
        }
        let id = settings["server_id"].as_str().unwrap_or_default().to_owned();
        let path = package.path().join("stdio_host.json");
        fs::write(&path, settings.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut hosted = Self { function: Function::new(&id, host, package.path().to_owned()), package };
        hosted.function.name = format!("mcp-server-{id}");
        hosted.function.log = Some(hosted.log_path());
        hosted.set("STAGE", "local");
        hosted.set("RESPONSE_MODE", "stream");
        // Interpreters are found as on the local stage.
        hosted.set("PATH", &std::env::var("PATH").unwrap_or_default());
        hosted.set("SECRET_PREFIX", &hosted.prefix());
        hosted.secrets(&[]).await?;
        Ok(hosted)
    }

    /// Gives it services of AWS of its own with these secrets, by the names of their variables, and the key that signs.
    ///
    /// # Errors
    /// The services cannot be started.
    pub async fn secrets(&mut self, secrets: &[(&str, &str)]) -> Result<(), String> {
        let prefix = self.prefix();
        let key = format!("{prefix}signing_key");
        let mut all: BTreeMap<String, String> =
            secrets.iter().map(|(name, value)| (format!("{prefix}env/{name}"), (*value).to_owned())).collect();
        all.insert(key.clone(), SIGNING_KEY.to_owned());
        for (name, value) in Aws::start(all).await?.variables() {
            self.set(&name, &value);
        }
        self.set("STATE_TABLE", STATE_TABLE);
        self.set("SIGNING_KEY_SECRET", &key);
        Ok(())
    }

    /// Sets a variable of the function.
    pub fn set(&mut self, name: &str, value: &str) {
        self.function.variables.retain(|(known, _)| known != name);
        self.function.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Everything its environments have written.
    pub fn log(&self) -> String {
        fs::read(self.log_path()).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Where the package is.
    pub fn package(&self) -> &Path {
        self.package.path()
    }

    fn log_path(&self) -> PathBuf {
        self.package.path().join("function.log")
    }

    fn prefix(&self) -> String {
        format!("switchyard/local/mcp/{}/", self.function.name.trim_start_matches("mcp-server-"))
    }
}
