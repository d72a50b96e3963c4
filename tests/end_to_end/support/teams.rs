//! CDK apps of other teams, synthesised once for all tests (tests/fixtures/mcp-servers/app.ts).

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tokio::{process::Command, sync::OnceCell};

use super::stack;

static ASSEMBLY: OnceCell<PathBuf> = OnceCell::const_new();

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The directory with all templates and files of the teams' stacks.
async fn assembly() -> &'static Path {
    ASSEMBLY.get_or_init(synthesise).await
}

async fn synthesise() -> PathBuf {
    // The stack's start has compiled all programs.
    stack().await;
    let work = root().join(".local/test/teams");
    let _ = fs::remove_dir_all(&work);
    let program = work.join("reports");
    fs::create_dir_all(&program).unwrap();
    let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("reports");
    fs::copy(&built, program.join("bootstrap")).unwrap();
    let assembly = work.join("cdk.out");
    let mut command = Command::new("node");
    command.args(["--import", "tsx", "tests/fixtures/mcp-servers/app.ts"]).arg(&program).arg(&assembly);
    finish(command.current_dir(root())).await;
    assembly
}

/// The template of a stack.
pub(crate) async fn template(stack: &str) -> String {
    fs::read_to_string(assembly().await.join(format!("{stack}.template.json"))).unwrap()
}

/// Deploys stacks with the CDK and returns their outputs, by stack and name.
pub(crate) async fn deploy(stacks: &[&str]) -> Value {
    let assembly = assembly().await;
    let outputs = assembly.join("outputs.json");
    let mut command = stack().await.cdk();
    command.args(["deploy", "--require-approval", "never", "--method", "direct", "--concurrency", "3"]).args(stacks);
    command.arg("--app").arg(assembly).arg("--outputs-file").arg(&outputs);
    finish(&mut command).await;
    serde_json::from_str(&fs::read_to_string(outputs).unwrap()).unwrap()
}

async fn finish(command: &mut Command) {
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}
