//! Child processes: a clean environment, a log each, no child that outlives us.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::Pid};
use tokio::process::{Child, Command};

use super::{CREDENTIALS, Ports, REGION, StackError};
use crate::terminal::{Task, printable};

/// How often the log of a running command is looked at.
const GLANCE: Duration = Duration::from_millis(300);

/// A command with nothing of our environment but what every program needs.
pub(super) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "LANG", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Lets a command reach the local stack, and nothing else: no profile, no real account.
pub(super) fn use_local_aws(command: &mut Command, ports: Ports, work: &Path) {
    let none = work.join("no-aws-configuration");
    command
        .env("AWS_ENDPOINT_URL", ports.ministack_url())
        .env("AWS_ACCESS_KEY_ID", CREDENTIALS.0)
        .env("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1)
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", &none)
        .env("AWS_SHARED_CREDENTIALS_FILE", &none);
}

/// Sends both outputs of a command to a new log file.
pub(super) fn log_to(command: &mut Command, log: &Path) -> Result<(), StackError> {
    let unwritable = |error| StackError::file(log, "written", error);
    let file = File::create(log).map_err(unwritable)?;
    let copy = file.try_clone().map_err(unwritable)?;
    command.stdout(file).stderr(copy);
    Ok(())
}

/// Runs a command to its end; its outputs go to the log, the last line of it to the task on the terminal.
pub(super) async fn finish(
    what: &str,
    mut command: Command,
    log: &Path,
    task: Option<&Task>,
) -> Result<(), StackError> {
    log_to(&mut command, log)?;
    // Its own group, so that its children end with it when we give up waiting.
    command.process_group(0);
    let child = command.spawn().map_err(|error| StackError::new(format!("{what} cannot be started: {error}")))?;
    let mut group = Group::of(child)?;
    let status = loop {
        tokio::select! {
            status = group.leader.wait() => break status,
            () = tokio::time::sleep(GLANCE) => {
                if let (Some(task), Some(line)) = (task, last_line(log)) {
                    task.at(&line);
                }
            }
        }
    };
    let status = status.map_err(|error| StackError::new(format!("{what}: {error}")))?;
    if status.success() {
        group.forget();
        return Ok(());
    }
    Err(StackError::with_log(format!("{what} failed ({status})"), log))
}

/// The last line of a log, short enough for one line of a terminal.
fn last_line(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(1_000))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = printable(&String::from_utf8_lossy(&bytes));
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(line.trim().chars().take(80).collect())
}

/// A child and all processes of its group; killed when dropped.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) leader: Child,
    id: Option<Pid>,
}

impl Group {
    /// The group that a child leads.
    pub(super) fn of(leader: Child) -> Result<Self, StackError> {
        let id = leader.id().and_then(|id| i32::try_from(id).ok());
        let id = id.ok_or_else(|| StackError::new("a process ended before it could be watched"))?;
        Ok(Self { leader, id: Some(Pid::from_raw(id)) })
    }

    /// Number of the process group.
    pub(super) fn id(&self) -> i32 {
        self.id.map_or(0, Pid::as_raw)
    }

    /// Sends a signal to all of the group; nothing happens when none is left.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            let _ = nix::sys::signal::killpg(id, signal);
        }
    }

    fn forget(&mut self) {
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Whether a process group has processes left.
pub(super) fn group_alive(group: i32) -> bool {
    group > 1 && nix::sys::signal::killpg(Pid::from_raw(group), None).is_ok()
}

/// Waits a moment for a killed process group to be gone.
pub(super) fn wait_gone(group: i32) {
    let start = Instant::now();
    while group_alive(group) && start.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Command line of a running process; nothing when there is no such process.
pub(super) fn command_line(pid: i32) -> Option<String> {
    if let Ok(bytes) = std::fs::read(format!("/proc/{pid}/cmdline")) {
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let output = std::process::Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Python of the repository's virtual environment.
pub(super) fn python(root: &Path) -> PathBuf {
    root.join(".venv/bin/python")
}

/// The CDK's command line, started without npx, which takes half a second by itself.
pub(super) fn cdk(root: &Path) -> PathBuf {
    root.join("node_modules/aws-cdk/bin/cdk")
}

/// Fails when something that `make setup` installs is missing.
pub(super) fn check_tools(root: &Path) -> Result<(), StackError> {
    for tool in [python(root), cdk(root)] {
        if !tool.is_file() {
            return Err(StackError::new(format!("{} is missing: run `make setup` first", tool.display())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = clean("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_command_that_fails_shows_the_end_of_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo line $i; done; echo last 1>&2; exit 3";
        let error = finish("the command", shell(script), &log, None).await.unwrap_err().to_string();
        assert!(error.starts_with("the command failed (exit status: 3)"), "{error}");
        assert!(error.contains("    last\n"), "{error}");
        assert_eq!(finish("the command", shell("echo fine"), &log, None).await, Ok(()));
        assert_eq!(last_line(&log).as_deref(), Some("fine"));
    }

    #[tokio::test]
    async fn giving_up_ends_the_command_and_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let script = format!("sleep 60 & echo $$ > {} && wait", pid.display());
        let log = directory.path().join("log");
        let waiting = finish("the command", shell(&script), &log, None);
        assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err());
        let group: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        for _ in 0..100 {
            if !group_alive(group) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the group {group} is still there");
    }

    #[test]
    fn nothing_of_the_environment_is_passed_on_but_what_is_needed() {
        let command = clean("true");
        let names: Vec<_> = command.as_std().get_envs().map(|(name, _)| name.to_owned()).collect();
        assert!(
            names.iter().all(|name| ["PATH", "HOME", "LANG", "TMPDIR"].iter().any(|known| name == known)),
            "{names:?}"
        );
    }
}
