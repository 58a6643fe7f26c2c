//! Recording from inside an application, without waiting for the database.

mod helpers;
mod worker;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

pub use helpers::ExportFormat;

use crate::accepted::Accepted;
use crate::counting::Counting;
use crate::digest;
use crate::error::Error;
use crate::event::{Context, Event, Usage};
use crate::usage::Increment;
use worker::{Flush, Inbox, Message};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a [`Tracker`] keeps to.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:///path/to/file.db` or `postgres://user:password@host/database`, whose migrations are applied.
    pub database_url: String,
    /// Which application of the product events are of, where they do not say.
    pub app: String,
    /// Who sends them, where they do not say.
    pub source: String,
    /// By what events are counted.
    pub counting: Counting,
    /// Whether addresses are stored as they are, instead of a hash whose salt lives for a day.
    pub store_ip: bool,
    /// How many events and increments may wait; more are refused with [`TrackError::Full`].
    pub capacity: usize,
    /// How many are stored in one transaction.
    pub batch: usize,
    /// The longest that one waits for others to be stored with.
    pub linger: Duration,
    /// The longest that a flush, a shutdown or a drop waits for the database.
    pub patience: Duration,
    /// Tells when what is recorded happened.
    pub clock: Clock,
}

impl Options {
    /// The defaults, for this database.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            app: String::new(),
            source: "tracker".to_owned(),
            counting: Counting::default(),
            store_ip: false,
            capacity: 10_000,
            batch: 500,
            linger: Duration::from_secs(1),
            patience: Duration::from_secs(10),
            clock: system_clock(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "an application that records as it goes lives in the present")]
fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("database", &growth_db::connect::without_password(&self.database_url))
            .field("app", &self.app)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Why something was not taken to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// It cannot be stored, whatever happens; the words say why.
    #[error("{0}")]
    Invalid(String),
    /// As much is waiting as may: the database does not keep up, or is not there.
    #[error("the queue of the tracker is full")]
    Full,
    /// The tracker was shut down.
    #[error("the tracker is shut down")]
    Closed,
}

/// What was stored since the last flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// How many events and increments are stored and counted.
    pub stored: u64,
    /// How many were stored before.
    pub duplicates: u64,
    /// How many named somebody who was forgotten.
    pub erased: u64,
    /// What is wrong with those that the database had no place for.
    pub rejected: Vec<String>,
}

/// Why not everything is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlushError {
    /// The database did not store some, which wait and are tried again; at a shutdown they are lost.
    #[error("{waiting} events and increments are not stored: {problem}")]
    NotStored {
        /// How many.
        waiting: usize,
        /// The last thing that the database said.
        problem: String,
    },
    /// The tracker was shut down before.
    #[error("the tracker is shut down")]
    Closed,
}

/// Records events and usage from inside an application, on a server.
///
/// What is tracked is checked at once, and stored in the background, many at a time. Clones share one queue, and each
/// may have a [`Context`] of its own. When the last of them is dropped, what waits is stored first; that blocks for as
/// long as [`Options::patience`], so an asynchronous program should rather await [`Tracker::shutdown`].
///
/// ```
/// use growth_track::{Context, Counters, Options, Tracker};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let database_url = format!("sqlite://{}", folder.path().join("growth.db").display());
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let db = growth_db::Db::connect(&database_url).await?;
/// # growth_db::migrate::run(&db).await?;
/// # db.close().await;
/// let tracker = Tracker::connect(Options { app: "finder".into(), ..Options::new(database_url) })?;
/// tracker.user_signed_up("42")?;
/// let request = tracker.with_context(Context { user_agent: Some("Firefox".into()), ..Context::default() });
/// request.enrichment_completed("42", 12, 830)?;
/// request.track(request.event("pitch_generated").user("42").property("tone", "warm"))?;
/// tracker.increment_usage_counter("42", Counters { exports: 1, ..Counters::default() })?;
/// let flushed = tracker.shutdown().await?;
/// assert_eq!(flushed.stored, 4);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tracker {
    inner: Arc<Inner>,
    context: Context,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    outbox: Mutex<Option<Outbox>>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// The ways to the worker, which ends when nobody holds them any more.
#[derive(Clone, Debug)]
struct Outbox {
    queue: mpsc::Sender<Message>,
    flushes: mpsc::UnboundedSender<Flush>,
}

impl Outbox {
    async fn flush(self) -> Result<Flushed, FlushError> {
        let (done, outcome) = oneshot::channel();
        self.flushes.send(done).map_err(|_| FlushError::Closed)?;
        drop(self);
        outcome.await.unwrap_or(Err(FlushError::Closed))
    }
}

impl Tracker {
    /// Opens the database and begins.
    ///
    /// The work is done on a thread of its own, with a connection of its own, so it may be called from anywhere, and
    /// goes on when a runtime ends.
    ///
    /// # Errors
    ///
    /// The database's: where it cannot be opened, or lacks migrations.
    pub fn connect(options: Options) -> Result<Self, Error> {
        let (queue, waiting) = mpsc::channel(options.capacity.max(1));
        let (flushes, asked) = mpsc::unbounded_channel();
        let worker = worker::start(options.clone(), Inbox { queue: waiting, flushes: asked })?;
        let outbox = Mutex::new(Some(Outbox { queue, flushes }));
        let inner = Inner { options, outbox, worker: Mutex::new(Some(worker)) };
        Ok(Self { inner: Arc::new(inner), context: Context::default() })
    }

    /// The same tracker for what happens in one request.
    #[must_use]
    pub fn with_context(&self, context: Context) -> Self {
        Self { inner: Arc::clone(&self.inner), context }
    }

    /// Begins an event that happens now, in this tracker's application and context.
    pub fn event(&self, name: impl Into<String>) -> Event {
        Event::new(name, (self.inner.options.clock)())
            .app(self.inner.options.app.clone())
            .context(self.context.clone())
    }

    /// Takes an event to be stored.
    ///
    /// # Errors
    ///
    /// Why it was not taken. One that was taken is stored, unless [`Tracker::flush`] says otherwise.
    pub fn track(&self, mut event: Event) -> Result<(), TrackError> {
        let options = &self.inner.options;
        if event.source.is_empty() {
            event.source.clone_from(&options.source);
        }
        if event.context == Context::default() {
            event.context = self.context.clone();
        }
        // With an id of its own it can be sent to the database twice, and counts once.
        event.message_id.get_or_insert_with(digest::random);
        Accepted::check(event.clone(), (options.clock)())
            .map_err(|problem| TrackError::Invalid(problem.to_string()))?;
        self.send(Message::Event(Box::new(event)))
    }

    /// Takes an increment of a user's usage counters to be stored.
    ///
    /// # Errors
    ///
    /// Why it was not taken.
    pub fn count(&self, mut usage: Usage) -> Result<(), TrackError> {
        let options = &self.inner.options;
        if usage.source.is_empty() {
            usage.source.clone_from(&options.source);
        }
        usage.message_id.get_or_insert_with(digest::random);
        Increment::check(&usage, (options.clock)()).map_err(TrackError::Invalid)?;
        self.send(Message::Usage(Box::new(usage)))
    }

    /// Waits until everything that was taken so far is stored, and tells what became of it since the last time.
    ///
    /// # Errors
    ///
    /// [`FlushError::NotStored`] where the database does not store it in time; it is tried again by itself.
    pub async fn flush(&self) -> Result<Flushed, FlushError> {
        let outbox = lock(&self.inner.outbox).clone().ok_or(FlushError::Closed)?;
        outbox.flush().await
    }

    /// Stores what waits and ends; clones take nothing any more.
    ///
    /// # Errors
    ///
    /// [`FlushError::NotStored`] where the database does not store it in time; it is lost then.
    pub async fn shutdown(self) -> Result<Flushed, FlushError> {
        let outbox = lock(&self.inner.outbox).take().ok_or(FlushError::Closed)?;
        outbox.flush().await
    }

    fn send(&self, message: Message) -> Result<(), TrackError> {
        let outbox = lock(&self.inner.outbox);
        let sent = outbox.as_ref().ok_or(TrackError::Closed)?.queue.try_send(message);
        sent.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => TrackError::Full,
            mpsc::error::TrySendError::Closed(_) => TrackError::Closed,
        })
    }
}

impl Drop for Inner {
    /// The worker stores what waits, and ends when nobody can send any more.
    fn drop(&mut self) {
        drop(lock(&self.outbox).take());
        if let Some(worker) = lock(&self.worker).take() {
            // A worker that panicked has nothing left to store.
            let _ = worker.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
