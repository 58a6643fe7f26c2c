//! What a rule says when it fires, put together piece by piece.

use super::signals::{Cash, Compared, Revenue};
use super::words::days_before;
use super::{AtStake, Evidence, Insight, Severity, Unit};
use crate::interval::Interval;
use crate::money::Micros;
use crate::rollforward::Ratio;

/// An insight without the rule that fired.
pub(super) struct Finding {
    severity: Severity,
    text: String,
    evidence: Vec<Evidence>,
    compared_with: String,
    recommendation: Option<String>,
    at_stake: Option<AtStake>,
}

impl Finding {
    pub(super) fn new(severity: Severity, text: impl Into<String>) -> Self {
        Self {
            severity,
            text: text.into(),
            evidence: Vec::new(),
            compared_with: String::new(),
            recommendation: None,
            at_stake: None,
        }
    }

    pub(super) fn shows(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    pub(super) fn compared_with_days_before(self, days: u32) -> Self {
        self.compared_with(days_before(days))
    }

    pub(super) fn compared_with(self, period: impl Into<String>) -> Self {
        Self { compared_with: period.into(), ..self }
    }

    pub(super) fn advises(self, recommendation: impl Into<String>) -> Self {
        Self { recommendation: Some(recommendation.into()), ..self }
    }

    pub(super) fn puts_at_stake(self, revenue: &Revenue, micros: Micros) -> Self {
        Self { at_stake: Some(AtStake { currency: revenue.currency.clone(), micros }), ..self }
    }

    pub(super) fn of_rule(self, rule: &'static str) -> Insight {
        let Self { severity, text, evidence, compared_with, recommendation, at_stake } = self;
        Insight { rule, severity, text, evidence, compared_with, recommendation, at_stake }
    }
}

impl Evidence {
    /// Things that are counted.
    pub(super) fn count(label: &str, current: u64, previous: Option<u64>) -> Self {
        Self::of(label, Unit::Count, current.into(), previous.map(i128::from))
    }

    /// Things that are counted in both periods.
    pub(super) fn counts(label: &str, counts: Compared<u64>) -> Self {
        Self::count(label, counts.current, Some(counts.previous))
    }

    /// A share of things that are counted, with its interval.
    pub(super) fn share(label: &str, current: Ratio, previous: Option<Ratio>) -> Self {
        let interval = Interval::wilson(current);
        Self { label: label.to_owned(), unit: Unit::Share, current, previous, interval }
    }

    /// Two shares of things that are counted, with the interval of the first.
    pub(super) fn shares(label: &str, shares: Compared<Ratio>) -> Self {
        Self::share(label, shares.current, Some(shares.previous))
    }

    /// A share of money. Money is not counted one by one, so it has no interval.
    pub(super) fn money_share(label: &str, current: Ratio) -> Self {
        Self { interval: None, ..Self::share(label, current, None) }
    }

    /// MRR.
    pub(super) fn mrr(label: &str, currency: &str, current: Micros, previous: Option<Micros>) -> Self {
        let unit = Unit::Micros { currency: currency.to_owned() };
        Self::of(label, unit, current.0, previous.map(|micros| micros.0))
    }

    /// Amounts of money.
    pub(super) fn amounts(label: &str, currency: &str, cash: Compared<Cash>) -> Self {
        let unit = Unit::Minor { currency: currency.to_owned() };
        Self::of(label, unit, cash.current.amount.into(), Some(cash.previous.amount.into()))
    }

    fn of(label: &str, unit: Unit, current: i128, previous: Option<i128>) -> Self {
        let whole = |numerator| Ratio { numerator, denominator: 1 };
        let (current, previous) = (whole(current), previous.map(whole));
        Self { label: label.to_owned(), unit, current, previous, interval: None }
    }
}
