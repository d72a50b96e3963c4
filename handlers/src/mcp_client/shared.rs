//! Values that expire, kept between calls. One caller fetches a value while the others that need it wait for him.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use super::error::Failure;

type Cell<T> = Arc<tokio::sync::Mutex<Option<T>>>;

/// Values by key.
pub(super) struct Shared<K, T> {
    cells: Arc<Mutex<HashMap<K, Cell<T>>>>,
}

impl<K, T> Clone for Shared<K, T> {
    fn clone(&self) -> Self {
        Self { cells: Arc::clone(&self.cells) }
    }
}

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self { cells: Arc::default() }
    }
}

impl<K: Eq + Hash, T: Clone> Shared<K, T> {
    /// The value of `key`: the one that is kept if it is good, else what `fetch` brings. A fetch that fails or is dropped
    /// leaves the place to the next caller.
    pub(super) async fn get(
        &self,
        key: K,
        is_good: impl Fn(&T) -> bool,
        fetch: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key).or_default())
        };
        let mut kept = cell.lock().await;
        if let Some(value) = kept.as_ref().filter(|value| is_good(value)) {
            return Ok(value.clone());
        }
        let value = fetch.await?;
        *kept = Some(value.clone());
        Ok(value)
    }
}
