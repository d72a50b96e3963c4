//! The programs as they are deployed: their zips, unpacked as Lambda does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::Result;

/// All functions; a function is called like its program.
pub const FUNCTIONS: [&str; 8] = [
    "chat_handler",
    "agent_invoker",
    "mcp_proxy",
    "memory_manager",
    "registration",
    "registry_api",
    "health_checker",
    "pipelines",
];

/// A folder with `{program}/bootstrap.zip`, and beside it what was in the zip.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs in this folder.
    pub fn of(folder: &Path) -> Result<Self> {
        Ok(Self { folder: fs::canonicalize(folder).map_err(|error| format!("{}: {error}", folder.display()))? })
    }

    /// Where the zip of a program was unpacked.
    pub fn task_root(&self, name: &str) -> PathBuf {
        self.folder.join(name).join("unpacked")
    }

    /// The program itself.
    pub fn program(&self, name: &str) -> PathBuf {
        self.task_root(name).join("bootstrap")
    }

    /// Bytes of the zip and of the program in it.
    ///
    /// # Errors
    /// One of them is missing.
    pub fn sizes(&self, name: &str) -> Result<(u64, u64)> {
        let size = |path: PathBuf| {
            let data = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Result::Ok(data.len())
        };
        Ok((size(self.folder.join(name).join("bootstrap.zip"))?, size(self.program(name))?))
    }
}

/// A program that was built together with this one.
///
/// # Errors
/// It is not there.
pub fn beside(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing; run `make bench`", path.display()).into()) }
}
