//! The projects of the stand-in: those that `pipelines.yaml` names.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// A project that exists in the stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Numeric id, as GitLab has one for every project.
    pub id: u64,
    /// Full path, `group/name`.
    pub path: String,
    /// Branches that exist; the first one is the default branch.
    pub refs: Vec<String>,
}

/// Why the file with the pipeline types cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProjectsError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
}

/// Only what the stand-in needs; the pipelines server checks the file in full.
#[derive(Deserialize)]
struct File {
    pipelines: BTreeMap<String, PipelineType>,
}

#[derive(Deserialize)]
struct PipelineType {
    project: IdOrPath,
    #[serde(rename = "ref")]
    git_ref: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum IdOrPath {
    Id(u64),
    Path(String),
}

/// Projects named in the file, each with the refs that its pipeline types run on.
///
/// # Errors
/// When the file cannot be read, is not YAML of the expected form, or names no project.
pub fn read_projects(path: &Path) -> Result<Vec<Project>, ProjectsError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ProjectsError::Unreadable { path: path.to_owned(), source })?;
    let malformed = |message: String| ProjectsError::Malformed { path: path.to_owned(), message };
    let file: File = serde_saphyr::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    if file.pipelines.is_empty() {
        return Err(malformed("pipelines: names no pipeline type, so there is no project to serve".to_owned()));
    }
    let mut refs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut numbered = BTreeMap::new();
    for pipeline in file.pipelines.into_values() {
        let path = match pipeline.project {
            IdOrPath::Path(path) if path.bytes().all(|byte| byte.is_ascii_digit()) => {
                let id = path.parse().map_err(|_| malformed(format!("project: {path} is not a project id")))?;
                numbered_path(id, &mut numbered)
            }
            IdOrPath::Path(path) => path,
            IdOrPath::Id(id) => numbered_path(id, &mut numbered),
        };
        let known = refs.entry(path).or_default();
        if !known.contains(&pipeline.git_ref) {
            known.push(pipeline.git_ref);
        }
    }
    let taken: BTreeSet<u64> = numbered.values().copied().collect();
    let mut free = (1..).filter(|id| !taken.contains(id));
    Ok(refs
        .into_iter()
        .filter_map(|(path, refs)| {
            let id = numbered.get(&path).copied().or_else(|| free.next())?;
            Some(Project { id, path, refs })
        })
        .collect())
}

/// A project known by its number only gets a path that says so.
fn numbered_path(id: u64, numbered: &mut BTreeMap<String, u64>) -> String {
    let path = format!("projects/project-{id}");
    numbered.insert(path.clone(), id);
    path
}
