//! How far a share that was counted can be relied on.

use serde::Serialize;

use crate::rollforward::Ratio;

/// The 97.5 % quantile of the normal distribution, for intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Bounds of a share, between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

impl Interval {
    /// Gives the 95 % score interval of a share of things that are counted; `None` where it is none of them:
    /// nothing below the line, or more above it than below.
    ///
    /// With p = k / n and z = 1.96, without a correction for continuity:
    /// `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`.
    ///
    /// Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
    /// the American Statistical Association 22 (1927), 209–212. The tests have the values that R. G. Newcombe
    /// published for it as method 3 in Two-sided confidence intervals for the single proportion, Statistics in
    /// Medicine 17 (1998), 857–872.
    #[expect(
        clippy::cast_precision_loss,
        reason = "an interval is shown to people, nothing is counted by it"
    )]
    pub fn wilson(share: Ratio) -> Option<Self> {
        let Ratio { numerator, denominator } = share;
        if denominator <= 0 || numerator < 0 || numerator > denominator {
            return None;
        }
        let (k, n) = (numerator as f64, denominator as f64);
        let (p, square) = (k / n, Z * Z);
        let middle = p + square / (2.0 * n);
        let reach = Z * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        let scale = 1.0 + square / n;
        // Where none or all were counted the bound is exact, whatever floating-point numbers make of it.
        let low = if numerator == 0 { 0.0 } else { (middle - reach) / scale };
        let high = if numerator == denominator { 1.0 } else { (middle + reach) / scale };
        Some(Self { low, high })
    }

    /// Tells whether this and another interval have nothing in common.
    pub fn is_apart_from(self, other: Self) -> bool {
        self.high < other.low || other.high < self.low
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wilson(numerator: i128, denominator: i128) -> Option<Interval> {
        Interval::wilson(Ratio { numerator, denominator })
    }

    #[test]
    fn the_bounds_are_those_that_were_published() {
        for (k, n, low, high) in [
            (81, 263, "0.2553", "0.3662"),
            (15, 148, "0.0624", "0.1605"),
            (0, 20, "0.0000", "0.1611"),
            (1, 29, "0.0061", "0.1718"),
        ] {
            let interval = wilson(k, n).unwrap();
            assert_eq!((&*format!("{:.4}", interval.low), &*format!("{:.4}", interval.high)), (low, high));
        }
    }

    #[test]
    fn none_and_all_have_one_exact_bound() {
        assert!(wilson(0, 5).is_some_and(|interval| interval.low.to_bits() == 0));
        assert!(wilson(5, 5).is_some_and(|interval| (1.0 - interval.high).to_bits() == 0));
    }

    #[test]
    fn what_is_no_share_has_no_interval() {
        for (k, n) in [(0, 0), (1, 0), (2, 1), (-1, 5), (1, -5)] {
            assert_eq!(wilson(k, n), None, "{k} of {n}");
        }
    }

    #[test]
    fn intervals_are_apart_where_they_share_nothing() {
        let (few, many, all) = (wilson(5, 100).unwrap(), wilson(30, 100).unwrap(), wilson(90, 100).unwrap());
        assert!(few.is_apart_from(many) && many.is_apart_from(few) && all.is_apart_from(few));
        assert!(!many.is_apart_from(many));
        assert!(!wilson(2, 10).unwrap().is_apart_from(wilson(5, 10).unwrap()));
    }

    proptest! {
        #[test]
        fn the_share_lies_inside_and_more_of_the_same_is_surer(n in 1_i128..1_000_000, of in 0.0..=1.0) {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "any share will do")]
            let k = (n as f64 * of) as i128;
            let (interval, surer) = (wilson(k, n).unwrap(), wilson(k * 10, n * 10).unwrap());
            let share = Ratio { numerator: k, denominator: n }.value().unwrap();
            prop_assert!(0.0 <= interval.low && interval.low <= share);
            prop_assert!(share <= interval.high && interval.high <= 1.0);
            prop_assert!(surer.high - surer.low < interval.high - interval.low);
        }

        #[test]
        fn any_whole_numbers_are_fine(numerator in any::<i128>(), denominator in any::<i128>()) {
            if let Some(interval) = wilson(numerator, denominator) {
                prop_assert!(0.0 <= interval.low && interval.low <= interval.high && interval.high <= 1.0);
            }
        }
    }
}
