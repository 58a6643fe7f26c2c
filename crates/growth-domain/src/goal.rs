//! When a goal of MRR is reached at the present pace.

use chrono::NaiveDate;
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
