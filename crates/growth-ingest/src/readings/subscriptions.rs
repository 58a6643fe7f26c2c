//! The states of subscriptions, and whether a reading shows another one.

use std::collections::BTreeMap;

use growth_db::rows::SubscriptionChangeRow;
use growth_db::{Error, Tx, table};
use growth_domain::facts::SubscriptionState;
use growth_domain::rank::subscription_is_over;
use growth_domain::stamp::Scope;

/// The latest state of each subscription.
pub(super) struct States(BTreeMap<String, SubscriptionState>);

impl States {
    /// Loads those of customers.
    pub(super) async fn load(tx: &mut Tx, scope: &Scope, customers: &[String]) -> Result<Self, Error> {
        let mut rows = table::find::<SubscriptionChangeRow>(tx, scope, "customer", customers).await?;
        // An end stays an end, whatever a fact with a later stamp shows.
        let place = |row: &SubscriptionChangeRow| {
            (subscription_is_over(&row.state), row.stamp_at, row.stamp_rank, row.event_id.clone())
        };
        rows.sort_by_cached_key(place);
        Ok(Self(rows.into_iter().map(|row| (row.subscription, comparable(row.state.0))).collect()))
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// Takes a state for the latest, and tells whether it differs from the one before.
    pub(super) fn take(&mut self, state: &SubscriptionState) -> bool {
        let state = comparable(state.clone());
        let before = self.0.get(&state.id);
        let is_news = before != Some(&state) && before.is_none_or(|before| may_follow(before, &state));
        if is_news {
            self.0.insert(state.id.clone(), state);
        }
        is_news
    }
}

/// Whether a state can come after another one: what ended stays ended.
fn may_follow(before: &SubscriptionState, after: &SubscriptionState) -> bool {
    !subscription_is_over(before) || subscription_is_over(after)
}

/// Only the event of its deletion says of a subscription that it was deleted, and the API that it is over.
fn comparable(mut state: SubscriptionState) -> SubscriptionState {
    state.deleted = subscription_is_over(&state);
    state
}
