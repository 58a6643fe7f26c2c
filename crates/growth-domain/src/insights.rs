//! What is worth a founder's attention in a period, and what to do about it.

use serde::Serialize;

pub use crate::interval::Interval;
use crate::money::Micros;
use crate::rollforward::Ratio;

/// How much an insight matters, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Money or data is being lost now.
    Critical,
    /// It will cost something if nothing is done.
    Warning,
    /// Worth knowing.
    Notice,
    /// Something went well.
    Good,
}

/// What the numbers of an evidence are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "unit", rename_all = "snake_case")]
pub enum Unit {
    /// Things that are counted; the denominator is 1.
    Count,
    /// A share of a whole, shown in percent.
    Share,
    /// A plain ratio such as the quick ratio.
    Times,
    /// Minor units of a currency; the denominator is 1.
    Minor {
        /// Lower-case currency code.
        currency: String,
    },
    /// Micro-minor units of a currency a month; the denominator is 1.
    Micros {
        /// Lower-case currency code.
        currency: String,
    },
}

/// A number that an insight rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// What it is, for instance `Customer churn`.
    pub label: String,
    /// What its numbers are.
    #[serde(flatten)]
    pub unit: Unit,
    /// In the period.
    pub current: Ratio,
    /// In what it is compared with, where there is that.
    pub previous: Option<Ratio>,
    /// The Wilson interval of a share of things that are counted.
    pub interval: Option<Interval>,
}

/// MRR that an insight is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AtStake {
    /// Lower-case currency code.
    pub currency: String,
    /// Micro-minor units a month.
    pub micros: Micros,
}

/// Something worth knowing, with the rule that says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Insight {
    /// The rule that fired, for instance `involuntary_churn`.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence or two with their numbers, in plain text.
    pub text: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What it is compared with, for instance `the 30 days before`; empty where it is compared with nothing.
    pub compared_with: String,
    /// What to do, with its number, in plain text; `None` where nothing has to be done.
    pub recommendation: Option<String>,
    /// The MRR that it is about, where it is about MRR.
    pub at_stake: Option<AtStake>,
}
