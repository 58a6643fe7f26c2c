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
use crate::timeline::Gap;

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
    /// Whether any part of it is known by evidence only, or something that belongs to it may be missing.
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

/// A time in which changes of a customer's MRR in one currency may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Doubt<'a> {
    /// Lower-case currency code.
    pub currency: &'a str,
    /// Where in time.
    pub gap: Gap,
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
/// never netted with each other, so that the ledger of a period holds nothing of another. Movements that
/// would be others if something happened in one of the `doubts` are marked as reconstructed.
pub fn fold<'a>(
    worth: impl IntoIterator<Item = Worth<'a>>,
    cuts: &[DateTime<Utc>],
    doubts: &[Doubt<'_>],
) -> Vec<Movement> {
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
    let mut movements = Vec::new();
    for (currency, changes) in by_currency {
        let doubts = doubts.iter().filter(|doubt| doubt.currency == currency);
        let gaps: Vec<Gap> = doubts.map(|doubt| doubt.gap).collect();
        movements.extend(ledger(currency, changes, cuts, &gaps));
    }
    movements
}

fn ledger(
    currency: &str,
    mut changes: Vec<Change<'_>>,
    cuts: &[DateTime<Utc>],
    gaps: &[Gap],
) -> Vec<Movement> {
    changes.sort_by(|a, b| (a.at, a.subscription).cmp(&(b.at, b.subscription)));
    let mut movements = Vec::new();
    let (mut mrr, mut paid_before) = (Micros::ZERO, false);
    let mut certainty = Certainty { gaps, doubtful_until: None, has_paid: false };
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        let cut = cuts.iter().copied().filter(|cut| *cut > first.at).min();
        let until = cut.map_or(first.at + NETTING, |cut| cut.min(first.at + NETTING));
        let together = rest.iter().take_while(|change| change.at < until).count();
        let (netted, later) = rest.split_at(together);
        rest = later;
        let after = mrr + netted.iter().map(|change| change.delta).sum::<Micros>();
        let reconstructed = certainty.is_in_doubt(netted, mrr, after);
        if let Some(kind) = Kind::of(mrr, after, paid_before) {
            movements.push(Movement {
                currency: currency.to_owned(),
                at: first.at,
                kind,
                reason: reason(netted, after - mrr).map(str::to_owned),
                delta: after - mrr,
                mrr: after,
                reconstructed,
            });
        }
        mrr = after;
        paid_before |= mrr > Micros::ZERO;
    }
    movements
}

/// How far the movements of a ledger can be relied on.
struct Certainty<'a> {
    gaps: &'a [Gap],
    /// Until when changes might belong to a movement that began in doubt.
    doubtful_until: Option<DateTime<Utc>>,
    /// Whether it is certain that the customer has paid before.
    has_paid: bool,
}

impl Certainty<'_> {
    /// Whether the movement that nets these changes would be another one if something is missing.
    fn is_in_doubt(&mut self, netted: &[Change<'_>], before: Micros, after: Micros) -> bool {
        let (Some(first), Some(last)) = (netted.first(), netted.last()) else { return false };
        let meets = |gap: &Gap| {
            let from = if gap.dated { gap.from } else { gap.from - NETTING };
            from < first.at && first.at < gap.until + NETTING
        };
        let in_doubt = netted.iter().any(|change| change.reconstructed)
            || self.doubtful_until.is_some_and(|until| first.at < until)
            || self.gaps.iter().any(meets);
        if in_doubt {
            self.doubtful_until = Some(last.at + NETTING);
        }
        // Whether a customer is new depends on everything before.
        let from_nothing = before == Micros::ZERO && after > Micros::ZERO;
        let began_in_doubt =
            from_nothing && !self.has_paid && self.gaps.iter().any(|gap| gap.from < first.at);
        self.has_paid |= !in_doubt && (before > Micros::ZERO || after > Micros::ZERO);
        in_doubt || began_in_doubt
    }
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
