//! Fingerprints of files, to do again only what has to be done again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::StackError;

/// A fingerprint of files and of whole directories: names and contents.
pub(super) fn of_contents(paths: &[PathBuf], also: &[String]) -> Result<String, StackError> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for text in also {
        add(&mut hash, text.as_bytes());
    }
    for file in files {
        add(&mut hash, file.as_os_str().as_encoded_bytes());
        add(&mut hash, &fs::read(&file).map_err(|error| StackError::file(&file, "read", error))?);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Size and time of last change of a file: enough for what cargo has linked, and free for a hundred megabytes.
pub(super) fn of_build(file: &Path) -> Result<String, StackError> {
    let unreadable = |error: std::io::Error| StackError::file(file, "read", error);
    let data = fs::metadata(file).map_err(unreadable)?;
    let changed = data.modified().map_err(unreadable)?;
    Ok(format!("{}:{}:{changed:?}", file.display(), data.len()))
}

/// Length first, so that no two lists of pieces give the same bytes.
fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), StackError> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| StackError::file(path, "read", error))? {
        let entry = entry.map_err(|error| StackError::file(path, "read", error))?;
        collect(&entry.path(), files)?;
    }
    Ok(())
}

/// What was done for which inputs, kept in a file beside the result.
#[derive(Debug)]
pub(super) struct Stamp {
    path: PathBuf,
    inputs: String,
}

impl Stamp {
    pub(super) fn new(path: PathBuf, inputs: String) -> Self {
        Self { path, inputs }
    }

    /// Whether the result in place was made from the same inputs.
    pub(super) fn fresh(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|made_from| made_from == self.inputs)
    }

    /// The result is about to be made again.
    pub(super) fn begin(&self) {
        // A stamp that is not there is what is wanted.
        let _ = fs::remove_file(&self.path);
    }

    /// The result is complete.
    pub(super) fn finish(&self) -> Result<(), StackError> {
        fs::write(&self.path, &self.inputs).map_err(|error| StackError::file(&self.path, "written", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_follow_names_and_contents() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a/one");
        fs::create_dir(directory.path().join("a")).unwrap();
        fs::write(&file, "1").unwrap();
        let print = |also: &[String]| of_contents(&[directory.path().to_owned()], also).unwrap();
        let first = print(&[]);
        assert_eq!(print(&[]), first);
        assert_ne!(print(&["x".to_owned()]), first);
        fs::write(&file, "2").unwrap();
        assert_ne!(print(&[]), first);
        fs::write(&file, "1").unwrap();
        fs::rename(&file, directory.path().join("a/two")).unwrap();
        assert_ne!(print(&[]), first);
        assert!(of_contents(&[directory.path().join("missing")], &[]).is_err());
    }

    #[test]
    fn a_stamp_is_fresh_for_the_same_inputs_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stamp");
        let stamp = Stamp::new(path.clone(), "a".to_owned());
        assert!(!stamp.fresh());
        stamp.finish().unwrap();
        assert!(stamp.fresh());
        assert!(!Stamp::new(path, "b".to_owned()).fresh());
        stamp.begin();
        assert!(!stamp.fresh());
    }
}
