//! Disputes, and the money that they took.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::links::Links;
use super::told::{Facts, Told};
use crate::facts::Dispute;

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
