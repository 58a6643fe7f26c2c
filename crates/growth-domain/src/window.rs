//! Windows of time: half-open, in UTC, with every boundary taken from one IANA zone.
//!
//! A local time becomes an instant in one way only. Where a clock change skips
//! it, the first instant after the gap stands for it; where the clock shows it
//! twice, the earlier one does. A local day therefore begins at the first
//! instant that the clock shows its date, and lasts 23, 24 or 25 hours, or no
//! time at all where a zone has skipped a date.

use chrono::offset::LocalResult;
use chrono::{DateTime, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use serde::Serialize;

/// The longest window in days, about a century.
const MAX_DAYS: u32 = 36_500;

/// A half-open span of time, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Window {
    /// The first instant inside.
    pub start: DateTime<Utc>,
    /// The first instant after it.
    pub end: DateTime<Utc>,
}

/// Why a window cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The number of days is 0 or too large.
    #[error("a window has 1 to {max} days, not {0}", max = MAX_DAYS)]
    Days(i64),
    /// The start would be before the first date there is.
    #[error("the window would begin before the first date of the calendar")]
    OutOfRange,
}

/// A text that names no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a point in time: give `now`, `today`, a day such as 2026-07-01, \
     or an RFC 3339 instant such as 2026-07-01T12:00:00Z"
)]
pub struct AsOfError(pub String);

/// A text that names no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a month: give one such as 2026-07")]
pub struct MonthError(pub String);

impl Window {
    /// Makes the window of the last local days before `end`.
    ///
    /// It starts at the same local wall-clock time `days` calendar days earlier,
    /// so seven days over a clock change are 167 or 169 hours.
    pub fn last_days(end: DateTime<Utc>, days: u32, tz: Tz) -> Result<Self, WindowError> {
        if days == 0 || days > MAX_DAYS {
            return Err(WindowError::Days(days.into()));
        }
        let start = days_before(end, u64::from(days), tz).ok_or(WindowError::OutOfRange)?;
        Ok(Self { start, end })
    }

    /// Gives the equally long local period before a window made by [`Window::last_days`] of as many days.
    ///
    /// It ends where this one starts, and starts at the wall-clock time of this one's end.
    pub fn previous(self, tz: Tz, days: u32) -> Result<Self, WindowError> {
        if days == 0 || days > MAX_DAYS {
            return Err(WindowError::Days(days.into()));
        }
        let start = days_before(self.end, 2 * u64::from(days), tz).ok_or(WindowError::OutOfRange)?;
        Ok(Self { start, end: self.start })
    }

    /// Reads a local calendar month as `YYYY-MM`.
    pub fn month(text: &str, tz: Tz) -> Result<Self, MonthError> {
        let first =
            Some(text).filter(|text| text.len() == 7).and_then(|text| parse_date(&format!("{text}-01")));
        let window = first.and_then(|first| {
            let next = first.checked_add_months(Months::new(1))?;
            Some(Self { start: start_of_day(first, tz), end: start_of_day(next, tz) })
        });
        window.ok_or_else(|| MonthError(text.to_owned()))
    }

    /// Walks over the local days that the window touches, each with the part of it inside the window.
    ///
    /// The parts tile the window. A date that the zone has skipped is left out.
    pub fn local_days(self, tz: Tz) -> impl Iterator<Item = (NaiveDate, Self)> {
        day_of(self.start, tz)
            .iter_days()
            .map(move |date| {
                let start = start_of_day(date, tz).max(self.start);
                let next = date.succ_opt().map_or(self.end, |next| start_of_day(next, tz));
                (date, Self { start, end: next.min(self.end) })
            })
            .take_while(move |(_, part)| part.start < self.end)
            .filter(|(_, part)| part.start < part.end)
    }

    /// Tells whether an instant is inside.
    pub fn contains(self, instant: DateTime<Utc>) -> bool {
        self.start <= instant && instant < self.end
    }
}

/// Gives the instant so many local calendar months earlier, at the same wall-clock time; `None` where there is no such date.
///
/// Of a month that is too short it is the last day.
pub fn months_before(instant: DateTime<Utc>, months: u32, tz: Tz) -> Option<DateTime<Utc>> {
    let local = instant.with_timezone(&tz).naive_local();
    Some(instant_of(local.checked_sub_months(Months::new(months))?, tz))
}

/// Gives the instant at which a local day begins.
pub fn start_of_day(date: NaiveDate, tz: Tz) -> DateTime<Utc> {
    instant_of(date.and_time(NaiveTime::MIN), tz)
}

/// Gives the local day that an instant falls on: the one that has begun last, by [`start_of_day`].
pub fn day_of(instant: DateTime<Utc>, tz: Tz) -> NaiveDate {
    let shown = instant.with_timezone(&tz).date_naive();
    // A clock set back over midnight shows yesterday's date again, though today has begun.
    match shown.succ_opt() {
        Some(next) if start_of_day(next, tz) <= instant => next,
        _ => shown,
    }
}

/// Reads the point in time of a report: `now`, `today` (the start of now's local
/// day), a local day as `YYYY-MM-DD` (its start), or an RFC 3339 instant.
///
/// The result has whole microseconds.
pub fn parse_as_of(text: &str, now: DateTime<Utc>, tz: Tz) -> Result<DateTime<Utc>, AsOfError> {
    let instant = match text {
        "now" => Some(now),
        "today" => Some(start_of_day(day_of(now, tz), tz)),
        _ => DateTime::parse_from_rfc3339(text)
            .map(|instant| instant.to_utc())
            .ok()
            .or_else(|| parse_date(text).map(|date| start_of_day(date, tz))),
    };
    instant.map(|instant| instant.trunc_subsecs(6)).ok_or_else(|| AsOfError(text.to_owned()))
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let shape_fits = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(index, byte)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    shape_fits.then(|| text.parse().ok()).flatten()
}

fn days_before(end: DateTime<Utc>, days: u64, tz: Tz) -> Option<DateTime<Utc>> {
    let local = end.with_timezone(&tz).naive_local();
    Some(instant_of(local.checked_sub_days(Days::new(days))?, tz))
}

fn instant_of(local: NaiveDateTime, tz: Tz) -> DateTime<Utc> {
    match tz.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
        LocalResult::None => GapInfo::new(&local, &tz)
            .and_then(|gap| gap.end)
            .map_or_else(|| local.and_utc(), |after| after.to_utc()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use chrono_tz::{
        America::{Havana, New_York, Santiago, St_Johns},
        Asia::Beirut,
        Australia::Lord_Howe,
        Europe::London,
        Pacific::Apia,
        UTC,
    };
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn hours(window: Window) -> i64 {
        (window.end - window.start).num_hours()
    }

    #[test]
    fn a_month_begins_and_ends_at_local_midnight() {
        let october = Window::month("2026-10", London).unwrap();
        assert_eq!(october.start, at("2026-09-30T23:00:00Z"));
        assert_eq!(october.end, at("2026-11-01T00:00:00Z"));
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "2026-1",
            "26-10",
            "2026-10-01",
            "october",
            "2026/10",
            "é026-1",
        ] {
            assert_eq!(Window::month(wrong, London), Err(MonthError(wrong.to_owned())), "{wrong}");
        }
    }

    #[test]
    fn months_keep_the_wall_clock_and_end_with_the_month() {
        let before = |text, months| months_before(at(text), months, London).unwrap();
        assert_eq!(before("2026-07-15T08:00:00Z", 4), at("2026-03-15T09:00:00Z"));
        assert_eq!(before("2026-05-31T11:00:00Z", 3), at("2026-02-28T12:00:00Z"));
    }

    #[test]
    fn a_window_keeps_the_wall_clock_over_a_clock_change() {
        let spring = Window::last_days(at("2026-03-30T08:00:00Z"), 7, London).unwrap();
        assert_eq!(spring.start, at("2026-03-23T09:00:00Z"));
        assert_eq!(hours(spring), 167);
        let autumn = Window::last_days(at("2026-10-26T09:00:00Z"), 7, London).unwrap();
        assert_eq!(autumn.start, at("2026-10-19T08:00:00Z"));
        assert_eq!(hours(autumn), 169);
    }

    #[test]
    fn the_short_day_of_london_has_23_hours_and_the_long_one_25() {
        for (date, length) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)] {
            let end = start_of_day(day(date).succ_opt().unwrap(), London);
            let window = Window::last_days(end, 1, London).unwrap();
            assert_eq!(window.start, start_of_day(day(date), London));
            assert_eq!(hours(window), length, "{date}");
            assert_eq!(window.local_days(London).collect::<Vec<_>>(), [(day(date), window)]);
        }
    }

    #[test]
    fn an_event_late_in_the_utc_evening_is_on_the_next_day_in_london() {
        assert_eq!(day_of(at("2026-07-01T23:30:00Z"), London), day("2026-07-02"));
        assert_eq!(day_of(at("2026-07-01T23:30:00Z"), UTC), day("2026-07-01"));
        assert_eq!(start_of_day(day("2026-07-02"), London), at("2026-07-01T23:00:00Z"));
    }

    #[test]
    fn a_wall_clock_time_inside_a_gap_is_the_first_instant_after_it() {
        let window = Window::last_days(at("2026-03-30T00:30:00Z"), 1, London).unwrap();
        assert_eq!(window.start, at("2026-03-29T01:00:00Z"));
        let before = window.previous(London, 1).unwrap();
        assert_eq!(before.start, at("2026-03-28T01:30:00Z"));
        assert_eq!(before.end, window.start);
    }

    #[test]
    fn a_wall_clock_time_shown_twice_is_the_earlier_one() {
        let window = Window::last_days(at("2026-10-26T01:30:00Z"), 1, London).unwrap();
        assert_eq!(window.start, at("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_begins_after_the_gap() {
        assert_eq!(start_of_day(day("2026-03-29"), Beirut), at("2026-03-28T22:00:00Z"));
        assert_eq!(day_of(at("2026-03-28T21:59:59Z"), Beirut), day("2026-03-28"));
        assert_eq!(day_of(at("2026-03-28T22:00:00Z"), Beirut), day("2026-03-29"));
    }

    #[test]
    fn a_day_whose_midnight_comes_twice_begins_at_the_first() {
        assert_eq!(start_of_day(day("2026-11-01"), Havana), at("2026-11-01T04:00:00Z"));
        assert_eq!(day_of(at("2026-11-01T05:30:00Z"), Havana), day("2026-11-01"));
    }

    #[test]
    fn a_day_that_has_begun_goes_on_when_the_clock_is_set_back_over_midnight() {
        let start = start_of_day(day("2009-11-01"), St_Johns);
        assert_eq!(start, at("2009-11-01T02:30:00Z"));
        assert_eq!(day_of(at("2009-11-01T02:29:59Z"), St_Johns), day("2009-10-31"));
        assert_eq!(day_of(at("2009-11-01T03:00:00Z"), St_Johns), day("2009-11-01"));
    }

    #[test]
    fn a_skipped_date_is_not_a_day() {
        let window = Window::last_days(start_of_day(day("2012-01-01"), Apia), 4, Apia).unwrap();
        let dates: Vec<_> = window.local_days(Apia).map(|(date, _)| date.to_string()).collect();
        assert_eq!(dates, ["2011-12-28", "2011-12-29", "2011-12-31"]);
    }

    #[test]
    fn days_are_clipped_to_the_window() {
        let window = Window::last_days(at("2026-07-03T12:00:00Z"), 2, UTC).unwrap();
        let parts: Vec<_> = window.local_days(UTC).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(
            parts[0],
            (day("2026-07-01"), Window { start: window.start, end: at("2026-07-02T00:00:00Z") })
        );
        assert_eq!(
            parts[2],
            (day("2026-07-03"), Window { start: at("2026-07-03T00:00:00Z"), end: window.end })
        );
    }

    #[test]
    fn the_start_is_inside_and_the_end_is_not() {
        let window = Window::last_days(at("2026-07-03T12:00:00Z"), 2, UTC).unwrap();
        assert!(window.contains(window.start));
        assert!(!window.contains(window.end));
        assert!(!window.contains(window.start - TimeDelta::microseconds(1)));
        let empty = Window { start: window.start, end: window.start };
        assert!(!empty.contains(window.start));
        assert_eq!(empty.local_days(UTC).count(), 0);
    }

    #[test]
    fn no_days_and_too_many_days_are_errors() {
        let end = at("2026-07-03T12:00:00Z");
        for days in [0, 36_501, u32::MAX] {
            let error = Window::last_days(end, days, London).unwrap_err();
            assert_eq!(error, WindowError::Days(days.into()));
            let window = Window::last_days(end, 7, London).unwrap();
            assert_eq!(window.previous(London, days), Err(error));
        }
        assert!(Window::last_days(end, 36_500, London).is_ok());
        assert_eq!(WindowError::Days(0).to_string(), "a window has 1 to 36500 days, not 0");
        let early = at("-262143-01-02T00:00:00Z");
        assert_eq!(Window::last_days(early, 36_500, UTC), Err(WindowError::OutOfRange));
    }

    #[test]
    fn a_point_in_time_is_an_instant_a_day_today_or_now() {
        let now = at("2026-07-01T23:30:00.123456789Z");
        for (text, instant) in [
            ("now", "2026-07-01T23:30:00.123456Z"),
            ("today", "2026-07-01T23:00:00Z"),
            ("2026-07-01", "2026-06-30T23:00:00Z"),
            ("2026-03-30", "2026-03-29T23:00:00Z"),
            ("2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z"),
            ("2026-07-01T12:00:00.0000019Z", "2026-07-01T12:00:00.000001Z"),
        ] {
            assert_eq!(parse_as_of(text, now, London), Ok(at(instant)), "{text}");
        }
    }

    #[test]
    fn any_other_text_is_refused_with_what_is_accepted() {
        let now = at("2026-07-01T23:30:00Z");
        for text in [
            "",
            "yesterday",
            "2026-02-30",
            "2026-7-1",
            "+2026-07-1",
            "2026-07-01T12:00:00",
            "01/07/2026",
            " now",
        ] {
            let error = parse_as_of(text, now, London).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is not a point in time")), "{error}");
            assert!(error.contains("`today`") && error.contains("RFC 3339"), "{error}");
        }
    }

    fn any_zone() -> impl Strategy<Value = Tz> {
        prop::sample::select(vec![UTC, London, New_York, Lord_Howe, Havana, Santiago, St_Johns, Beirut, Apia])
    }

    fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
        // 2000 to 2036.
        (946_684_800_i64..2_082_758_400).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
    }

    proptest! {
        #[test]
        fn windows_are_as_long_as_their_days_but_for_clock_changes(
            end in any_instant(), days in 1_u32..500, tz in any_zone(),
        ) {
            prop_assume!(tz != Apia);
            let window = Window::last_days(end, days, tz).unwrap();
            prop_assert_eq!(window.end, end);
            let difference = (window.end - window.start) - TimeDelta::days(i64::from(days));
            prop_assert!(difference.abs() <= TimeDelta::hours(1), "{difference}");
        }

        #[test]
        fn consecutive_windows_tile(end in any_instant(), days in 1_u32..500, tz in any_zone()) {
            let window = Window::last_days(end, days, tz).unwrap();
            let before = window.previous(tz, days).unwrap();
            prop_assert_eq!(before.end, window.start);
            prop_assert_eq!(before.start, Window::last_days(end, 2 * days, tz).unwrap().start);
        }

        #[test]
        fn local_days_tile_their_window(end in any_instant(), days in 1_u32..40, tz in any_zone()) {
            let window = Window::last_days(end, days, tz).unwrap();
            let mut reached = window.start;
            for (date, part) in window.local_days(tz) {
                prop_assert_eq!(part.start, reached);
                prop_assert!(part.start < part.end);
                prop_assert_eq!(day_of(part.start, tz), date);
                prop_assert_eq!(day_of(part.end - TimeDelta::microseconds(1), tz), date);
                reached = part.end;
            }
            prop_assert_eq!(reached, window.end);
        }
    }
}
