//! Dates, times and spans of time in the report's zone, in words.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use growth_domain::window::{day_of, start_of_day};
use growth_metrics::{Days, Header, Period};

use crate::figures::counted;

const DAY: &str = "%-d %B %Y";

/// The report's zone, and how many days its periods have.
pub struct Calendar {
    zone: Tz,
    days: u32,
}

impl Calendar {
    /// Takes them from the header of a snapshot.
    pub fn of(header: &Header) -> Self {
        Self { zone: header.time_zone.parse().unwrap_or(Tz::UTC), days: header.days }
    }

    /// The IANA name of the zone.
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// `7 days`
    pub fn length(&self) -> String {
        counted(self.days.into(), "day", "days")
    }

    /// `These 7 days`
    pub fn these(&self) -> String {
        if self.days == 1 { "This day".to_owned() } else { format!("These {}", self.length()) }
    }

    /// `7 days before`
    pub fn before(&self) -> String {
        if self.days == 1 { "Day before".to_owned() } else { format!("{} before", self.length()) }
    }

    /// The local dates of a period, for instance `29 June to 5 July 2026`.
    pub fn dates(&self, period: &Period) -> String {
        let first = day_of(period.start, self.zone);
        let last = if self.has_whole_days(period) {
            day_of(period.end - TimeDelta::microseconds(1), self.zone)
        } else {
            day_of(period.end, self.zone)
        };
        span(first, last)
    }

    /// Local days in a row, for instance `29 June to 5 July 2026`.
    pub fn days(days: Days) -> String {
        span(days.first, days.last)
    }

    /// `28 June 2026`
    pub fn day(day: NaiveDate) -> String {
        written(day, DAY)
    }

    /// The local day of an instant: `28 June 2026`.
    pub fn day_of(&self, at: DateTime<Utc>) -> String {
        written(day_of(at, self.zone), DAY)
    }

    /// `the 7 days before`, within a sentence.
    pub fn the_before(&self) -> String {
        format!("the {}", self.before().to_lowercase())
    }

    /// Whether a period begins and ends with a local day.
    pub fn has_whole_days(&self, period: &Period) -> bool {
        [period.start, period.end].into_iter().all(|at| start_of_day(day_of(at, self.zone), self.zone) == at)
    }

    /// `28 June 2026, 23:41`
    pub fn moment(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%-d %B %Y, %H:%M").to_string()
    }

    /// `23:41`
    pub fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%H:%M").to_string()
    }

    /// `2026-06-28 23:41`, for tables.
    pub fn stamp(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M").to_string()
    }
}

fn span(first: NaiveDate, last: NaiveDate) -> String {
    let from = match (first.year() == last.year(), first.month() == last.month()) {
        _ if first == last => return written(last, DAY),
        (true, true) => "%-d",
        (true, false) => "%-d %B",
        (false, _) => DAY,
    };
    format!("{} to {}", written(first, from), written(last, DAY))
}

fn written(day: NaiveDate, format: &str) -> String {
    day.format(format).to_string()
}

/// How long something took, for instance `19 minutes` or `3 days`, rounded down.
pub fn length(seconds: i64) -> String {
    let minutes = seconds.unsigned_abs() / 60;
    let (hours, days) = (minutes / 60, minutes / (60 * 24));
    match (minutes, hours) {
        (0, _) => "less than a minute".to_owned(),
        (1..120, _) => counted(minutes, "minute", "minutes"),
        (_, 0..48) => counted(hours, "hour", "hours"),
        _ => counted(days, "day", "days"),
    }
}

/// How long before an instant another one is, for instance `19 minutes before`.
pub(crate) fn distance(at: DateTime<Utc>, from: DateTime<Utc>) -> String {
    let (gap, side) = if at <= from { (from - at, "before") } else { (at - from, "after") };
    format!("{} {side}", length(gap.num_seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn london(days: u32) -> Calendar {
        Calendar { zone: Tz::Europe__London, days }
    }

    #[test]
    fn whole_days_are_named_without_the_day_that_follows() {
        for (start, end, text) in [
            ("2026-06-21T23:00:00Z", "2026-06-28T23:00:00Z", "22 to 28 June 2026"),
            ("2026-06-28T23:00:00Z", "2026-07-05T23:00:00Z", "29 June to 5 July 2026"),
            ("2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z", "29 December 2025 to 4 January 2026"),
            ("2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z", "29 March 2026"),
            ("2025-06-21T23:00:00Z", "2026-06-21T23:00:00Z", "22 June 2025 to 21 June 2026"),
        ] {
            let period = Period { start: at(start), end: at(end) };
            assert_eq!(london(7).dates(&period), text);
            assert!(london(7).has_whole_days(&period), "{text}");
        }
    }

    #[test]
    fn other_periods_are_named_by_the_days_they_touch() {
        let period = Period { start: at("2026-06-22T08:30:00Z"), end: at("2026-06-29T08:30:00Z") };
        assert_eq!(london(7).dates(&period), "22 to 29 June 2026");
        assert!(!london(7).has_whole_days(&period));
        assert_eq!(london(7).moment(period.start), "22 June 2026, 09:30");
        assert_eq!(london(7).stamp(period.start), "2026-06-22 09:30");
    }

    #[test]
    fn one_day_is_said_as_one_day() {
        assert_eq!([london(1).these(), london(1).before()], ["This day", "Day before"]);
        assert_eq!([london(30).these(), london(30).before()], ["These 30 days", "30 days before"]);
    }

    #[test]
    fn distances_are_rounded_down_to_what_people_say() {
        let end = at("2026-06-28T23:00:00Z");
        for (instant, text) in [
            ("2026-06-28T23:00:00Z", "less than a minute before"),
            ("2026-06-28T22:59:00Z", "1 minute before"),
            ("2026-06-28T21:00:01Z", "119 minutes before"),
            ("2026-06-28T21:00:00Z", "2 hours before"),
            ("2026-06-26T23:00:00Z", "2 days before"),
            ("2026-07-08T23:00:01Z", "10 days after"),
        ] {
            assert_eq!(distance(at(instant), end), text);
        }
    }
}
