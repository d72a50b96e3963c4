//! Reads `stdio_host.json`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use url::Url;

use super::{ClientRequests, HostFile, Isolation, Problems};

/// What stands for the directory of the package, which the packager does not know.
const TASK_ROOT: &str = "${LAMBDA_TASK_ROOT}";
/// Longest time a server may take to start, in seconds: the longest invocation.
const LONGEST_START: u64 = 900;
/// Variables that are this host's to decide.
const RESERVED: [&str; 4] = ["AWS_LAMBDA_RUNTIME_API", "HOME", "TMPDIR", "AWS_LAMBDA_EXEC_WRAPPER"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    server_id: String,
    server_name: Option<String>,
    #[serde(default)]
    allowed_origins: Vec<String>,
    command: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default = "tmp")]
    cwd: String,
    #[serde(default)]
    roots: Vec<String>,
    #[serde(default)]
    isolation: Isolation,
    #[serde(default)]
    aws_credentials: bool,
    #[serde(default)]
    client_requests: ClientRequests,
    #[serde(default)]
    replay: Vec<String>,
    #[serde(default = "half_a_minute")]
    start_timeout: u64,
}

fn tmp() -> String {
    "/tmp".to_owned()
}

const fn half_a_minute() -> u64 {
    30
}

impl HostFile {
    /// Reads the text of the file; `task_root` is the directory of the package.
    ///
    /// # Errors
    /// All problems, each with its field; where the text has another shape than it should, the first.
    pub fn parse(text: &str, task_root: &Path) -> Result<Self, Problems> {
        let raw: Raw = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
            .map_err(|error| Problems(vec![format!("{}: {}", error.path(), error.inner())]))?;
        let problems = problems(&raw);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let root = task_root.to_string_lossy();
        let placed = |text: &String| text.replace(TASK_ROOT, &root);
        Ok(Self {
            server_name: raw.server_name.unwrap_or_else(|| raw.server_id.clone()),
            server_id: raw.server_id,
            allowed_origins: raw.allowed_origins,
            command: raw.command.iter().map(placed).collect(),
            env: raw.env.iter().map(|(name, value)| (name.clone(), placed(value))).collect(),
            secrets: raw.secrets,
            cwd: placed(&raw.cwd).into(),
            roots: raw.roots.iter().map(placed).map(PathBuf::from).collect(),
            isolation: raw.isolation,
            aws_credentials: raw.aws_credentials,
            client_requests: raw.client_requests,
            replay: raw.replay,
            start_timeout: Duration::from_secs(raw.start_timeout),
        })
    }
}

fn problems(raw: &Raw) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |good: bool, field: &str, reason: &str| {
        if !good {
            problems.push(format!("{field}: {reason}"));
        }
    };
    check(is_id(&raw.server_id), "server_id", "it must be lower-case letters, digits and single hyphens");
    let is_name = |name: &String| !name.trim().is_empty() && name.len() <= 200 && !name.contains(char::is_control);
    check(raw.server_name.as_ref().is_none_or(is_name), "server_name", "it must be 1 to 200 readable characters");
    for (index, origin) in raw.allowed_origins.iter().enumerate() {
        let field = format!("allowed_origins[{index}]");
        check(
            is_origin(origin),
            &field,
            "it must be scheme and host, and a port if need be, like https://pages.example",
        );
    }
    check(raw.command.first().is_some_and(|program| !program.is_empty()), "command", "it must begin with a program");
    for (index, word) in raw.command.iter().enumerate() {
        check(!word.contains('\0'), &format!("command[{index}]"), "it must not contain a NUL character");
    }
    for (name, value) in &raw.env {
        let field = format!("env.{name}");
        check(is_variable(name), &field, "a name has letters, digits and underscores and begins with no digit");
        check(!RESERVED.contains(&name.as_str()), &field, "this variable is the host's to set");
        check(!value.contains('\0'), &field, "a value must not contain a NUL character");
    }
    for (index, name) in raw.secrets.iter().enumerate() {
        let field = format!("secrets[{index}]");
        check(is_variable(name), &field, "a name has letters, digits and underscores and begins with no digit");
        check(!RESERVED.contains(&name.as_str()), &field, "this variable is the host's to set");
        check(!raw.env.contains_key(name), &field, "the variable is in env too");
        check(!raw.secrets[..index].contains(name), &field, "it is there twice");
    }
    check(is_absolute(&raw.cwd), "cwd", "it must be an absolute path");
    for (index, root) in raw.roots.iter().enumerate() {
        check(is_absolute(root), &format!("roots[{index}]"), "it must be an absolute path");
    }
    for (index, tool) in raw.replay.iter().enumerate() {
        check(!tool.is_empty(), &format!("replay[{index}]"), "it must be the name of a tool");
    }
    let range = format!("it must be 1 to {LONGEST_START} seconds");
    check((1..=LONGEST_START).contains(&raw.start_timeout), "start_timeout", &range);
    problems
}

fn is_id(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

fn is_origin(text: &str) -> bool {
    // As browsers write it: lower case, no default port, nothing after it.
    Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.origin().ascii_serialization() == text)
}

fn is_variable(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
}

fn is_absolute(path: &str) -> bool {
    (path.starts_with('/') || path.starts_with(TASK_ROOT)) && !path.contains('\0')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(file: &Value) -> Result<HostFile, String> {
        HostFile::parse(&file.to_string(), Path::new("/var/task")).map_err(|problems| problems.to_string())
    }

    #[test]
    fn little_is_needed_and_the_rest_is_careful() {
        let file = parse(&json!({ "server_id": "git", "command": ["python", "run.py"] })).unwrap();
        assert_eq!((file.cwd, file.start_timeout), (PathBuf::from("/tmp"), Duration::from_secs(30)));
        assert_eq!((file.isolation, file.client_requests), (Isolation::Environment, ClientRequests::Refuse));
        assert_eq!((file.server_name.as_str(), file.allowed_origins.len()), ("git", 0));
        assert!(!file.aws_credentials && file.secrets.is_empty() && file.roots.is_empty() && file.env.is_empty());
    }

    #[test]
    fn the_directory_of_the_package_is_put_where_its_name_stands() {
        let file = parse(&json!({
            "server_id": "git",
            "command": ["${LAMBDA_TASK_ROOT}/bin/git-mcp", "--at=${LAMBDA_TASK_ROOT}"],
            "env": { "PYTHONPATH": "${LAMBDA_TASK_ROOT}/python:${LAMBDA_TASK_ROOT}", "OTHER": "${HOME}" },
            "cwd": "${LAMBDA_TASK_ROOT}/work",
            "roots": ["${LAMBDA_TASK_ROOT}/docs"],
        }))
        .unwrap();
        assert_eq!(file.command, ["/var/task/bin/git-mcp", "--at=/var/task"]);
        assert_eq!(
            (file.env["PYTHONPATH"].as_str(), file.env["OTHER"].as_str()),
            ("/var/task/python:/var/task", "${HOME}")
        );
        assert_eq!((file.cwd, file.roots), ("/var/task/work".into(), vec![PathBuf::from("/var/task/docs")]));
    }

    #[test]
    fn each_problem_names_its_field() {
        let cases = [
            (json!({ "server_id": "Git" }), "server_id: "),
            (json!({ "server_id": "git--hub" }), "server_id: "),
            (json!({ "server_name": " " }), "server_name: "),
            (json!({ "server_name": "a\nb" }), "server_name: "),
            (json!({ "allowed_origins": ["https://a.example", "a.example"] }), "allowed_origins[1]: "),
            (json!({ "allowed_origins": ["https://a.example/"] }), "allowed_origins[0]: "),
            (json!({ "allowed_origins": ["*"] }), "allowed_origins[0]: "),
            (json!({ "allowed_origins": ["null"] }), "allowed_origins[0]: "),
            (json!({ "allowed_origins": ["file://a"] }), "allowed_origins[0]: "),
            (json!({ "command": [] }), "command: "),
            (json!({ "command": [""] }), "command: "),
            (json!({ "command": "python" }), "command: invalid type"),
            (json!({ "command": ["a", "b\u{0}"] }), "command[1]: "),
            (json!({ "env": { "1A": "" } }), "env.1A: "),
            (json!({ "env": { "A": 1 } }), "env.A: invalid type"),
            (json!({ "env": { "AWS_LAMBDA_RUNTIME_API": "x" } }), "env.AWS_LAMBDA_RUNTIME_API: "),
            (json!({ "secrets": ["A", "A"] }), "secrets[1]: "),
            (json!({ "secrets": ["A-B"] }), "secrets[0]: "),
            (json!({ "env": { "A": "" }, "secrets": ["A"] }), "secrets[0]: the variable is in env too"),
            (json!({ "cwd": "tmp" }), "cwd: "),
            (json!({ "roots": ["/tmp", "x"] }), "roots[1]: "),
            (json!({ "isolation": "tenant" }), "isolation: unknown variant"),
            (json!({ "client_requests": "ask" }), "client_requests: unknown variant"),
            (json!({ "replay": [""] }), "replay[0]: "),
            (json!({ "start_timeout": 0 }), "start_timeout: "),
            (json!({ "start_timeout": 901 }), "start_timeout: "),
            (json!({ "start_timeout": -1 }), "start_timeout: invalid value"),
            (json!({ "timeout": 1 }), "timeout: unknown field"),
        ];
        for (change, expected) in cases {
            let mut file = json!({ "server_id": "git", "command": ["python"] });
            for (key, value) in change.as_object().unwrap() {
                file[key] = value.clone();
            }
            let error = parse(&file).unwrap_err();
            assert!(error.starts_with(&format!("stdio_host.json: {expected}")), "{change}: {error}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let error = parse(&json!({ "server_id": "", "command": [], "cwd": "x" })).unwrap_err();
        assert_eq!(error.lines().count(), 3, "{error}");
    }
}
