//! Processes and what they started, as the kernel tells of them in /proc: Lambda freezes and ends all processes of an environment,
//! whatever groups they are in.

use std::{
    collections::{HashMap, HashSet},
    fs,
};

use nix::{
    sys::signal::{Signal, kill as send},
    unistd::Pid,
};

/// State and parent of a process.
fn look(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether a process is there and has not ended.
pub fn alive(pid: u32) -> bool {
    look(pid).is_some_and(|(state, _)| state != 'Z')
}

/// A process, the ones it started, the ones those started, and so on.
pub fn tree(root: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in pids {
        if let Some((_, parent)) = look(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children.remove(&pid).into_iter().flatten());
        next += 1;
    }
    found
}

fn signal(pid: u32, signal: Signal) -> bool {
    i32::try_from(pid).is_ok_and(|pid| send(Pid::from_raw(pid), signal).is_ok())
}

/// Ends a process, and tells whether it was there.
pub fn kill_one(pid: u32) -> bool {
    signal(pid, Signal::SIGKILL)
}

/// Stops them all. One that is started while this looks is found by the next look.
pub(crate) fn freeze(root: u32) {
    let mut stopped = HashSet::new();
    // One that has ended in the meantime needs no signal, here and below.
    loop {
        let running: Vec<u32> = tree(root).into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if running.is_empty() {
            return;
        }
        for pid in running {
            signal(pid, Signal::SIGSTOP);
            stopped.insert(pid);
        }
    }
}

/// Lets them all go on.
pub(crate) fn thaw(root: u32) {
    for pid in tree(root) {
        signal(pid, Signal::SIGCONT);
    }
}

/// Ends them all.
pub(crate) fn kill(root: u32) {
    // Stopped first: none can start another in between.
    freeze(root);
    for pid in tree(root) {
        signal(pid, Signal::SIGKILL);
    }
}
