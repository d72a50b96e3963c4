//! Moments whose distance is known even if the environment was frozen in between.

use std::time::{Duration, Instant, SystemTime};

/// A moment in the past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Time since then. The monotonic clock may stand still while Lambda freezes the environment, the wall clock may be set: the
    /// longer one counts.
    pub(crate) fn elapsed(&self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }

    /// A moment after which the environment was frozen, for that long: the monotonic clock knows nothing of it.
    #[cfg(test)]
    pub(crate) fn before_freeze(frozen: Duration) -> Self {
        Self { wall: SystemTime::now().checked_sub(frozen).unwrap(), ..Self::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_went_on_counts() {
        let hour = Duration::from_secs(3600);
        assert!(Moment::now().elapsed() < hour);
        assert!(Moment::before_freeze(hour).elapsed() >= hour);
        let set_back = Moment { wall: SystemTime::now() + hour, ..Moment::now() };
        assert!(set_back.elapsed() < hour);
    }
}
