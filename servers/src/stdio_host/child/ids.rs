//! The host's own ids.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Gives out numbers that are never used twice, as ids of requests and as progress tokens, whatever child they go to: an answer
/// that comes too late can be taken for no other.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids(Arc<AtomicU64>);

impl Ids {
    /// A number that was not there before.
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}
