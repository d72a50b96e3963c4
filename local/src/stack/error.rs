//! Why the local stack does not run: a sentence for the person at the terminal.

use std::{fmt::Display, path::Path};

/// Lines of a log that are shown with an error.
const TAIL: usize = 25;

/// What went wrong, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StackError(String);

impl StackError {
    /// An error that is complete as it is.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A file or directory that cannot be used.
    pub(super) fn file(path: &Path, what: &str, error: impl Display) -> Self {
        Self(format!("{} cannot be {what}: {error}", path.display()))
    }

    /// Something that wrote a log, with the end of it.
    pub(super) fn with_log(message: impl Display, log: &Path) -> Self {
        let tail = tail(log);
        if tail.is_empty() {
            return Self(format!("{message}. Its log {} is empty.", log.display()));
        }
        Self(format!("{message}. The end of {}:\n{tail}", log.display()))
    }
}

fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = crate::terminal::printable(&String::from_utf8_lossy(&bytes));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| format!("    {line}\n")).collect()
}
