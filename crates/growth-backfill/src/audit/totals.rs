//! What the compared objects sum up to on both sides.

use std::collections::BTreeMap;

use serde::Serialize;

use super::objects::{Kind, Object, Told};

/// A sum or count of both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sides {
    /// In the database.
    pub ours: i64,
    /// At Stripe.
    pub theirs: i64,
    /// Ours less theirs.
    pub difference: i64,
}

impl Sides {
    /// A sum that no `i64` holds stays at the largest one.
    fn add(&mut self, side: Side, amount: i64) {
        let sum = if side == Side::Ours { &mut self.ours } else { &mut self.theirs };
        *sum = sum.saturating_add(amount);
        self.difference = self.ours.saturating_sub(self.theirs);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

/// The sums of one currency, each over what both sides can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Payments of the window that succeeded, in minor units.
    pub gross_volume: Sides,
    /// Refunds of the window that went back, in minor units.
    pub refunds: Sides,
    /// What disputes of the window took, less what they gave back, in minor units.
    pub disputes: Sides,
    /// Fees of the window's charges, as far as they are known, in minor units.
    pub fees: Sides,
    /// Charges whose fee is not known.
    pub fees_not_known: Sides,
    /// Subscriptions that count towards MRR now.
    pub active_subscriptions: Sides,
    /// Their MRR in millionths of a minor unit.
    pub mrr_micros: Sides,
    /// Subscriptions that are left out of both MRRs, since the API does not tell what they are worth.
    pub mrr_not_compared: u64,
}

impl Totals {
    /// Adds an object to the sums of its currency; what Stripe does not show of it is on neither side.
    pub(super) fn add(all: &mut BTreeMap<String, Self>, ours: Option<&Object>, theirs: Option<&Object>) {
        let is_told = |field: &str| theirs.is_none_or(|theirs| theirs.get(field).is_some());
        for (side, object) in [(Side::Ours, ours), (Side::Theirs, theirs)] {
            let Some(object) = object else { continue };
            let of = all.entry(object.currency.clone()).or_default();
            match object.kind {
                Kind::Payment => {
                    if is_told("status") && object.says("status", "succeeded") {
                        of.gross_volume.add(side, object.amount("amount"));
                    }
                    let took_money = theirs.is_some() || object.says("status", "succeeded");
                    if is_told("fee") && took_money {
                        add_fee(all, side, object, theirs);
                    }
                }
                Kind::Refund if is_told("counted") && object.get("counted") == Some(&Told::Flag(true)) => {
                    of.refunds.add(side, object.amount("amount"));
                }
                Kind::Dispute if is_told("withdrawn") => {
                    of.disputes
                        .add(side, object.amount("withdrawn").saturating_sub(object.amount("reinstated")));
                }
                Kind::Subscription => of.add_subscription(side, object, theirs),
                _ => {}
            }
        }
    }

    fn add_subscription(&mut self, side: Side, object: &Object, theirs: Option<&Object>) {
        let is_known = |field: &str| theirs.is_none_or(|theirs| theirs.get(field) != Some(&Told::NotKnown));
        if is_known("counted") && object.get("counted") == Some(&Told::Flag(true)) {
            self.active_subscriptions.add(side, 1);
        }
        if is_known("mrr") {
            self.mrr_micros.add(side, object.amount("mrr"));
        } else if side == Side::Theirs {
            self.mrr_not_compared += 1;
        }
    }
}

fn add_fee(all: &mut BTreeMap<String, Totals>, side: Side, object: &Object, theirs: Option<&Object>) {
    let is_known = theirs.is_none_or(|theirs| theirs.get("fee") != Some(&Told::NotKnown));
    let currency = match object.get("fee_currency") {
        Some(Told::Text(currency)) => currency,
        _ => &object.currency,
    };
    let of = all.entry(currency.clone()).or_default();
    match object.get("fee") {
        Some(Told::Minor(fee)) if is_known => of.fees.add(side, *fee),
        _ => of.fees_not_known.add(side, 1),
    }
}

impl Object {
    fn amount(&self, field: &str) -> i64 {
        match self.get(field) {
            Some(Told::Minor(amount) | Told::Micros(amount)) => *amount,
            _ => 0,
        }
    }
}
