//! `switchyard servers register`

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{Cli, Failure, Reference, view};

/// The file that is none.
const STANDARD_INPUT: &str = "-";

/// What to register. Options take the place of what the file says.
#[derive(Debug, Args)]
pub(super) struct RegisterArguments {
    /// Id and version, as in weather@1.2.0; left out, they are made from the name.
    server: Option<Reference>,
    /// A JSON file with the body of the registration; - reads standard input.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Name for people.
    #[arg(long)]
    name: Option<String>,
    /// What the server is for.
    #[arg(long)]
    description: Option<String>,
    /// An https URL, or the ARN of a Lambda function.
    #[arg(long)]
    endpoint: Option<String>,
    /// What the server speaks: jsonrpc, rest or graphql.
    #[arg(long)]
    protocol: Option<String>,
    /// How calls prove who they are: none, api_key, oauth or iam.
    #[arg(long)]
    auth: Option<String>,
    /// Header that carries the API key.
    #[arg(long)]
    api_key_header: Option<String>,
    /// Where the server's health is asked for.
    #[arg(long)]
    health_check_url: Option<String>,
    /// A JSON file with the tools: a list, or an answer of tools/list. Left out, the server is asked.
    #[arg(long)]
    tools: Option<PathBuf>,
    /// A note of yours, as in team=payments. Can be given more than once.
    #[arg(long, value_name = "NAME=VALUE", value_parser = note)]
    metadata: Vec<(String, String)>,
}

fn note(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Cli {
    pub(super) async fn register(&self, arguments: RegisterArguments) -> Result<ExitCode, Failure> {
        let body = Value::Object(arguments.body()?);
        let answer = self.client.post(&["servers"], &body).await?;
        self.answer(&answer, view::entered);
        Ok(ExitCode::SUCCESS)
    }
}

impl RegisterArguments {
    /// The body of the request. What is in it is for the registry to judge.
    fn body(self) -> Result<Map<String, Value>, String> {
        let mut body = match &self.file {
            Some(file) => match read(file)? {
                Value::Object(body) => body,
                _ => return Err(format!("{}: this is no JSON object", called(file))),
            },
            None => Map::new(),
        };
        if self.file.is_none() && (self.name.is_none() || self.endpoint.is_none()) {
            return Err("give --file, or --name and --endpoint at least".to_owned());
        }
        let (server_id, version) = self.server.map(|server| (server.server_id, server.version)).unzip();
        let texts = [
            ("server_id", server_id),
            ("version", version.flatten()),
            ("server_name", self.name),
            ("description", self.description),
            ("endpoint_url", self.endpoint),
            ("protocol_type", self.protocol),
            ("authentication_type", self.auth),
            ("api_key_header", self.api_key_header),
            ("health_check_url", self.health_check_url),
        ];
        for (name, text) in texts {
            body.extend(text.map(|text| (name.to_owned(), Value::from(text))));
        }
        if let Some(file) = &self.tools {
            let tools = match read(file)? {
                Value::Array(tools) => Value::Array(tools),
                Value::Object(mut answer) if answer.contains_key("tools") => answer.remove("tools").unwrap_or_default(),
                _ => {
                    return Err(format!(
                        "{}: this is neither a list of tools nor an answer of tools/list",
                        called(file)
                    ));
                }
            };
            body.insert("available_tools".to_owned(), tools);
        }
        if !self.metadata.is_empty() {
            let metadata = body.entry("metadata").or_insert_with(|| json!({}));
            let notes = metadata.as_object_mut().ok_or("metadata in the file is no JSON object")?;
            notes.extend(self.metadata.into_iter().map(|(name, value)| (name, Value::from(value))));
        }
        Ok(body)
    }
}

fn read(file: &Path) -> Result<Value, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", called(file));
    let mut text = String::new();
    if file == Path::new(STANDARD_INPUT) {
        std::io::stdin().read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    } else {
        text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    }
    serde_json::from_str(&text).map_err(|error| unreadable(&error))
}

/// What a message calls a file.
fn called(file: &Path) -> String {
    if file == Path::new(STANDARD_INPUT) { "standard input".to_owned() } else { file.display().to_string() }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        register: RegisterArguments,
    }

    fn body(arguments: &[&str]) -> Result<Value, String> {
        let line = Line::try_parse_from(std::iter::once(&"register").chain(arguments)).unwrap();
        line.register.body().map(Value::Object)
    }

    #[test]
    fn options_make_the_body() {
        let made = body(&[
            "weather@1.2.0",
            "--name",
            "Weather",
            "--endpoint",
            "https://weather.example.com/mcp",
            "--auth",
            "api_key",
            "--metadata",
            "team=met",
            "--metadata",
            "note=a=b",
        ]);
        let expected = json!({
            "server_id": "weather", "version": "1.2.0", "server_name": "Weather",
            "endpoint_url": "https://weather.example.com/mcp", "authentication_type": "api_key",
            "metadata": { "team": "met", "note": "a=b" },
        });
        assert_eq!(made, Ok(expected));
    }

    #[test]
    fn options_take_the_place_of_what_the_file_says() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, value: Value| {
            let path = directory.path().join(name);
            std::fs::write(&path, value.to_string()).unwrap();
            path.display().to_string()
        };
        let server =
            file("server.json", json!({ "server_name": "Old", "server_id": "weather", "metadata": { "a": 1 } }));
        let tools = file("tools.json", json!({ "tools": [{ "name": "t" }], "nextCursor": "x" }));
        let made = body(&["--file", &server, "--name", "New", "--tools", &tools, "--metadata", "b=2"]).unwrap();
        let expected = json!({
            "server_id": "weather", "server_name": "New", "available_tools": [{ "name": "t" }],
            "metadata": { "a": 1, "b": "2" },
        });
        assert_eq!(made, expected);
        let wrong = file("wrong.json", json!([]));
        assert!(body(&["--file", &wrong]).unwrap_err().contains("no JSON object"));
        assert!(body(&["--file", &server, "--tools", &server]).unwrap_err().contains("neither a list"));
        assert!(body(&["--file", "/nowhere/server.json"]).unwrap_err().starts_with("/nowhere/server.json: "));
        assert!(body(&["--name", "x"]).unwrap_err().contains("--endpoint"));
    }
}
