//! Third-party MCP servers on the stack, deployed once for all tests: two from PyPI, two from npm, and a program of ours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use aws_sdk_lambda::primitives::Blob;
use local::{
    stack::{Hosted, Outputs},
    terminal::Terminal,
};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{aws, stack};

/// The servers, by their ids in the repository's servers.yaml and in tests/fixtures/servers.yaml.
pub(crate) const SERVERS: [&str; 5] = ["git", "filesystem", "time", "everything", "fixture"];

static OUTPUTS: OnceCell<Outputs> = OnceCell::const_new();

/// Outputs of the stack with the servers.
pub(crate) async fn outputs() -> &'static Outputs {
    OUTPUTS.get_or_init(deploy).await
}

async fn deploy() -> Outputs {
    let stack = stack().await;
    let hosted = Hosted { file: overlay(), servers: SERVERS.join(",") };
    stack.host(&hosted, Terminal::plain()).await.unwrap_or_else(|error| panic!("{error}"))
}

/// The repository's servers and those of the fixtures in one file, as a team that adds some would write it.
fn overlay() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let overlay = root.join(".local/test/servers");
    let _ = fs::remove_dir_all(&overlay);
    fs::create_dir_all(overlay.join("bin")).unwrap();
    let mut text = String::new();
    for place in [root.to_owned(), root.join("tests/fixtures")] {
        text += &fs::read_to_string(place.join("servers.yaml")).unwrap();
        for directory in fs::read_dir(place.join("hosting")).unwrap() {
            let directory = directory.unwrap();
            let copy = overlay.join("hosting").join(directory.file_name());
            fs::create_dir_all(&copy).unwrap();
            for file in fs::read_dir(directory.path()).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), copy.join(file.file_name())).unwrap();
            }
        }
    }
    let file = overlay.join("servers.yaml");
    fs::write(&file, text).unwrap();
    fs::copy(program(root), overlay.join("bin/stdio_fixture")).unwrap();
    file
}

/// The program among the servers. Cargo builds no examples with a test that is chosen by its name.
fn program(root: &Path) -> PathBuf {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--workspace", "--example", "stdio_fixture"]).current_dir(root);
    // What an outer cargo says about itself would have the inner one compile everything again.
    for (name, _) in std::env::vars_os() {
        let outer = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "LD_LIBRARY_PATH"];
        if name.to_str().is_some_and(|name| outer.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(&name);
        }
    }
    assert!(cargo.status().unwrap().success(), "the fixture is not built");
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/stdio_fixture")
}

/// Invokes the function of a server, which the deployment named, with any event.
pub(crate) async fn invoke(server: &str, event: &Value) -> Value {
    outputs().await;
    let client = aws_sdk_lambda::Client::new(&aws::config().await);
    let name = format!("mcp-server-{server}");
    let answer = client.invoke().function_name(name).payload(Blob::new(event.to_string())).send().await.unwrap();
    let payload = String::from_utf8(answer.payload.unwrap().into_inner()).unwrap();
    assert_eq!(answer.function_error, None, "{server}: {payload}");
    serde_json::from_str(&payload).unwrap_or_else(|error| panic!("{server}: {error}: {payload}"))
}
