//! The users of the product: how many, how many are new, active, activated.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use growth_db::rows::settings;
use growth_db::{Db, query};
use growth_domain::rollforward::Ratio;
use growth_domain::window::{Window, day_of, start_of_day};

use crate::cash::unsigned;
use crate::error::Error;
use crate::request::Request;
use crate::snapshot::{Periods, Users};

growth_db::statements! {
    TOTAL = "SELECT COUNT(*) AS n FROM users WHERE created_at < $1";
    NEW = "SELECT u.created_at, m.activated_at FROM users u LEFT JOIN user_milestones m ON m.user_id = u.id
    WHERE u.created_at >= $1 AND u.created_at < $2";
    ACTIVE_DAYS = "SELECT user_id FROM user_activity WHERE month = $1 AND days & $2 <> 0 AND user_id > 0";
    ACTIVE_SPAN = "SELECT DISTINCT user_id FROM events
    WHERE created_at >= $1 AND created_at < $2 AND user_id > 0 AND active";
}

/// The figures of both windows.
pub(crate) async fn figures(db: &Db, request: &Request) -> Result<Users, Error> {
    let (current, previous) = (request.window, request.previous);
    let (now, before) = (newcomers(db, current, request).await?, newcomers(db, previous, request).await?);
    Ok(Users {
        total: Periods { current: total(db, current.end).await?, previous: total(db, previous.end).await? },
        new: Periods { current: now.new, previous: before.new },
        active: Periods {
            current: active(db, current, request.time_zone).await?,
            previous: active(db, previous, request.time_zone).await?,
        },
        activation: Periods { current: now.activation, previous: before.activation },
        activation_pending: Periods { current: now.pending, previous: before.pending },
        activation_days: request.activation_days,
    })
}

async fn total(db: &Db, until: DateTime<Utc>) -> Result<u64, Error> {
    let (n,): (i64,) = query(db, TOTAL).bind(until).fetch_one().await?;
    Ok(unsigned(n))
}

struct Newcomers {
    new: u64,
    activation: Ratio,
    pending: u64,
}

/// Users who signed up in the window. Those whose days are not over at the report's end are pending,
/// activated or not: a rate that counted the quick ones alone would be too good.
async fn newcomers(db: &Db, window: Window, request: &Request) -> Result<Newcomers, Error> {
    let rows: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> =
        query(db, NEW).bind(window.start).bind(window.end).fetch_all().await?;
    let (as_of, within) = (request.window.end, TimeDelta::days(request.activation_days.into()));
    let mut newcomers =
        Newcomers { new: rows.len() as u64, activation: Ratio { numerator: 0, denominator: 0 }, pending: 0 };
    for (created_at, activated_at) in rows {
        if created_at + within > as_of {
            newcomers.pending += 1;
            continue;
        }
        newcomers.activation.denominator += 1;
        let in_time = activated_at.is_some_and(|at| at < created_at + within);
        newcomers.activation.numerator += i128::from(in_time);
    }
    Ok(newcomers)
}

/// Distinct users with an event in the window: whole local days from the rollup, the rest of the
/// first and the last day from the events themselves. A rollup with the days of another zone is no help.
async fn active(db: &Db, window: Window, time_zone: Tz) -> Result<u64, Error> {
    let mut users: HashSet<i64> = HashSet::new();
    if settings::read(db, settings::TIME_ZONE).await? != time_zone.name() {
        users.extend(between(db, window.start, window.end).await?);
        return Ok(users.len() as u64);
    }
    let (first, last) = (day_of(window.start, time_zone), day_of(window.end, time_zone));
    let whole_from = if start_of_day(first, time_zone) == window.start { first } else { next(first) };
    if whole_from > last {
        users.extend(between(db, window.start, window.end).await?);
        return Ok(users.len() as u64);
    }
    users.extend(between(db, window.start, start_of_day(whole_from, time_zone)).await?);
    users.extend(between(db, start_of_day(last, time_zone), window.end).await?);
    let mut month = first_of_month(whole_from);
    while month < last {
        let next_month = month + Months::new(1);
        let (from, until) = (whole_from.max(month), last.min(next_month));
        let bits =
            from.iter_days().take_while(|day| *day < until).fold(0_i64, |bits, day| bits | 1 << day.day0());
        if bits != 0 {
            let rows = query(db, ACTIVE_DAYS).bind(month).bind(bits).fetch_all::<(i64,)>().await?;
            users.extend(rows.into_iter().map(|(user,)| user));
        }
        month = next_month;
    }
    Ok(users.len() as u64)
}

async fn between(db: &Db, start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Vec<i64>, Error> {
    if start >= end {
        return Ok(Vec::new());
    }
    let rows = query(db, ACTIVE_SPAN).bind(start).bind(end).fetch_all::<(i64,)>().await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

fn next(day: NaiveDate) -> NaiveDate {
    day + Days::new(1)
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day - Days::new(day.day0().into())
}
