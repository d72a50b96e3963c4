//! Directories that the server may write to, and what callers before left in them.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::stdio_host::host::{Isolation, Settings};

/// The directories of the settings that were not there and that this host made.
#[derive(Debug, Default)]
pub(super) struct Directories {
    made: Vec<PathBuf>,
}

impl Directories {
    /// Makes the directories that the next child needs. Where it must not find what others left behind, that is removed first:
    /// everything in the function's own temporary directory, or else, where other programs share that, the directories that this
    /// host made. No child may be running.
    ///
    /// # Errors
    /// What went wrong, in a few words; nothing may be started then.
    pub(super) fn prepare(&mut self, settings: &Settings) -> Result<(), String> {
        if settings.file.isolation != Isolation::Environment {
            self.remove()?;
            if let Some(own) = &settings.env.own_tmp {
                empty(own).map_err(|error| cannot(own, &error))?;
            }
        }
        let mut wanted: Vec<&PathBuf> = settings.file.roots.iter().chain([&settings.file.cwd]).collect();
        // One that holds another is made first, and so is known as made.
        wanted.sort_unstable();
        for directory in wanted {
            let made = make(directory)
                .map_err(|error| format!("the directory {} cannot be made: {error}", directory.display()))?;
            if made && !self.made.contains(directory) {
                self.made.push(directory.clone());
            }
        }
        Ok(())
    }

    /// The host ends: where nobody may find what the last caller left, it goes now.
    pub(super) fn end(&mut self, isolation: Isolation) {
        if isolation != Isolation::Environment
            && let Err(reason) = self.remove()
        {
            tracing::warn!(reason, "something of the last caller stays");
        }
    }

    fn remove(&mut self) -> Result<(), String> {
        while let Some(directory) = self.made.last() {
            remove(directory).map_err(|error| cannot(directory, &error))?;
            self.made.pop();
        }
        Ok(())
    }
}

fn cannot(directory: &Path, error: &io::Error) -> String {
    format!("what a caller before left in {} cannot be removed: {error}", directory.display())
}

/// Whether it was not there.
fn make(directory: &Path) -> io::Result<bool> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::create_dir(directory) {
        Ok(()) => Ok(true),
        Err(_) if directory.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

fn empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        remove(&entry?.path())?;
    }
    Ok(())
}

/// Removes a file, a link or a directory with everything in it, even if the server took the right to that from itself. Links are
/// never followed. What is not there is removed.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let is_directory = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        data => data?.is_dir(),
    };
    if !is_directory {
        return fs::remove_file(path);
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            unlock(path)?;
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

fn unlock(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stdio_host::host::testing::settings;

    /// Files below a directory in which nobody else works.
    fn place(isolation: &str, roots: &[&str]) -> (tempfile::TempDir, Settings) {
        let place = tempfile::tempdir().unwrap();
        let roots: Vec<PathBuf> = roots.iter().map(|root| place.path().join(root)).collect();
        let cwd = place.path().join("cwd");
        let settings = settings(&json!({ "command": ["sh"], "isolation": isolation, "roots": roots, "cwd": cwd }));
        (place, settings)
    }

    fn write(place: &tempfile::TempDir, files: &[&str]) {
        for file in files {
            let file = place.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
    }

    #[test]
    fn only_what_the_host_made_is_emptied_where_others_share_the_directory() {
        for (isolation, stays) in [("environment", true), ("caller", false), ("call", false)] {
            let (place, settings) = place(isolation, &["a/b/c", "a/b", "others"]);
            let exists = |path: &str| place.path().join(path).exists();
            write(&place, &["others/file", "a/other"]);
            let mut directories = Directories::default();
            directories.prepare(&settings).unwrap();
            write(&place, &["a/b/c/left", "a/b/left", "cwd/deep/left", "others/left"]);
            directories.prepare(&settings).unwrap();
            for path in ["a/b/c/left", "a/b/left", "cwd/deep/left"] {
                assert_eq!(exists(path), stays, "{isolation} {path}");
            }
            for path in ["a/b/c", "cwd", "others/file", "others/left", "a/other"] {
                assert!(exists(path), "{isolation} {path}");
            }
            directories.end(settings.file.isolation);
            assert_eq!(exists("a/b"), stays, "{isolation}");
            assert!(exists("others/file") && exists("a/other"), "{isolation}");
        }
    }

    #[test]
    fn everything_is_emptied_where_the_directory_is_the_functions_own() {
        for (isolation, stays) in [("environment", true), ("caller", false), ("call", false)] {
            let (place, mut settings) = place(isolation, &["root"]);
            settings.env.own_tmp = Some(place.path().to_owned());
            // A host that Lambda ended and started again finds what was there before it.
            write(&place, &["root/file", ".cache/file", "file"]);
            Directories::default().prepare(&settings).unwrap();
            for path in ["root/file", ".cache/file", "file"] {
                assert_eq!(place.path().join(path).exists(), stays, "{isolation} {path}");
            }
            assert!(place.path().join("root").is_dir() && place.path().join("cwd").is_dir());
        }
    }

    #[test]
    fn links_are_removed_and_not_followed_and_locks_do_not_help() {
        let (place, settings) = place("call", &["root"]);
        write(&place, &["others/file"]);
        let mut directories = Directories::default();
        directories.prepare(&settings).unwrap();
        let root = place.path().join("root");
        std::os::unix::fs::symlink(place.path().join("others"), root.join("link")).unwrap();
        write(&place, &["root/deep/er/left"]);
        for directory in ["root/deep/er", "root/deep"] {
            fs::set_permissions(place.path().join(directory), fs::Permissions::from_mode(0o0)).unwrap();
        }
        directories.prepare(&settings).unwrap();
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        // The whole root may have become a link, or a file.
        fs::remove_dir(&root).unwrap();
        std::os::unix::fs::symlink(place.path().join("others"), &root).unwrap();
        directories.prepare(&settings).unwrap();
        assert!(root.symlink_metadata().unwrap().is_dir());
        assert!(place.path().join("others/file").exists());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let (place, settings) = place("call", &["file/root"]);
        write(&place, &["file"]);
        let reason = Directories::default().prepare(&settings).unwrap_err();
        assert!(reason.contains("file/root cannot be made"), "{reason}");
    }
}
