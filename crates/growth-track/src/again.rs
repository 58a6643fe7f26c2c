//! Raw events read back: counted again, pruned, forgotten.
//!
//! A rollup is what is kept of events that are gone and what the raw events give. Whoever takes raw events away adds
//! what they gave to what is kept, in the same transaction.

use chrono::{DateTime, Datelike, Days, NaiveDate, SubsecRound, TimeDelta, Utc};
use growth_db::rows::events::{self, Pieces, Which};
use growth_db::rows::users as directory;
use growth_db::rows::{ActivityRow, DailyEventRow, MilestoneRow, settings, visitors};
use growth_db::{Db, Error as DbError, Tx, table};

use crate::counting::{self, Counting, DEFAULT_ACTIVATION_EVENT, Held};
use crate::error::Error;
use crate::rollups::Rollups;

/// How many events are read at a time.
const AT_A_TIME: u32 = 20_000;
/// How many rows of users are gathered before they are stored: as few as may be have to be written twice.
const USERS_AT_A_TIME: usize = 100_000;

/// For how long the ids of messages are kept: longer than any client tries again.
const RECEIPTS: TimeDelta = TimeDelta::days(30);

/// What [`rebuild`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many raw events were counted.
    pub events: u64,
    /// The zone whose days are counted now.
    pub time_zone: String,
    /// The event that activates a user now.
    pub activation_event: String,
    /// The instant before which raw events are gone, so that their part of the rollups stayed as it was.
    pub pruned_before: Option<DateTime<Utc>>,
}

/// Counts all raw events again, from now on as `counting` says, in one transaction that keeps everybody else from
/// storing events.
///
/// `progress` is told how many events are counted, of how many.
///
/// # Errors
///
/// The database's; nothing has changed then.
pub async fn rebuild(
    db: &Db,
    counting: &Counting,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rebuilt, Error> {
    let mut tx = db.begin().await?;
    let mut tracking = settings::lock_tracking(&mut tx).await?;
    if let Some(zone) = counting.time_zone {
        counting::set_time_zone(&mut tx, &mut tracking, zone).await?;
    }
    let known = Some(tracking.activation_event.clone()).filter(|event| !event.is_empty());
    let event = counting.activation_event.clone().or(known);
    let event = event.unwrap_or_else(|| DEFAULT_ACTIVATION_EVENT.to_owned());
    counting::set_activation_event(&mut tx, &mut tracking, &event).await?;
    let held = Held::read(&tracking)?;
    table::begin_again::<ActivityRow>(&mut tx).await?;
    table::begin_again::<DailyEventRow>(&mut tx).await?;
    table::begin_again::<MilestoneRow>(&mut tx).await?;
    let total = events::count(&mut tx, Which::All).await?;
    let mut rollups = Rollups::new(held.time_zone, &held.activation_event);
    let mut reading = Reading::new(Which::All);
    while reading.next(&mut tx, &mut rollups).await? {
        if rollups.users() >= USERS_AT_A_TIME {
            rollups.store_users(&mut tx).await?;
        }
        progress(reading.events, total.max(reading.events));
    }
    rollups.store(&mut tx).await?;
    tx.commit().await?;
    Ok(Rebuilt {
        events: reading.events,
        time_zone: tracking.time_zone.clone(),
        activation_event: tracking.activation_event.clone(),
        pruned_before: held.pruned_before,
    })
}

/// What [`prune`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The first day of the UTC month before which no raw events are left.
    pub before: NaiveDate,
    /// How many raw events are gone.
    pub events: u64,
    /// How many ids of messages are forgotten.
    pub receipts: u64,
}

/// The first day of the first UTC month that is not wholly before `instant`.
pub fn month_of_pruning(instant: DateTime<Utc>) -> NaiveDate {
    let day = instant.date_naive();
    day.with_day(1).unwrap_or(day)
}

/// How many raw events [`prune`] would take away.
///
/// # Errors
///
/// The database's.
pub async fn prunable(db: &Db, older_than: DateTime<Utc>) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    Ok(events::count(&mut tx, Which::Before(start(month_of_pruning(older_than)))).await?)
}

/// Takes away the raw events of all UTC months that ended by `older_than`, and ids of messages that nobody sends
/// again; the rollups stay as they are. On Postgres, whole partitions are dropped.
///
/// Events for those months are refused from now on. `progress` is told how many events are looked through, of how many.
///
/// # Errors
///
/// The database's; nothing has changed then.
pub async fn prune(
    db: &Db,
    older_than: DateTime<Utc>,
    now: DateTime<Utc>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Pruned, Error> {
    let before = month_of_pruning(older_than);
    let mut tx = db.begin().await?;
    let held = Held::read(&settings::lock_tracking(&mut tx).await?)?;
    let which = Which::Before(start(before));
    let total = events::count(&mut tx, which).await?;
    let mut rollups = Rollups::new(held.time_zone, &held.activation_event);
    let mut reading = Reading::new(which);
    while reading.next(&mut tx, &mut rollups).await? {
        if rollups.users() >= USERS_AT_A_TIME {
            rollups.keep_users(&mut tx).await?;
        }
        progress(reading.events, total.max(reading.events));
    }
    rollups.keep(&mut tx).await?;
    events::delete_before(&mut tx, before).await?;
    if held.pruned_before.is_none_or(|known| known < start(before)) {
        settings::set(&mut tx, settings::PRUNED_BEFORE, &before.to_string()).await?;
    }
    let receipts = events::forget_receipts(&mut tx, now.trunc_subsecs(6) - RECEIPTS).await?;
    events::forget_salts(&mut tx, now.date_naive() - Days::new(1)).await?;
    tx.commit().await?;
    Ok(Pruned { before, events: reading.events, receipts })
}

/// Forgets the ids of messages that nobody sends again, and what addresses of days that are over were hashed with;
/// returns how many ids.
///
/// # Errors
///
/// The database's.
pub async fn forget_old_receipts(db: &Db, now: DateTime<Utc>) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    let forgotten = events::forget_receipts(&mut tx, now.trunc_subsecs(6) - RECEIPTS).await?;
    events::forget_salts(&mut tx, now.date_naive() - Days::new(1)).await?;
    tx.commit().await?;
    Ok(forgotten)
}

/// What [`forget`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The number that remains of the user.
    pub user_id: i64,
    /// The address that was known.
    pub email: Option<String>,
    /// How many raw events are gone.
    pub events: u64,
}

/// Forgets a person: deletes the events, and takes the id and the address away, in the transaction `tx`.
///
/// What was counted stays, under a number that says nothing. A tombstone keeps the person out: whatever names the id
/// again is not stored. `None` where there is no such user.
///
/// # Errors
///
/// The database's; the transaction should be rolled back then.
pub async fn forget(tx: &mut Tx, external_id: &str, at: DateTime<Utc>) -> Result<Option<Forgotten>, DbError> {
    let held = Held::read(&settings::lock_tracking(&mut *tx).await?)?;
    let Some(user) = directory::find_whole(&mut *tx, external_id).await? else { return Ok(None) };
    let ids = [user.id];
    let mut rollups = Rollups::new(held.time_zone, &held.activation_event);
    let mut reading = Reading::new(Which::Of(&ids));
    while reading.next(&mut *tx, &mut rollups).await? {}
    rollups.keep(&mut *tx).await?;
    events::delete_of(&mut *tx, &ids).await?;
    for (id, anonymous_id) in visitors::of(&mut *tx, &ids).await? {
        visitors::erase(tx, id, &directory::tombstone(&held.erasure_salt, &anonymous_id)).await?;
    }
    let tombstone = directory::tombstone(&held.erasure_salt, external_id);
    directory::erase(tx, user.id, &tombstone, at.trunc_subsecs(6)).await?;
    Ok(Some(Forgotten { user_id: user.id, email: user.email, events: reading.events }))
}

fn start(month: NaiveDate) -> DateTime<Utc> {
    month.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// Reads raw events piece by piece.
struct Reading<'a> {
    pieces: Pieces<'a>,
    events: u64,
}

impl<'a> Reading<'a> {
    fn new(which: Which<'a>) -> Self {
        Self { pieces: Pieces::new(which, AT_A_TIME), events: 0 }
    }

    /// Adds the next events to the rollups; `false` where there were none left.
    async fn next(&mut self, tx: &mut Tx, rollups: &mut Rollups) -> Result<bool, DbError> {
        let read = self.pieces.next(tx).await?;
        for event in &read {
            rollups.add_read(event);
        }
        self.events += read.len() as u64;
        Ok(!read.is_empty())
    }
}
