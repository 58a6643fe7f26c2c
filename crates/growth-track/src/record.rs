//! Events into rows and rollups.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};
use chrono_tz::Tz;
use growth_db::rows::{EventRow, ReceiptRow, events as tables};
use growth_db::{Db, Error as DbError, Tx};

use crate::accepted::Accepted;
use crate::error::Error;
use crate::event::Event;
use crate::rollups::Rollups;
use crate::{time_zone, users};

/// How events are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The zone whose local days are counted; a database with events keeps the one it has.
    pub time_zone: Tz,
    /// The event that activates a user when it succeeds, for instance `enrichment_completed`.
    pub activation_event: String,
    /// When the batch arrived.
    pub received_at: DateTime<Utc>,
}

/// What became of a batch of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How many are stored and counted now.
    pub stored: usize,
    /// How many were stored before, or came twice in the batch.
    pub duplicates: usize,
    /// The position and what is wrong with each that was left out.
    pub rejected: Vec<(usize, String)>,
}

/// Stores events and counts them in the rollups, in one transaction.
///
/// A message id that the source sent before is skipped. Users who are not known yet are created,
/// as old as their earliest event. An event is left out, and named in [`Recorded::rejected`], where
/// * its name is neither of the catalogue nor in `snake_case`, or its category or status is unknown;
/// * `properties` are no object, `duration_ms` is negative or longer than a year, or the property
///   `contacts` is a whole number below 0 or above 10⁹;
/// * `at` is before the year 2000 or more than a day after `received_at`;
/// * `user` or `message_id` is empty, or one of these, `source` or `app` has more than 255 bytes.
///
/// U+0000 is stripped from text, and times are cut to microseconds. The whole batch is held in
/// memory several times over: give it some thousands of events at a time.
pub async fn record(db: &Db, events: &[Event], settings: &Settings) -> Result<Recorded, Error> {
    let mut recorded = Recorded::default();
    let mut accepted = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        match Accepted::check(event, settings.received_at) {
            Ok(event) => accepted.push(event),
            Err(problem) => recorded.rejected.push((index, problem.to_string())),
        }
    }
    let good = accepted.len();
    let mut seen = HashSet::new();
    accepted.retain(|event| event.message.as_ref().is_none_or(|message| seen.insert(message.clone())));
    if accepted.is_empty() {
        return Ok(recorded);
    }
    tables::make_partitions(db, &months(&accepted)).await?;
    let mut tx = time_zone::begin(db, settings.time_zone).await?;
    let accepted = not_received(&mut tx, accepted, settings.received_at).await?;
    let events = with_ids(&mut tx, accepted).await?;
    let stored: HashSet<i64> = tables::store(&mut tx, &events).await?.into_iter().collect();
    let mut rollups = Rollups::new(settings);
    for event in events.iter().filter(|event| stored.contains(&event.id)) {
        rollups.add(event);
        recorded.stored += 1;
    }
    rollups.store(&mut tx).await?;
    tx.commit().await?;
    recorded.duplicates = good - recorded.stored;
    Ok(recorded)
}

/// The first days of the UTC months in which events happened.
fn months(accepted: &[Accepted]) -> BTreeSet<NaiveDate> {
    let month = |event: &Accepted| event.row.created_at.date_naive().with_day(1);
    accepted.iter().filter_map(month).collect()
}

/// Writes receipts, and returns the events without a message id and those whose receipt is new.
async fn not_received(
    tx: &mut Tx,
    accepted: Vec<Accepted>,
    received_at: DateTime<Utc>,
) -> Result<Vec<Accepted>, DbError> {
    let received_at = received_at.trunc_subsecs(6);
    let receipts: Vec<ReceiptRow> = accepted
        .iter()
        .filter_map(|event| event.message.clone())
        .map(|(source, message_id)| ReceiptRow { source, message_id, received_at })
        .collect();
    let count = receipts.len();
    let new = tables::store_receipts(tx, &receipts).await?;
    if new.len() == count {
        return Ok(accepted);
    }
    let new: HashSet<(String, String)> = new.into_iter().collect();
    Ok(accepted
        .into_iter()
        .filter(|event| event.message.as_ref().is_none_or(|message| new.contains(message)))
        .collect())
}

/// Gives every event the number of its user, and an id where its message gave it none.
async fn with_ids(tx: &mut Tx, accepted: Vec<Accepted>) -> Result<Vec<EventRow>, DbError> {
    let mut seen: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
    for event in &accepted {
        if let Some(user) = event.user.as_deref() {
            let at = event.row.created_at;
            seen.entry(user).and_modify(|earliest| *earliest = at.min(*earliest)).or_insert(at);
        }
    }
    let numbers = if seen.is_empty() { HashMap::new() } else { users::numbers(tx, &seen).await? };
    let first = random();
    let numbered = (first..).zip(accepted).map(|(id, event)| {
        let user_id = event.user.map_or(Ok(0), |user| users::number(&numbers, &user))?;
        let id = if event.message.is_some() { event.row.id } else { id };
        Ok(EventRow { user_id, id, ..event.row })
    });
    numbered.collect()
}

/// A random number of 62 bits. It keeps events of one user and microsecond in different batches
/// apart; those of one batch count up from it, and so keep their order.
fn random() -> i64 {
    // Every state of the standard library's hash maps is seeded by the system's randomness.
    i64::try_from(RandomState::new().hash_one(()) >> 2).unwrap_or_default()
}
