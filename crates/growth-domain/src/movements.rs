//! The ledger: each change of one customer's MRR in one currency.
//!
//! Movements are made from the timelines of a customer's subscriptions.
//! Changes within an hour are one change, so a plan swap made as "new
//! subscription, cancel the old" is an expansion or a contraction, not a
//! churn and a new customer.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::money::Micros;

/// Changes of one customer within this time are netted before they are classified.
///
/// The movement has the time of the first of them.
pub const NETTING: TimeDelta = TimeDelta::minutes(60);

/// What a change of MRR is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From nothing, for the first time.
    New,
    /// From nothing, having paid before.
    Reactivation,
    /// More than before.
    Expansion,
    /// Less than before.
    Contraction,
    /// To nothing.
    Churn,
}

impl Kind {
    /// All kinds in the order in which a roll-forward shows them.
    pub const ALL: [Self; 5] =
        [Self::New, Self::Reactivation, Self::Expansion, Self::Contraction, Self::Churn];

    /// The text in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reactivation => "reactivation",
            Self::Expansion => "expansion",
            Self::Contraction => "contraction",
            Self::Churn => "churn",
        }
    }

    /// The kind with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Classifies a change from `before` to `after`; `None` where nothing changed.
    pub fn of(before: Micros, after: Micros, paid_before: bool) -> Option<Self> {
        let nothing = Micros::ZERO;
        match () {
            () if before == after => None,
            () if before == nothing => Some(if paid_before { Self::Reactivation } else { Self::New }),
            () if after == nothing => Some(Self::Churn),
            () if before < after => Some(Self::Expansion),
            () => Some(Self::Contraction),
        }
    }
}

/// A change of one customer's MRR in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Lower-case currency code.
    pub currency: String,
    /// When the first of the changes netted in it happened.
    pub at: DateTime<Utc>,
    /// What it is.
    pub kind: Kind,
    /// Why, where that is known.
    pub reason: Option<String>,
    /// The change, negative for losses.
    pub delta: Micros,
    /// The MRR after it.
    pub mrr: Micros,
    /// Whether any part of it is known by evidence only.
    pub reconstructed: bool,
}

/// What a subscription is worth from an instant until its next one.
#[derive(Clone, Copy, Debug)]
pub struct Worth<'a> {
    /// `sub_…`
    pub subscription: &'a str,
    /// Lower-case currency code.
    pub currency: &'a str,
    /// From when.
    pub at: DateTime<Utc>,
    /// What counts as MRR.
    pub net: Micros,
    /// Why it changed, where that is known.
    pub reason: Option<&'a str>,
    /// Whether this is known by evidence only.
    pub reconstructed: bool,
}

struct Change<'a> {
    at: DateTime<Utc>,
    subscription: &'a str,
    delta: Micros,
    reason: Option<&'a str>,
    reconstructed: bool,
}

/// Folds what one customer's subscriptions are worth into movements, by currency and time.
///
/// Each subscription's steps come in order of time. Changes on both sides of one of the `cuts` are
/// never netted with each other, so that the ledger of a period holds nothing of another.
pub fn fold<'a>(worth: impl IntoIterator<Item = Worth<'a>>, cuts: &[DateTime<Utc>]) -> Vec<Movement> {
    let mut before: BTreeMap<&str, Micros> = BTreeMap::new();
    let mut by_currency: BTreeMap<&str, Vec<Change<'_>>> = BTreeMap::new();
    for step in worth {
        let Worth { subscription, currency, at, net, reason, reconstructed } = step;
        let before = before.entry(subscription).or_default();
        let delta = net - *before;
        *before = net;
        if delta != Micros::ZERO {
            let change = Change { at, subscription, delta, reason, reconstructed };
            by_currency.entry(currency).or_default().push(change);
        }
    }
    by_currency.into_iter().flat_map(|(currency, changes)| ledger(currency, changes, cuts)).collect()
}

fn ledger(currency: &str, mut changes: Vec<Change<'_>>, cuts: &[DateTime<Utc>]) -> Vec<Movement> {
    changes.sort_by(|a, b| (a.at, a.subscription).cmp(&(b.at, b.subscription)));
    let mut movements = Vec::new();
    let (mut mrr, mut paid_before) = (Micros::ZERO, false);
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        let cut = cuts.iter().copied().filter(|cut| *cut > first.at).min();
        let until = cut.map_or(first.at + NETTING, |cut| cut.min(first.at + NETTING));
        let together = rest.iter().take_while(|change| change.at < until).count();
        let (netted, later) = rest.split_at(together);
        rest = later;
        let after = mrr + netted.iter().map(|change| change.delta).sum::<Micros>();
        if let Some(kind) = Kind::of(mrr, after, paid_before) {
            movements.push(Movement {
                currency: currency.to_owned(),
                at: first.at,
                kind,
                reason: reason(netted, after - mrr).map(str::to_owned),
                delta: after - mrr,
                mrr: after,
                reconstructed: netted.iter().any(|change| change.reconstructed),
            });
        }
        mrr = after;
        paid_before |= mrr > Micros::ZERO;
    }
    movements
}

/// Why several changes together moved the MRR this way: the reason of the largest that did;
/// a swap where one subscription took over from another.
fn reason<'a>(netted: &[Change<'a>], delta: Micros) -> Option<&'a str> {
    let gains = delta > Micros::ZERO;
    let against = netted.iter().any(|change| (change.delta > Micros::ZERO) != gains);
    if against && netted.iter().any(|change| change.subscription != netted[0].subscription) {
        return Some("plan_change");
    }
    netted
        .iter()
        .filter(|change| (change.delta > Micros::ZERO) == gains)
        .max_by_key(|change| if gains { change.delta } else { -change.delta })?
        .reason
}

#[cfg(test)]
mod tests;
