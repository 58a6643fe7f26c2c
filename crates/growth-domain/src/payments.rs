//! Payments as a fold of facts.
//!
//! One subscription payment is told by up to six events of six objects, and in
//! new API versions the intent and the charge no longer say which invoice they
//! belong to. So facts that share an id form a group, and this fold turns the
//! whole group into payments, refunds, disputes and invoices. It looks at the
//! set of facts and their stamps only, so the order of arrival cannot matter.
//!
//! A payment is one payment intent; a charge where there is no intent; an
//! invoice where neither is known; a checkout session where nothing else is.

mod aliases;
mod disputes;
mod links;
mod refunds;
mod told;
mod view;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

pub use aliases::{aliases, group_id};
pub use disputes::DisputeState;
pub use refunds::RefundState;

use crate::attribution::Link;
use crate::facts::{Invoice, InvoiceLine, PaymentFact};
use links::Links;
use told::{Facts, Told, earliest, lines};

/// What a group of facts amounts to, each list sorted by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The payments.
    pub payments: Vec<Payment>,
    /// The refunds, with or without a known payment.
    pub refunds: Vec<RefundState>,
    /// The disputes, with or without a known payment.
    pub disputes: Vec<DisputeState>,
    /// The invoices.
    pub invoices: Vec<InvoiceState>,
}

/// How far a payment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The money came.
    Succeeded,
    /// The last attempt failed.
    Failed,
    /// It was given up.
    Canceled,
    /// It is not decided.
    Pending,
}

impl Status {
    /// The text in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Pending => "pending",
        }
    }
}

/// One payment. Amounts are in the minor unit of `currency`.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Intent, else charge, else invoice, else checkout session.
    pub id: String,
    /// The earliest event, by time and id, that tells of it.
    pub event_id: String,
    /// `pi_…`
    pub payment_intent: Option<String>,
    /// The charge that succeeded, else the latest.
    pub charge: Option<String>,
    /// `in_…`
    pub invoice: Option<String>,
    /// `cs_…`
    pub checkout_session: Option<String>,
    /// `sub_…`
    pub subscription: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// What its own objects say about who paid.
    pub links: Vec<Link>,
    /// Received where it succeeded, else asked for.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// How far it came.
    pub status: Status,
    /// The price of the main invoice line.
    pub price: Option<String>,
    /// What was bought, in words.
    pub plan_name: Option<String>,
    /// `month`, `year`, `3 months`, …
    pub billing_period: Option<String>,
    /// `card`, …; `out_of_band` for an invoice paid outside Stripe.
    pub method: Option<String>,
    /// Why it failed, as a code; only for failed payments.
    pub failure_code: Option<String>,
    /// Why it failed, in words; only for failed payments.
    pub failure_reason: Option<String>,
    /// Minor units given back; a sum that no `i64` holds stays at the largest one.
    pub refund_amount: i64,
    /// When it was last given back.
    pub refunded_at: Option<DateTime<Utc>>,
    /// Why it was last given back.
    pub refund_reason: Option<String>,
    /// Minor units of `fee_currency`; `None` where no fact told it.
    pub fee: Option<i64>,
    /// Lower-case currency code.
    pub fee_currency: Option<String>,
    /// When it succeeded, by the best evidence: charge, invoice payment, invoice, event. A charge
    /// that waited for its success was paid at the first event that tells it.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

/// An invoice's latest state.
#[derive(Clone, Debug, PartialEq)]
pub struct InvoiceState {
    /// The latest fact.
    pub latest: Invoice,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When an attempt to pay it first failed.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// Its subscription lines.
    pub lines: Vec<InvoiceLine>,
}

/// Folds the facts of one group. The same set gives the same result in any order.
pub fn fold(facts: &[PaymentFact]) -> Group {
    let facts = Facts::of(facts);
    let links = Links::of(&facts);
    let refunds = refunds::refunds(&facts, &links);
    let mut used = BTreeSet::new();
    let mut payments: Vec<Payment> = links
        .anchors
        .iter()
        .filter_map(|(id, parts)| view::payment(id, parts, &facts, &links, &mut used))
        .collect();
    let ids: BTreeSet<String> = payments.iter().map(|payment| payment.id.clone()).collect();
    let refunds = refunds.into_iter().map(|refund| refund.with_payment_in(&ids)).collect::<Vec<_>>();
    for payment in &mut payments {
        give_back(payment, &refunds);
    }
    Group {
        payments,
        refunds,
        disputes: disputes::disputes(&facts, &links, &ids),
        invoices: facts.invoices.values().filter_map(|told| invoice_state(told)).collect(),
    }
}

fn give_back(payment: &mut Payment, refunds: &[RefundState]) {
    let counted = refunds
        .iter()
        .filter(|refund| refund.counted && refund.payment.as_deref() == Some(payment.id.as_str()));
    for refund in counted {
        payment.refund_amount = payment.refund_amount.saturating_add(refund.amount);
        if payment.refunded_at.is_none_or(|at| at <= refund.created_at) {
            payment.refunded_at = Some(refund.created_at);
            payment.refund_reason = refund.reason.clone().or(payment.refund_reason.take());
        }
    }
}

fn invoice_state(told: &[Told<'_, Invoice>]) -> Option<InvoiceState> {
    let last = told.last()?;
    let lines = lines(told).into_iter().filter(|line| line.subscription.is_some());
    Some(InvoiceState {
        latest: last.object.clone(),
        created_at: last.object.created.unwrap_or(last.stamp.at),
        first_failed_at: earliest(told.iter().filter(|told| told.object.payment_failed)),
        lines: lines.collect(),
    })
}

#[cfg(test)]
mod tests;
