//! Usage counters by user, local day and application.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Utc};
use growth_db::rows::UsageRow;
use growth_db::{Db, Error as DbError, table};

use crate::accepted::{filled_id, id};
use crate::error::Error;
use crate::event::Usage;
use crate::users;

/// More than this at once is a mistake, and could outgrow a counter.
const MAX_INCREMENT: i64 = 1_000_000_000_000;

/// What became of a set of increments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many were added.
    pub counted: usize,
    /// The position and what is wrong with each that was left out.
    pub rejected: Vec<(usize, String)>,
}

/// Adds increments to the counters, in one transaction, at the time `at`.
///
/// Counting twice counts double: usage has no message ids. Users who are not known yet are
/// created, as old as the middle of the day or `at`, whichever is earlier. An increment that is
/// negative or above 10¹², or for a day before the year 2000 or more than a day after `at`, is left
/// out, and named in [`Counted::rejected`].
pub async fn count_usage(db: &Db, usage: &[Usage], at: DateTime<Utc>) -> Result<Counted, Error> {
    let at = at.trunc_subsecs(6);
    let mut counted = Counted::default();
    let mut sums: BTreeMap<(String, NaiveDate, String), UsageRow> = BTreeMap::new();
    for (index, usage) in usage.iter().enumerate() {
        match key(usage, at) {
            Ok(key) => {
                let fresh = empty(key.1, &key.2, at);
                add(sums.entry(key).or_insert(fresh), usage);
                counted.counted += 1;
            }
            Err(problem) => counted.rejected.push((index, problem)),
        }
    }
    if sums.is_empty() {
        return Ok(counted);
    }
    let mut seen: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
    for (user, date, _) in sums.keys() {
        let noon = date.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(12);
        let earliest = seen.entry(user).or_insert(at);
        *earliest = noon.min(*earliest);
    }
    let mut tx = db.begin().await?;
    let numbers = users::numbers(&mut tx, &seen).await?;
    let rows = sums.into_iter().map(|((user, ..), row)| {
        let user_id = users::number(&numbers, &user)?;
        Ok(UsageRow { user_id, ..row })
    });
    let rows: Vec<UsageRow> = rows.collect::<Result<_, DbError>>()?;
    table::merge(&mut tx, &rows).await?;
    tx.commit().await?;
    Ok(counted)
}

fn key(usage: &Usage, at: DateTime<Utc>) -> Result<(String, NaiveDate, String), String> {
    let user = filled_id("user", &usage.user).map_err(|problem| problem.to_string())?;
    let app = id("app", &usage.app).map_err(|problem| problem.to_string())?;
    let date = usage.date;
    let last = at.date_naive() + Days::new(1);
    if date.year() < 2000 || date > last {
        return Err(format!("date is {date}: it has to be from the year 2000 to {last}"));
    }
    let increments = [
        ("enrichments", usage.enrichments),
        ("searches", usage.searches),
        ("exports", usage.exports),
        ("pitches_generated", usage.pitches_generated),
        ("emails_sent", usage.emails_sent),
        ("campaigns_created", usage.campaigns_created),
        ("contacts_added", usage.contacts_added),
        ("sessions", usage.sessions),
        ("session_duration_ms", usage.session_duration_ms),
    ];
    match increments.into_iter().find(|(_, increment)| !(0..=MAX_INCREMENT).contains(increment)) {
        Some((name, increment)) => {
            Err(format!("{name} is {increment}: it has to be from 0 to {MAX_INCREMENT}"))
        }
        None => Ok((user, date, app)),
    }
}

fn empty(date: NaiveDate, app: &str, updated_at: DateTime<Utc>) -> UsageRow {
    UsageRow {
        user_id: 0,
        date,
        app_name: app.to_owned(),
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

fn add(row: &mut UsageRow, usage: &Usage) {
    row.enrichments += usage.enrichments;
    row.searches += usage.searches;
    row.exports += usage.exports;
    row.pitches_generated += usage.pitches_generated;
    row.emails_sent += usage.emails_sent;
    row.campaigns_created += usage.campaigns_created;
    row.contacts_added += usage.contacts_added;
    row.sessions += usage.sessions;
    row.session_duration_ms += usage.session_duration_ms;
}
