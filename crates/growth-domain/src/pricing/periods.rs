//! How often a price is due, and what share of it falls on a month.

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};

use super::Unpriced;
use super::exact::{Exact, fraction};
use crate::facts::{InvoiceLine, PriceTerms};

const DAY: i64 = 86_400;

/// The span of time that one payment covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    /// Calendar months; a year has twelve.
    Months(u64),
    /// Weeks, 52 to a year.
    Weeks(u64),
    /// Days, 365 to a year.
    Days(u64),
    /// Any other span, from an invoice line alone.
    Seconds(u64),
}

impl Period {
    /// Gives the share of one period's price that falls on a month.
    pub(super) fn per_month(self) -> Exact {
        match self {
            Self::Months(n) => fraction(1, n),
            Self::Weeks(n) => fraction(52, u128::from(n) * 12),
            Self::Days(n) => fraction(365, u128::from(n) * 12),
            Self::Seconds(n) => fraction(365 * DAY, u128::from(n) * 12),
        }
    }

    /// Gives the end of the period that begins at an instant, unless it is beyond the calendar.
    pub(super) fn after(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = |n: u64| i64::try_from(n).ok().and_then(TimeDelta::try_days);
        match self {
            Self::Months(n) => start.checked_add_months(Months::new(u32::try_from(n).ok()?)),
            Self::Weeks(n) => start.checked_add_signed(days(n.checked_mul(7)?)?),
            Self::Days(n) => start.checked_add_signed(days(n)?),
            Self::Seconds(n) => start.checked_add_signed(TimeDelta::try_seconds(i64::try_from(n).ok()?)?),
        }
    }
}

/// Finds a recurring price's period: its own, else the interval or the dates of the last invoice line.
pub(super) fn of<'a>(
    price: &PriceTerms,
    line: impl FnOnce() -> Option<&'a InvoiceLine>,
) -> Result<Period, Unpriced> {
    let recurring = price.recurring.as_ref();
    let interval = recurring.map_or("", |recurring| recurring.interval.as_str());
    let count = recurring.map_or(0, |recurring| recurring.interval_count);
    if is_known(interval) {
        return period(interval, count)
            .ok_or_else(|| Unpriced::IntervalCount { price: price.id.clone(), count });
    }
    line()
        .and_then(of_line)
        .ok_or_else(|| Unpriced::Interval { price: price.id.clone(), interval: interval.to_owned() })
}

fn is_known(interval: &str) -> bool {
    matches!(interval, "day" | "week" | "month" | "year")
}

fn period(interval: &str, count: i64) -> Option<Period> {
    let count = u64::try_from(count).ok().filter(|count| *count > 0)?;
    match interval {
        "day" => Some(Period::Days(count)),
        "week" => Some(Period::Weeks(count)),
        "month" => Some(Period::Months(count)),
        "year" => count.checked_mul(12).map(Period::Months),
        _ => None,
    }
}

fn of_line(line: &InvoiceLine) -> Option<Period> {
    let told =
        line.interval.as_deref().and_then(|interval| period(interval, line.interval_count.unwrap_or(1)));
    told.or_else(|| between(line.period_start?, line.period_end?))
}

/// Reads a period from its two ends: whole months first (a month's last days may move either end), then
/// whole weeks, then whole days.
fn between(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Period> {
    let seconds = u64::try_from((end - start).num_seconds()).ok().filter(|seconds| *seconds > 0)?;
    let day = DAY.unsigned_abs();
    let months = u32::try_from(month_number(end) - month_number(start)).ok().filter(|n| {
        start.checked_add_months(Months::new(*n)) == Some(end)
            || end.checked_sub_months(Months::new(*n)) == Some(start)
    });
    Some(match months {
        Some(months) => Period::Months(months.into()),
        None if seconds % (7 * day) == 0 => Period::Weeks(seconds / (7 * day)),
        None if seconds % day == 0 => Period::Days(seconds / day),
        None => Period::Seconds(seconds),
    })
}

fn month_number(instant: DateTime<Utc>) -> i64 {
    i64::from(instant.year()) * 12 + i64::from(instant.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str) -> DateTime<Utc> {
        format!("{date}T09:30:00Z").parse().unwrap()
    }

    #[test]
    fn a_period_is_read_from_its_ends() {
        for (start, end, period) in [
            ("2026-01-15", "2026-02-15", Period::Months(1)),
            ("2026-01-31", "2026-02-28", Period::Months(1)),
            ("2026-02-28", "2026-03-31", Period::Months(1)),
            ("2026-01-15", "2026-04-15", Period::Months(3)),
            ("2024-02-29", "2025-02-28", Period::Months(12)),
            ("2026-02-01", "2026-03-01", Period::Months(1)),
            ("2026-01-05", "2026-01-12", Period::Weeks(1)),
            ("2026-01-05", "2026-02-02", Period::Weeks(4)),
            ("2026-01-05", "2026-01-15", Period::Days(10)),
        ] {
            assert_eq!(between(at(start), at(end)), Some(period), "{start} {end}");
        }
        assert_eq!(
            between(at("2026-01-05"), at("2026-01-05") + TimeDelta::hours(1)),
            Some(Period::Seconds(3600))
        );
        assert_eq!(between(at("2026-01-05"), at("2026-01-05")), None);
        assert_eq!(between(at("2026-01-06"), at("2026-01-05")), None);
    }

    #[test]
    fn odd_spans_are_worth_their_share_of_a_365_day_year() {
        assert_eq!(Period::Days(10).per_month(), Period::Seconds(864_000).per_month());
    }

    #[test]
    fn a_period_ends_on_the_calendar() {
        assert_eq!(Period::Months(1).after(at("2026-01-31")), Some(at("2026-02-28")));
        assert_eq!(Period::Months(24).after(at("2024-02-29")), Some(at("2026-02-28")));
        assert_eq!(Period::Weeks(2).after(at("2026-01-01")), Some(at("2026-01-15")));
        assert_eq!(Period::Days(1).after(at("2026-02-28")), Some(at("2026-03-01")));
        for huge in [
            Period::Months(u64::MAX),
            Period::Weeks(u64::MAX),
            Period::Days(u64::MAX),
            Period::Seconds(u64::MAX),
        ] {
            assert_eq!(huge.after(at("2026-01-01")), None);
        }
    }
}
