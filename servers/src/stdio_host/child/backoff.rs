//! How long a server that fails is left alone.

use std::time::{Duration, SystemTime};

use super::Failure;

/// The first failure costs nothing: servers die of one bad call. From the second in a row on each wait is twice the one before.
const SECOND: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// A longer wait is not worth the time of an invocation: its caller is told.
const WORTH_WAITING: Duration = Duration::from_secs(1);

/// Failures in a row, and when the server may be started again. Wall-clock time: the environment may have been frozen.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    not_before: SystemTime,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { failures: 0, not_before: SystemTime::UNIX_EPOCH }
    }

    /// The server failed; `proven` if it had answered a call since it was started.
    pub(super) fn failed(&mut self, proven: bool) {
        self.failures = if proven { 1 } else { self.failures.saturating_add(1) };
        let wait = match self.failures.checked_sub(2) {
            None => Duration::ZERO,
            Some(doublings) => SECOND.saturating_mul(1 << doublings.min(16)).min(LONGEST),
        };
        self.not_before = SystemTime::now() + wait;
    }

    /// How long to wait before the next start.
    ///
    /// # Errors
    /// [`Failure::BackingOff`] when that is too long.
    pub(super) fn wait(&self) -> Result<Duration, Failure> {
        // A clock that was set back must not make the wait longer than it ever is.
        let wait = self.not_before.duration_since(SystemTime::now()).unwrap_or_default().min(LONGEST);
        if wait > WORTH_WAITING {
            return Err(Failure::BackingOff { failures: self.failures, retry_in: wait });
        }
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_costs_nothing_and_the_next_ones_more_and_more() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.wait(), Ok(Duration::ZERO));
        backoff.failed(false);
        assert_eq!(backoff.wait(), Ok(Duration::ZERO));
        for expected in [100, 200, 400, 800] {
            backoff.failed(false);
            let wait = backoff.wait().unwrap().as_millis();
            assert!((expected - 50..=expected).contains(&wait), "{wait}");
        }
        for _ in 0..40 {
            backoff.failed(false);
            assert!(matches!(backoff.wait(), Err(Failure::BackingOff { retry_in, .. }) if retry_in <= LONGEST));
        }
        backoff.failed(true);
        assert_eq!(backoff.wait(), Ok(Duration::ZERO));
    }
}
