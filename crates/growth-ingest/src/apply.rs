//! Stored events into the tables: those that wait, and those that are to be applied again.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use growth_db::rows::inbox::{self, EventKey, EventState, Filter, Settled, StripeEventRow};
use growth_db::{Db, Tx, migrate};
use growth_domain::pricing::Policy;

use crate::error::Error;
use crate::forgotten;
use crate::intake::key;
use crate::project::{self, Facts};
use crate::told::Told;

/// How many events, and how many bytes of them, are applied in one transaction.
const MOST: usize = 1000;
const BYTES: usize = 4 << 20;

/// What became of a stored event that was applied or tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its id.
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Applied, ignored or failed.
    pub state: EventState,
    /// Why it failed, and what it shows in part only.
    pub problems: Vec<String>,
}

/// How many events are applied at a time: fewer after one of them broke its transaction, until it is found.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    most: usize,
    full: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { most: MOST, full: false }
    }
}

impl Pace {
    /// Whether the last events were as many as are applied at a time, so that more may wait already.
    pub fn is_full(self) -> bool {
        self.full
    }
}

/// Applies the events that wait longest, in one transaction; none when none waits.
///
/// An event that cannot be applied becomes failed and stops nobody. Several processes may do this on one database:
/// each event is applied by one of them. An error is the database's, or that of a schema which is not this program's;
/// nothing is lost by it, and trying again later is right.
pub async fn apply_pending(db: &Db, pace: &mut Pace) -> Result<Vec<Outcome>, Error> {
    if !inbox::any_pending(db).await? {
        return Ok(Vec::new());
    }
    Ok(next(db, &Selection::Pending, pace).await?.0)
}

/// Applies stored events again, all that a filter means.
#[derive(Debug)]
pub struct Again {
    filter: Filter,
    after: EventKey,
    pace: Pace,
}

impl Again {
    /// Begins with the first of the events that `filter` means.
    pub fn new(filter: Filter) -> Self {
        Self { filter, after: EventKey::default(), pace: Pace::default() }
    }

    /// Applies the next of them, in one transaction; none when there are no more.
    pub async fn next(&mut self, db: &Db) -> Result<Vec<Outcome>, Error> {
        let selection = Selection::Stored { filter: &self.filter, after: &self.after };
        let (outcomes, last) = next(db, &selection, &mut self.pace).await?;
        if let Some(last) = last {
            self.after = last;
        }
        Ok(outcomes)
    }
}

/// Which events are next.
enum Selection<'a> {
    Pending,
    Stored { filter: &'a Filter, after: &'a EventKey },
}

impl Selection<'_> {
    async fn rows(&self, tx: &mut Tx, most: usize) -> Result<Vec<StripeEventRow>, growth_db::Error> {
        match self {
            Self::Pending => inbox::pending(tx, most, BYTES).await,
            Self::Stored { filter, after } => inbox::stored(tx, filter, after, most, BYTES).await,
        }
    }
}

/// Applies the next events and returns what became of them, with the key of the last one.
async fn next(
    db: &Db,
    selection: &Selection<'_>,
    pace: &mut Pace,
) -> Result<(Vec<Outcome>, Option<EventKey>), Error> {
    loop {
        let mut tx = db.begin().await?;
        let policy = project::lock(&mut tx).await?;
        let rows = selection.rows(&mut tx, pace.most).await?;
        let last = rows.last().map(key);
        // A mistake in our code costs the event that shows it, not the process.
        let applied = AssertUnwindSafe(apply(tx, policy, &rows)).catch_unwind().await;
        let applied = applied.unwrap_or_else(|panic| Err(Error::Mistake(words(panic.as_ref()))));
        match (applied, &rows[..]) {
            (Ok(outcomes), _) => {
                pace.full = rows.len() == pace.most || bytes(&rows) >= BYTES;
                pace.most = (pace.most * 2).min(MOST);
                return Ok((outcomes, last));
            }
            (Err(error), [row]) if error.is_about_data() => {
                // A program that is older than the schema is itself at fault.
                migrate::check(db).await?;
                pace.most = MOST;
                return Ok((vec![give_up(db, row, &error).await?], last));
            }
            (Err(error), [_, _, ..]) if error.is_about_data() => pace.most = rows.len() / 2,
            (Err(error), _) => {
                // It may have been too much for the server's patience.
                pace.most = (rows.len() / 2).max(1);
                return Err(error);
            }
        }
    }
}

fn bytes(rows: &[StripeEventRow]) -> usize {
    rows.iter().map(|row| row.payload.len()).sum()
}

async fn apply(mut tx: Tx, policy: Policy, rows: &[StripeEventRow]) -> Result<Vec<Outcome>, Error> {
    let mut facts = Facts::default();
    let (mut outcomes, mut settled) = (Vec::new(), Vec::new());
    for row in rows {
        let told = Told::by_row(row);
        if told.state != EventState::Applied || row.state != told.state.as_str() {
            settled.push(settle(row, told.state, told.error.clone()));
        }
        facts.add(row.account.clone(), row.livemode, told.facts);
        outcomes.push(outcome(row, told.state, told.error.into_iter().chain(told.incomplete).collect()));
    }
    facts.apply(&mut tx, policy).await?;
    inbox::settle(&mut tx, &settled).await?;
    forgotten::make_documents_impersonal(&mut tx, rows).await?;
    tx.commit().await?;
    Ok(outcomes)
}

/// Marks an event as failed that could be read, but not be stored in the tables.
async fn give_up(db: &Db, row: &StripeEventRow, error: &Error) -> Result<Outcome, Error> {
    let why = format!("{} ({}): {error}", row.id, row.event_type);
    let mut tx = db.begin().await?;
    project::lock(&mut tx).await?;
    inbox::settle(&mut tx, &[settle(row, EventState::Failed, Some(why.clone()))]).await?;
    tx.commit().await?;
    Ok(outcome(row, EventState::Failed, vec![why]))
}

fn settle(row: &StripeEventRow, state: EventState, last_error: Option<String>) -> Settled {
    let (account, livemode, id) = key(row);
    Settled { account, livemode, id, attempts: row.attempts, state: state.as_str(), last_error }
}

fn outcome(row: &StripeEventRow, state: EventState, problems: Vec<String>) -> Outcome {
    Outcome {
        id: row.id.clone(),
        event_type: row.event_type.clone(),
        received_at: row.received_at,
        state,
        problems,
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
}
