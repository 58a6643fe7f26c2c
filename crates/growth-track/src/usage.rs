//! Usage counters by user, local day and application.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use growth_db::rows::UsageRow;
use growth_db::{Db, Error as DbError, Tx, table};

use crate::accepted::{filled_id, id};
use crate::batch::{Batch, Message, People, Recorded, Settings, write};
use crate::error::Error;
use crate::event::{Counters, Usage};

/// More than this at once is a mistake, and could outgrow a counter.
const MAX_INCREMENT: i64 = 1_000_000_000_000;

/// Adds increments to the counters, in one transaction, at the time `at`: [`write()`] for usage alone.
///
/// Without a message id, counting twice counts double. Users who are not known yet are created, as old as the middle
/// of the day or `at`, whichever is earlier.
///
/// # Errors
///
/// See [`write()`].
pub async fn count_usage(db: &Db, usage: &[Usage], at: DateTime<Utc>) -> Result<Recorded, Error> {
    Ok(write(db, Batch { usage, ..Batch::default() }, &Settings::new(at)).await?.usage)
}

/// An increment that can be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Increment {
    pub(crate) message: Option<Message>,
    pub(crate) user: String,
    pub(crate) seen_at: DateTime<Utc>,
    date: NaiveDate,
    app: String,
    counters: Counters,
}

impl Increment {
    /// Checks an increment that arrived at `at`.
    pub(crate) fn check(usage: &Usage, at: DateTime<Utc>) -> Result<Self, String> {
        let text = |problem: crate::accepted::Problem| problem.to_string();
        let user = filled_id("user", usage.user.as_str()).map_err(text)?;
        let app = id("app", usage.app.as_str()).map_err(text)?;
        let source = id("source", usage.source.as_str()).map_err(text)?;
        let message = usage.message_id.as_deref().map(|id| filled_id("message_id", id));
        let message = message.transpose().map_err(text)?.map(|id| (format!("{source} (usage)"), id));
        let date = usage.date;
        let last = at.date_naive() + Days::new(1);
        if date.year() < 2000 || date > last {
            return Err(format!("date is {date}: it has to be from the year 2000 to {last}"));
        }
        let mut increments = Counters::NAMES.into_iter().zip(usage.counters.values());
        if let Some((name, increment)) =
            increments.find(|(_, increment)| !(0..=MAX_INCREMENT).contains(increment))
        {
            return Err(format!("{name} is {increment}: it has to be from 0 to {MAX_INCREMENT}"));
        }
        let noon = date.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(12);
        Ok(Self { message, user, seen_at: noon.min(at), date, app, counters: usage.counters })
    }
}

/// Adds increments to the counters of people who were not forgotten.
pub(crate) async fn store(
    tx: &mut Tx,
    increments: Vec<(usize, Increment)>,
    people: &People,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let mut sums: BTreeMap<(i64, NaiveDate, String), UsageRow> = BTreeMap::new();
    for (_, Increment { user, date, app, counters, .. }) in increments {
        let Some(user_id) = people.number(&user) else { continue };
        let row = sums.entry((user_id, date, app)).or_insert_with_key(|key| empty(key, at));
        counters.add_to(row);
    }
    table::merge(tx, &sums.into_values().collect::<Vec<_>>()).await
}

fn empty((user_id, date, app): &(i64, NaiveDate, String), updated_at: DateTime<Utc>) -> UsageRow {
    UsageRow {
        user_id: *user_id,
        date: *date,
        app_name: app.clone(),
        enrichments: 0,
        searches: 0,
        exports: 0,
        pitches_generated: 0,
        emails_sent: 0,
        campaigns_created: 0,
        contacts_added: 0,
        sessions: 0,
        session_duration_ms: 0,
        updated_at,
    }
}
