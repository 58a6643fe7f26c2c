//! Storing what came: one by one while little comes, and as much as is waiting in one commit while much does.
//!
//! Nobody waits for a timer. A writer takes all that queued up while the commits before it were on their way, so
//! the batches grow with the load by themselves.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use growth_db::rows::StripeEventRow;
use growth_db::{Db, Engine, Lane};
use growth_ingest::Kept;
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::refusal::Refusal;

/// Up to so many events at a time are inserted one by one on a server, each on a connection of its own.
const DIRECT: usize = 8;
/// How many writers share what comes beyond that: the fewer, the more each of them takes at a time.
const BULK: usize = 3;
/// How many connections of a pool are left to whoever else works with the database.
const OTHERS: u32 = 4;
/// The most events of one commit.
const BATCH: usize = 500;
/// How long a commit may take before whoever waits for it is told to try again.
const PATIENCE: Duration = Duration::from_secs(10);

/// An event on its way into the database.
struct Job {
    event: StripeEventRow,
    /// The event's share of the memory for bodies, given back when it is stored.
    share: Option<OwnedSemaphorePermit>,
    under_way: OneUnderWay,
    done: oneshot::Sender<Option<Kept>>,
}

/// What stores events.
pub(crate) struct Writers {
    /// For little at a time, and to how much of it; an embedded database has one connection that writes, and only the
    /// other queue.
    direct: (usize, mpsc::Sender<Job>),
    bulk: mpsc::Sender<Job>,
    under_way: Arc<UnderWay>,
    tasks: TaskTracker,
}

impl Writers {
    /// Starts the writers; `stored` is woken whenever something new is in the database.
    pub(crate) fn start(db: &Db, queue: usize, stored: &Arc<Notify>, metrics: &Arc<Metrics>) -> Self {
        let tasks = TaskTracker::new();
        let writers = |number: usize| {
            let (sender, receiver) = mpsc::channel(queue);
            let receiver = Arc::new(Mutex::new(receiver));
            for _ in 0..number {
                let queue = Arc::clone(&receiver);
                tasks.spawn(write(Lane::new(db), queue, Arc::clone(stored), Arc::clone(metrics)));
            }
            (number, sender)
        };
        let (direct, (_, bulk)) = match db.engine() {
            Engine::Sqlite => (writers(0), writers(1)),
            Engine::Postgres => {
                let lanes = usize::try_from(db.connections().saturating_sub(OTHERS)).unwrap_or(1).max(1);
                let bulk = lanes.min(BULK);
                (writers(lanes.saturating_sub(bulk).min(DIRECT)), writers(bulk))
            }
        };
        tasks.close();
        Self { direct, bulk, under_way: Arc::default(), tasks }
    }

    /// Stores an event; it is committed once this returns what became of it.
    pub(crate) async fn keep(
        &self,
        event: StripeEventRow,
        share: Option<OwnedSemaphorePermit>,
    ) -> Result<Kept, Refusal> {
        let under_way = UnderWay::begin(&self.under_way);
        let queue = if under_way.before < self.direct.0 { &self.direct.1 } else { &self.bulk };
        let (done, kept) = oneshot::channel();
        queue.try_send(Job { event, share, under_way, done }).map_err(|_| Refusal::Busy)?;
        let kept = timeout(PATIENCE, kept).await;
        kept.ok().and_then(Result::ok).flatten().ok_or(Refusal::NotStored)
    }

    /// How many events are on their way into the database.
    pub(crate) fn under_way(&self) -> &Arc<UnderWay> {
        &self.under_way
    }

    /// Ends the writers after what is queued is stored. Nobody may be calling [`Writers::keep`] any more.
    pub(crate) async fn finish(self) {
        let Self { direct, bulk, tasks, .. } = self;
        drop((direct, bulk));
        tasks.wait().await;
    }
}

/// How many events are on their way into the database.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(AtomicUsize);

impl UnderWay {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(all: &Arc<Self>) -> OneUnderWay {
        OneUnderWay { before: all.0.fetch_add(1, Ordering::Relaxed), all: Arc::clone(all) }
    }
}

/// Counts one event as long as it is on its way.
struct OneUnderWay {
    all: Arc<UnderWay>,
    before: usize,
}

impl Drop for OneUnderWay {
    fn drop(&mut self) {
        self.all.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn write(
    mut lane: Lane,
    queue: Arc<Mutex<mpsc::Receiver<Job>>>,
    stored: Arc<Notify>,
    metrics: Arc<Metrics>,
) {
    let mut jobs = Vec::new();
    // Whoever waits for the next event holds the queue, and leaves it with all that is in it.
    while queue.lock().await.recv_many(&mut jobs, BATCH).await > 0 {
        let (events, waiting): (Vec<_>, Vec<_>) =
            jobs.drain(..).map(|job| (job.event, (job.done, job.share, job.under_way))).unzip();
        // A mistake in our code costs these events another try, not the writer.
        let kept = AssertUnwindSafe(keep_all(&mut lane, &events, &metrics)).catch_unwind().await;
        let kept = kept.unwrap_or_else(|_| vec![None; events.len()]);
        stored.notify_one();
        for ((done, ..), kept) in waiting.into_iter().zip(kept) {
            // Whoever has stopped waiting is sent the event again.
            let _ = done.send(kept);
        }
    }
}

/// Stores events together; where one of them is at fault, one by one.
async fn keep_all(lane: &mut Lane, events: &[StripeEventRow], metrics: &Metrics) -> Vec<Option<Kept>> {
    match keep(lane, events, metrics).await {
        Ok(kept) => kept.into_iter().map(Some).collect(),
        Err(Trouble::Event) if events.len() > 1 => {
            let mut kept = Vec::new();
            for event in events {
                match keep(lane, std::slice::from_ref(event), metrics).await {
                    Ok(one) => kept.push(one.first().copied()),
                    Err(Trouble::Event) => kept.push(None),
                    Err(Trouble::Database) => break,
                }
            }
            kept.resize(events.len(), None);
            kept
        }
        Err(_) => vec![None; events.len()],
    }
}

/// Whose fault it is that events were not stored.
enum Trouble {
    /// That of one of them.
    Event,
    /// The database's.
    Database,
}

/// Stores events. Where the connection was kept from before and turns out to be dead, it tries a new one: to store
/// an event twice is to store it once.
async fn keep(lane: &mut Lane, events: &[StripeEventRow], metrics: &Metrics) -> Result<Vec<Kept>, Trouble> {
    metrics.batch(events.len());
    loop {
        let (trouble, may_be_dead, problem) = match timeout(PATIENCE, try_to_keep(lane, events)).await {
            Ok(Ok(kept)) => {
                metrics.database(true);
                return Ok(kept);
            }
            // What is wrong may quote the event.
            Ok(Err((error, _))) if error.is_about_data() => {
                (Trouble::Event, false, "refused as data".to_owned())
            }
            Ok(Err((error, kept_from_before))) => (Trouble::Database, kept_from_before, error.to_string()),
            Err(_) => (Trouble::Database, false, format!("no answer within {} s", PATIENCE.as_secs())),
        };
        if matches!(trouble, Trouble::Database) {
            lane.give_up();
        }
        if !may_be_dead {
            metrics.database(matches!(trouble, Trouble::Event));
            tracing::error!(events = events.len(), problem, "events were not stored");
            return Err(trouble);
        }
    }
}

/// Stores events; an error comes with whether the connection was an old one.
async fn try_to_keep(
    lane: &mut Lane,
    events: &[StripeEventRow],
) -> Result<Vec<Kept>, (growth_ingest::Error, bool)> {
    let kept_from_before = lane.open().await.map_err(|error| (error.into(), false))?;
    growth_ingest::keep(lane, events).await.map_err(|error| (error, kept_from_before))
}
