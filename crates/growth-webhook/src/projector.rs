//! Applying what is stored, in the background.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_db::rows::EventState;
use growth_ingest::{Error, Outcome, Pace, apply_pending, link_waiting_users};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::server::Clock;

/// How often it looks for what other processes stored and did not live to apply, and for users they added.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The pauses after trouble with the database grow from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long one batch may take before its connection is given up.
const PATIENCE: Duration = Duration::from_mins(5);

/// What applies stored events.
pub(crate) struct Projector {
    pub(crate) db: Db,
    /// Woken when something was stored.
    pub(crate) stored: Arc<Notify>,
    /// Wakes others when something was applied.
    pub(crate) applied: Arc<Notify>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
}

impl Projector {
    /// Works until it is told to stop, and then until nothing waits any more or trouble comes up.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pace = Pace::default();
        let mut pause = PAUSES.0;
        loop {
            let stopping = stop.is_cancelled();
            let trouble = self.round(&mut pace).await;
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
    async fn round(&self, pace: &mut Pace) -> Result<(), String> {
        loop {
            let outcomes = within(apply_pending(&self.db, pace)).await?;
            if outcomes.is_empty() {
                break;
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
