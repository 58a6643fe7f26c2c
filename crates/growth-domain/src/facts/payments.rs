//! What Stripe's objects say about money that moved or failed to move.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;

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

impl PaymentObject {
    /// Returns the customer, `cus_…`, where the object says it.
    pub fn customer(&self) -> Option<&str> {
        match self {
            Self::CheckoutSession(session) => session.customer.as_deref(),
            Self::PaymentIntent(intent) => intent.customer.as_deref(),
            Self::Charge(charge) => charge.customer.as_deref(),
            Self::Invoice(invoice) => invoice.customer.as_deref(),
            Self::InvoicePayment(_) | Self::Refund(_) | Self::Dispute(_) => None,
        }
    }

    /// Returns the application's user ids that the object names.
    pub fn user_references(&self) -> Vec<&str> {
        let named = match self {
            Self::CheckoutSession(session) => [&session.client_reference_id, &session.user_id],
            Self::PaymentIntent(intent) => [&intent.user_id, &None],
            Self::Charge(charge) => [&charge.user_id, &None],
            Self::Invoice(invoice) => [&invoice.user_id, &None],
            Self::InvoicePayment(_) | Self::Refund(_) | Self::Dispute(_) => [&None, &None],
        };
        named.into_iter().flatten().map(String::as_str).collect()
    }

    /// Takes out what says who pays.
    pub fn make_impersonal(&mut self) {
        match self {
            Self::CheckoutSession(session) => {
                (session.client_reference_id, session.user_id, session.email) = (None, None, None);
            }
            Self::PaymentIntent(intent) => (intent.user_id, intent.email) = (None, None),
            Self::Charge(charge) => (charge.user_id, charge.email) = (None, None),
            Self::Invoice(invoice) => (invoice.user_id, invoice.email) = (None, None),
            Self::InvoicePayment(_) | Self::Refund(_) | Self::Dispute(_) => {}
        }
    }

    /// Returns the object's own id.
    pub fn id(&self) -> &str {
        match self {
            Self::CheckoutSession(session) => &session.id,
            Self::PaymentIntent(intent) => &intent.id,
            Self::Charge(charge) => &charge.id,
            Self::Invoice(invoice) => &invoice.id,
            Self::InvoicePayment(paid) => &paid.id,
            Self::Refund(refund) => &refund.id,
            Self::Dispute(dispute) => &dispute.id,
        }
    }
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
    /// `balance_transaction.created`, where it is expanded: when the money was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booked_at: Option<DateTime<Utc>>,
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
