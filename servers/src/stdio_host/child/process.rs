//! The process of a child: its start, its pipes, its end.

use std::{
    io,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use super::{
    chatter::Chatter,
    launch::{Launch, OwnDirectory},
    launcher, strays,
};

/// Longest wait for a killed process to be gone: it can only be in an uninterruptible call of the kernel.
const GONE_WITHIN: Duration = Duration::from_secs(1);
/// Longest wait for the last lines of a child that has ended.
const LAST_LINES: Duration = Duration::from_millis(50);

/// The most that may wait for a child to read it, in bytes: several of the largest events, which have 6 MB.
const MOST_UNREAD: usize = 32 * 1024 * 1024;

/// A child that does not read its input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deaf;

/// A running child. Dropping it kills it and everything it started.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    /// What is to be written to its input; a task of its own writes, so that a child that does not read blocks nobody.
    input: Option<mpsc::UnboundedSender<Bytes>>,
    /// Bytes that the child has not read yet.
    unread: Arc<AtomicUsize>,
    pub(super) output: ChildStdout,
    errors: JoinHandle<()>,
    /// Removed after the process was killed: fields are dropped after the whole.
    _own_directory: Option<OwnDirectory>,
    reaps: bool,
}

impl Process {
    /// Starts a child.
    ///
    /// # Errors
    /// What went wrong, in a few words.
    pub(super) fn start(launch: &Launch, chatter: &Chatter) -> Result<Self, String> {
        let own_directory = launch.own_directory()?;
        let mut command = match &launch.launcher {
            Some(launcher) => launcher::command(launcher, &launch.program, &launch.arguments),
            None => {
                let mut command = Command::new(&launch.program);
                command.args(&launch.arguments);
                command
            }
        };
        command.env_clear().envs(&launch.variables);
        let own = own_directory.as_ref().map(|directory| directory.0.as_path());
        if let Some(directory) = own {
            command.env("HOME", directory).env("TMPDIR", directory);
        }
        let mut child = command
            .current_dir(launch.directory(own))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be run: {error}", launch.program.display()))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let (Some(stdin), Some(output), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("its pipes could not be opened".to_owned());
        };
        let (input, messages) = mpsc::unbounded_channel();
        let unread = Arc::new(AtomicUsize::new(0));
        tokio::spawn(write(stdin, messages, unread.clone()));
        let errors = tokio::spawn(chatter.clone().drain("stderr", stderr));
        let reaps = launch.launcher.is_some();
        Ok(Self { child, group, input: Some(input), unread, output, errors, _own_directory: own_directory, reaps })
    }

    /// Hands a line to the child, whenever it reads it.
    ///
    /// # Errors
    /// So much is unread that the child will hardly read this, and keeping it would cost the host its memory.
    pub(super) fn write(&self, line: Bytes) -> Result<(), Deaf> {
        if self.unread.fetch_add(line.len(), Ordering::Relaxed) + line.len() > MOST_UNREAD {
            return Err(Deaf);
        }
        if let Some(input) = &self.input {
            // A child that closed its input is found out when its output ends.
            let _ = input.send(line);
        }
        Ok(())
    }

    /// Waits for the process itself to end; what it started may live on. Safe to cancel.
    pub(super) async fn exited(&mut self) -> String {
        described(self.child.wait().await)
    }

    /// Waits until the output has something or the process has ended, whichever is first.
    pub(super) fn split(&mut self) -> (&mut ChildStdout, &mut Child) {
        (&mut self.output, &mut self.child)
    }

    /// Ends the process and everything it started, and waits until it is gone. With `grace` it is asked first: its input is
    /// closed and it is sent SIGTERM.
    /// Source: MCP 2025-11-25, "Lifecycle", shutdown over stdio.
    pub(super) async fn end(mut self, grace: Option<Duration>) {
        self.input = None;
        if let Some(grace) = grace {
            self.signal(Signal::SIGTERM);
            let _ = timeout(grace, self.child.wait()).await;
        }
        self.signal(Signal::SIGKILL);
        if timeout(GONE_WITHIN, self.child.wait()).await.is_err() {
            tracing::error!("the process of the server does not end");
        }
        if self.reaps {
            strays::end().await;
        }
        if timeout(LAST_LINES, &mut self.errors).await.is_err() {
            self.errors.abort();
        }
    }

    /// The process itself.
    pub(super) const fn id(&self) -> Option<Pid> {
        self.group
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Nothing is left of the group.
            let _ = killpg(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.errors.abort();
    }
}

/// How a process ended, for people.
pub(super) fn described(status: io::Result<std::process::ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

async fn write(mut stdin: ChildStdin, mut messages: mpsc::UnboundedReceiver<Bytes>, unread: Arc<AtomicUsize>) {
    while let Some(message) = messages.recv().await {
        if stdin.write_all(&message).await.is_err() {
            return;
        }
        unread.fetch_sub(message.len(), Ordering::Relaxed);
    }
}
