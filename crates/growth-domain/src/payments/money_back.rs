//! Refunds and disputes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::links::Links;
use super::{Facts, Told, latest};
use crate::facts::{Charge, Dispute, Refund};

/// A refund's latest state. The amount is in the currency's minor unit.
#[derive(Clone, Debug, PartialEq)]
pub struct RefundState {
    /// `re_…`; the charge's id for the part of `amount_refunded` that no refund told of.
    pub id: String,
    /// The payment it gives back, where it is known.
    pub payment: Option<String>,
    /// `ch_…`
    pub charge: Option<String>,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// Whether the amount went back; a failed or canceled refund gives it back to us.
    pub counted: bool,
    /// True where only the charge tells of it.
    pub by_charge: bool,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl RefundState {
    pub(super) fn with_payment_in(mut self, payments: &BTreeSet<String>) -> Self {
        self.payment = self.payment.filter(|payment| payments.contains(payment));
        self
    }
}

/// A dispute's latest state. Amounts are in the currency's minor unit.
#[derive(Clone, Debug, PartialEq)]
pub struct DisputeState {
    /// `dp_…`
    pub id: String,
    /// The payment in dispute, where it is known.
    pub payment: Option<String>,
    /// `ch_…`
    pub charge: Option<String>,
    /// Minor units in dispute.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// Minor units taken so far.
    pub withdrawn: i64,
    /// When they were taken.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Minor units given back so far.
    pub reinstated: i64,
    /// When they were given back.
    pub reinstated_at: Option<DateTime<Utc>>,
    /// Minor units of fees, where known.
    pub fee: Option<i64>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

fn went_back(refund: &Refund) -> bool {
    !matches!(refund.status.as_str(), "failed" | "canceled")
}

/// The refunds, each by its id, and for each charge the part that no refund told of.
pub(super) fn refunds<'a>(facts: &Facts<'a>, links: &Links<'a>) -> Vec<RefundState> {
    let told = facts.refunds.values().filter_map(|told| {
        let last = told.last()?;
        let refund = last.object;
        Some(RefundState {
            id: refund.id.clone(),
            payment: links
                .payment_of(refund.charge.as_deref(), refund.payment_intent.as_deref())
                .map(str::to_owned),
            charge: refund.charge.clone(),
            amount: refund.amount,
            currency: refund.currency.clone(),
            status: refund.status.clone(),
            counted: went_back(refund),
            by_charge: false,
            reason: refund.reason.clone(),
            created_at: refund.created.unwrap_or(last.stamp.at),
        })
    });
    let untold = facts.charges.values().filter_map(|told| untold(told, facts, links));
    let mut all: Vec<RefundState> = told.chain(untold).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

/// The part of a charge's `amount_refunded` that is in none of the refunds we know.
///
/// `amount_refunded` is absolute at the time of the charge's latest fact: it holds
/// refunds made until then, also those that failed only later.
fn untold<'a>(told: &[Told<'a, Charge>], facts: &Facts<'a>, links: &Links<'a>) -> Option<RefundState> {
    let last = told.last()?;
    let charge = last.object;
    let mut known = 0;
    for told in facts.refunds.values() {
        let refund = latest(told)?;
        let of_this_charge = match (&refund.charge, &refund.payment_intent) {
            (Some(id), _) => *id == charge.id,
            (None, Some(intent)) => {
                charge.status == "succeeded" && charge.payment_intent.as_ref() == Some(intent)
            }
            (None, None) => false,
        };
        if !of_this_charge {
            continue;
        }
        let made =
            told.iter().find_map(|told| told.object.created).or(told.first().map(|told| told.stamp.at))?;
        let failed_before = told
            .iter()
            .find(|told| !went_back(told.object))
            .is_some_and(|told| told.stamp.at <= last.stamp.at);
        if made <= last.stamp.at && (went_back(refund) || !failed_before) {
            known += refund.amount;
        }
    }
    let amount = charge.amount_refunded - known;
    let first = told.iter().find(|told| told.object.amount_refunded == charge.amount_refunded)?;
    (amount > 0).then(|| RefundState {
        id: charge.id.clone(),
        payment: links.payment_of(Some(&charge.id), charge.payment_intent.as_deref()).map(str::to_owned),
        charge: Some(charge.id.clone()),
        amount,
        currency: charge.currency.clone(),
        status: "succeeded".to_owned(),
        counted: true,
        by_charge: true,
        reason: None,
        created_at: first.stamp.at,
    })
}

/// The disputes, each by its id; money moves by its balance transactions, else by its events.
pub(super) fn disputes<'a>(
    facts: &Facts<'a>,
    links: &Links<'a>,
    payments: &BTreeSet<String>,
) -> Vec<DisputeState> {
    facts.disputes.values().filter_map(|told| dispute(told, links, payments)).collect()
}

fn dispute<'a>(
    told: &[Told<'a, Dispute>],
    links: &Links<'a>,
    payments: &BTreeSet<String>,
) -> Option<DisputeState> {
    let last = told.last()?;
    let dispute = last.object;
    let created_at = dispute.created.unwrap_or(last.stamp.at);
    let own_currency = |told: &&Told<'_, Dispute>| {
        told.object.balance_currency.as_ref().is_none_or(|currency| *currency == told.object.currency)
    };
    // What moved is shown in the currency of the balance: in another one, the amount in dispute has to do.
    let moved = |shown: fn(&Dispute) -> Option<i64>, by_event: fn(&Dispute) -> bool| {
        let first =
            told.iter().find(|told| by_event(told.object) || shown(told.object).is_some_and(|sum| sum > 0));
        let sum =
            told.iter().rev().filter(own_currency).find_map(|told| shown(told.object)).filter(|sum| *sum > 0);
        let at = first.map(|told| if told.from_event { told.stamp.at } else { created_at });
        (if at.is_some() { sum.unwrap_or(dispute.amount) } else { 0 }, at)
    };
    let (withdrawn, withdrawn_at) = moved(|dispute| dispute.withdrawn, |dispute| dispute.funds_withdrawn);
    let (reinstated, reinstated_at) = moved(|dispute| dispute.reinstated, |dispute| dispute.funds_reinstated);
    Some(DisputeState {
        id: dispute.id.clone(),
        payment: links
            .payment_of(dispute.charge.as_deref(), dispute.payment_intent.as_deref())
            .map(str::to_owned)
            .filter(|payment| payments.contains(payment)),
        charge: dispute.charge.clone(),
        amount: dispute.amount,
        currency: dispute.currency.clone(),
        status: dispute.status.clone(),
        reason: dispute.reason.clone(),
        withdrawn,
        withdrawn_at,
        reinstated,
        reinstated_at,
        fee: told.iter().rev().filter(own_currency).find_map(|told| told.object.fee),
        created_at,
    })
}
