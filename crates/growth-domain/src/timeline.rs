//! What a subscription was worth, when: its history as a step function.
//!
//! Built from all facts about one subscription in the order of their stamps, its
//! creation first. What is told after its end is stale, unless it tells of the end.
//! Where a fact shows a state that the facts before it do not lead to, events are
//! missing: what they told is reconstructed from the best evidence there is.
//! Between two facts the worth can still change by itself, when a discount runs
//! out or a debt grows too old for the policy; those instants become steps too.

mod bills;
mod gap;
mod likeness;
mod reasons;
mod steps;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::bills::Bill;
use self::reasons::change_reason;
use self::steps::{History, Step};
use crate::facts::{DiscountTerms, SubscriptionFact, SubscriptionState};
use crate::pricing::{Catalog, Mrr, Policy, breakpoints, price};

/// How long the policy `conservative` counts a subscription that is past due.
pub const DELINQUENT_AFTER: TimeDelta = TimeDelta::days(30);

/// A subscription's worth from `at` until the next segment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent columns of the ledger, no states of a machine"
)]
pub struct Segment {
    /// From when.
    pub at: DateTime<Utc>,
    /// Stripe's status.
    pub status: String,
    /// Whether it counts towards MRR at all, be it free or unpriced.
    pub counted: bool,
    /// What counts, zero where it does not count or the price is not known.
    pub mrr: Mrr,
    /// Whether it counts although a payment is overdue.
    pub at_risk: bool,
    /// Whether it counts although its end is already set.
    pub ending: bool,
    /// Why its price is not known, for a status that counts.
    pub unpriced: Option<String>,
    /// Why the worth changed, where that is known.
    pub reason: Option<&'static str>,
    /// Whether this is known by evidence only, not told by an event of its time.
    pub reconstructed: bool,
}

/// A subscription's history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Its steps in order of time.
    pub segments: Vec<Segment>,
    /// Where events are missing, in order of time.
    pub gaps: Vec<Gap>,
    /// Whether its invoices may tell more of what is missing.
    pub asks_for_bills: bool,
    /// Its latest state, with the items of earlier facts where the payload was cut.
    pub latest: Option<SubscriptionState>,
}

/// A time in which something happened to a subscription that no event told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last fact before, or the subscription's beginning.
    pub from: DateTime<Utc>,
    /// The fact that shows that something is missing.
    pub until: DateTime<Utc>,
    /// Whether there is evidence of when everything happened that is known to be missing.
    pub dated: bool,
}

impl Gap {
    fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from < at && at <= self.until
    }
}

/// Whether a status counts towards MRR, by the table in `docs/METRICS.md`.
pub fn counts(state: &SubscriptionState) -> bool {
    !state.paused && !state.deleted && matches!(state.status.as_str(), "active" | "past_due")
}

/// Builds the history of one subscription from the facts about it, in any order.
///
/// `customer_discounts` are those of the customer as a whole; `bills` are the subscription's invoices
/// in the order of their creation, which only gaps in the history need.
pub fn build(
    facts: &[SubscriptionFact],
    bills: &[Bill],
    customer_discounts: &[&DiscountTerms],
    catalog: &impl Catalog,
    policy: Policy,
) -> Timeline {
    let History { steps, gaps, latest, asks_for_bills } = steps::history(facts, bills, catalog);
    let mut segments: Vec<Segment> = Vec::new();
    let mut overdue_since: Option<(DateTime<Utc>, bool)> = None;
    for (i, step) in steps.iter().enumerate() {
        let until = steps.get(i + 1).map(|next| next.at);
        let before = step.before.as_ref().or_else(|| Some(&steps[i.checked_sub(1)?].state));
        overdue_since = match step.state.status.as_str() {
            "past_due" => overdue_since.or(Some((step.at, step.reconstructed))),
            _ => None,
        };
        let overdue = overdue_since.filter(|_| policy == Policy::Conservative);
        let delinquent_at = overdue.map(|(at, _)| at + DELINQUENT_AFTER);
        let mut instants: Vec<(DateTime<Utc>, &'static str)> = Vec::new();
        if counts(&step.state) {
            let by_discount = breakpoints(&step.state, customer_discounts, catalog, policy);
            instants.extend(by_discount.into_iter().map(|at| (at, "discount_expired")));
            instants.extend(delinquent_at.map(|at| (at, "delinquent")));
        }
        instants.retain(|(at, _)| *at > step.at && until.is_none_or(|until| *at < until));
        instants.sort_unstable();
        let first = (step.at, change_reason(before, step, catalog));
        for (at, reason) in
            std::iter::once(first).chain(instants.into_iter().map(|(at, why)| (at, Some(why))))
        {
            let mut segment = segment(step, at, customer_discounts, catalog, policy);
            segment.reconstructed |= overdue.is_some_and(|(_, reconstructed)| reconstructed);
            segment.reconstructed |= at > step.at && gaps.iter().any(|gap| gap.holds(at));
            if delinquent_at.is_some_and(|delinquent| at >= delinquent) {
                segment = Segment {
                    counted: false,
                    mrr: Mrr::default(),
                    at_risk: false,
                    unpriced: None,
                    ..segment
                };
            }
            push(&mut segments, segment, reason);
        }
    }
    Timeline { segments, gaps, asks_for_bills, latest }
}

/// Adds a segment that says something new.
fn push(segments: &mut Vec<Segment>, mut segment: Segment, reason: Option<&'static str>) {
    let (worth_before, unpriced_before) =
        segments.last().map_or((Mrr::default(), false), |last| (last.mrr, last.unpriced.is_some()));
    segment.reason = match (unpriced_before, segment.unpriced.is_some()) {
        (false, true) if worth_before != Mrr::default() => Some("unpriced"),
        (true, false) if segment.mrr != Mrr::default() => Some("priced"),
        _ if reason == Some("discount_expired") && segment.mrr.net < worth_before.net => {
            Some("discount_started")
        }
        _ => reason,
    };
    let same = segments.last().is_some_and(|last| {
        last.status == segment.status
            && last.mrr == segment.mrr
            && (last.counted, last.at_risk, last.ending) == (segment.counted, segment.at_risk, segment.ending)
            && last.unpriced == segment.unpriced
    });
    if !same {
        segments.push(segment);
    }
}

fn segment(
    step: &Step,
    at: DateTime<Utc>,
    customer_discounts: &[&DiscountTerms],
    catalog: &impl Catalog,
    policy: Policy,
) -> Segment {
    let state = &step.state;
    let counted = counts(state);
    let priced =
        if counted { price(state, customer_discounts, catalog, policy, at) } else { Ok(Mrr::default()) };
    Segment {
        at,
        status: state.status.clone(),
        counted,
        at_risk: counted && state.status == "past_due",
        ending: counted && state.is_ending(),
        unpriced: priced.as_ref().err().map(ToString::to_string),
        mrr: priced.unwrap_or_default(),
        reason: None,
        reconstructed: step.reconstructed,
    }
}
