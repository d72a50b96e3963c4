//! Reads entries for the official registry API, with a bounded number of requests to the table for each page.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    entry,
    model::{Metadata, ServerList, ServerResponse},
    query::{Versions, Wanted},
};
use crate::{
    error::Result,
    registry::{Filter, Registry, Status, Summary},
};

/// How often the registry is asked for more at most, when it has entries that are not shown; a page that would need more ends
/// early, with a cursor.
const ROUNDS: usize = 8;
/// Servers whose versions are read at the same time.
const AT_ONCE: usize = 16;

/// The registry, as this API shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) registry: &'a Registry,
    pub(super) namespace: &'a str,
}

/// All versions of the servers that were looked up, by id.
type Known = BTreeMap<String, Vec<Summary>>;

impl Reader<'_> {
    /// A page of the list.
    pub(super) async fn list(self, wanted: &Wanted) -> Result<ServerList> {
        let filter = self.filter(wanted);
        let (mut servers, mut known) = (Vec::new(), Known::new());
        let mut next_cursor = wanted.cursor.clone();
        for _ in 0..ROUNDS {
            let left = wanted.limit.saturating_sub(servers.len());
            let page = self.registry.list(&filter, left, next_cursor.as_deref()).await?;
            next_cursor = page.cursor;
            self.look_up(&page.servers, &mut known).await?;
            servers.extend(page.servers.iter().filter_map(|found| self.show(found, wanted, &known)));
            if next_cursor.is_none() || servers.len() >= wanted.limit {
                break;
            }
        }
        let count = servers.len();
        Ok(ServerList { servers, metadata: Metadata { next_cursor, count } })
    }

    /// All versions of a server that are listed, the highest first.
    pub(super) async fn versions(self, server_id: &str, deleted: bool) -> Result<Vec<ServerResponse>> {
        let mut versions = self.registry.versions(server_id).await?;
        let latest = entry::latest(&versions).map(|latest| latest.version.clone());
        versions.retain(|version| version.status == Status::Active || deleted);
        let is_latest = |version: &Summary| Some(&version.version) == latest.as_ref();
        Ok(versions.iter().filter_map(|version| entry::of(version, self.namespace, is_latest(version))).collect())
    }

    /// What the registry itself can leave out.
    fn filter(self, wanted: &Wanted) -> Filter {
        let statuses = if wanted.deleted { vec![Status::Active, Status::Decommissioned] } else { vec![Status::Active] };
        // The registry searches ids and not names: what is behind the slash can only be part of an id.
        let id = wanted.search.as_ref().filter(|part| !self.namespace.to_lowercase().contains(part.as_str()));
        let id = id.and_then(|part| part.rsplit('/').next()).filter(|part| !part.is_empty());
        Filter { statuses, text: id.map(str::to_owned), updated_since: wanted.since, ..Filter::default() }
    }

    /// Reads all versions of the servers that are not known yet.
    async fn look_up(self, found: &[Summary], known: &mut Known) -> Result<()> {
        let mut ids: Vec<String> = found.iter().map(|found| found.server_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !known.contains_key(id));
        let read = stream::iter(ids)
            .map(|id| async move { self.registry.versions(&id).await.map(|versions| (id, versions)) })
            .buffer_unordered(AT_ONCE);
        known.extend(read.try_collect::<Vec<_>>().await?);
        Ok(())
    }

    /// The entry that an index named, if it is still what the index says and shall be shown.
    fn show(self, found: &Summary, wanted: &Wanted, known: &Known) -> Option<ServerResponse> {
        let versions = known.get(&found.server_id)?;
        let latest = entry::latest(versions).is_some_and(|latest| latest.version == found.version);
        let version = match &wanted.versions {
            Versions::All => true,
            Versions::Latest => latest,
            Versions::Exactly(version) => found.version == *version,
        };
        let name = entry::name(self.namespace, &found.server_id).to_lowercase();
        let searched = wanted.search.as_ref().is_none_or(|part| name.contains(part));
        let current = versions.iter().find(|one| one.version == found.version && one.status == found.status)?;
        (version && searched).then(|| entry::of(current, self.namespace, latest))?
    }
}
