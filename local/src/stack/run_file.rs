//! `run.json`: which stack runs out of a working directory, so that a second one is refused, a client finds the first, and
//! what a killed run left behind is cleaned up.

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::{sys::signal::Signal, unistd::Pid};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Ports, StackError, process};
use crate::terminal::Terminal;

/// What is known about a running stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// Process that started it.
    pub pid: u32,
    /// Process group of its parts.
    pub group: i32,
    /// Where its parts listen.
    pub ports: Ports,
    /// Address of the chat API, once it answers.
    pub api_url: Option<String>,
    /// Address of the registry API, once the chat API answers.
    #[serde(default)]
    pub registry_url: Option<String>,
}

impl RunFile {
    /// Reads the run file of a working directory; nothing when there is none.
    pub fn read(work: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(work.join("run.json")).ok()?).ok()
    }
}

/// Holds the working directory for this process.
#[derive(Debug)]
pub(super) struct Guard {
    path: PathBuf,
    run: Option<RunFile>,
    /// Released by the operating system when the process ends, however it ends.
    _lock: File,
}

/// Claims the working directory; cleans up after a run that was killed.
pub(super) fn claim(work: &Path, terminal: Terminal) -> Result<Guard, StackError> {
    fs::create_dir_all(work.join("logs")).map_err(|error| StackError::file(work, "made", error))?;
    let path = work.join("lock");
    let lock = File::create(&path).map_err(|error| StackError::file(&path, "written", error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(already_running(work)),
        Err(TryLockError::Error(error)) => return Err(StackError::file(&path, "locked", error)),
    }
    if let Some(left) = RunFile::read(work) {
        clean_up(&left, terminal);
    }
    let path = work.join("run.json");
    let guard = Guard { path, run: None, _lock: lock };
    guard.remove();
    Ok(guard)
}

/// Writes a file that nobody else on the machine can read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), StackError> {
    let unwritable = |error: std::io::Error| StackError::file(path, "written", error);
    // The mode counts only for a file that is made: one that is left from before would keep its own.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(unwritable(error)),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)
}

fn already_running(work: &Path) -> StackError {
    let who = RunFile::read(work).map(|run| format!(" (process {})", run.pid)).unwrap_or_default();
    StackError::new(format!(
        "a local stack already runs out of {}{who}: use it with `./switchyard chat`, or stop it with Ctrl-C where it runs",
        work.display()
    ))
}

/// Ends the parts of a run whose starter is gone. Their group is ours only if its leader runs our launcher.
fn clean_up(left: &RunFile, terminal: Terminal) {
    let command = process::command_line(left.group);
    if !command.is_some_and(|command| command.contains("ministack_launcher.py")) {
        return;
    }
    terminal.note(&format!("  an earlier run (process {}) left its parts behind; stopping them", left.pid));
    // Nothing to do when they end in this very moment.
    let _ = nix::sys::signal::killpg(Pid::from_raw(left.group), Signal::SIGKILL);
    process::wait_gone(left.group);
}

impl Guard {
    /// The parts have been started.
    pub(super) fn started(&mut self, group: i32, ports: Ports) -> Result<(), StackError> {
        self.run = Some(RunFile { pid: std::process::id(), group, ports, api_url: None, registry_url: None });
        self.write()
    }

    /// The chat API answers.
    pub(super) fn ready(&mut self, api_url: &Url, registry_url: &Url) -> Result<(), StackError> {
        if let Some(run) = &mut self.run {
            run.api_url = Some(api_url.to_string());
            run.registry_url = Some(registry_url.to_string());
        }
        self.write()
    }

    /// Nothing runs any more.
    pub(super) fn remove(&self) {
        // It is fine for the file not to be there.
        let _ = fs::remove_file(&self.path);
    }

    fn write(&self) -> Result<(), StackError> {
        let unwritable = |error: &dyn std::fmt::Display| StackError::file(&self.path, "written", error);
        let text = serde_json::to_vec_pretty(&self.run).map_err(|error| unwritable(&error))?;
        fs::write(&self.path, text).map_err(|error| unwritable(&error))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};

    use super::*;

    /// A process group whose leader's command line holds a word.
    fn group(word: &str) -> std::process::Child {
        // `sh` keeps running as the leader: with a second command it does not replace itself by `sleep`.
        let script = "sleep 60; true";
        std::process::Command::new("sh").args(["-c", script, word]).process_group(0).spawn().unwrap()
    }

    #[test]
    fn a_directory_is_claimed_once_at_a_time() {
        let work = tempfile::tempdir().unwrap();
        let mut first = claim(work.path(), Terminal::plain()).unwrap();
        first.started(1, Ports::from(1000)).unwrap();
        let error = claim(work.path(), Terminal::plain()).unwrap_err().to_string();
        assert!(error.contains("already runs") && error.contains(&std::process::id().to_string()), "{error}");
        assert_eq!(RunFile::read(work.path()).unwrap().api_url, None);
        let [chat, registry] =
            ["http://127.0.0.1:1000/x/", "http://127.0.0.1:1000/y/"].map(|url| Url::parse(url).unwrap());
        first.ready(&chat, &registry).unwrap();
        let ready = RunFile::read(work.path()).unwrap();
        assert_eq!(ready.api_url.as_deref(), Some(chat.as_str()));
        assert_eq!(ready.registry_url.as_deref(), Some(registry.as_str()));
        drop(first);
        assert!(RunFile::read(work.path()).is_none());
        claim(work.path(), Terminal::plain()).unwrap();
    }

    #[test]
    fn a_private_file_is_for_its_owner_alone_whatever_was_there() {
        let work = tempfile::tempdir().unwrap();
        let path = work.path().join("token");
        fs::write(&path, "an older and longer one").unwrap();
        write_private(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_private(&work.path().join("no/such/token"), "new").is_err());
    }

    #[test]
    fn what_a_killed_run_left_is_stopped_and_nothing_else() {
        for (word, ours) in [("local/ministack_launcher.py", true), ("something-else", false)] {
            let work = tempfile::tempdir().unwrap();
            let mut left = group(word);
            let id = i32::try_from(left.id()).unwrap();
            let run = RunFile { pid: 1, group: id, ports: Ports::from(1000), api_url: None, registry_url: None };
            fs::write(work.path().join("run.json"), serde_json::to_vec(&run).unwrap()).unwrap();
            // Takes the process off the table as soon as it ends, which is init's task for a real one.
            let ended = std::thread::spawn(move || left.wait().unwrap());
            claim(work.path(), Terminal::plain()).unwrap();
            if ours {
                ended.join().unwrap();
            } else {
                assert!(!ended.is_finished(), "a group that is not ours was ended");
                nix::sys::signal::killpg(Pid::from_raw(id), Signal::SIGKILL).unwrap();
                ended.join().unwrap();
            }
        }
    }
}
