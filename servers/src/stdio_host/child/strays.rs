//! Processes that a hosted server started and left behind in a group of their own.
//!
//! The host asks the kernel to become the parent of processes whose parent dies ([`adopt`]). After a child was ended, every
//! process whose parent is the host is therefore one that the child left behind.

use std::{collections::BTreeSet, fs, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

/// How often the list of processes is read: each round may set more of them free.
const ROUNDS: usize = 100;
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(2);

/// Becomes the parent of everything that loses its own below this process.
///
/// # Errors
/// The kernel refuses.
pub fn adopt() -> Result<(), Errno> {
    prctl::set_child_subreaper(true)
}

/// Ends every child of this process. It must have none that somebody else waits for.
pub(super) async fn end() {
    let mut known = BTreeSet::new();
    for _ in 0..ROUNDS {
        let children = children(Pid::this());
        if children.is_empty() {
            return;
        }
        for child in children {
            if known.insert(child) {
                tracing::warn!(process_id = child.as_raw(), "the server left a process behind, which is ended");
            }
            // It may have ended by itself; then there is only its entry to be removed.
            let _ = kill(child, Signal::SIGKILL);
            let _ = waitpid(child, Some(WaitPidFlag::WNOHANG));
        }
        tokio::time::sleep(PAUSE).await;
    }
    tracing::error!("processes that the server left behind do not end");
}

/// Removes the entries of children that have ended by themselves, but for the one that somebody else waits for: Lambda lets an
/// environment have 1024 processes, ended ones included.
pub(super) fn bury(except: Option<Pid>) {
    for child in children(Pid::this()).into_iter().filter(|child| Some(*child) != except) {
        let _ = waitpid(child, Some(WaitPidFlag::WNOHANG));
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|id| {
            fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| parent_of(&stat) == Some(parent.as_raw()))
        })
        .map(Pid::from_raw)
        .collect()
}

/// The fourth field; the second is a name in parentheses that may hold anything.
/// Source: `proc_pid_stat(5)`.
fn parent_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_hide_the_parent() {
        assert_eq!(parent_of("42 (sh) S 7 42 42"), Some(7));
        assert_eq!(parent_of("42 (a) R 1 (b) S 7 42 42"), Some(7));
        assert_eq!(parent_of("42 (a"), None);
    }

    #[test]
    fn the_children_of_this_process_are_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = Pid::from_raw(child.id().try_into().unwrap());
        assert!(children(Pid::this()).contains(&id));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children(Pid::this()).contains(&id));
    }
}
