//! The thread that stores what a tracker takes.

use std::future::pending;
use std::sync::mpsc as sync;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use growth_db::connect::Limits;
use growth_db::{Db, migrate};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{FlushError, Flushed, Options};
use crate::batch::{Batch, Once, Recorded, Settings, write};
use crate::error::Error;
use crate::event::{Event, Usage};

/// The pause before a batch that was not stored is tried again, which doubles each time up to the longest.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What a tracker sends to be stored.
#[derive(Debug)]
pub(super) enum Message {
    Event(Box<Event>),
    Usage(Box<Usage>),
}

/// Where what became of a flush is told.
pub(super) type Flush = oneshot::Sender<Result<Flushed, FlushError>>;

/// What comes from trackers. Flushes have a way of their own: a queue that is full because the database is in trouble
/// must not keep them, nor the end, from being heard.
pub(super) struct Inbox {
    pub(super) queue: mpsc::Receiver<Message>,
    pub(super) flushes: mpsc::UnboundedReceiver<Flush>,
}

/// Starts the thread; returns once it has opened the database.
pub(super) fn start(options: Options, inbox: Inbox) -> Result<JoinHandle<()>, Error> {
    let (opened, told) = sync::channel();
    let no_thread = |error: std::io::Error| Error::Database(growth_db::Error::Database(error.into()));
    let worker = thread::Builder::new().name("growth-tracker".to_owned());
    let worker = worker.spawn(move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(opened.send(Err(no_thread(error)))),
        };
        runtime.block_on(async {
            let db = match open(&options).await {
                Ok(db) => db,
                Err(error) => return drop(opened.send(Err(error))),
            };
            // Whoever asked may be gone.
            let _ = opened.send(Ok(()));
            let mut work = Work::new(db, options);
            work.run(inbox).await;
            work.db.close().await;
        });
    });
    let worker = worker.map_err(no_thread)?;
    // A thread that ends without a word has panicked, and joining it tells.
    match told.recv() {
        Ok(Ok(())) => Ok(worker),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(no_thread(std::io::Error::other("the tracker's thread ended"))),
    }
}

async fn open(options: &Options) -> Result<Db, Error> {
    let limits = Limits { connections: 2, patience: options.patience, ..Limits::default() };
    let db = Db::connect_within(&options.database_url, limits).await?;
    migrate::check(&db).await?;
    Ok(db)
}

struct Work {
    db: Db,
    options: Options,
    events: Vec<Event>,
    usage: Vec<Usage>,
    /// When the first of those came.
    since: Option<Instant>,
    /// Before when the database is left alone, since it stored nothing when last asked.
    not_before: Option<Instant>,
    pause: Duration,
    since_flush: Flushed,
    problem: Option<String>,
}

impl Work {
    fn new(db: Db, options: Options) -> Self {
        Self {
            db,
            options,
            events: Vec::new(),
            usage: Vec::new(),
            since: None,
            not_before: None,
            pause: TRY_AGAIN.0,
            since_flush: Flushed::default(),
            problem: None,
        }
    }

    async fn run(&mut self, Inbox { mut queue, mut flushes }: Inbox) {
        loop {
            tokio::select! {
                biased;
                flush = flushes.recv() => {
                    self.store_all(&mut queue).await;
                    let waiting = self.waiting() + queue.len();
                    let Some(done) = flush else { return self.tell_what_is_lost(waiting) };
                    // Whoever asked may be gone.
                    let _ = done.send(self.flushed(waiting));
                }
                () = self.gather(&mut queue) => self.store_or_wait().await,
            }
        }
    }

    fn tell_what_is_lost(&mut self, lost: usize) {
        if lost > 0 {
            let problem = self.problem.take().unwrap_or_default();
            tracing::error!(lost, problem, "the tracker ended before all was stored");
        }
    }

    fn waiting(&self) -> usize {
        self.events.len() + self.usage.len()
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.events.push(*event),
            Message::Usage(usage) => self.usage.push(*usage),
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// Takes from the queue until there is enough to store, or the first has waited for long enough, and the database
    /// may be asked again.
    async fn gather(&mut self, queue: &mut mpsc::Receiver<Message>) {
        while self.waiting() < self.options.batch {
            let due = self.since.map(|since| since + self.options.linger);
            let next = match due.max(self.not_before) {
                Some(until) if due.is_some() => timeout_at(until, queue.recv()).await.ok(),
                _ => Some(queue.recv().await),
            };
            match next {
                Some(Some(message)) => self.take(message),
                // Nobody is there to send more, which the end of flushes tells as well.
                Some(None) => return pending().await,
                None => return,
            }
        }
        if let Some(until) = self.not_before {
            sleep_until(until).await;
        }
    }

    fn flushed(&mut self, waiting: usize) -> Result<Flushed, FlushError> {
        match waiting {
            0 => Ok(std::mem::take(&mut self.since_flush)),
            waiting => {
                Err(FlushError::NotStored { waiting, problem: self.problem.clone().unwrap_or_default() })
            }
        }
    }

    /// Tries until all that was sent is stored, or the patience is over.
    async fn store_all(&mut self, queue: &mut mpsc::Receiver<Message>) {
        let until = Instant::now() + self.options.patience;
        let mut pause = TRY_AGAIN.0;
        loop {
            while self.waiting() < self.options.batch
                && let Ok(message) = queue.try_recv()
            {
                self.take(message);
            }
            if self.waiting() == 0 {
                return;
            }
            if self.store_by(until).await {
                continue;
            }
            if Instant::now() + pause >= until {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(TRY_AGAIN.1);
        }
    }

    /// Stores what waits, or leaves the database alone for a while.
    async fn store_or_wait(&mut self) {
        if self.store_by(Instant::now() + self.options.patience).await {
            return;
        }
        let problem = self.problem.clone().unwrap_or_default();
        tracing::warn!(waiting = self.waiting(), problem, "events were not stored and will be tried again");
        self.not_before = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(TRY_AGAIN.1);
    }

    /// Stores what waits; returns whether that worked before this time.
    async fn store_by(&mut self, until: Instant) -> bool {
        if let Ok(is_stored) = timeout_at(until, self.store()).await {
            return is_stored;
        }
        self.problem.get_or_insert_with(|| "the database did not answer in time".to_owned());
        false
    }

    /// Stores what waits; returns whether that worked.
    async fn store(&mut self) -> bool {
        let settings = Settings {
            counting: self.options.counting.clone(),
            once: Once::Key,
            store_ip: self.options.store_ip,
            ..Settings::new((self.options.clock)())
        };
        let batch = Batch { identities: &[], events: &self.events, usage: &self.usage };
        match write(&self.db, batch, &settings).await {
            Ok(written) => {
                self.events.clear();
                self.usage.clear();
                (self.since, self.not_before, self.pause, self.problem) = (None, None, TRY_AGAIN.0, None);
                self.add(written.events);
                self.add(written.usage);
                true
            }
            Err(error) => {
                self.problem = Some(error.to_string());
                false
            }
        }
    }

    fn add(&mut self, recorded: Recorded) {
        self.since_flush.stored += recorded.stored as u64;
        self.since_flush.duplicates += recorded.duplicates as u64;
        self.since_flush.erased += recorded.erased as u64;
        self.since_flush.rejected.extend(recorded.rejected.into_iter().map(|(_, problem)| problem));
    }
}
