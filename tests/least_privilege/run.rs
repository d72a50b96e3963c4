//! The last end-to-end run: whether it can be judged, and what was recorded.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::Value;

use crate::calls::{self, Call};

/// What decides which AWS calls are made. Grants are not among it: they are synthesised anew for each judgement.
const SOURCES: [&str; 7] =
    ["handlers/src", "servers/src", "local/src", "tests/end_to_end", "tests/fixtures", "agents", "pipelines.yaml"];

/// The distinct calls of a run, with how often each was made, and what was wrong with the record itself.
pub(crate) struct Run {
    pub(crate) calls: BTreeMap<Call, usize>,
    pub(crate) problems: Vec<String>,
}

impl Run {
    /// The last run, if it had all tests and was made from the sources in place.
    pub(crate) fn read() -> Result<Self, String> {
        let again = "run `make test`, which records the AWS calls of every end-to-end test before it judges them";
        let work = work();
        let started = fs::metadata(work.join("whole_run")).and_then(|mark| mark.modified());
        let started = started.map_err(|_| format!("there was no end-to-end run, or only a part of it: {again}"))?;
        for source in SOURCES {
            if let Some(newer) = newer(&root().join(source), started)? {
                return Err(format!("{} changed since the last end-to-end run: {again}", newer.display()));
            }
        }
        let read = |name: &str| {
            let path = work.join("logs").join(name);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}: {again}", path.display()))
        };
        let mut run = Self { calls: BTreeMap::new(), problems: Vec::new() };
        for call in
            calls::read(&lines(&read("aws_calls.jsonl")?)?, &lines(&read("agent_runtime.log")?)?, &mut run.problems)
        {
            *run.calls.entry(call).or_default() += 1;
        }
        Ok(run)
    }
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Work directory of the end-to-end tests.
pub(crate) fn work() -> PathBuf {
    root().join(".local/test")
}

fn lines(text: &str) -> Result<Vec<Value>, String> {
    // The agent runtime also says in plain words where it listens.
    let objects = text.lines().filter(|line| line.starts_with('{'));
    objects
        .map(|line| serde_json::from_str(line).map_err(|error| format!("a line of a record: {error}: {line}")))
        .collect()
}

/// A file that changed after that time, if there is one.
fn newer(path: &Path, time: SystemTime) -> Result<Option<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", path.display());
    if !path.is_dir() {
        let changed = fs::metadata(path).and_then(|data| data.modified()).map_err(failed)?;
        return Ok((changed > time).then(|| path.to_owned()));
    }
    for entry in fs::read_dir(path).map_err(failed)? {
        if let Some(found) = newer(&entry.map_err(failed)?.path(), time)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
