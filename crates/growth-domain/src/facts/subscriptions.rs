//! What Stripe's objects say about subscriptions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::PriceTerms;
use crate::stamp::Stamp;

/// A subscription's state and what its price is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscriptionState {
    /// `sub_…`
    pub id: String,
    /// `cus_…`
    pub customer: String,
    /// Lower-case currency code; that of the first price where the object does not say.
    pub currency: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `start_date`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<DateTime<Utc>>,
    /// `active`, `trialing`, `past_due`, …
    pub status: String,
    /// Told by `customer.subscription.deleted`.
    pub deleted: bool,
    /// Whether `pause_collection` is set.
    pub paused: bool,
    /// `trial_end`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial_end: Option<DateTime<Utc>>,
    /// The earliest start of its items' periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_start: Option<DateTime<Utc>>,
    /// The latest end of its items' periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_end: Option<DateTime<Utc>>,
    /// `cancel_at_period_end`
    pub cancel_at_period_end: bool,
    /// `cancel_at`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_at: Option<DateTime<Utc>>,
    /// `canceled_at`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<DateTime<Utc>>,
    /// `ended_at`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// `cancellation_details.reason`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
    /// The items that the payload shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SubscriptionItem>,
    /// How many items there are, where the payload shows fewer (`has_more`); `Some(0)` when it does not say how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_cut_from: Option<u64>,
    /// `di_…` on the whole subscription, in Stripe's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<String>,
    /// `metadata.user_id`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

impl SubscriptionState {
    /// Whether its end is already set.
    pub fn is_ending(&self) -> bool {
        self.cancel_at_period_end || self.cancel_at.is_some()
    }

    /// What it says of its end before that comes.
    pub fn planned_end(&self) -> PlannedEnd {
        PlannedEnd {
            cancel_at_period_end: self.cancel_at_period_end,
            cancel_at: self.cancel_at,
            canceled_at: self.canceled_at,
        }
    }

    /// Replaces what it says of its end before that comes.
    pub fn plan_end(&mut self, end: &PlannedEnd) {
        self.cancel_at_period_end = end.cancel_at_period_end;
        self.cancel_at = end.cancel_at;
        self.canceled_at = end.canceled_at;
    }
}

/// What a subscription says of its end before that comes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlannedEnd {
    /// `cancel_at_period_end`
    pub cancel_at_period_end: bool,
    /// `cancel_at`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_at: Option<DateTime<Utc>>,
    /// `canceled_at`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<DateTime<Utc>>,
}

/// What an update replaced, as it was before: `data.previous_attributes`, as far as MRR needs it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replaced {
    /// `status`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether `pause_collection` was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// `cancel_at_period_end`, `cancel_at` and `canceled_at`, where one of them was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<PlannedEnd>,
    /// All items, where one of them was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<SubscriptionItem>>,
    /// The discounts on the whole subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discounts: Option<Vec<String>>,
}

impl Replaced {
    /// Finds what differs between the states before and after an update.
    pub fn between(before: SubscriptionState, after: &SubscriptionState) -> Self {
        let end = before.planned_end();
        Self {
            end: (end != after.planned_end()).then_some(end),
            paused: (before.paused != after.paused).then_some(before.paused),
            status: (before.status != after.status).then_some(before.status),
            items: (before.items != after.items).then_some(before.items),
            discounts: (before.discounts != after.discounts).then_some(before.discounts),
        }
    }

    /// The state before the update that ended in `after`.
    pub fn before(&self, after: &SubscriptionState) -> SubscriptionState {
        let mut before = after.clone();
        if let Some(status) = &self.status {
            before.status.clone_from(status);
            before.ended_at = None;
        }
        before.paused = self.paused.unwrap_or(before.paused);
        self.end.iter().for_each(|end| before.plan_end(end));
        self.items.iter().for_each(|items| before.items.clone_from(items));
        self.discounts.iter().for_each(|discounts| before.discounts.clone_from(discounts));
        before
    }
}

/// A statement about a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// Whether the stamp is Stripe's event time, or only the time an object was read.
    pub from_event: bool,
    /// The event's type, empty for a plain object.
    pub event_type: String,
    /// The object as the fact shows it.
    pub state: SubscriptionState,
    /// What the event says it replaced; `None` where it says nothing of that.
    pub replaced: Option<Replaced>,
}

/// One item of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscriptionItem {
    /// `si_…`
    pub id: String,
    /// What it costs.
    pub price: PriceTerms,
    /// `None` for metered prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// `di_…` on this item alone, in Stripe's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<String>,
    /// The sum of the `percentage` of its inclusive tax rates (its own, else the
    /// subscription's `default_tax_rates`), as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inclusive_tax_percent: Option<String>,
}
