//! Whether two states of a subscription tell the same, as far as its worth goes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::facts::SubscriptionState;
use crate::pricing::Catalog;

/// Whether something of a state, that another one should continue until `at`, is different in that.
///
/// A discount that ran out by itself goes without a word.
pub(super) fn differ(
    before: &SubscriptionState,
    after: &SubscriptionState,
    at: DateTime<Utc>,
    catalog: &impl Catalog,
) -> bool {
    before.status != after.status
        || before.paused != after.paused
        || before.is_ending() != after.is_ending()
        || items_differ(before, after)
        || discounts_differ(before, after, at, catalog)
}

/// Whether they have other items; a state that shows none does not say.
pub(super) fn items_differ(before: &SubscriptionState, after: &SubscriptionState) -> bool {
    if before.items.is_empty() || after.items.is_empty() {
        return false;
    }
    before.items_cut_from != after.items_cut_from || sold(before) != sold(after)
}

/// Prices, units and taxes in an order of their own; an item may have another id in an old API version.
fn sold(state: &SubscriptionState) -> Vec<(&str, i64, Option<&str>)> {
    let mut sold = Vec::new();
    for item in &state.items {
        let tax = item.inclusive_tax_percent.as_deref();
        sold.push((item.price.id.as_str(), item.quantity.unwrap_or(1), tax));
    }
    sold.sort_unstable();
    sold
}

fn discounts_differ(
    before: &SubscriptionState,
    after: &SubscriptionState,
    at: DateTime<Utc>,
    catalog: &impl Catalog,
) -> bool {
    let differ = |before: BTreeSet<&String>, after: BTreeSet<&String>| {
        !after.is_subset(&before) || before.difference(&after).any(|id| !is_over_by(id, at, catalog))
    };
    differ(before.discounts.iter().collect(), after.discounts.iter().collect())
        || differ(item_discounts(before).collect(), item_discounts(after).collect())
}

/// The discounts on the whole subscription and on its items.
pub(super) fn all_discounts(state: &SubscriptionState) -> BTreeSet<&String> {
    state.discounts.iter().chain(item_discounts(state)).collect()
}

fn item_discounts(state: &SubscriptionState) -> impl Iterator<Item = &String> {
    state.items.iter().flat_map(|item| &item.discounts)
}

/// Whether a discount is known to have ended by an instant.
pub(super) fn is_over_by(discount: &str, at: DateTime<Utc>, catalog: &impl Catalog) -> bool {
    catalog.discount(discount).and_then(|terms| terms.end).is_some_and(|end| end <= at)
}
