//! How often users come back: DAU, WAU, MAU, stickiness, retention.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use growth_db::{Db, packed, query};
use growth_domain::rollforward::Ratio;
use growth_domain::window::{day_of, start_of_day};
use roaring::{MultiOps, RoaringTreemap};

use crate::activity::Activity;
use crate::cash::unsigned;
use crate::error::Error;
use crate::request::Request;
use crate::snapshot::{self, ActivityDay, Engagement, Periods, RetentionCohort, UnfinishedDay};

/// How many weeks, and how many months, a retention matrix has.
const WEEKS: u64 = 8;
const MONTHS: u32 = 6;

growth_db::statements! {
    SEEN = "SELECT COALESCE(string_agg(CAST(user_id AS TEXT), ',') FILTER (WHERE is_new), '') AS users,
        COALESCE(string_agg(CAST(first_seen_at AS TEXT), ',') FILTER (WHERE is_new), '') AS times,
        MAX(user_id) AS last, MAX(last_seen_at) AS last_seen_at
    FROM (SELECT user_id, first_seen_at, last_seen_at, first_seen_at >= $1 AND first_seen_at < $2 AS is_new
        FROM user_milestones WHERE user_id > $3 ORDER BY user_id LIMIT 65536) AS part";
    EVENTS_OF_DAY = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS n FROM daily_event WHERE day = $1";
}

/// Reads everything that figures of activity are made of, for both windows.
pub(crate) async fn activity(db: &Db, request: &Request) -> Result<Activity, Error> {
    let (current, previous) = (request.activity(), request.activity().before());
    let day = current.last;
    let first = [
        previous.first - Days::new(29),
        day - Days::new(u64::from(request.days) + 29),
        weeks(day)[0].first,
        months(day)[0].first,
    ];
    let last = request.unfinished().unwrap_or(day);
    Activity::read(db, first.into_iter().min().unwrap_or(previous.first), last).await
}

/// The figures of both windows.
pub(crate) async fn figures(
    db: &Db,
    request: &Request,
    activity: &Activity,
    first_seen: &BTreeMap<NaiveDate, RoaringTreemap>,
    signed_up: &BTreeMap<NaiveDate, u64>,
) -> Result<Engagement, Error> {
    let current = request.activity();
    let day = current.last;
    let before = day - Days::new(comparable(request.days));
    let rolling =
        |days| Periods { current: activity.rolling(day, days), previous: activity.rolling(before, days) };
    let (dau, wau, mau) = (rolling(1), rolling(7), rolling(30));
    let over = |of: Periods<u64>| Periods {
        current: ratio(dau.current, of.current),
        previous: ratio(dau.previous, of.previous),
    };
    Ok(Engagement {
        day,
        day_before: before,
        dau,
        wau,
        mau,
        average_dau: Periods {
            current: average(activity, current),
            previous: average(activity, current.before()),
        },
        stickiness_week: over(wau),
        stickiness_month: over(mau),
        weekly: matrix(&weeks(day), first_seen, activity),
        monthly: matrix(&months(day), first_seen, activity),
        days: days(current, activity, signed_up),
        unfinished: unfinished(db, request, activity).await?,
    })
}

/// How many days earlier a day is compared with: whole weeks where the window has any, since weekdays differ much.
fn comparable(days: u32) -> u64 {
    u64::from(if days < 7 { days } else { days - days % 7 })
}

fn ratio(numerator: u64, denominator: u64) -> Ratio {
    Ratio { numerator: numerator.into(), denominator: denominator.into() }
}

fn average(activity: &Activity, days: snapshot::Days) -> Ratio {
    let sum = days.iter().map(|day| activity.rolling(day, 1)).sum();
    ratio(sum, days.iter().count() as u64)
}

fn days(days: snapshot::Days, activity: &Activity, signed_up: &BTreeMap<NaiveDate, u64>) -> Vec<ActivityDay> {
    let day = |day| ActivityDay {
        day,
        dau: activity.rolling(day, 1),
        wau: activity.rolling(day, 7),
        mau: activity.rolling(day, 30),
        new_users: signed_up.get(&day).copied().unwrap_or(0),
    };
    days.iter().map(day).collect()
}

async fn unfinished(db: &Db, request: &Request, activity: &Activity) -> Result<Option<UnfinishedDay>, Error> {
    let Some(day) = request.unfinished() else { return Ok(None) };
    let (events,): (i64,) = query(db, EVENTS_OF_DAY).bind(day).fetch_one().await?;
    Ok(Some(UnfinishedDay { day, active: activity.rolling(day, 1), events: unsigned(events) }))
}

/// The weeks from Monday to Sunday that are over on the evening of a day, the oldest first.
pub(crate) fn weeks(day: NaiveDate) -> Vec<snapshot::Days> {
    let after_last = day + Days::new(1);
    let monday = after_last - Days::new(after_last.weekday().num_days_from_monday().into());
    let week = |back: u64| {
        let first = monday - Days::new(7 * back);
        snapshot::Days { first, last: first + Days::new(6) }
    };
    (1..=WEEKS).rev().map(week).collect()
}

/// The calendar months that are over on the evening of a day, the oldest first.
pub(crate) fn months(day: NaiveDate) -> Vec<snapshot::Days> {
    let after_last = day + Days::new(1);
    let first = after_last - Days::new(after_last.day0().into());
    let month = |back: u32| snapshot::Days {
        first: first - Months::new(back),
        last: first - Months::new(back - 1) - Days::new(1),
    };
    (1..=MONTHS).rev().map(month).collect()
}

/// When users were there.
#[derive(Default)]
pub(crate) struct Seen {
    /// By the local day of their first event ever, the users of all cohorts.
    pub(crate) first: BTreeMap<NaiveDate, RoaringTreemap>,
    /// When somebody did anything last, whatever the window.
    pub(crate) last: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct SeenPart {
    users: String,
    times: String,
    last: Option<i64>,
    last_seen_at: Option<DateTime<Utc>>,
}

/// Reads them, all users in one pass.
pub(crate) async fn seen(db: &Db, request: &Request) -> Result<Seen, Error> {
    let (day, zone) = (request.activity().last, request.time_zone);
    let first = weeks(day)[0].first.min(months(day)[0].first);
    let (from, until) = (start_of_day(first, zone), start_of_day(day + Days::new(1), zone));
    let (mut seen, mut after) = (Seen::default(), 0_i64);
    loop {
        let part: SeenPart = query(db, SEEN).bind(from).bind(until).bind(after).fetch_one().await?;
        let Some(last) = part.last else { return Ok(seen) };
        for (user, at) in part.users.split(',').zip(part.times.split(',')) {
            if let Ok(user) = user.parse() {
                seen.first.entry(day_of(packed::instant(at)?, zone)).or_default().insert(user);
            }
        }
        seen.last = seen.last.max(part.last_seen_at);
        after = last;
    }
}

/// A cohort for each of the spans, and how many of it were active in each span from its own on. Cohorts before the
/// first one with anybody in it are left out.
fn matrix(
    spans: &[snapshot::Days],
    first_seen: &BTreeMap<NaiveDate, RoaringTreemap>,
    activity: &Activity,
) -> Vec<RetentionCohort> {
    let active: Vec<RoaringTreemap> = spans.iter().map(|span| activity.of(*span)).collect();
    let cohort = |(index, span): (usize, &snapshot::Days)| {
        let users = newcomers(first_seen, *span);
        let seen = active[index..].iter().map(|active| Some(users.intersection_len(active)));
        let not_over = std::iter::repeat_n(None, index);
        RetentionCohort { start: span.first, users: users.len(), active: seen.chain(not_over).collect() }
    };
    spans.iter().enumerate().map(cohort).skip_while(|cohort| cohort.users == 0).collect()
}

/// Whose first event ever was on one of the days.
pub(crate) fn newcomers(
    first_seen: &BTreeMap<NaiveDate, RoaringTreemap>,
    days: snapshot::Days,
) -> RoaringTreemap {
    first_seen.range(days.first..=days.last).map(|(_, users)| users).union()
}

impl snapshot::Days {
    /// Each of the days.
    pub(crate) fn iter(self) -> impl Iterator<Item = NaiveDate> {
        let last = self.last;
        self.first.iter_days().take_while(move |day| *day <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn weeks_and_months_end_before_the_next_one_begins() {
        // 28 June 2026 is a Sunday.
        let sunday = weeks(day("2026-06-28"));
        assert_eq!(
            (sunday.len(), sunday[7].first, sunday[7].last),
            (8, day("2026-06-22"), day("2026-06-28"))
        );
        assert_eq!(weeks(day("2026-06-27"))[7].last, day("2026-06-21"));
        let june = months(day("2026-06-30"));
        assert_eq!((june.len(), june[5].first, june[5].last), (6, day("2026-06-01"), day("2026-06-30")));
        assert_eq!(months(day("2026-06-29"))[5].last, day("2026-05-31"));
        assert_eq!(months(day("2026-06-29"))[0].first, day("2025-12-01"));
    }
}
