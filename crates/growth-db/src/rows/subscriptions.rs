//! Subscriptions, their history, their worth and the ledger made of it.

use chrono::{DateTime, Utc};
use growth_domain::facts::{Replaced, SubscriptionState};
use sqlx::types::Json;

table! {
    /// A state of a subscription that an event told.
    pub struct SubscriptionChangeRow: "subscription_changes" ("account", "livemode", "subscription", "event_id") ["customer"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `sub_…`
        subscription: String,
        /// The event that told it.
        event_id: String,
        /// `cus_…`
        customer: String,
        /// The event's time.
        stamp_at: DateTime<Utc>,
        /// How final it is within one second.
        stamp_rank: i64,
        /// Whether the time is Stripe's, or only that of reading.
        from_event: bool,
        /// The event's type, empty for a plain object.
        event_type: String,
        /// The status told.
        status: String,
        /// The whole state.
        state: Json<SubscriptionState>,
        /// What the event says it replaced.
        replaced: Option<Json<Replaced>>,
    }
}

table! {
    /// The latest state of a subscription.
    pub struct SubscriptionRow: "subscriptions" ("account", "livemode", "id") {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `sub_…`
        id: String,
        /// `cus_…`
        customer: String,
        /// Lower-case currency code.
        currency: String,
        /// Stripe's status.
        status: String,
        /// The first item's price.
        price: Option<String>,
        /// The first item's nickname.
        plan_name: Option<String>,
        /// The first item's quantity.
        quantity: Option<i64>,
        /// When it was created.
        created_at: Option<DateTime<Utc>>,
        /// When its trial ends.
        trial_end: Option<DateTime<Utc>>,
        /// The earliest start of its items' periods.
        period_start: Option<DateTime<Utc>>,
        /// The latest end of its items' periods.
        period_end: Option<DateTime<Utc>>,
        /// Whether it ends with the period.
        cancel_at_period_end: bool,
        /// When it will end.
        cancel_at: Option<DateTime<Utc>>,
        /// When it was canceled; it may go on until it ends.
        canceled_at: Option<DateTime<Utc>>,
        /// When it ended.
        ended_at: Option<DateTime<Utc>>,
        /// Whether collection is paused.
        paused: bool,
        /// Net MRR of its last row in `subscription_mrr`, micro-minor units.
        mrr_micros: i64,
        /// Why its price is not known.
        unpriced: Option<String>,
        /// Whether anything of its history is known by evidence only.
        reconstructed: bool,
        /// The time of the fact this state is from.
        stamp_at: DateTime<Utc>,
    }
}

table! {
    /// What a subscription is worth from `at` until its next row.
    pub struct SubscriptionMrrRow: "subscription_mrr" ("account", "livemode", "subscription", "at") ["customer"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `sub_…`
        subscription: String,
        /// From when.
        at: DateTime<Utc>,
        /// `cus_…`
        customer: String,
        /// Lower-case currency code.
        currency: String,
        /// Stripe's status.
        status: String,
        /// Whether it counts towards MRR at all.
        counted: bool,
        /// MRR before discounts, micro-minor units.
        list_micros: i64,
        /// What discounts take off, micro-minor units.
        discount_micros: i64,
        /// What counts as MRR, micro-minor units.
        net_micros: i64,
        /// Whether a payment is overdue.
        at_risk: bool,
        /// Whether its end is already set.
        ending: bool,
        /// Why its price is not known.
        unpriced: Option<String>,
        /// Why it changed, where that is known.
        reason: Option<String>,
        /// Whether this is known by evidence only.
        reconstructed: bool,
    }
}

table! {
    /// A change of one customer's MRR in one currency.
    pub struct MovementRow: "mrr_movements" ("account", "livemode", "customer", "currency", "at") ["customer"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `cus_…`
        customer: String,
        /// Lower-case currency code.
        currency: String,
        /// When.
        at: DateTime<Utc>,
        /// `new`, `reactivation`, `expansion`, `contraction` or `churn`.
        kind: String,
        /// Why, where that is known.
        reason: Option<String>,
        /// The change in micro-minor units, negative for losses.
        delta_micros: i64,
        /// The MRR after it in micro-minor units.
        mrr_micros: i64,
        /// Whether this is known by evidence only.
        reconstructed: bool,
    }
}
