//! The stack of all tests, with one agent and one pipeline type more than the repository has.

use std::{
    fs,
    path::{Path, PathBuf},
};

use local::{
    stack::{Options, Ports, Stack},
    terminal::Terminal,
};
use tokio::sync::OnceCell;

static STACK: OnceCell<Result<Stack, String>> = OnceCell::const_new();

/// The running stack. It ends with the test process: its launcher watches a pipe that only this process holds.
pub(crate) async fn stack() -> &'static Stack {
    let started = STACK.get_or_init(|| async { start().await }).await;
    started.as_ref().unwrap_or_else(|error| panic!("the local stack does not start: {error}"))
}

async fn start() -> Result<Stack, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let work = root.join(".local/test");
    let options = Options {
        definitions: overlay(&root, &work),
        work,
        ports: Ports::free().map_err(|error| error.to_string())?,
        pipeline_ms: 2_000,
        record_aws_calls: true,
        ..Options::of(root)
    };
    Stack::start(&options, Terminal::plain()).await.map_err(|error| error.to_string())
}

/// The repository's agents and pipeline types, and those of `tests/fixtures`: what a team that adds a specialist does.
fn overlay(root: &Path, work: &Path) -> PathBuf {
    let overlay = work.join("definitions");
    let agents = overlay.join("agents");
    // Agents that were deleted since must not live on here.
    let _ = fs::remove_dir_all(&overlay);
    fs::create_dir_all(&agents).unwrap();
    for source in [root.join("agents"), root.join("tests/fixtures/agents")] {
        for file in fs::read_dir(source).unwrap() {
            let file = file.unwrap().path();
            fs::copy(&file, agents.join(file.file_name().unwrap())).unwrap();
        }
    }
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let mut types = read("pipelines.yaml");
    types.extend(read("tests/fixtures/pipelines.yaml").lines().map(|line| format!("  {line}\n")));
    fs::write(overlay.join("pipelines.yaml"), types).unwrap();
    overlay
}
