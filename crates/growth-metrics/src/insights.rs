//! What a finished snapshot has to say, by the rules of [`growth_domain::insights`].

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use growth_db::Db;
use growth_domain::insights::{
    self, Churned, Compared, Data, EndingDiscounts, Largest, Notable, OtherCurrency, Signals, notable,
};
use growth_domain::money::Micros;
use growth_domain::movements::Kind;
use growth_domain::rollforward::Ratio;
use growth_domain::stamp::Scope;
use growth_domain::window::{day_of, start_of_day};

use crate::discounts;
use crate::error::Error;
use crate::request::Request;
use crate::snapshot::{
    CurrencyRevenue, GrowthSnapshot, Header, Money, MovementReason, Periods, RetentionCohort, Stage,
};

/// How many weekly cohorts are the latest ones.
const LATEST_COHORTS: usize = 4;

/// How many weekly cohorts before them they are compared with at most.
const COHORTS_BEFORE: usize = 8;

/// The reasons of churn that are nobody's decision.
const INVOLUNTARY: [&str; 2] = ["involuntary", "delinquent"];

/// What is worth attention in a snapshot.
pub(crate) async fn of(
    db: &Db,
    scope: &Scope,
    request: &Request,
    snapshot: &GrowthSnapshot,
) -> Result<Notable, Error> {
    let thresholds = &request.thresholds;
    let mut signals = signals(snapshot, request);
    if let Some(revenue) = &mut signals.revenue {
        let ending = discounts::ending(db, scope, request.window.end, thresholds.discount_days).await?;
        revenue.ending_discounts = Some(ending.get(&revenue.currency).copied().unwrap_or_default());
    }
    Ok(notable(&signals, thresholds))
}

/// The flags by which `growthctl explain` looks at the same data and the same end.
fn flags(header: &Header, request: &Request) -> String {
    let zone: Tz = header.time_zone.parse().unwrap_or(Tz::UTC);
    let day = day_of(header.as_of, zone);
    let mut flags = if start_of_day(day, zone) == header.as_of {
        format!("--as-of {day}")
    } else {
        format!("--as-of {}", header.as_of.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    };
    if !header.livemode {
        flags.push_str(" --mode test");
    }
    if !header.account.is_empty() {
        flags.push_str(" --account ");
        flags.push_str(&header.account);
    }
    // With a backquote it could not stand in the report as a command.
    if let Some(app) = header.app.as_ref().filter(|app| !app.contains('`')) {
        flags.push_str(" --app ");
        flags.push_str(&as_word(app));
    }
    if !request.same_database.is_empty() {
        flags.push(' ');
        flags.push_str(&request.same_database);
    }
    flags
}

/// A name as one word of a shell.
fn as_word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.chars().all(is_plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

/// The numbers that the rules look at. The main currency is the snapshot's first one.
fn signals(snapshot: &GrowthSnapshot, request: &Request) -> Signals {
    let mut currencies = snapshot.revenue.iter();
    Signals {
        days: snapshot.header.days,
        flags: flags(&snapshot.header, request),
        goal: goal(snapshot),
        revenue: currencies.next().map(revenue),
        others: currencies.map(other).collect(),
        users: users(snapshot),
        product: insights::Product {
            enrichments: compared(snapshot.product.enrichments_completed),
            enrichment_success: compared(snapshot.product.enrichment_success),
        },
        data: data(snapshot),
    }
}

fn goal(snapshot: &GrowthSnapshot) -> Option<insights::Goal> {
    let goal = snapshot.goal.as_ref()?;
    let revenue = snapshot.revenue.iter().find(|revenue| revenue.currency == goal.currency);
    let mrr = revenue
        .map(|revenue| Compared { current: revenue.mrr.current.net, previous: revenue.mrr.previous.net });
    Some(insights::Goal {
        currency: goal.currency.clone(),
        amount: Micros::from_minor(goal.amount),
        mrr: mrr.unwrap_or_default(),
        eta: goal.eta,
    })
}

fn revenue(revenue: &CurrencyRevenue) -> insights::Revenue {
    let mrr = &revenue.mrr.current;
    let cash = &revenue.cash;
    let recovery = &revenue.recovery.current;
    insights::Revenue {
        currency: revenue.currency.clone(),
        movements: compared(revenue.movements),
        cohort: Compared {
            current: revenue.retention.current.cohort,
            previous: revenue.retention.previous.cohort,
        },
        paying_customers: mrr.paying_customers,
        active_subscriptions: mrr.active_subscriptions,
        ending: mrr.net - mrr.committed,
        at_risk: mrr.at_risk,
        churned: churned(&revenue.reasons.current),
        recovery: insights::Recovery {
            failed: money(recovery.failed),
            recovered: money(recovery.recovered),
            open: money(recovery.open),
        },
        largest: revenue.largest_customer.as_ref().map(|largest| Largest {
            customer: largest.customer.clone(),
            mrr: Micros(largest.share.numerator),
            of: Micros(largest.share.denominator),
        }),
        ending_discounts: None::<EndingDiscounts>,
        payments: Compared { current: cash.current.payments.count, previous: cash.previous.payments.count },
        unattributed_payments: cash.current.unattributed.count,
        refunds: Compared { current: money(cash.current.refunds), previous: money(cash.previous.refunds) },
        disputes: Compared { current: money(cash.current.disputes), previous: money(cash.previous.disputes) },
        trial_conversion: compared(revenue.trial_conversion),
    }
}

fn churned(reasons: &[MovementReason]) -> Churned {
    let mut churned = Churned::default();
    for moved in reasons.iter().filter(|moved| moved.kind == Kind::Churn) {
        churned.count += moved.count;
        churned.mrr += moved.amount;
        if moved.reason.as_deref().is_some_and(|reason| INVOLUNTARY.contains(&reason)) {
            churned.involuntary_count += moved.count;
            churned.involuntary += moved.amount;
        }
    }
    churned
}

fn other(revenue: &CurrencyRevenue) -> OtherCurrency {
    OtherCurrency {
        currency: revenue.currency.clone(),
        movements: revenue.movements.current,
        customers: revenue.retention.current.cohort.customers.max(revenue.mrr.current.paying_customers),
    }
}

fn users(snapshot: &GrowthSnapshot) -> insights::Users {
    let (users, engagement) = (&snapshot.users, &snapshot.engagement);
    let (next_week, cohorts) = next_week(&engagement.weekly);
    insights::Users {
        new: compared(users.new),
        activation: compared(users.activation),
        activation_pending: users.activation_pending.current,
        activation_days: users.activation_days,
        stickiness: Compared {
            current: share(engagement.wau.current, engagement.mau.current),
            previous: share(engagement.wau.previous, engagement.mau.previous),
        },
        next_week,
        next_week_cohorts: cohorts,
        bottleneck: snapshot.funnel.bottleneck.and_then(|bottleneck| {
            let stage = match bottleneck.stage {
                Stage::SignUp => return None,
                Stage::Activation => insights::Stage::Activation,
                Stage::Payment => insights::Stage::Payment,
            };
            let (recent, trailing) = (bottleneck.recent, bottleneck.trailing);
            Some(insights::Bottleneck { stage, recent, trailing, lost: bottleneck.lost })
        }),
    }
}

/// Who of the latest weekly cohorts was active in the week after the first, beside those of the cohorts before;
/// and how many the latest ones are.
fn next_week(weekly: &[RetentionCohort]) -> (Compared<Ratio>, u32) {
    let over = weekly.iter().rev().filter_map(|cohort| Some((cohort.users, (*cohort.active.get(1)?)?)));
    let over: Vec<(u64, u64)> = over.take(LATEST_COHORTS + COHORTS_BEFORE).collect();
    let (latest, before) = over.split_at(over.len().min(LATEST_COHORTS));
    let together = |cohorts: &[(u64, u64)]| {
        share(cohorts.iter().map(|(_, active)| active).sum(), cohorts.iter().map(|(users, _)| users).sum())
    };
    let shares = Compared { current: together(latest), previous: together(before) };
    (shares, u32::try_from(latest.len()).unwrap_or_default())
}

fn data(snapshot: &GrowthSnapshot) -> Data {
    let freshness = &snapshot.freshness;
    let as_of = snapshot.header.as_of;
    let hours_since = |at: DateTime<Utc>| u64::try_from((as_of - at).num_hours()).ok();
    Data {
        failed_events: freshness.failed_events,
        pending_events: freshness.pending_events,
        pending_hours: freshness.oldest_pending_received_at.and_then(hours_since),
        webhook_hours: freshness.last_webhook_received_at.and_then(hours_since),
        backfill_hours: freshness.backfill_unfinished_since.and_then(hours_since),
        unpriced_subscriptions: snapshot.unpriced.len() as u64,
        counted_twice: freshness.possibly_counted_twice,
        reconstructed_movements: freshness.reconstructed_movements,
        reconstructed_subscriptions: freshness.reconstructed_subscriptions,
    }
}

fn compared<T>(periods: Periods<T>) -> Compared<T> {
    Compared { current: periods.current, previous: periods.previous }
}

fn money(money: Money) -> insights::Cash {
    insights::Cash { count: money.count, amount: money.amount }
}

fn share(numerator: u64, denominator: u64) -> Ratio {
    Ratio { numerator: numerator.into(), denominator: denominator.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_cohorts_are_compared_with_up_to_eight_before_them() {
        let cohort = |n: i64, active: Vec<Option<u64>>| RetentionCohort {
            start: chrono::DateTime::from_timestamp(n * 7 * 86_400, 0).unwrap().date_naive(),
            users: 10,
            active,
        };
        let mut weekly: Vec<RetentionCohort> =
            (0..14).map(|n| cohort(n, vec![Some(10), Some(if n < 10 { 6 } else { 2 })])).collect();
        // The next week of this one is not over.
        weekly.push(cohort(14, vec![Some(10), None]));
        let (shares, cohorts) = next_week(&weekly);
        assert_eq!((shares.current, shares.previous, cohorts), (share(8, 40), share(48, 80), 4));
        let (shares, cohorts) = next_week(&weekly[..2]);
        assert_eq!((shares.current, shares.previous, cohorts), (share(12, 20), share(0, 0), 2));
        assert_eq!(next_week(&[]).1, 0);
    }

    #[test]
    fn churn_is_involuntary_by_its_reasons() {
        let moved = |kind, reason: Option<&str>, count, minor| MovementReason {
            kind,
            reason: reason.map(str::to_owned),
            count,
            amount: Micros::from_minor(minor),
        };
        let churned = churned(&[
            moved(Kind::Churn, Some("voluntary"), 3, 30),
            moved(Kind::Churn, Some("involuntary"), 2, 20),
            moved(Kind::Churn, Some("delinquent"), 1, 5),
            moved(Kind::Churn, None, 1, 1),
            moved(Kind::Contraction, Some("involuntary"), 9, 90),
        ]);
        assert_eq!((churned.count, churned.involuntary_count), (7, 3));
        assert_eq!((churned.mrr, churned.involuntary), (Micros::from_minor(56), Micros::from_minor(25)));
    }
}
