//! What the simulated account remembers of each of its objects.

use chrono::{DateTime, Utc};

use super::catalogue::{CouponTerms, PriceTerms};

/// A product and when it was made.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: DateTime<Utc>,
}

/// A price and when it was made.
#[derive(Clone, Debug)]
pub(super) struct Price {
    pub(super) id: String,
    pub(super) product: String,
    pub(super) terms: PriceTerms,
    pub(super) created: DateTime<Utc>,
}

/// A coupon and when it was made.
#[derive(Clone, Debug)]
pub(super) struct Coupon {
    pub(super) id: String,
    pub(super) terms: CouponTerms,
    pub(super) created: DateTime<Utc>,
}

/// A customer, and how the application's user may be known.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) created: DateTime<Utc>,
    pub(super) deleted: bool,
    /// That of the first subscription.
    pub(super) currency: Option<String>,
    /// `metadata.user_id` of the customer.
    pub(super) user_id: Option<String>,
    /// The first `client_reference_id` of its checkout sessions.
    pub(super) reference: Option<String>,
    /// The first `metadata.user_id` of its subscriptions.
    pub(super) subscription_user: Option<String>,
    /// The second of its last event.
    pub(super) touched: DateTime<Utc>,
}

/// A coupon's use by a subscription.
#[derive(Clone, Debug)]
pub(super) struct Discount {
    pub(super) id: String,
    pub(super) coupon: String,
    pub(super) start: DateTime<Utc>,
    pub(super) end: Option<DateTime<Utc>>,
    /// Whether an invoice has had it, which uses a `once` coupon up.
    pub(super) used: bool,
}

/// A subscription with its single item.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) item: String,
    pub(super) customer: String,
    pub(super) price: String,
    pub(super) quantity: i64,
    pub(super) status: &'static str,
    pub(super) discount: Option<Discount>,
    pub(super) created: DateTime<Utc>,
    pub(super) period_start: DateTime<Utc>,
    pub(super) period_end: DateTime<Utc>,
    pub(super) trial: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub(super) cancel_at_period_end: bool,
    pub(super) canceled_at: Option<DateTime<Utc>>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) reason: Option<&'static str>,
    pub(super) paused: bool,
    pub(super) user_id: Option<String>,
    pub(super) latest_invoice: Option<String>,
    /// The invoice that a failed payment left open.
    pub(super) open_invoice: Option<String>,
    /// The second of its last event.
    pub(super) touched: DateTime<Utc>,
}

impl Subscription {
    pub(super) fn is_over(&self) -> bool {
        self.status == "canceled"
    }
}

/// An invoice of a subscription.
#[derive(Clone, Debug)]
pub(super) struct Invoice {
    pub(super) id: String,
    pub(super) number: String,
    pub(super) customer: String,
    pub(super) email: String,
    pub(super) subscription: String,
    pub(super) user_id: Option<String>,
    pub(super) currency: String,
    pub(super) reason: &'static str,
    pub(super) status: &'static str,
    pub(super) created: DateTime<Utc>,
    pub(super) period_start: DateTime<Utc>,
    pub(super) period_end: DateTime<Utc>,
    pub(super) lines: Vec<Line>,
    /// The discount and how much it takes off.
    pub(super) discount: Option<(String, i64)>,
    pub(super) attempts: i64,
    /// Absent for invoices over nothing.
    pub(super) payment_intent: Option<String>,
    /// The invoice payment that paid it.
    pub(super) link: Option<String>,
    pub(super) failed_at: Option<DateTime<Utc>>,
    pub(super) paid_at: Option<DateTime<Utc>>,
}

impl Invoice {
    pub(super) fn subtotal(&self) -> i64 {
        self.lines.iter().map(|line| line.amount).sum()
    }

    pub(super) fn total(&self) -> i64 {
        self.subtotal() - self.discount.as_ref().map_or(0, |(_, amount)| *amount)
    }
}

/// A line of an invoice.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) item: String,
    pub(super) price: String,
    pub(super) description: String,
    /// Before discounts; negative for unused time.
    pub(super) amount: i64,
    pub(super) quantity: i64,
    pub(super) proration: bool,
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

/// A payment intent with its latest charge.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) intent: String,
    pub(super) charge: String,
    pub(super) transaction: String,
    pub(super) invoice: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) email: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) description: &'static str,
    pub(super) created: DateTime<Utc>,
    pub(super) charged_at: DateTime<Utc>,
    pub(super) paid_at: Option<DateTime<Utc>>,
    /// Code and message of the last failure.
    pub(super) failure: Option<(&'static str, &'static str)>,
    pub(super) fee: i64,
    /// Whether the charge shows its balance transaction, and with it the fee.
    pub(super) fee_shown: bool,
    /// Minor units refunded and not given back by a failed refund.
    pub(super) refunded: i64,
    pub(super) disputed: bool,
    /// The second of its last event.
    pub(super) touched: DateTime<Utc>,
}

impl Payment {
    pub(super) fn was_tried(&self) -> bool {
        self.paid_at.is_some() || self.failure.is_some()
    }
}

/// A refund.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) payment_intent: String,
    pub(super) charge: String,
    pub(super) transaction: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pub(super) created: DateTime<Utc>,
}

/// A dispute of a whole payment.
#[derive(Clone, Debug)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) payment_intent: String,
    pub(super) charge: String,
    pub(super) transaction: String,
    pub(super) amount: i64,
    pub(super) fee: i64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pub(super) created: DateTime<Utc>,
    pub(super) reinstated_at: Option<DateTime<Utc>>,
}
