//! The thread that stores what a tracker takes.

use std::sync::mpsc as sync;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use growth_db::connect::Limits;
use growth_db::{Db, migrate};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::{FlushError, Flushed, Options};
use crate::batch::{Batch, Once, Recorded, Settings, write};
use crate::error::Error;
use crate::event::{Event, Usage};

/// The pause before a batch that was not stored is tried again, which doubles each time up to the longest.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What a tracker sends.
#[derive(Debug)]
pub(super) enum Message {
    Event(Box<Event>),
    Usage(Box<Usage>),
    Flush(oneshot::Sender<Result<Flushed, FlushError>>),
}

/// Starts the thread; returns once it has opened the database.
pub(super) fn start(options: Options, queue: mpsc::Receiver<Message>) -> Result<JoinHandle<()>, Error> {
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
            work.run(queue).await;
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
    let limits = Limits { connections: 2, patience: options.patience };
    let db = Db::connect_within(&options.database_url, limits).await?;
    migrate::check(&db).await?;
    Ok(db)
}

struct Work {
    db: Db,
    options: Options,
    events: Vec<Event>,
    usage: Vec<Usage>,
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
            since_flush: Flushed::default(),
            problem: None,
        }
    }

    async fn run(&mut self, mut queue: mpsc::Receiver<Message>) {
        let mut pause = TRY_AGAIN.0;
        loop {
            let is_open = self.gather(&mut queue).await;
            if !is_open {
                self.store_within(self.options.patience).await;
                if self.waiting() > 0 {
                    let problem = self.problem.take().unwrap_or_default();
                    tracing::error!(
                        lost = self.waiting(),
                        problem,
                        "the tracker ended before all was stored"
                    );
                }
                return;
            }
            if self.store().await {
                pause = TRY_AGAIN.0;
                continue;
            }
            let problem = self.problem.clone().unwrap_or_default();
            tracing::warn!(
                waiting = self.waiting(),
                problem,
                "events were not stored and will be tried again"
            );
            sleep(pause).await;
            pause = (pause * 2).min(TRY_AGAIN.1);
        }
    }

    fn waiting(&self) -> usize {
        self.events.len() + self.usage.len()
    }

    /// Takes from the queue until there is enough to store, or the first has waited for long enough. Returns whether
    /// anything can still come.
    async fn gather(&mut self, queue: &mut mpsc::Receiver<Message>) -> bool {
        let mut until = (self.waiting() > 0).then(Instant::now);
        while self.waiting() < self.options.batch {
            let next = match until {
                Some(until) => match timeout_at(until, queue.recv()).await {
                    Ok(next) => next,
                    Err(_) => return true,
                },
                None => queue.recv().await,
            };
            match next {
                Some(Message::Event(event)) => self.events.push(*event),
                Some(Message::Usage(usage)) => self.usage.push(*usage),
                Some(Message::Flush(done)) => {
                    self.store_within(self.options.patience).await;
                    // Whoever asked may be gone.
                    let _ = done.send(self.flushed());
                }
                None => return false,
            }
            if self.waiting() > 0 {
                until.get_or_insert(Instant::now() + self.options.linger);
            } else {
                until = None;
            }
        }
        true
    }

    fn flushed(&mut self) -> Result<Flushed, FlushError> {
        match self.waiting() {
            0 => Ok(std::mem::take(&mut self.since_flush)),
            waiting => {
                Err(FlushError::NotStored { waiting, problem: self.problem.clone().unwrap_or_default() })
            }
        }
    }

    /// Tries until all is stored, or the time is over.
    async fn store_within(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut pause = TRY_AGAIN.0;
        while self.waiting() > 0 {
            match timeout_at(until, self.store()).await {
                Ok(false) if Instant::now() + pause < until => sleep(pause).await,
                Ok(_) => return,
                Err(_) => {
                    self.problem.get_or_insert_with(|| "the database did not answer in time".to_owned());
                    return;
                }
            }
            pause = (pause * 2).min(TRY_AGAIN.1);
        }
    }

    /// Stores what waits; returns whether that worked.
    async fn store(&mut self) -> bool {
        if self.waiting() == 0 {
            return true;
        }
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
                self.problem = None;
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
