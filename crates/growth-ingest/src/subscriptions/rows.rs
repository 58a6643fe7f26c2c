//! Facts and what is made of them, as rows.

use growth_db::rows::{
    MovementRow, PricingReferenceRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow,
};
use growth_domain::facts::SubscriptionFact;
use growth_domain::money::Micros;
use growth_domain::movements::Movement;
use growth_domain::stamp::{Scope, Stamp};
use growth_domain::timeline::{Segment, Timeline};

pub(super) fn change_row(scope: &Scope, fact: SubscriptionFact) -> SubscriptionChangeRow {
    SubscriptionChangeRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        subscription: fact.state.id.clone(),
        event_id: fact.stamp.event_id,
        customer: fact.state.customer.clone(),
        stamp_at: fact.stamp.at,
        stamp_rank: fact.stamp.rank,
        from_event: fact.from_event,
        event_type: fact.event_type,
        status: fact.state.status.clone(),
        state: fact.state.into(),
        replaced: fact.replaced.map(Into::into),
    }
}

pub(super) fn fact(row: SubscriptionChangeRow) -> SubscriptionFact {
    SubscriptionFact {
        stamp: Stamp { at: row.stamp_at, rank: row.stamp_rank, event_id: row.event_id },
        from_event: row.from_event,
        event_type: row.event_type,
        state: row.state.0,
        replaced: row.replaced.map(|replaced| replaced.0),
    }
}

pub(super) fn subscription_row(
    scope: &Scope,
    built: &Timeline,
    told_last: Option<&Stamp>,
) -> Option<SubscriptionRow> {
    let state = built.latest.as_ref()?;
    let last = built.segments.last();
    let item = state.items.first();
    Some(SubscriptionRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: state.id.clone(),
        customer: state.customer.clone(),
        currency: state.currency.clone(),
        status: state.status.clone(),
        price: item.map(|item| item.price.id.clone()),
        plan_name: item.and_then(|item| item.price.nickname.clone()),
        quantity: item.and_then(|item| item.quantity),
        created_at: state.created,
        trial_end: state.trial_end,
        period_start: state.period_start,
        period_end: state.period_end,
        cancel_at_period_end: state.cancel_at_period_end,
        cancel_at: state.cancel_at,
        canceled_at: state.canceled_at,
        ended_at: state.ended_at,
        paused: state.paused,
        mrr_micros: last.map_or(0, |segment| stored(segment.mrr.net)),
        unpriced: last.and_then(|segment| segment.unpriced.clone()),
        reconstructed: built.segments.iter().any(|segment| segment.reconstructed),
        stamp_at: told_last?.at,
    })
}

pub(super) fn worth_row(
    scope: &Scope,
    id: &str,
    customer: &str,
    currency: &str,
    segment: &Segment,
) -> SubscriptionMrrRow {
    SubscriptionMrrRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        subscription: id.to_owned(),
        at: segment.at,
        customer: customer.to_owned(),
        currency: currency.to_owned(),
        status: segment.status.clone(),
        counted: segment.counted,
        list_micros: stored(segment.mrr.list),
        discount_micros: stored(segment.mrr.discount),
        net_micros: stored(segment.mrr.net),
        at_risk: segment.at_risk,
        ending: segment.ending,
        unpriced: segment.unpriced.clone(),
        reason: segment.reason.map(str::to_owned),
        reconstructed: segment.reconstructed,
    }
}

pub(super) fn movement_row(scope: &Scope, customer: &str, movement: &Movement) -> MovementRow {
    MovementRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        customer: customer.to_owned(),
        currency: movement.currency.clone(),
        at: movement.at,
        kind: movement.kind.as_str().to_owned(),
        reason: movement.reason.clone(),
        delta_micros: stored(movement.delta),
        mrr_micros: stored(movement.mrr),
        reconstructed: movement.reconstructed,
    }
}

pub(super) fn reference_row(scope: &Scope, reference: String, customer: String) -> PricingReferenceRow {
    PricingReferenceRow { account: scope.account.clone(), livemode: scope.livemode, reference, customer }
}

/// As the database keeps it: pricing refuses a subscription that would not fit.
fn stored(amount: Micros) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}
