//! What a subscription was worth, when: its history as a step function.
//!
//! Built from all facts about one subscription in the order of their stamps, its
//! creation first. What is told after its end is stale, unless it tells of the end.
//! Between two facts the worth can still change by itself, when a discount runs
//! out or a debt grows too old for the policy; those instants become steps too.

use chrono::{DateTime, TimeDelta, Utc};

use crate::facts::{DiscountTerms, SubscriptionFact, SubscriptionItem, SubscriptionState};
use crate::pricing::{Catalog, Mrr, Policy, breakpoints, price};
use crate::rank::subscription_is_over;

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
    /// Whether this is known by evidence in a later fact only.
    pub reconstructed: bool,
}

/// A subscription's history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Its steps in order of time.
    pub segments: Vec<Segment>,
    /// Its latest state, with the items of earlier facts where the payload was cut.
    pub latest: Option<SubscriptionState>,
}

/// A state and the instant from which it held.
struct Step {
    at: DateTime<Utc>,
    state: SubscriptionState,
    reconstructed: bool,
}

/// Whether a status counts towards MRR, by the table in `docs/METRICS.md`.
pub fn counts(state: &SubscriptionState) -> bool {
    !state.paused && !state.deleted && matches!(state.status.as_str(), "active" | "past_due")
}

/// Builds the history of one subscription from the facts about it, in any order.
///
/// `customer_discounts` are those of the customer as a whole.
pub fn build(
    facts: &[SubscriptionFact],
    customer_discounts: &[&DiscountTerms],
    catalog: &impl Catalog,
    policy: Policy,
) -> Timeline {
    let steps = steps(facts);
    let mut segments: Vec<Segment> = Vec::new();
    let mut overdue_since = None;
    for (i, step) in steps.iter().enumerate() {
        let until = steps.get(i + 1).map(|next| next.at);
        let before = i.checked_sub(1).map(|i| &steps[i].state);
        overdue_since = match step.state.status.as_str() {
            "past_due" => overdue_since.or(Some(step.at)),
            _ => None,
        };
        let delinquent_at =
            overdue_since.filter(|_| policy == Policy::Conservative).map(|at| at + DELINQUENT_AFTER);
        let mut instants: Vec<(DateTime<Utc>, &'static str)> = Vec::new();
        if counts(&step.state) {
            let by_discount = breakpoints(&step.state, customer_discounts, catalog, policy);
            instants.extend(by_discount.into_iter().map(|at| (at, "discount_expired")));
            instants.extend(delinquent_at.map(|at| (at, "delinquent")));
        }
        instants.retain(|(at, _)| *at > step.at && until.is_none_or(|until| *at < until));
        instants.sort_unstable();
        let first = (step.at, change_reason(before, &step.state));
        for (at, reason) in
            std::iter::once(first).chain(instants.into_iter().map(|(at, why)| (at, Some(why))))
        {
            let mut segment = segment(step, at, customer_discounts, catalog, policy);
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
    Timeline { segments, latest: steps.into_iter().last().map(|step| step.state) }
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
        ending: counted && (state.cancel_at_period_end || state.cancel_at.is_some()),
        unpriced: priced.as_ref().err().map(ToString::to_string),
        mrr: priced.unwrap_or_default(),
        reason: None,
        reconstructed: step.reconstructed,
    }
}

/// The states of a subscription in order of the instants from which they held.
fn steps(facts: &[SubscriptionFact]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for fact in in_order(facts) {
        let state = with_earlier_items(&fact.state, steps.last().map(|step| &step.state));
        let at = held_from(fact);
        if steps.is_empty()
            && let Some(step) = beginning(fact, &state, at)
        {
            steps.push(step);
        }
        // A fact may be about an earlier instant: it ended before the last thing we were told.
        steps.retain(|step| step.at < at);
        steps.push(Step { at, state, reconstructed: !fact.from_event });
    }
    steps
}

/// The facts from the creation to the end, in the order of their stamps between.
fn in_order(facts: &[SubscriptionFact]) -> Vec<&SubscriptionFact> {
    let mut ordered: Vec<&SubscriptionFact> = facts.iter().collect();
    ordered.sort_by_key(|fact| (!tells_creation(fact), &fact.stamp));
    ordered.dedup_by(|a, b| a.stamp == b.stamp);
    let mut over = false;
    ordered.retain(|fact| {
        let tells_end = subscription_is_over(&fact.state);
        over |= tells_end;
        tells_end || !over
    });
    ordered
}

fn tells_creation(fact: &SubscriptionFact) -> bool {
    fact.event_type == "customer.subscription.created"
}

/// When the state of a fact began: an end at `ended_at`, all else when it was told.
fn held_from(fact: &SubscriptionFact) -> DateTime<Utc> {
    let told = fact.stamp.at;
    fact.state.ended_at.filter(|at| subscription_is_over(&fact.state) && *at <= told).unwrap_or(told)
}

/// What must have been before the first fact, where that fact is not the subscription's creation.
///
/// The subscription then counted from the end of its trial, else from its start,
/// for all we know with the items we see; the step is marked as reconstructed.
fn beginning(fact: &SubscriptionFact, state: &SubscriptionState, at: DateTime<Utc>) -> Option<Step> {
    let began = state.start_date.or(state.created)?;
    let began = state.trial_end.filter(|end| *end > began).unwrap_or(began);
    if tells_creation(fact) || began >= at {
        return None;
    }
    let mut before = state.clone();
    if state.deleted || matches!(state.status.as_str(), "canceled" | "past_due") {
        before.deleted = false;
        "active".clone_into(&mut before.status);
    }
    before.cancel_at_period_end = false;
    before.cancel_at = None;
    counts(&before).then_some(Step { at: began, state: before, reconstructed: true })
}

/// A nested list shows ten items at most: the others are those known from before, where the count fits.
fn with_earlier_items(state: &SubscriptionState, before: Option<&SubscriptionState>) -> SubscriptionState {
    let mut state = state.clone();
    let (Some(total), Some(before)) = (state.items_cut_from, before) else { return state };
    let shown = |item: &&SubscriptionItem| state.items.iter().any(|known| known.id == item.id);
    let earlier: Vec<SubscriptionItem> = before.items.iter().filter(|item| !shown(item)).cloned().collect();
    if u64::try_from(state.items.len() + earlier.len()) == Ok(total) {
        state.items.extend(earlier);
        state.items_cut_from = None;
    }
    state
}

/// Why the worth of a subscription changed between two states.
fn change_reason(before: Option<&SubscriptionState>, after: &SubscriptionState) -> Option<&'static str> {
    let before = before?;
    match (counts(before), counts(after)) {
        (true, false) => Some(loss_reason(before, after)),
        (false, true) if before.paused => Some("resumed"),
        (false, true) if before.status == "trialing" => Some("trial_converted"),
        (true, true) => terms_reason(before, after),
        _ => None,
    }
}

fn loss_reason(before: &SubscriptionState, after: &SubscriptionState) -> &'static str {
    if after.paused && !after.deleted && after.status != "canceled" {
        return "paused";
    }
    let overdue = before.status == "past_due" || matches!(after.status.as_str(), "unpaid" | "past_due");
    match after.cancellation_reason.as_deref() {
        Some("payment_failed" | "payment_disputed") => "involuntary",
        None if overdue => "involuntary",
        _ => "voluntary",
    }
}

fn terms_reason(before: &SubscriptionState, after: &SubscriptionState) -> Option<&'static str> {
    let prices = |state: &SubscriptionState| {
        state.items.iter().map(|item| item.price.id.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    let units =
        |state: &SubscriptionState| state.items.iter().map(|item| item.quantity.unwrap_or(1)).sum::<i64>();
    if prices(before) != prices(after) {
        return Some("plan_change");
    }
    if units(before) != units(after) {
        return Some("quantity");
    }
    let discounts = |state: &SubscriptionState| {
        (state.discounts.clone(), state.items.iter().map(|item| item.discounts.clone()).collect::<Vec<_>>())
    };
    (discounts(before) != discounts(after)).then_some("discount")
}

#[cfg(test)]
mod tests;
