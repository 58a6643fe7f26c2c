//! Local days and the instants at which they begin.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A half-open span of time.
pub(crate) type Span = (DateTime<Utc>, DateTime<Utc>);

pub(crate) fn is_in((start, end): Span, at: DateTime<Utc>) -> bool {
    start <= at && at < end
}

/// When a clock on the wall first shows a time, or would have shown it.
fn first_shown(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    if let Some(at) = zone.from_local_datetime(&local).earliest() {
        return at.to_utc();
    }
    // The clock jumps over it, at a full quarter of an hour.
    let quarters =
        (0..200).map(|n| local.date().and_time(NaiveTime::MIN).and_utc() + TimeDelta::minutes(15 * (n - 80)));
    quarters.into_iter().find(|at| at.with_timezone(&zone).naive_local() > local).unwrap()
}

pub(crate) fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    first_shown(day.and_time(NaiveTime::MIN), zone)
}

pub(crate) fn day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

pub(crate) fn days_before(at: DateTime<Utc>, days: u64, zone: Tz) -> DateTime<Utc> {
    first_shown(at.with_timezone(&zone).naive_local() - Days::new(days), zone)
}

pub(crate) fn months_before(at: DateTime<Utc>, months: u32, zone: Tz) -> DateTime<Utc> {
    first_shown(at.with_timezone(&zone).naive_local() - Months::new(months), zone)
}

/// Every day from one to another, both included.
pub(crate) fn days(first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
    first.iter_days().take_while(|day| *day <= last).collect()
}
