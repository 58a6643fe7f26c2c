//! Applying what is stored, in the background.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_db::rows::EventState;
use growth_ingest::{Error, Outcome, Pace, apply_pending, link_waiting_users};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::server::Clock;
use crate::writers::UnderWay;

/// How often it looks for what other processes stored and did not live to apply, and for users they added.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The pauses after trouble with the database grow from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// After a small batch the next one waits for at least this long, so that what comes in a row is applied
/// together: six events tell of one payment.
const GAP: Duration = Duration::from_millis(40);
/// A batch of so many or more is followed by the next one at once.
const MANY: usize = 100;
/// While events come in faster than one after the other, they go first: for the first of these at most before each
/// batch, and until none did for the second.
const GIVE_WAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(20));
/// How often it looks whether they do.
const LOOK: Duration = Duration::from_millis(5);
/// How long one batch may take before its connection is given up.
const PATIENCE: Duration = Duration::from_mins(5);

/// What applies stored events.
pub(crate) struct Projector {
    pub(crate) db: Db,
    /// Woken when something was stored.
    pub(crate) stored: Arc<Notify>,
    /// Wakes others when something was applied.
    pub(crate) applied: Arc<Notify>,
    /// What is about to be stored.
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
}

impl Projector {
    /// Works until it is told to stop, and then until nothing waits any more or trouble comes up.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pace = Pace::default();
        let mut pause = PAUSES.0;
        let mut last = Instant::now();
        loop {
            let stopping = stop.is_cancelled();
            let trouble = self.round(&mut pace, &mut last).await;
            if stopping {
                return;
            }
            match trouble {
                Ok(()) => {
                    pause = PAUSES.0;
                    tokio::select! {
                        () = self.stored.notified() => {}
                        () = sleep(LOOK_AGAIN) => {}
                        () = stop.cancelled() => {}
                    }
                }
                Err(problem) => {
                    tracing::error!(problem, "stored events cannot be applied for now");
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = stop.cancelled() => {}
                    }
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// Applies all that waits.
    async fn round(&self, pace: &mut Pace, last: &mut Instant) -> Result<(), String> {
        loop {
            self.give_way(*last).await;
            let outcomes = within(apply_pending(&self.db, pace)).await?;
            if outcomes.is_empty() {
                break;
            }
            if outcomes.len() < MANY {
                *last = Instant::now();
            }
            self.tell(&outcomes);
            self.applied.notify_one();
        }
        let users = within(link_waiting_users(&self.db)).await?;
        if users > 0 {
            tracing::debug!(users, "looked for payments of new users");
        }
        Ok(())
    }

    /// Lets a burst of events be stored before it takes the processor and the disk, but never waits for its end.
    async fn give_way(&self, last: Instant) {
        sleep_until(last + GAP).await;
        let (until, mut busy_at) = (Instant::now() + GIVE_WAY.0, None);
        loop {
            let now = Instant::now();
            if self.under_way.count() > 1 {
                busy_at = Some(now);
            }
            // Where nothing else came in from the beginning, there is nothing to wait for.
            if now >= until || busy_at.is_none_or(|at| now - at >= GIVE_WAY.1) {
                return;
            }
            sleep(LOOK).await;
        }
    }

    fn tell(&self, outcomes: &[Outcome]) {
        let now: DateTime<Utc> = (self.clock)();
        for outcome in outcomes {
            let waited = (now - outcome.received_at).to_std().unwrap_or_default();
            self.metrics.projected(outcome.state, waited);
            if outcome.state == EventState::Failed {
                // What is wrong may quote the event, so it is in the database only.
                tracing::error!(
                    event = outcome.id.as_str(),
                    r#type = outcome.event_type.as_str(),
                    "the event is kept, but cannot be applied: stripe_events.last_error says why"
                );
            }
        }
        tracing::debug!(events = outcomes.len(), "applied");
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
