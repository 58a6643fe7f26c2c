//! What moved MRR: each customer's changes within the hour, netted.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use growth_domain::money::Micros;
use growth_domain::movements::Kind;
use growth_domain::rollforward::RollForward;
use growth_metrics::MovementReason;

use super::clock::{Span, is_in};
use super::facts::{State, Subscription};

#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) at: DateTime<Utc>,
    pub(crate) currency: String,
    pub(crate) kind: Kind,
    pub(crate) delta: i128,
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug)]
struct Change {
    at: DateTime<Utc>,
    subscription: String,
    delta: i128,
    reason: Option<&'static str>,
}

/// All movements, where nothing is netted over one of the cuts.
pub(crate) fn movements(subscriptions: &[Subscription], cuts: &[DateTime<Utc>]) -> Vec<Moved> {
    let mut by_customer: BTreeMap<(&str, &str), Vec<Change>> = BTreeMap::new();
    for subscription in subscriptions {
        let key = (subscription.customer.as_str(), subscription.currency.as_str());
        by_customer.entry(key).or_default().extend(changes(subscription));
    }
    let mut movements = Vec::new();
    for ((_, currency), mut changes) in by_customer {
        changes.sort_by_key(|change| change.at);
        let (mut worth, mut has_paid) = (0, false);
        while let Some(first) = changes.first().map(|change| change.at) {
            let is_together = |change: &Change| {
                change.at - first < TimeDelta::hours(1)
                    && !cuts.iter().any(|cut| first < *cut && *cut <= change.at)
            };
            let (netted, later): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(is_together);
            changes = later;
            let delta: i128 = netted.iter().map(|change| change.delta).sum();
            let kind = match (worth, worth + delta) {
                (before, after) if before == after => None,
                (0, _) if has_paid => Some(Kind::Reactivation),
                (0, _) => Some(Kind::New),
                (_, 0) => Some(Kind::Churn),
                (before, after) if before < after => Some(Kind::Expansion),
                _ => Some(Kind::Contraction),
            };
            worth += delta;
            has_paid |= worth > 0;
            if let Some(kind) = kind {
                let reason = reason(&netted, delta).map(str::to_owned);
                movements.push(Moved { at: first, currency: currency.to_owned(), kind, delta, reason });
            }
        }
    }
    movements
}

fn changes(subscription: &Subscription) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut before: Option<&State> = None;
    for (at, state) in &subscription.states {
        let delta = state.net - before.map_or(0, |before| before.net);
        if delta != 0 {
            let reason = before.and_then(|before| step_reason(before, state));
            changes.push(Change { at: *at, subscription: subscription.id.clone(), delta, reason });
        }
        before = Some(state);
    }
    changes
}

fn step_reason(before: &State, after: &State) -> Option<&'static str> {
    match (before.counts(), after.counts()) {
        (true, false) if after.paused && after.status != "canceled" => Some("paused"),
        (true, false) => Some(match after.why_canceled.as_deref() {
            Some("payment_failed" | "payment_disputed") => "involuntary",
            None if before.status == "past_due" => "involuntary",
            _ => "voluntary",
        }),
        (false, true) if before.paused => Some("resumed"),
        (false, true) if before.status == "trialing" => Some("trial_converted"),
        (true, true) if before.price != after.price => Some("plan_change"),
        (true, true) if before.quantity != after.quantity => Some("quantity"),
        _ => None,
    }
}

fn reason(netted: &[Change], delta: i128) -> Option<&'static str> {
    let is_with = |change: &&Change| (change.delta > 0) == (delta > 0);
    let subscriptions: std::collections::BTreeSet<&str> =
        netted.iter().map(|change| change.subscription.as_str()).collect();
    if subscriptions.len() > 1 && !netted.iter().all(|change| is_with(&change)) {
        return Some("plan_change");
    }
    netted.iter().filter(is_with).max_by_key(|change| change.delta.abs())?.reason
}

/// The roll-forward of a span.
pub(crate) fn roll_forward(opening: i128, moved: &[&Moved], fx: i128, closing: i128) -> RollForward {
    let of = |kind: Kind| {
        let deltas = moved.iter().filter(|moved| moved.kind == kind).map(|moved| moved.delta.abs());
        Micros(deltas.sum())
    };
    let rolled = RollForward {
        opening: Micros(opening),
        new: of(Kind::New),
        reactivation: of(Kind::Reactivation),
        expansion: of(Kind::Expansion),
        contraction: of(Kind::Contraction),
        churn: of(Kind::Churn),
        fx: Micros(fx),
        closing: Micros(closing),
    };
    let gained = rolled.new.0 + rolled.reactivation.0 + rolled.expansion.0;
    let lost = rolled.contraction.0 + rolled.churn.0;
    assert_eq!(opening + gained - lost + fx, closing, "the reference does not add up");
    rolled
}

pub(crate) fn reasons(moved: &[&Moved]) -> Vec<MovementReason> {
    let mut reasons: Vec<MovementReason> = Vec::new();
    for moved in moved {
        let amount = Micros(moved.delta.abs());
        let is_it = |known: &&mut MovementReason| (known.kind, &known.reason) == (moved.kind, &moved.reason);
        if let Some(known) = reasons.iter_mut().find(is_it) {
            known.count += 1;
            known.amount += amount;
        } else {
            let reason = moved.reason.clone();
            reasons.push(MovementReason { kind: moved.kind, reason, count: 1, amount });
        }
    }
    let place = |kind: Kind| Kind::ALL.iter().position(|known| *known == kind);
    reasons.sort_by_key(|known| (place(known.kind), -known.amount.0, known.reason.clone()));
    reasons
}

pub(crate) fn within<'a>(moved: &'a [Moved], currency: &str, span: Span) -> Vec<&'a Moved> {
    moved.iter().filter(|moved| moved.currency == currency && is_in(span, moved.at)).collect()
}
