//! Whether a number is large enough to be told, and more than chance.
//!
//! Thresholds are compared exactly. Chance is judged by 95 % Wilson intervals,
//! cautiously, since a report asks many questions at once:
//!
//! * Two **shares** differ where their intervals have nothing in common.
//! * Two **counts** differ where the interval of the current one's share in both leaves out the share that
//!   it would have if nothing had changed: one half, or where there is something that the things come from,
//!   such as payments for refunds, the current part of that. This is the conditional test of two Poisson means
//!   (J. Przyborowski, H. Wilenski, Homogeneity of results in testing samples from Poisson series, Biometrika 31
//!   (1940), 313–323) with Wilson's interval in place of the exact one.

use std::cmp::Ordering;

use num_bigint::BigInt;

use super::signals::Compared;
use crate::interval::Interval;
use crate::rollforward::Ratio;

/// The days of a month, for thresholds that are for a month.
pub(super) const MONTH: u32 = 30;

/// A share of things that are counted.
pub(super) fn share(numerator: u64, denominator: u64) -> Ratio {
    Ratio { numerator: numerator.into(), denominator: denominator.into() }
}

/// Whether a share is at least so many of `out_of`; never where it is undefined.
pub(super) fn reaches(share: Ratio, threshold: u32, out_of: u32) -> bool {
    share.denominator > 0
        && BigInt::from(share.numerator) * out_of >= BigInt::from(share.denominator) * threshold
}

/// Whether a share is at least so many percent.
pub(super) fn reaches_percent(share: Ratio, percent: u32) -> bool {
    reaches(share, percent, 100)
}

/// Whether a share is more than so many percent.
pub(super) fn exceeds_percent(share: Ratio, percent: u32) -> bool {
    share.denominator > 0 && BigInt::from(share.numerator) * 100 > BigInt::from(share.denominator) * percent
}

/// Whether a share is less than so many percent.
pub(super) fn is_below_percent(share: Ratio, percent: u32) -> bool {
    share.denominator > 0 && !reaches_percent(share, percent)
}

/// Whether a loss over so many days is at least so many percent a month, in proportion: 5 % in 30 days
/// are 1.17 % in 7.
pub(super) fn reaches_monthly(loss: Ratio, percent: u32, days: u32) -> bool {
    loss.denominator > 0
        && BigInt::from(loss.numerator) * 100 * MONTH >= BigInt::from(loss.denominator) * percent * days
}

/// The share from which on a loss over so many days is at least so many percent a month, in words.
pub(super) fn monthly_threshold(percent: u32, days: u32) -> String {
    let a_month = format!("{percent} % in {MONTH} days");
    if days == MONTH {
        return a_month;
    }
    let share =
        Ratio { numerator: i128::from(percent) * i128::from(days), denominator: 100 * i128::from(MONTH) };
    format!("{}, which is {a_month}", super::words::percent(share))
}

/// Whether a share of counted things is for certain more than so many percent a month over so many days.
pub(super) fn is_surely_above_monthly(share: Ratio, percent: u32, days: u32) -> bool {
    let threshold = f64::from(percent) / 100.0 * f64::from(days) / f64::from(MONTH);
    Interval::wilson(share).is_some_and(|interval| interval.low > threshold)
}

/// Whether a share of counted things is for certain less than so many percent.
pub(super) fn is_surely_below(share: Ratio, percent: u32) -> bool {
    Interval::wilson(share).is_some_and(|interval| interval.high < f64::from(percent) / 100.0)
}

/// Which of two shares above a positive line is larger.
pub(super) fn compare(a: Ratio, b: Ratio) -> Ordering {
    let (a_of_both, b_of_both) =
        (BigInt::from(a.numerator) * b.denominator, BigInt::from(b.numerator) * a.denominator);
    a_of_both.cmp(&b_of_both)
}

/// Whether a share is of enough things to be told.
pub(super) fn is_of(share: Ratio, min_count: u32) -> bool {
    share.denominator >= min_count.into()
}

/// Whether a share of counted things fell by so many percentage points, and by more than chance; never
/// where either is of too few.
pub(super) fn fell(shares: Compared<Ratio>, points: u32, min_count: u32) -> bool {
    let Compared { current, previous } = shares;
    let (Some(now), Some(before)) = (Interval::wilson(current), Interval::wilson(previous)) else {
        return false;
    };
    let lost = BigInt::from(previous.numerator) * current.denominator
        - BigInt::from(current.numerator) * previous.denominator;
    is_of(current, min_count)
        && is_of(previous, min_count)
        && lost * 100 >= BigInt::from(current.denominator) * previous.denominator * points
        && now.high < before.low
}

/// What became of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trend {
    /// It grew.
    Up,
    /// It shrank.
    Down,
}

/// Tells where a count grew or shrank by so many percent and by more than chance, for as much of what it
/// comes from; never where both counts are too small.
pub(super) fn trend(
    counts: Compared<u64>,
    from: Compared<u64>,
    percent: u32,
    min_count: u32,
) -> Option<Trend> {
    let Compared { current, previous } = counts;
    if current.max(previous) < min_count.into() {
        return None;
    }
    let from = if from.current == 0 || from.previous == 0 { EQUAL } else { from };
    let now = BigInt::from(current) * from.previous;
    let before = BigInt::from(previous) * from.current;
    let both =
        Ratio { numerator: current.into(), denominator: i128::from(current).saturating_add(previous.into()) };
    let interval = Interval::wilson(both)?;
    let expected = share_of_both(from)?;
    let grew = now > before && &now * 100_u32 >= &before * (100 + percent) && interval.low > expected;
    let shrank = now < before
        && &now * 100_u32 <= &before * 100_u32.saturating_sub(percent)
        && interval.high < expected;
    if grew {
        return Some(Trend::Up);
    }
    shrank.then_some(Trend::Down)
}

/// As much in both periods.
pub(super) const EQUAL: Compared<u64> = Compared { current: 1, previous: 1 };

fn share_of_both(counts: Compared<u64>) -> Option<f64> {
    let (current, previous) = (i128::from(counts.current), i128::from(counts.previous));
    Ratio { numerator: current, denominator: current + previous }.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(now: (u64, u64), before: (u64, u64)) -> Compared<Ratio> {
        Compared { current: share(now.0, now.1), previous: share(before.0, before.1) }
    }

    fn counts(current: u64, previous: u64) -> Compared<u64> {
        Compared { current, previous }
    }

    #[test]
    fn a_threshold_of_a_month_is_told_for_the_days_that_it_is_applied_to() {
        assert_eq!(monthly_threshold(5, 30), "5 % in 30 days");
        assert_eq!(monthly_threshold(5, 7), "1.2 %, which is 5 % in 30 days");
        assert_eq!(monthly_threshold(5, 90), "15.0 %, which is 5 % in 30 days");
    }

    #[test]
    fn a_monthly_loss_is_less_in_a_week_and_more_in_a_quarter() {
        // 5 % in 30 days are 7/600 in 7 days and 15 % in 90.
        for (numerator, denominator, days, reached) in [
            (50, 1000, 30, true),
            (49, 1000, 30, false),
            (7, 600, 7, true),
            (6, 600, 7, false),
            (150, 1000, 90, true),
            (149, 1000, 90, false),
            (0, 0, 30, false),
        ] {
            assert_eq!(
                reaches_monthly(share(numerator, denominator), 5, days),
                reached,
                "{numerator} in {days}"
            );
        }
    }

    #[test]
    fn a_share_fell_where_it_did_so_far_enough_and_not_by_chance() {
        assert!(fell(shares((200, 1000), (300, 1000)), 10, 5));
        // Not far enough.
        assert!(!fell(shares((201, 1000), (300, 1000)), 10, 5));
        // Far enough, but of so few that it may be chance.
        assert!(!fell(shares((4, 20), (6, 20)), 10, 5));
        // It rose.
        assert!(!fell(shares((300, 1000), (200, 1000)), 10, 5));
        // Too few, and nothing to compare with.
        assert!(!fell(shares((0, 4), (100, 100)), 10, 5));
        assert!(fell(shares((0, 5), (100, 100)), 10, 5));
        assert!(!fell(shares((0, 5), (0, 0)), 10, 5));
    }

    #[test]
    fn a_count_changed_where_it_did_so_far_enough_and_not_by_chance() {
        assert_eq!(trend(counts(150, 100), EQUAL, 50, 5), Some(Trend::Up));
        assert_eq!(trend(counts(149, 100), EQUAL, 50, 5), None);
        assert_eq!(trend(counts(50, 100), EQUAL, 50, 5), Some(Trend::Down));
        assert_eq!(trend(counts(51, 100), EQUAL, 50, 5), None);
        // 6 after 4 may be chance, and 4 after 0 are too few.
        assert_eq!(trend(counts(6, 4), EQUAL, 50, 5), None);
        assert_eq!(trend(counts(4, 0), EQUAL, 50, 5), None);
        assert_eq!(trend(counts(5, 0), EQUAL, 50, 5), Some(Trend::Up));
        assert_eq!(trend(counts(0, 5), EQUAL, 50, 5), Some(Trend::Down));
        assert_eq!(trend(counts(0, 0), EQUAL, 50, 1), None);
    }

    #[test]
    fn twice_as_many_of_twice_as_much_is_no_change() {
        assert_eq!(trend(counts(200, 100), counts(2_000, 1_000), 50, 5), None);
        assert_eq!(trend(counts(200, 100), counts(1_000, 1_000), 50, 5), Some(Trend::Up));
        assert_eq!(trend(counts(100, 100), counts(1_000, 2_000), 50, 5), Some(Trend::Up));
        assert_eq!(trend(counts(200, 100), counts(1_000, 0), 50, 5), Some(Trend::Up));
    }
}
