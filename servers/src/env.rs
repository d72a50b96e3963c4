//! The environment of the servers: the only file of this package that reads environment variables.
//!
//! | variable | meaning |
//! |---|---|
//! | `GITLAB_URL` | where GitLab is; default `https://gitlab.com`; `http` is accepted for loopback addresses only |
//! | `GITLAB_TOKEN` | the access token itself, for runs by hand |
//! | `GITLAB_TOKEN_SECRET` | name or ARN of the secret in Secrets Manager that holds the token |
//! | `API_KEY` | the key that callers send in `X-API-Key`, for runs by hand |
//! | `API_KEY_SECRET` | name or ARN of the secret that holds that key |
//! | `LAMBDA_TASK_ROOT` | set by Lambda: where `pipelines.yaml` or `stdio_host.json` is found |
//! | `AWS_LAMBDA_RUNTIME_API` | set by Lambda: the process serves Lambda events |
//!
//! stdio_host reads these too:
//!
//! | variable | meaning |
//! |---|---|
//! | `SECRET_PREFIX` | `switchyard/{stage}/mcp/{server_id}/`; the value of the variable X is the secret `{prefix}env/X` |
//! | `STATE_TABLE` | name of the state table, for `client_requests: rendezvous` |
//! | `SIGNING_KEY_SECRET` | name of the secret that signs sessions and request states |
//! | `RESPONSE_MODE` | `stream` if the function URL passes answers on in parts; default `buffer` |
//! | `PATH`, `LD_LIBRARY_PATH`, `LANG`, `TZ` | set by Lambda: handed on to the hosted server |
//! | `AWS_ACCESS_KEY_ID` and the other credentials, `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL*` | handed on with `aws_credentials` |

use std::{collections::BTreeMap, fmt, path::PathBuf};

use url::{Host, Url};

/// Environment of stdio_host, read once at start.
#[derive(Debug, Clone)]
pub struct StdioHostEnv {
    /// Where the package is: `stdio_host.json` and the hosted server. Read-only.
    pub task_root: PathBuf,
    /// The temporary directory, where all of it is this function's: in Lambda, but not where an emulator stands in for AWS, whose
    /// functions share the machine's.
    pub own_tmp: Option<PathBuf>,
    /// What the names of the hosted server's secrets begin with; ends with a slash.
    pub secret_prefix: Option<String>,
    /// Name of the state table; only for a server whose requests travel through it.
    pub state_table: Option<String>,
    /// Name of the secret that signs sessions and request states.
    pub signing_key_secret: Option<String>,
    /// Whether Lambda passes an answer on in parts.
    pub streams: bool,
    /// What every hosted server finds in its environment.
    pub baseline: Variables,
    /// Credentials of the function's role, region and endpoints, for a hosted server that may act as the role.
    pub aws: Variables,
}

/// Variables for another process. Their values never appear in debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(pub BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where Lambda puts the package.
/// Source: AWS Lambda developer guide, "Using Lambda environment variables", `LAMBDA_TASK_ROOT`.
const TASK_ROOT: &str = "/var/task";
/// The only directory of an environment that can be written to. Nobody else's files are there.
/// Source: AWS Lambda developer guide, "Lambda quotas", `/tmp` directory storage.
const TMP: &str = "/tmp";
/// Passed on to every hosted server. `HOME` and `TMPDIR` are not Lambda's to say: only `/tmp` can be written to.
const BASELINE: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "LANG", "TZ"];
/// Passed on to a hosted server that may act as the function's role.
const AWS: [&str; 5] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"];

/// `host:port` of the Lambda Runtime API: where stdio_host reports that the rest of its environment is wrong.
///
/// # Errors
/// A sentence that says where this program runs.
pub fn runtime_api() -> Result<String, String> {
    let name = "AWS_LAMBDA_RUNTIME_API";
    std::env::var(name)
        .ok()
        .filter(|address| !address.is_empty())
        .ok_or_else(|| format!("{name}: it is not set; stdio_host runs in Lambda, or with a double of its Runtime API"))
}

impl StdioHostEnv {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// A sentence that names the variable and what to change.
    pub fn read() -> Result<Self, String> {
        let all =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::from_variables(&all.collect())
    }

    /// Reads an environment given as a map; see [`StdioHostEnv::read`].
    ///
    /// # Errors
    /// A sentence that names the variable and what to change.
    pub fn from_variables(all: &BTreeMap<String, String>) -> Result<Self, String> {
        let get = |name: &str| all.get(name).filter(|value| !value.is_empty()).cloned();
        let these = |names: &[&str]| -> BTreeMap<_, _> {
            names.iter().filter_map(|name| Some(((*name).to_owned(), get(name)?))).collect()
        };
        let mut baseline = these(&BASELINE);
        for name in ["HOME", "TMPDIR"] {
            baseline.insert(name.to_owned(), TMP.to_owned());
        }
        let mut aws = these(&AWS);
        // Set on the local stage only: the emulator stands in for AWS.
        aws.extend(
            all.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL")).map(|(k, v)| (k.clone(), v.clone())),
        );
        let emulated = aws.keys().any(|name| name.starts_with("AWS_ENDPOINT_URL"));
        let in_lambda = !emulated && get("LAMBDA_TASK_ROOT").is_some_and(|root| root == TASK_ROOT);
        Ok(Self {
            task_root: get("LAMBDA_TASK_ROOT").unwrap_or_else(|| TASK_ROOT.to_owned()).into(),
            own_tmp: in_lambda.then(|| PathBuf::from(TMP)),
            secret_prefix: match get("SECRET_PREFIX") {
                Some(prefix) if !prefix.ends_with('/') => {
                    return Err(format!("SECRET_PREFIX: `{prefix}` must end with a slash"));
                }
                prefix => prefix,
            },
            state_table: get("STATE_TABLE"),
            signing_key_secret: get("SIGNING_KEY_SECRET"),
            streams: match get("RESPONSE_MODE").as_deref() {
                Some("stream") => true,
                None | Some("buffer") => false,
                Some(mode) => return Err(format!("RESPONSE_MODE: `{mode}` must be stream or buffer")),
            },
            baseline: Variables(baseline),
            aws: Variables(aws),
        })
    }
}

/// A secret text. It never appears in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps a secret that was read from outside.
    ///
    /// # Errors
    /// Says what is wrong when the text cannot be sent in a header: empty, or with blanks or control characters.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        // Secrets are often stored with a line end by the tool that wrote them.
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err("it is empty");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it must be plain ASCII without blanks (the bare text, not JSON)");
        }
        if text.starts_with('{') {
            return Err("it must be the bare text, not JSON");
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself, for the one place that sends or compares it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Given in the environment, in this variable.
    Variable(&'static str, SecretText),
    /// A secret in Secrets Manager, by name or ARN.
    Manager(String),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name, _) => write!(f, "the environment variable {name}"),
            Self::Manager(name) => write!(f, "the secret {name}"),
        }
    }
}

/// Environment of the pipelines server, read once at start.
#[derive(Debug, Clone)]
pub struct PipelinesEnv {
    /// Base address of GitLab, without `/api/v4`.
    pub gitlab_url: Url,
    /// The GitLab access token; without one every call answers that it is missing.
    pub gitlab_token: Option<SecretSource>,
    /// The key callers must send; every door but stdio needs one.
    pub api_key: Option<SecretSource>,
    /// The directory of `pipelines.yaml` (current directory outside Lambda).
    pub root: PathBuf,
    /// Whether this process was started by Lambda.
    pub in_lambda: bool,
}

impl PipelinesEnv {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// A sentence that names the variable and what to change.
    pub fn read() -> Result<Self, String> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads an environment given as a function; see [`PipelinesEnv::read`].
    ///
    /// # Errors
    /// A sentence that names the variable and what to change.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let secret = |variable: &'static str, manager: &str| match (get(variable), get(manager)) {
            (Some(value), _) => match SecretText::new(&value) {
                Ok(text) => Ok(Some(SecretSource::Variable(variable, text))),
                Err(reason) => Err(format!("{variable}: {reason}")),
            },
            (None, Some(name)) => Ok(Some(SecretSource::Manager(name))),
            (None, None) => Ok(None),
        };
        Ok(Self {
            gitlab_url: gitlab_url(&get("GITLAB_URL").unwrap_or_else(|| "https://gitlab.com".to_owned()))?,
            gitlab_token: secret("GITLAB_TOKEN", "GITLAB_TOKEN_SECRET")?,
            api_key: secret("API_KEY", "API_KEY_SECRET")?,
            root: get("LAMBDA_TASK_ROOT").map_or_else(|| PathBuf::from("."), PathBuf::from),
            in_lambda: get("AWS_LAMBDA_RUNTIME_API").is_some(),
        })
    }
}

/// The token travels in a header of every request: plain http is only for a GitLab on the same machine.
fn gitlab_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("GITLAB_URL: `{text}` is not a URL: {error}"))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.cannot_be_a_base() || url.host().is_none() {
        return Err(format!("GITLAB_URL: `{text}` names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("GITLAB_URL: give scheme, host and path only, without user, password, query or fragment".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err(format!("GITLAB_URL: `{text}` must use https (http is accepted for loopback addresses only)")),
        scheme => Err(format!("GITLAB_URL: the scheme `{scheme}` is not served; use https")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<PipelinesEnv, String> {
        PipelinesEnv::from_lookup(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn without_variables_it_is_gitlab_com_without_secrets() {
        let env = read(&[]).unwrap();
        assert_eq!(env.gitlab_url.as_str(), "https://gitlab.com/");
        assert_eq!((env.gitlab_token, env.api_key, env.in_lambda), (None, None, false));
    }

    #[test]
    fn a_value_wins_over_the_name_of_a_secret() {
        let env =
            read(&[("GITLAB_TOKEN", "glpat-1\n"), ("GITLAB_TOKEN_SECRET", "s"), ("API_KEY_SECRET", "k")]).unwrap();
        let Some(SecretSource::Variable("GITLAB_TOKEN", token)) = env.gitlab_token else { panic!("not the variable") };
        assert_eq!(token.reveal(), "glpat-1");
        assert_eq!(env.api_key, Some(SecretSource::Manager("k".to_owned())));
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:80", "https://git.example/gitlab/"] {
            assert!(read(&[("GITLAB_URL", good)]).is_ok(), "{good}");
        }
        for bad in [
            "http://git.example",
            "http://localhost.example",
            "ftp://x",
            "git.example",
            "https://u:p@x",
            "https://x/?a",
        ] {
            let error = read(&[("GITLAB_URL", bad)]).unwrap_err();
            assert!(error.starts_with("GITLAB_URL: "), "{bad}: {error}");
        }
    }

    #[test]
    fn a_secret_that_no_header_can_carry_is_refused_without_showing_it() {
        for bad in ["two words", "{\"token\":\"x\"}", "töken"] {
            let error = read(&[("GITLAB_TOKEN", bad)]).unwrap_err();
            assert!(error.starts_with("GITLAB_TOKEN: ") && !error.contains(bad), "{error}");
        }
        let env = read(&[("API_KEY", "hush")]).unwrap();
        assert!(!format!("{env:?}").contains("hush"));
    }

    fn host(pairs: &[(&str, &str)]) -> Result<StdioHostEnv, String> {
        StdioHostEnv::from_variables(
            &pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn a_hosted_server_finds_the_baseline_only_and_the_role_apart_from_it() {
        let env = host(&[
            ("PATH", "/usr/bin"),
            ("TZ", ":UTC"),
            ("HOME", "/root"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:4566"),
            ("AWS_LAMBDA_FUNCTION_NAME", "git"),
            ("STATE_TABLE", "state"),
        ])
        .unwrap();
        let names = |variables: &Variables| variables.0.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&env.baseline), ["HOME", "PATH", "TMPDIR", "TZ"]);
        assert_eq!((env.baseline.0["HOME"].as_str(), env.baseline.0["TMPDIR"].as_str()), ("/tmp", "/tmp"));
        assert_eq!(names(&env.aws), ["AWS_ENDPOINT_URL_S3", "AWS_SECRET_ACCESS_KEY"]);
        assert!(!format!("{env:?}").contains("hush"));
    }

    #[test]
    fn what_stdio_host_cannot_use_is_named() {
        for (name, value) in [("RESPONSE_MODE", "sse"), ("SECRET_PREFIX", "switchyard/dev")] {
            let error = host(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(&format!("{name}: ")), "{error}");
        }
        assert!(host(&[("RESPONSE_MODE", "stream")]).unwrap().streams);
        assert!(!host(&[]).unwrap().streams);
    }

    #[test]
    fn the_temporary_directory_is_a_functions_own_in_lambda_only() {
        let in_lambda = ("LAMBDA_TASK_ROOT", "/var/task");
        let cases: [(&[(&str, &str)], bool); 5] = [
            (&[in_lambda], true),
            (&[in_lambda, ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")], false),
            (&[in_lambda, ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:4566")], false),
            (&[("LAMBDA_TASK_ROOT", "/home/ann/package")], false),
            (&[], false),
        ];
        for (variables, own) in cases {
            assert_eq!(host(variables).unwrap().own_tmp, own.then(|| "/tmp".into()), "{variables:?}");
        }
    }
}
