//! When a goal of MRR is reached at the present pace.

use chrono::{Days, NaiveDate};
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use serde::Serialize;

use crate::money::Micros;

/// How far the goal is in time: gap / mean weekly net new MRR over the last complete weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Eta {
    /// The goal is reached.
    Reached,
    /// It will be, if MRR goes on as in the weeks that were looked at.
    Expected {
        /// Whole weeks from the end of the period, rounded up.
        weeks: u64,
        /// The local day on which they are over.
        day: NaiveDate,
        /// Mean net new MRR of a complete week, rounded half to even.
        weekly: Micros,
        /// How many complete weeks the mean is of.
        of_weeks: u32,
        /// How many more customers the gap is at today's ARPU, rounded up; `None` where there is no ARPU.
        customers: Option<u64>,
    },
    /// MRR does not grow.
    NotGrowing {
        /// Mean net new MRR of a complete week, 0 or less.
        weekly: Micros,
        /// How many complete weeks the mean is of.
        of_weeks: u32,
        /// As in [`Eta::Expected`].
        customers: Option<u64>,
    },
    /// There are too few complete weeks since the first revenue.
    TooEarly {
        /// How many there are.
        of_weeks: u32,
        /// As in [`Eta::Expected`].
        customers: Option<u64>,
    },
    /// It would take more than a hundred years.
    OutOfSight {
        /// Mean net new MRR of a complete week.
        weekly: Micros,
        /// How many complete weeks the mean is of.
        of_weeks: u32,
        /// As in [`Eta::Expected`].
        customers: Option<u64>,
    },
}

/// What a forecast is made of, in the goal's currency.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// MRR at the end of the period.
    pub mrr: Micros,
    /// The MRR to reach.
    pub goal: Micros,
    /// Customers with MRR at the end of the period.
    pub paying_customers: u64,
    /// Net new MRR of the last complete local weeks, the newest first. More than [`Pace::WEEKS`] are not looked at.
    pub weeks: &'a [Micros],
    /// How many complete weeks there are since the first revenue; older ones are not looked at.
    pub weeks_since_first_revenue: u32,
    /// The local day of the end of the period.
    pub day: NaiveDate,
}

impl Pace<'_> {
    /// Of how many complete weeks the mean is at most.
    pub const WEEKS: u32 = 8;

    /// How many complete weeks are too few for a forecast if there are fewer.
    pub const FEWEST_WEEKS: u32 = 4;

    /// A hundred years in whole weeks.
    const MOST_WEEKS: u64 = 5_217;

    /// Computes when the goal is reached if MRR goes on to grow by as much each week.
    ///
    /// Everything is exact until it is shown: the gap is divided by the mean, not by the rounded mean,
    /// and customers are the gap over MRR for each of them, not over the rounded ARPU.
    pub fn eta(&self) -> Eta {
        let gap = self.goal.0.saturating_sub(self.mrr.0);
        if gap <= 0 {
            return Eta::Reached;
        }
        let customers = self.customers(gap);
        let told = u32::try_from(self.weeks.len()).unwrap_or(u32::MAX);
        let of_weeks = told.min(self.weeks_since_first_revenue).min(Self::WEEKS);
        if of_weeks < Self::FEWEST_WEEKS {
            return Eta::TooEarly { of_weeks, customers };
        }
        let looked_at = self.weeks.iter().take(of_weeks as usize);
        let grown = looked_at.fold(0_i128, |sum, week| sum.saturating_add(week.0));
        let weekly = Micros(grown).divided_by(of_weeks.into()).unwrap_or_default();
        if grown <= 0 {
            return Eta::NotGrowing { weekly, of_weeks, customers };
        }
        let weeks = div_ceil(BigInt::from(gap) * of_weeks, grown).filter(|weeks| *weeks <= Self::MOST_WEEKS);
        let reached = weeks.and_then(|weeks| Some((weeks, self.day.checked_add_days(Days::new(weeks * 7))?)));
        match reached {
            Some((weeks, day)) => Eta::Expected { weeks, day, weekly, of_weeks, customers },
            None => Eta::OutOfSight { weekly, of_weeks, customers },
        }
    }

    /// How many customers as worth as today's are worth the gap.
    fn customers(&self, gap: i128) -> Option<u64> {
        (self.mrr > Micros::ZERO && self.paying_customers > 0)
            .then(|| div_ceil(BigInt::from(gap) * self.paying_customers, self.mrr.0))?
    }
}

/// Divides numbers above 0, rounded up.
fn div_ceil(number: BigInt, divisor: i128) -> Option<u64> {
    ((number + (divisor - 1)) / divisor).to_u64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn major(units: i64) -> Micros {
        Micros::from_minor(units * 100)
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// 320 of 500 with 16 customers, on 1 July.
    fn pace(weeks: &[Micros]) -> Pace<'_> {
        Pace {
            mrr: major(320),
            goal: major(500),
            paying_customers: 16,
            weeks,
            weeks_since_first_revenue: 100,
            day: day("2026-07-01"),
        }
    }

    #[test]
    fn a_gap_of_180_at_15_a_week_is_12_weeks_and_9_customers() {
        let weeks = [25, 5, 15, 0, 30, 15, 20, 10].map(major);
        let expected = Eta::Expected {
            weeks: 12,
            day: day("2026-09-23"),
            weekly: major(15),
            of_weeks: 8,
            customers: Some(9),
        };
        assert_eq!(pace(&weeks).eta(), expected);
    }

    #[test]
    fn only_the_newest_eight_weeks_are_looked_at() {
        let weeks = [15, 15, 15, 15, 15, 15, 15, 15, -900].map(major);
        assert!(matches!(pace(&weeks).eta(), Eta::Expected { weeks: 12, of_weeks: 8, .. }));
    }

    #[test]
    fn weeks_before_the_first_revenue_are_not_looked_at() {
        let weeks = [15, 15, 15, 15, 0, 0, 0, 0].map(major);
        let young = Pace { weeks_since_first_revenue: 4, ..pace(&weeks) };
        assert!(matches!(young.eta(), Eta::Expected { weeks: 12, of_weeks: 4, .. }));
        let too_young = Pace { weeks_since_first_revenue: 3, ..pace(&weeks) };
        assert_eq!(too_young.eta(), Eta::TooEarly { of_weeks: 3, customers: Some(9) });
        assert_eq!(pace(&weeks[..3]).eta(), Eta::TooEarly { of_weeks: 3, customers: Some(9) });
    }

    #[test]
    fn the_time_is_rounded_up_and_exact() {
        // The mean is 14.999999..., so the twelfth week does not quite get there.
        let weeks = [major(15), major(15), major(15), major(15) - Micros(1)];
        assert!(matches!(pace(&weeks).eta(), Eta::Expected { weeks: 13, of_weeks: 4, .. }));
    }

    #[test]
    fn there_is_no_time_without_growth() {
        for (weeks, weekly) in [([0; 4], 0), ([10, -10, 5, -5], 0), ([-20; 4], -20)] {
            let weeks = weeks.map(major);
            let expected = Eta::NotGrowing { weekly: major(weekly), of_weeks: 4, customers: Some(9) };
            assert_eq!(pace(&weeks).eta(), expected);
        }
    }

    #[test]
    fn a_hundred_years_are_out_of_sight() {
        let of_weeks = |weeks: u64| {
            let each = Micros(major(180).0.div_euclid(weeks.into()));
            pace(&[each; 4]).eta()
        };
        assert!(matches!(of_weeks(5_000), Eta::Expected { weeks: 5_000, .. }));
        assert!(matches!(of_weeks(6_000), Eta::OutOfSight { of_weeks: 4, customers: Some(9), .. }));
        let last_day = Pace { day: NaiveDate::MAX, ..pace(&[Micros(1_500_000_000); 4]) };
        assert!(matches!(last_day.eta(), Eta::OutOfSight { .. }));
    }

    #[test]
    fn a_goal_that_is_reached_needs_no_time() {
        assert_eq!(Pace { goal: major(320), ..pace(&[]) }.eta(), Eta::Reached);
        assert_eq!(Pace { goal: Micros::ZERO, mrr: Micros::ZERO, ..pace(&[]) }.eta(), Eta::Reached);
    }

    #[test]
    fn nobody_pays_and_so_nobody_knows_how_many_more_it_takes() {
        let nothing = Pace { mrr: Micros::ZERO, paying_customers: 0, ..pace(&[]) };
        assert_eq!(nothing.eta(), Eta::TooEarly { of_weeks: 0, customers: None });
    }

    proptest! {
        #[test]
        fn any_numbers_are_fine(
            mrr in any::<i128>(),
            goal in any::<i128>(),
            paying_customers in any::<u64>(),
            weeks in proptest::collection::vec(any::<i128>().prop_map(Micros), 0..10),
            weeks_since_first_revenue in any::<u32>(),
        ) {
            let (mrr, goal, day) = (Micros(mrr), Micros(goal), day("2026-07-01"));
            let pace = Pace { mrr, goal, paying_customers, weeks: &weeks, weeks_since_first_revenue, day };
            prop_assert_eq!(pace.eta() == Eta::Reached, mrr >= goal);
        }

        #[test]
        fn the_goal_is_reached_in_that_week_and_not_before(
            gap in 1_i64..1_000_000_000,
            weeks in proptest::collection::vec(-1_000_i64..1_000_000, 4..9),
        ) {
            let micros: Vec<Micros> = weeks.iter().copied().map(Micros::from_minor).collect();
            let goal = major(320) + Micros::from_minor(gap);
            if let Eta::Expected { weeks: after, of_weeks, .. } = (Pace { goal, ..pace(&micros) }).eta() {
                let grown: i64 = weeks.iter().sum();
                let by = |weeks: u64| i128::from(grown) * i128::from(weeks);
                let needed = i128::from(gap) * i128::from(of_weeks);
                prop_assert!(by(after) >= needed && by(after - 1) < needed);
            }
        }
    }
}
