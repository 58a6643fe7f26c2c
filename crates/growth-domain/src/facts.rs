//! What Stripe's objects say, in one shape for every API version.
//!
//! `growth-stripe` reads JSON into these facts, `growth-ingest` stores and
//! folds them. A fact is a snapshot of one object at its [`Stamp`]. Statuses,
//! reasons and durations stay text: Stripe adds values, and an unknown one is
//! kept, never an error. Amounts are in the currency's minor unit.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;

/// One statement about one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// About money that moved or failed to move.
    Payment(PaymentFact),
    /// About a subscription's state.
    Subscription(Box<SubscriptionFact>),
    /// About a customer.
    Customer(CustomerFact),
    /// About who a customer is in the application.
    Claim(Claim),
    /// About a price.
    Price(PriceFact),
    /// About a product.
    Product(ProductFact),
    /// About a coupon.
    Coupon(CouponFact),
    /// About a coupon's use by a customer or subscription.
    Discount(DiscountFact),
}

/// A statement about a payment, by any of the objects that tell of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaymentFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// Whether the stamp is Stripe's event time, or only the time an object was read.
    pub from_event: bool,
    /// The object as the fact shows it.
    pub object: PaymentObject,
}

/// The objects that tell of payments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "object", rename_all = "snake_case")]
pub enum PaymentObject {
    /// `checkout.session`
    CheckoutSession(CheckoutSession),
    /// `payment_intent`
    PaymentIntent(PaymentIntent),
    /// `charge`
    Charge(Charge),
    /// `invoice`
    Invoice(Box<Invoice>),
    /// `invoice_payment`
    InvoicePayment(InvoicePayment),
    /// `refund`
    Refund(Refund),
    /// `dispute`
    Dispute(Dispute),
}

/// A checkout session; only `payment_status = paid` is money.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckoutSession {
    /// `cs_…`
    pub id: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `payment`, `subscription` or `setup`.
    pub mode: String,
    /// `paid`, `unpaid` or `no_payment_required`.
    pub payment_status: String,
    /// Minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_total: Option<i64>,
    /// Lower-case currency code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// `pi_…`, absent for subscriptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// `in_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// `sub_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// `cus_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The application's own reference, usually its user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_reference_id: Option<String>,
    /// `metadata.user_id`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `customer_details.email`, else `customer_email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A payment intent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentIntent {
    /// `pi_…`
    pub id: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `succeeded`, `requires_payment_method`, …
    pub status: String,
    /// Minor units asked for.
    pub amount: i64,
    /// Minor units received.
    pub amount_received: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `cus_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `in_…`, told by old API versions only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// `payment_details.order_reference`: a hint only, cut to 25 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_reference: Option<String>,
    /// `latest_charge`, else the newest of `charges.data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// `metadata.user_id`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `receipt_email`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `last_payment_error.code`, else `.decline_code`, else `.type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<String>,
    /// `last_payment_error.message`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
}

/// A charge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Charge {
    /// `ch_…` or `py_…`
    pub id: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `succeeded`, `pending` or `failed`.
    pub status: String,
    /// False for an authorisation that was not captured.
    pub captured: bool,
    /// Minor units asked for.
    pub amount: i64,
    /// Minor units captured; `amount` where the object does not say.
    pub amount_captured: i64,
    /// Minor units refunded so far, cumulative.
    pub amount_refunded: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `cus_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `pi_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// `in_…`, told by old API versions only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// `balance_transaction.fee` in the currency of the balance transaction, where it is expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<i64>,
    /// The balance transaction's currency, where it is expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_currency: Option<String>,
    /// `payment_method_details.type`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `billing_details.email`, else `receipt_email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `metadata.user_id`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `failure_code`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<String>,
    /// `failure_message`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
}

/// An invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Invoice {
    /// `in_…`
    pub id: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `draft`, `open`, `paid`, `uncollectible` or `void`.
    pub status: String,
    /// True when this fact is an `invoice.payment_failed` event.
    pub payment_failed: bool,
    /// `paid_out_of_band` of old API versions.
    pub paid_out_of_band: bool,
    /// Minor units.
    pub amount_due: i64,
    /// Minor units.
    pub amount_paid: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// How often a payment was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_count: Option<i64>,
    /// `subscription_create`, `subscription_cycle`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_reason: Option<String>,
    /// `status_transitions.paid_at`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<DateTime<Utc>>,
    /// `cus_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `customer_email`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `sub_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// `metadata.user_id`, else that of the subscription's details.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `pi_…` that pay it, where the object says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payment_intents: Vec<String>,
    /// `ch_…` that pay it, where the object says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<String>,
    /// The lines that the payload shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<InvoiceLine>,
}

/// A line of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InvoiceLine {
    /// `sub_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// `si_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_item: Option<String>,
    /// The price's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The price's `nickname`, where the line carries the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_nickname: Option<String>,
    /// `recurring.interval`, where the line carries the price or plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// `recurring.interval_count`, where the line carries the price or plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_count: Option<i64>,
    /// `description`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Minor units before discounts.
    pub amount: i64,
    /// The sum of `discount_amounts[].amount`.
    pub discount: i64,
    /// Units bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// Whether it corrects an earlier period.
    pub proration: bool,
    /// `period.start`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_start: Option<DateTime<Utc>>,
    /// `period.end`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_end: Option<DateTime<Utc>>,
}

impl InvoiceLine {
    /// Adds the lines of each item and price: a tiered price has a line for each tier it reaches.
    pub fn by_item(lines: &[Self]) -> Vec<Self> {
        let mut sums: Vec<Self> = Vec::new();
        for line in lines {
            let same = |sum: &&mut Self| {
                (&sum.subscription_item, &sum.price) == (&line.subscription_item, &line.price)
            };
            match sums.iter_mut().find(same) {
                Some(sum) => {
                    sum.amount = sum.amount.saturating_add(line.amount);
                    sum.quantity = sum.quantity.zip(line.quantity).map(|(a, b)| a.saturating_add(b));
                }
                None => sums.push(line.clone()),
            }
        }
        sums
    }
}

/// Which payment paid which invoice: the only link in new API versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InvoicePayment {
    /// `inpay_…`
    pub id: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `open`, `paid` or `canceled`.
    pub status: String,
    /// Minor units.
    pub amount_paid: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `in_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// `payment.payment_intent`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// `payment.charge`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// `status_transitions.paid_at`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<DateTime<Utc>>,
}

/// A refund; a failed or canceled one gives the amount back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refund {
    /// `re_…` or `pyr_…`
    pub id: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `pending`, `requires_action`, `succeeded`, `failed` or `canceled`; empty where old versions do not say.
    pub status: String,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `ch_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// `pi_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// `duplicate`, `fraudulent`, `requested_by_customer`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A dispute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dispute {
    /// `dp_…` or `du_…`
    pub id: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// `needs_response`, `won`, `lost`, …
    pub status: String,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `ch_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// `pi_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// `fraudulent`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Minor units withdrawn so far by `balance_transactions[]`, without fees; `None` where they are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<i64>,
    /// Minor units given back so far by `balance_transactions[]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reinstated: Option<i64>,
    /// Fees of the dispute so far by `balance_transactions[].fee`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<i64>,
    /// Currency of `withdrawn`, `reinstated` and `fee`, lower-case: that of the Stripe balance, not of the dispute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance_currency: Option<String>,
    /// True when this fact is a `charge.dispute.funds_withdrawn` event.
    pub funds_withdrawn: bool,
    /// True when this fact is a `charge.dispute.funds_reinstated` event.
    pub funds_reinstated: bool,
}

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

/// What a price is, as far as MRR needs it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceTerms {
    /// The price's (or old plan's) id.
    pub id: String,
    /// `prod_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// `nickname`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// Lower-case currency code.
    pub currency: String,
    /// Minor units as decimal text: `unit_amount_decimal`, else `unit_amount`; absent for tiered and custom prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_amount: Option<String>,
    /// `recurring`, absent for one-time prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
    /// `per_unit` or `tiered`.
    pub billing_scheme: String,
    /// `graduated` or `volume`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers_mode: Option<String>,
    /// The tiers where they are expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<Tier>>,
    /// `transform_quantity`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform_quantity: Option<TransformQuantity>,
    /// `inclusive`, `exclusive` or `unspecified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_behavior: Option<String>,
}

impl PriceTerms {
    /// Whether the payload shows the price's id alone.
    pub fn is_named_only(&self) -> bool {
        self.currency.is_empty() && self.unit_amount.is_none() && self.recurring.is_none()
    }
}

/// How often a price is due.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recurring {
    /// `day`, `week`, `month` or `year`.
    pub interval: String,
    /// How many intervals a period has.
    pub interval_count: i64,
    /// `licensed` or `metered`.
    pub usage_type: String,
}

/// One tier of a price.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tier {
    /// The last unit of the tier, absent for the open one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<i64>,
    /// Minor units for each unit, as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_amount: Option<String>,
    /// Minor units for the tier as a whole, as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flat_amount: Option<String>,
}

/// Units sold in packages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransformQuantity {
    /// Units in a package.
    pub divide_by: i64,
    /// `up` or `down`.
    pub round: String,
}

/// A statement about a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// `cus_…`
    pub id: String,
    /// When it was created; a deleted customer's last event may not say.
    pub created: Option<DateTime<Utc>>,
    /// `email`
    pub email: Option<String>,
    /// `name`
    pub name: Option<String>,
    /// Told by `customer.deleted`.
    pub deleted: bool,
}

/// What one object says about who a customer is in the application.
///
/// The links that win over others come first, see [`crate::attribution`].
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its place in the order of facts about `source`.
    pub stamp: Stamp,
    /// The object that makes the claim: `cs_…`, `sub_…`, `cus_…` or `pi_…`.
    pub source: String,
    /// `cus_…`
    pub customer: String,
    /// `client_reference_id` of a checkout session.
    pub client_reference_id: Option<String>,
    /// `metadata.user_id`
    pub user_id: Option<String>,
    /// The customer's e-mail address as the object shows it.
    pub email: Option<String>,
}

/// A statement about a price.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// What it costs.
    pub terms: PriceTerms,
    /// Told by `price.deleted`.
    pub deleted: bool,
}

/// A statement about a product.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// `prod_…`
    pub id: String,
    /// `name`
    pub name: Option<String>,
    /// Told by `product.deleted`.
    pub deleted: bool,
}

/// A statement about a coupon.
#[derive(Clone, Debug, PartialEq)]
pub struct CouponFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// What it takes off.
    pub terms: CouponTerms,
    /// Told by `coupon.deleted`; discounts already given stay.
    pub deleted: bool,
}

/// What a coupon takes off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CouponTerms {
    /// The coupon's id.
    pub id: String,
    /// `name`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Percent as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_off: Option<String>,
    /// Minor units per invoice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_off: Option<i64>,
    /// Currency of `amount_off`, lower-case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// `forever`, `repeating` or `once`.
    pub duration: String,
    /// `prod_…` it is limited to; empty for all. Only in objects where `applies_to` is expanded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
}

/// A statement about a coupon's use.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscountFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// What is taken off, from whom and when.
    pub terms: DiscountTerms,
}

/// A coupon's use by a customer or subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscountTerms {
    /// `di_…`
    pub id: String,
    /// The coupon's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// `cus_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `sub_…`, absent for a discount of the whole customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// True for a discount of an invoice or of an item, which never applies to the customer as a whole.
    pub narrow: bool,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<DateTime<Utc>>,
    /// When it ends or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<DateTime<Utc>>,
    /// Told by `customer.discount.deleted`; `end` then says when.
    pub deleted: bool,
}
