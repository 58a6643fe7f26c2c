//! What is worth a founder's attention in a period, and what to do about it.
//!
//! A table of [`Rule`]s, each a function of the [`Signals`] and the [`Thresholds`] that fires once or not at
//! all. Each writes its own words and its own recommendation, so that nothing is recommended without the
//! number that calls for it. `docs/METRICS.md` lists them. Invariants:
//!
//! * The same signals and thresholds give the same insights.
//! * What is not known, undefined or of too few things fires nothing.
//! * Text from outside is in no sentence, except for ids that are made like ids.

mod finding;
mod measure;
mod rules;
mod signals;
#[cfg(test)]
mod tests;
mod thresholds;
mod words;

use std::cmp::Reverse;

use serde::Serialize;

pub use crate::interval::Interval;
use crate::money::Micros;
use crate::rollforward::Ratio;

pub use rules::RULES;
pub use signals::{
    Bottleneck, Cash, Churned, Compared, Data, EndingDiscounts, Goal, Largest, OtherCurrency, Product,
    Recovery, Revenue, Signals, Stage, Users,
};
pub use thresholds::{BadThreshold, Threshold, Thresholds};

/// How many insights are told at most.
pub const MOST: usize = 7;

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

/// A rule: what it is called, and when it fires.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name in insights and in the document.
    pub id: &'static str,
    check: fn(&Signals, &Thresholds) -> Option<finding::Finding>,
}

impl Rule {
    /// Gives what the rule says of these numbers; `None` where it does not fire.
    pub fn check(&self, signals: &Signals, thresholds: &Thresholds) -> Option<Insight> {
        (self.check)(signals, thresholds).map(|finding| finding.of_rule(self.id))
    }
}

/// What is worth attention.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notable {
    /// The most urgent first, then what is about the most MRR, then in the order of [`RULES`]; at most [`MOST`]. An
    /// empty list says that there is nothing notable.
    pub insights: Vec<Insight>,
    /// How many less urgent ones are not among them.
    pub left_out: u64,
}

/// Gives what is worth attention.
pub fn notable(signals: &Signals, thresholds: &Thresholds) -> Notable {
    let mut insights: Vec<Insight> =
        RULES.iter().filter_map(|rule| rule.check(signals, thresholds)).collect();
    insights.sort_by_key(|insight| {
        (insight.severity, Reverse(insight.at_stake.as_ref().map(|stake| stake.micros)))
    });
    let left_out = insights.len().saturating_sub(MOST) as u64;
    insights.truncate(MOST);
    for later in 1..insights.len() {
        let (before, [insight, ..]) = insights.split_at_mut(later) else { break };
        if before.iter().any(|earlier| is_same_advice(earlier, insight)) {
            insight.recommendation = None;
        }
    }
    Notable { insights, left_out }
}

/// Whether two insights would send the reader to do one thing twice: MRR fell because customers left, and customers left;
/// MRR rose because of new customers, and so the goal came nearer.
fn is_same_advice(one: &Insight, other: &Insight) -> bool {
    let looks_at = |insight: &Insight, metrics: [&str; 2]| {
        let advice = insight.recommendation.as_deref().unwrap_or_default();
        metrics.iter().any(|metric| advice.contains(&format!("explain {metric} ")))
    };
    let is_about = |rules: [&str; 2]| rules.contains(&one.rule) && rules.contains(&other.rule);
    let both_look_at = |metrics| looks_at(one, metrics) && looks_at(other, metrics);
    (is_about(["revenue_trend", "customer_churn"]) && both_look_at(["churn", "customer_churn"]))
        || (is_about(["revenue_trend", "goal_milestone"]) && both_look_at(["new_mrr", "new_mrr"]))
}
