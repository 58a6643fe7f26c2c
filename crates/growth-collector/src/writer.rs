//! From requests into the database: whatever waits while the last commit is on its way goes into the next one.

use std::sync::Arc;

use growth_db::Db;
use growth_track::{Batch, Counting, Error, Event, Identity, Recorded, Settings, Written, write};
use tokio::sync::{mpsc, oneshot};

use crate::answer::Refusal;
use crate::stats::Stats;

/// How many requests may wait; more are told to come back.
const QUEUE: usize = 1024;
/// How many calls are stored in one transaction, but for a request's that has more.
const AT_ONCE: usize = 2000;

/// What one request tells, with the positions that its calls have in it.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) events: Vec<Event>,
    pub(crate) event_positions: Vec<usize>,
    pub(crate) identities: Vec<Identity>,
    pub(crate) identity_positions: Vec<usize>,
}

impl Load {
    fn len(&self) -> usize {
        self.events.len() + self.identities.len()
    }
}

/// The position and what is wrong with each call that is refused.
pub(crate) type Rejected = Vec<(usize, String)>;

struct Job {
    load: Load,
    done: oneshot::Sender<Result<Rejected, Refusal>>,
}

/// The way into the database. When the last one of it is gone, what waits is stored and the task ends.
#[derive(Clone, Debug)]
pub(crate) struct Writer(mpsc::Sender<Job>);

impl Writer {
    pub(crate) fn start(
        db: Db,
        settings: impl Fn() -> Settings + Send + Sync + 'static,
        stats: Arc<Stats>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(run(db, settings, stats, receiver));
        Self(sender)
    }

    /// Stores what a request tells; returns after the commit.
    pub(crate) async fn store(&self, load: Load) -> Result<Rejected, Refusal> {
        let (done, outcome) = oneshot::channel();
        self.0.try_send(Job { load, done }).map_err(|_| Refusal::Busy)?;
        outcome.await.unwrap_or(Err(Refusal::NotStored))
    }
}

async fn run(db: Db, settings: impl Fn() -> Settings, stats: Arc<Stats>, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.recv().await {
        let mut size = first.load.len();
        let mut jobs = vec![first];
        while size < AT_ONCE {
            let Ok(next) = queue.try_recv() else { break };
            size += next.load.len();
            jobs.push(next);
        }
        store(&db, &settings(), &stats, jobs).await;
    }
}

/// Stores jobs together; where that fails because of what one of them brings, each by itself.
async fn store(db: &Db, settings: &Settings, stats: &Stats, mut jobs: Vec<Job>) {
    let mut all = Load::default();
    let mut sizes = Vec::with_capacity(jobs.len());
    for job in &mut jobs {
        sizes.push((job.load.identities.len(), job.load.events.len()));
        all.identities.append(&mut job.load.identities);
        all.events.append(&mut job.load.events);
    }
    match store_all(db, &all, settings).await {
        Ok(written) => {
            stats.add(&written);
            answer(jobs, &sizes, &written);
        }
        Err(error) if is_about_data(&error) => {
            let (mut identities, mut events) = (all.identities.into_iter(), all.events.into_iter());
            for (job, (of_identities, of_events)) in jobs.into_iter().zip(sizes) {
                let own = Load {
                    identities: identities.by_ref().take(of_identities).collect(),
                    events: events.by_ref().take(of_events).collect(),
                    ..Load::default()
                };
                let outcome = one_by_one(db, settings, stats, own, &job.load).await;
                // Nobody may be waiting any more.
                let _ = job.done.send(outcome);
            }
        }
        Err(error) => refuse(jobs, &error),
    }
}

/// Stores what is told. Where the database counts by something else than the settings say, it is right: a server that
/// was started with other settings is no reason to lose events.
async fn store_all(db: &Db, load: &Load, settings: &Settings) -> Result<Written, Error> {
    let batch = Batch { identities: &load.identities, events: &load.events, usage: &[] };
    match write(db, batch, settings).await {
        Err(error @ (Error::TimeZone { .. } | Error::ActivationEvent { .. })) => {
            tracing::error!(problem = %error, "the settings are not those of the database, which count");
            write(db, batch, &Settings { counting: Counting::default(), ..settings.clone() }).await
        }
        written => written,
    }
}

/// Stores the calls of a request each by itself, since one of them is such that the database refuses it.
async fn one_by_one(
    db: &Db,
    settings: &Settings,
    stats: &Stats,
    own: Load,
    positions: &Load,
) -> Result<Rejected, Refusal> {
    let identities = own.identities.into_iter().zip(&positions.identity_positions);
    let identities =
        identities.map(|(identity, at)| (Load { identities: vec![identity], ..Load::default() }, *at));
    let events = own.events.into_iter().zip(&positions.event_positions);
    let events = events.map(|(event, at)| (Load { events: vec![event], ..Load::default() }, *at));
    let mut rejected = Vec::new();
    for (one, position) in identities.chain(events) {
        match store_all(db, &one, settings).await {
            Ok(written) => {
                stats.add(&written);
                let problems = written.identities.rejected.into_iter().chain(written.events.rejected);
                rejected.extend(problems.map(|(_, problem)| (position, problem)));
            }
            Err(error) if is_about_data(&error) => {
                stats.reject(1);
                rejected.push((position, "the database cannot hold this".to_owned()));
            }
            Err(error) => {
                tracing::error!(problem = %error, "events were not stored");
                return Err(Refusal::NotStored);
            }
        }
    }
    Ok(rejected)
}

fn is_about_data(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.is_about_data())
}

fn refuse(jobs: Vec<Job>, error: &Error) {
    tracing::error!(problem = %error, requests = jobs.len(), "events were not stored");
    for job in jobs {
        // Nobody may be waiting any more.
        let _ = job.done.send(Err(Refusal::NotStored));
    }
}

/// Tells each job what became of its part.
fn answer(jobs: Vec<Job>, sizes: &[(usize, usize)], written: &Written) {
    let (mut identities, mut events) = (0, 0);
    for (job, (of_identities, of_events)) in jobs.into_iter().zip(sizes) {
        let mut rejected = Vec::new();
        part(&written.identities, identities, &job.load.identity_positions, &mut rejected);
        part(&written.events, events, &job.load.event_positions, &mut rejected);
        (identities, events) = (identities + of_identities, events + of_events);
        // A client that broke off was told nothing, and will send again.
        let _ = job.done.send(Ok(rejected));
    }
}

/// What was rejected of the calls that begin at `first`, by their positions in the request.
fn part(recorded: &Recorded, first: usize, positions: &[usize], rejected: &mut Rejected) {
    for (index, problem) in &recorded.rejected {
        if let Some(position) = index.checked_sub(first).and_then(|own| positions.get(own)) {
            rejected.push((*position, problem.clone()));
        }
    }
}
