//! The time, as it was at the beginning and as it goes on since.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// A clock that was set once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    set_to: DateTime<Utc>,
    since: Instant,
}

impl Clock {
    pub(crate) fn set(now: DateTime<Utc>) -> Self {
        Self { set_to: now, since: Instant::now() }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.set_to + TimeDelta::from_std(self.since.elapsed()).unwrap_or_default()
    }
}
