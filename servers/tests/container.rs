//! The container image, as far as it can be tried without Docker: its build context holds what cargo needs, and its command
//! lines do what the image is for.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files of the repository that `.dockerignore` lets into the build: everything is ignored but the lines with `!`.
fn build_context() -> Vec<String> {
    let ignore = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let lines: Vec<&str> = ignore.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(lines[0], "*");
    let admitted: Vec<&str> = lines[1..].iter().map(|line| line.strip_prefix('!').unwrap()).collect();
    let output = Command::new("git").args(["ls-files", "--cached"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8(output.stdout).unwrap();
    let inside =
        |file: &str, path: &str| file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    for path in &admitted {
        assert!(files.lines().any(|file| inside(file, path)), ".dockerignore lets in {path}, which is not there");
    }
    let wanted = files.lines().filter(|file| admitted.iter().any(|path| inside(file, path)));
    wanted.map(str::to_owned).collect()
}

/// The triple of this machine, whose dependencies have been downloaded.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

#[test]
fn the_build_context_holds_what_cargo_needs_and_no_more_than_sources() {
    let directory = tempfile::tempdir().unwrap();
    let files = build_context();
    for file in &files {
        let to = directory.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join(file), to).unwrap();
    }
    assert!(files.iter().all(|file| !file.contains("node_modules") && !file.ends_with(".ts")), "{files:?}");
    // Every target of every package and the locked versions of all dependencies, with nothing beside the context.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", &host()])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let targets = metadata["packages"].as_array().unwrap().iter().filter(|package| package["source"].is_null());
    let sources: Vec<&str> = targets
        .flat_map(|package| package["targets"].as_array().unwrap())
        .map(|target| target["src_path"].as_str().unwrap())
        .collect();
    for source in &sources {
        assert!(Path::new(source).is_file(), "{source}");
    }
    assert!(sources.iter().any(|source| source.ends_with("servers/src/bin/pipelines.rs")), "{sources:?}");
}

/// The arguments of an instruction in JSON form, `["…"]`, of the image that is run.
fn arguments(dockerfile: &str, instruction: &str) -> Vec<String> {
    let lines: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with(instruction)).collect();
    let [line] = lines[..] else { panic!("one {instruction} was expected: {lines:?}") };
    serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap()
}

/// Ends the process however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_command_lines_of_the_image_serve_and_check_from_a_directory_that_nobody_may_write_to() {
    let dockerfile = fs::read_to_string(root().join("servers/Dockerfile")).unwrap();
    let program = arguments(&dockerfile, "ENTRYPOINT");
    assert_eq!(program, ["pipelines"]);
    let directory = tempfile::tempdir().unwrap();
    let mut copied =
        dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--"));
    assert_eq!(copied.next(), Some(". ."), "the first stage");
    for line in copied {
        let (from, to) = line.split_once(' ').unwrap();
        fs::copy(root().join(from), directory.path().join(to.strip_prefix("/srv/").unwrap())).unwrap();
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();

    let pipelines = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipelines"));
        command.env_clear().current_dir(directory.path()).stdin(Stdio::null());
        command
    };
    // In place of all addresses of a container, a free port of this machine.
    let serve: Vec<String> =
        arguments(&dockerfile, "CMD").iter().map(|word| word.replace("0.0.0.0:8000", "127.0.0.1:0")).collect();
    assert!(serve.iter().any(|word| word == "127.0.0.1:0"), "{serve:?}");
    let mut command = pipelines();
    command.args(&serve).env("API_KEY_SECRET", "key").env("GITLAB_TOKEN_SECRET", "token").stdout(Stdio::piped());
    let mut server = Running(command.spawn().unwrap());
    let mut log = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let line: Value = serde_json::from_str(&log.next().unwrap().unwrap()).unwrap();
    let address = line["address"].as_str().unwrap();

    let check = arguments(&dockerfile, "HEALTHCHECK");
    assert_eq!(check[0], program[0]);
    let check: Vec<String> = check[1..].iter().map(|word| word.replace("127.0.0.1:8000", address)).collect();
    assert!(pipelines().args(&check).status().unwrap().success(), "{check:?}");
    let signal = Command::new("kill").args(["-TERM", &server.0.id().to_string()]).status().unwrap();
    assert!(signal.success());
    assert!(server.0.wait().unwrap().success());
}
