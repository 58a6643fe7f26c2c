//! Why what a subscription is worth changed.

use std::collections::BTreeSet;

use super::counts;
use super::likeness::{all_discounts, is_over_by};
use super::steps::Step;
use crate::facts::SubscriptionState;
use crate::pricing::Catalog;

/// Why the worth of a subscription changed with a step, from the state before it.
pub(super) fn change_reason(
    before: Option<&SubscriptionState>,
    step: &Step,
    catalog: &impl Catalog,
) -> Option<&'static str> {
    let (before, after) = (before?, &step.state);
    match (counts(before), counts(after)) {
        (true, false) => Some(loss_reason(before, after)),
        (false, true) if before.paused => Some("resumed"),
        (false, true) if before.status == "trialing" => Some("trial_converted"),
        (true, true) => terms_reason(before, step, catalog),
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

fn terms_reason(before: &SubscriptionState, step: &Step, catalog: &impl Catalog) -> Option<&'static str> {
    let after = &step.state;
    let prices = |state: &SubscriptionState| {
        state.items.iter().map(|item| item.price.id.clone()).collect::<BTreeSet<_>>()
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
    if discounts(before) == discounts(after) {
        return None;
    }
    let (before, after) = (all_discounts(before), all_discounts(after));
    let mut gone = before.difference(&after).peekable();
    let ran_out = gone.peek().is_some() && gone.all(|id| is_over_by(id, step.at, catalog));
    Some(if ran_out && after.is_subset(&before) { "discount_expired" } else { "discount" })
}
