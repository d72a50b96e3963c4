//! What is needed to start the hosted server: program, arguments, variables, directories.

use std::{
    collections::BTreeMap,
    fmt,
    fs::DirBuilder,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::directories;
use crate::stdio_host::host::{Isolation, Settings};

/// The only directory of an environment that can be written to.
/// Source: AWS Lambda developer guide, "Lambda quotas", `/tmp` directory storage.
const WRITABLE: &str = "/tmp";

/// A directory that is removed with everything in it when this is dropped.
#[derive(Debug)]
pub(super) struct OwnDirectory(pub(super) PathBuf);

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        if let Err(error) = directories::remove(&self.0) {
            tracing::warn!(directory = %self.0.display(), %error, "what a server left behind cannot be removed");
        }
    }
}

/// One way to start the server.
pub(super) struct Launch {
    pub(super) launcher: Option<PathBuf>,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    /// Values that must not appear in the log.
    pub(super) hidden: Vec<String>,
    cwd: PathBuf,
    has_own_directory: bool,
}

impl Launch {
    /// Everything but the secrets comes from the settings.
    ///
    /// # Errors
    /// What is missing, in a few words.
    pub(super) fn new(settings: &Settings, secrets: &BTreeMap<String, String>) -> Result<Self, String> {
        let (file, env) = (&settings.file, &settings.env);
        let mut variables = env.baseline.0.clone();
        let mut hidden: Vec<String> = secrets.values().cloned().collect();
        if file.aws_credentials {
            variables.extend(env.aws.0.clone());
            let secret = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
            hidden.extend(secret.iter().filter_map(|name| env.aws.0.get(*name).cloned()));
        }
        variables.extend(file.env.clone());
        variables.extend(secrets.clone());
        let (name, arguments) = file.command.split_first().ok_or("there is no command")?;
        let program = program(name, settings, variables.get("PATH").map_or("", String::as_str))
            .ok_or_else(|| format!("the program `{name}` is neither in the package nor on the PATH"))?;
        Ok(Self {
            launcher: settings.launcher.clone(),
            program,
            arguments: arguments.to_vec(),
            variables,
            hidden,
            cwd: file.cwd.clone(),
            has_own_directory: file.isolation != Isolation::Environment,
        })
    }

    /// Makes a directory that goes with the child, where children must not find what others left behind.
    ///
    /// # Errors
    /// What went wrong, in a few words.
    pub(super) fn own_directory(&self) -> Result<Option<OwnDirectory>, String> {
        if !self.has_own_directory {
            return Ok(None);
        }
        let directory = Path::new(WRITABLE).join(format!("stdio_host-{}", Uuid::new_v4().simple()));
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => Ok(Some(OwnDirectory(directory))),
            Err(error) => Err(format!("the directory {} cannot be made: {error}", directory.display())),
        }
    }

    /// The working directory: its own one, unless the package names another than the default.
    pub(super) fn directory<'a>(&'a self, own: Option<&'a Path>) -> &'a Path {
        own.filter(|_| self.cwd == Path::new(WRITABLE)).unwrap_or(&self.cwd)
    }
}

/// Never the values of variables.
impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("program", &self.program).finish_non_exhaustive()
    }
}

/// The file to run for the first word of the command.
fn program(name: &str, settings: &Settings, path: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(settings.env.task_root.join(name));
    }
    let names: &[&str] = match name {
        // Amazon Linux and many others have no `python`.
        "python" | "python3" => &["python3", "python"],
        _ => &[name],
    };
    let kind = if names.len() > 1 { "python" } else { name };
    let managed = settings.interpreter.as_ref().filter(|interpreter| {
        matches!(kind, "python" | "node")
            && interpreter.file_name().is_some_and(|file| file.to_string_lossy().starts_with(kind))
    });
    if let Some(interpreter) = managed {
        return Some(interpreter.clone());
    }
    names.iter().find_map(|name| {
        std::env::split_paths(path).map(|directory| directory.join(name)).find(|file| is_program(file))
    })
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stdio_host::host::testing::settings;

    #[test]
    fn a_server_finds_what_is_meant_for_it_and_nothing_else() {
        let secrets = BTreeMap::from([("API_KEY".to_owned(), "hush".to_owned())]);
        let mut settings = settings(&json!({ "command": ["sh"], "env": { "A": "1" }, "secrets": ["API_KEY"] }));
        settings.env.aws.0.insert("AWS_SESSION_TOKEN".to_owned(), "token".to_owned());
        let launch = Launch::new(&settings, &secrets).unwrap();
        let names: Vec<&str> = launch.variables.keys().map(String::as_str).collect();
        assert_eq!(names, ["A", "API_KEY", "HOME", "PATH", "TMPDIR"]);
        assert_eq!(launch.hidden, ["hush"]);
        assert!(!format!("{launch:?}").contains("hush"));
        settings.file.aws_credentials = true;
        let launch = Launch::new(&settings, &secrets).unwrap();
        assert_eq!(launch.variables["AWS_SESSION_TOKEN"], "token");
        assert_eq!(launch.hidden, ["hush", "token"]);
    }

    #[test]
    fn the_interpreter_of_a_managed_runtime_stands_for_its_name_only() {
        let python = Some(PathBuf::from("/var/lang/bin/python3.13"));
        let node = Some(PathBuf::from("/var/lang/bin/node"));
        let mut settings = settings(&json!({ "command": ["sh"] }));
        let directory = tempfile::tempdir().unwrap();
        for name in ["python3", "node", "uvx", "note"] {
            let file = directory.path().join(name);
            std::fs::write(&file, "").unwrap();
            let mode = if name == "note" { 0o644 } else { 0o755 };
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = format!("/nowhere:{}", directory.path().display());
        let found = |name: &str| Some(directory.path().join(name));
        let task_root = settings.env.task_root.clone();
        let cases = [
            ("python", &python, python.clone()),
            ("python3", &python, python.clone()),
            ("node", &python, found("node")),
            ("node", &node, node.clone()),
            ("python", &node, found("python3")),
            ("python", &None, found("python3")),
            ("uvx", &node, found("uvx")),
            ("note", &None, None),
            ("nothing", &None, None),
            ("bin/server", &python, Some(task_root.join("bin/server"))),
            ("/opt/server", &python, Some("/opt/server".into())),
        ];
        for (name, interpreter, expected) in cases {
            settings.interpreter.clone_from(interpreter);
            assert_eq!(program(name, &settings, &path), expected, "{name} with {interpreter:?}");
        }
    }

    #[test]
    fn a_child_that_shares_nothing_has_a_directory_of_its_own() {
        let shared = Launch::new(&settings(&json!({ "command": ["sh"] })), &BTreeMap::new()).unwrap();
        assert!(shared.own_directory().unwrap().is_none());
        for isolation in ["caller", "call"] {
            let settings = settings(&json!({ "command": ["sh"], "isolation": isolation }));
            let mut launch = Launch::new(&settings, &BTreeMap::new()).unwrap();
            let directory = launch.own_directory().unwrap().unwrap();
            let own = directory.0.clone();
            assert_eq!(own.metadata().unwrap().permissions().mode() & 0o777, 0o700);
            assert_eq!(launch.directory(Some(&own)), own);
            launch.cwd = "/var/task".into();
            assert_eq!(launch.directory(Some(&own)), Path::new("/var/task"));
            std::fs::write(own.join("left"), "x").unwrap();
            drop(directory);
            assert!(!own.exists());
        }
    }
}
