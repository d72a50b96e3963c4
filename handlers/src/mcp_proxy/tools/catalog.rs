//! The index of this execution environment: built when it is first needed, and again when the registry has changed.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::Index;
use crate::{error::Result, registry::Registry};

/// An index that was built when a change had just been counted is used this long: the registry's index by status, from which
/// it was read, follows the entries with a delay.
const FIRST_AGE: Duration = Duration::from_secs(10);
/// Any other index is used this long at most: changes by people in a console are not counted.
const LONGEST_AGE: Duration = Duration::from_secs(300);

/// The index, once it is built.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    built: Arc<Mutex<Option<Built>>>,
}

#[derive(Debug)]
struct Built {
    index: Arc<Index>,
    /// How often the registry had changed when it was built.
    changes: u64,
    at: Instant,
    longest_age: Duration,
}

impl Catalog {
    /// The index of the tools that can be called now. One small read of a table when there is one already.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub(super) async fn index(&self, registry: &Registry) -> Result<Arc<Index>> {
        let mut built = self.built.lock().await;
        // Read before the entries: what changes in between is seen as a change the next time.
        let changes = registry.changes().await?;
        let same = built.as_ref().filter(|built| built.changes == changes);
        if let Some(built) = same.filter(|built| built.at.elapsed() < built.longest_age) {
            return Ok(built.index.clone());
        }
        let longest_age = if same.is_some() { LONGEST_AGE } else { FIRST_AGE };
        let index = Arc::new(Index::new(registry.called().await?));
        *built = Some(Built { index: index.clone(), changes, at: Instant::now(), longest_age });
        Ok(index)
    }
}
