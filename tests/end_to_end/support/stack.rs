//! The stack of all tests, with more agents and one pipeline type more than the repository has.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use local::{
    stack::{Options, Ports, Stack},
    terminal::Terminal,
};
use tokio::sync::OnceCell;

static STACK: OnceCell<Result<Stack, String>> = OnceCell::const_new();

/// Where a container may listen; the deployed functions reach it as `mcp.internal:8000` and as `localhost`.
static CONTAINER: LazyLock<SocketAddr> = LazyLock::new(|| {
    // Not a port that the system gives away: until the container listens, a connection of another test might be given it.
    let first = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap();
    let free = (first..first + 1_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    SocketAddr::from(([127, 0, 0, 1], free))
});

/// The address of the one container that the stack's settings let be reached.
pub(crate) fn container_address() -> SocketAddr {
    *CONTAINER
}

/// The folder with the agents and pipeline types of the stack.
pub(crate) fn definitions() -> PathBuf {
    root().join(".local/test/definitions")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The running stack. It ends with the test process: its launcher watches a pipe that only this process holds.
pub(crate) async fn stack() -> &'static Stack {
    let started = STACK.get_or_init(|| async { start().await }).await;
    started.as_ref().unwrap_or_else(|error| panic!("the local stack does not start: {error}"))
}

async fn start() -> Result<Stack, String> {
    let root = root();
    let work = root.join(".local/test");
    mark_whole_run(&work);
    let ports = Ports::free().map_err(|error| error.to_string())?;
    let mut connect_to = vec![format!("mcp.internal:8000={}", container_address())];
    // Function URLs, REST APIs and GraphQL APIs of the stack, by the names that AWS gives them.
    for hosts in
        ["lambda-url.us-east-1.on.aws", "execute-api.us-east-1.amazonaws.com", "appsync-api.us-east-1.amazonaws.com"]
    {
        connect_to.push(format!("*.{hosts}:443=127.0.0.1:{}", ports.ministack));
    }
    let options = Options {
        definitions: overlay(&root, &work),
        work,
        ports,
        pipeline_ms: 2_000,
        record_aws_calls: true,
        settings: vec![
            format!("connectTo={}", connect_to.join(",")),
            "allowedNetworks=127.0.0.1/32,::1/128".to_owned(),
        ],
        ..Options::of(root)
    };
    Stack::start(&options, Terminal::plain()).await.map_err(|error| error.to_string())
}

/// Leaves a mark for the tests of `least_privilege`: only when all tests run is a permission that nothing used really unused.
/// Its time is that of the run's beginning.
fn mark_whole_run(work: &Path) {
    let mark = work.join("whole_run");
    let _ = fs::remove_file(&mark);
    // Any argument may be a filter.
    if std::env::args().len() == 1 {
        fs::create_dir_all(work).unwrap();
        fs::write(mark, "").unwrap();
    }
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
