//! The rate at which requests begin.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Lets one request begin at a time, evenly spaced.
///
/// Evenly and not in bursts: Stripe counts within each second, and whatever else
/// uses the account needs its share of every one of them.
#[derive(Debug)]
pub(crate) struct Limiter {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Limiter {
    pub(crate) fn new(requests_per_second: u32) -> Self {
        let gap = Duration::from_secs(1) / requests_per_second.max(1);
        Self { gap, next: Mutex::new(Instant::now()) }
    }

    /// Waits for the caller's turn.
    pub(crate) async fn turn(&self) {
        let turn = {
            let mut next = self.next();
            let turn = (*next).max(Instant::now());
            *next = turn + self.gap;
            turn
        };
        sleep_until(turn).await;
    }

    /// Lets nobody begin for a while, for the limit is everybody's.
    pub(crate) fn hold(&self, pause: Duration) {
        let mut next = self.next();
        let until = Instant::now().checked_add(pause);
        *next = until.map_or(*next, |until| until.max(*next));
    }

    fn next(&self) -> MutexGuard<'_, Instant> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
