//! The zips of the Lambda functions, in the development profile.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{
    Options, StackError,
    inputs::{self, Stamp},
    process,
};
use crate::terminal::Terminal;

/// Packages whose programs run in Lambda.
const PACKAGES: [&str; 2] = ["handlers", "servers"];
/// Where the zips are, and what they were made from.
#[derive(Debug)]
pub(super) struct Zips {
    pub(super) directory: PathBuf,
    pub(super) fingerprint: String,
    /// Name of the instruction set, as the CDK settings call it.
    pub(super) architecture: &'static str,
}

/// Compiles the functions, and zips them with the agents and pipeline types when something changed.
pub(super) async fn build(options: &Options, terminal: Terminal) -> Result<Zips, StackError> {
    let task = terminal.begin("building the functions");
    let log = options.work.join("logs/build.log");
    let target = target().await?;
    let architecture = if target.starts_with("aarch64") { "arm64" } else { "x86_64" };

    let mut command = cargo(&target, &options.root);
    // The whole workspace but what measures it, as in the Makefile: Cargo unites the features of what is built together, and
    // compiles a dependency again for each other set of them.
    command.args(["build", "--workspace", "--exclude", "bench", "--bins"]);
    process::finish("`cargo build`", command, &log, Some(&task)).await?;

    let directory = options.work.join("lambda");
    let programs = programs(&options.root)?;
    let built = target_directory(&options.root).join(&target).join("debug");
    let mut made_from = Vec::new();
    for program in &programs {
        made_from.push(inputs::of_build(&built.join(program))?);
    }
    let packed = ["agents", "pipelines.yaml"].map(|name| options.definitions.join(name));
    let fingerprint = inputs::of_contents(&packed, &made_from)?;
    let stamp = Stamp::new(options.work.join("lambda.stamp"), fingerprint.clone());
    let complete = programs.iter().all(|program| directory.join(program).join("bootstrap.zip").is_file());
    if stamp.fresh() && complete {
        task.done("nothing changed");
        return Ok(Zips { directory, fingerprint, architecture });
    }

    stamp.begin();
    let mut command = process::clean(process::python(&options.root));
    command.arg(options.root.join("local/pack.py")).arg(&directory).arg(&options.definitions);
    command.args(programs.iter().map(|program| built.join(program)));
    process::finish("packing the functions", command, &log, Some(&task)).await?;
    stamp.finish()?;
    task.done("");
    Ok(Zips { directory, fingerprint, architecture })
}

/// Cargo with the environment we were started in, less what an outer `cargo test` or `cargo run` says about itself.
fn cargo(target: &str, directory: &Path) -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let about_the_outer = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "LD_LIBRARY_PATH"];
        if name.to_str().is_some_and(|name| about_the_outer.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(&name);
        }
    }
    // The same target as in the Makefile, so that one directory serves all.
    command.env("CARGO_BUILD_TARGET", target).env("CARGO_TERM_COLOR", "never");
    command.current_dir(directory).stdin(std::process::Stdio::null());
    command
}

/// The programs to zip: one for each file in `src/bin`.
fn programs(root: &Path) -> Result<Vec<String>, StackError> {
    let mut programs = Vec::new();
    for package in PACKAGES {
        let directory = root.join(package).join("src/bin");
        let unreadable = |error| StackError::file(&directory, "read", error);
        for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if let (Some("rs"), Some(stem)) = (path.extension().and_then(|it| it.to_str()), path.file_stem()) {
                programs.push(stem.to_string_lossy().into_owned());
            }
        }
    }
    programs.sort();
    Ok(programs)
}

/// The triple of this machine, or the one that the environment asks for.
async fn target() -> Result<String, StackError> {
    if let Ok(target) = std::env::var("CARGO_BUILD_TARGET") {
        return Ok(target);
    }
    let output = Command::new("rustc").arg("-vV").output().await;
    let output = output.map_err(|error| StackError::new(format!("rustc cannot be started: {error}. Install Rust")))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| StackError::new("`rustc -vV` names no host"))
}

fn target_directory(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |path| root.join(path))
}
