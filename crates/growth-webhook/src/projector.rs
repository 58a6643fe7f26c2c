//! Applying what is stored, in the background.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
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
/// After a batch that was not full there is at least this long, so that what comes in a row is applied together: six
/// events tell of one payment.
const GAP: Duration = Duration::from_millis(40);
/// While events come in faster than one after the other, they go first: for the first of these at most before each
/// batch, and until none did for the second.
const GIVE_WAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(20));
/// How often it looks whether they do.
const LOOK: Duration = Duration::from_millis(5);
/// Where events have waited for longer than this, nobody goes before them any more.
const BEHIND: Duration = Duration::from_secs(5);
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

/// What the projector remembers from batch to batch.
#[derive(Default)]
struct State {
    pace: Pace,
    /// When the last batch was done.
    last: Option<Instant>,
    /// Whether it had waited for too long.
    behind: bool,
}

impl Projector {
    /// Works until it is told to stop, and then until nothing waits any more or trouble comes up.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut state = State::default();
        let mut pause = PAUSES.0;
        loop {
            let stopping = stop.is_cancelled();
            // A mistake in our code costs a round, not all that would have come after it.
            let round = AssertUnwindSafe(self.round(&mut state)).catch_unwind().await;
            let round =
                round.unwrap_or_else(|_| Err("growthctl made a mistake here, please report it".to_owned()));
            if stopping {
                return;
            }
            match round {
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

    /// Applies all that waits, and looks for what waits for new users whenever no event does.
    async fn round(&self, state: &mut State) -> Result<(), String> {
        loop {
            self.give_way(state).await;
            let outcomes = within(apply_pending(&self.db, &mut state.pace)).await?;
            state.behind = false;
            if !outcomes.is_empty() {
                self.tell(&outcomes, state);
                self.applied.notify_one();
                continue;
            }
            match within(link_waiting_users(&self.db)).await {
                Ok(0) => return Ok(()),
                Ok(users) => tracing::debug!(users, "looked for payments of new users"),
                Err(problem) => {
                    tracing::error!(problem, "payments were not given to new users");
                    return Ok(());
                }
            }
        }
    }

    /// Lets a burst of events be stored before it takes the processor and the disk, but never waits for its end.
    async fn give_way(&self, state: &State) {
        if state.behind {
            return;
        }
        if let Some(last) = state.last
            && !state.pace.is_full()
        {
            sleep_until(last + GAP).await;
        }
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

    fn tell(&self, outcomes: &[Outcome], state: &mut State) {
        let now: DateTime<Utc> = (self.clock)();
        state.last = Some(Instant::now());
        for outcome in outcomes {
            let waited = (now - outcome.received_at).to_std().unwrap_or_default();
            state.behind |= waited > BEHIND;
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
