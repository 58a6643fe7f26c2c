//! MRR, its movements and its rates, in one currency.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use growth_domain::money::Micros;
use growth_domain::movements::Kind;
use growth_domain::rollforward::{Cohort, Ratio, RollForward};
use growth_metrics::{
    CurrencyRevenue, LargestCustomer, LifetimeValue, Money, Mrr, Periods, Retention, RevenueDay,
};

use super::clock::{Span, day, days, midnight, months_before};
use super::facts::{State, Subscription, divided};
use super::movements::{Moved, reasons, roll_forward, within};
use super::{Asked, both, cash, ratio};

pub(crate) fn revenue(asked: &Asked, currency: &str, moved: &[Moved]) -> CurrencyRevenue {
    let own: Vec<&Subscription> =
        asked.facts.subscriptions.iter().filter(|own| own.currency == currency).collect();
    let own = own.as_slice();
    let mrr = Periods { current: mrr(own, asked.window.1), previous: mrr(own, asked.window.0) };
    let movements = both(asked, |span| {
        let moved = within(moved, currency, span);
        roll_forward(total(own, span.0), &moved, 0, total(own, span.1))
    });
    let retention = Periods {
        current: retention(&cohort(own, asked.window), &movements.current),
        previous: retention(&cohort(own, asked.previous), &movements.previous),
    };
    CurrencyRevenue {
        currency: currency.to_owned(),
        mrr,
        movements,
        retention,
        cash: both(asked, |span| cash::cash(asked, currency, span)),
        all_time: cash::cash(asked, currency, (DateTime::UNIX_EPOCH, asked.window.1)),
        first_payment_at: cash::first_payment(asked, currency),
        reasons: both(asked, |span| reasons(&within(moved, currency, span))),
        recovery: both(asked, |span| cash::recovery(asked, currency, span)),
        trial_conversion: both(asked, |span| trials(own, span, asked.window.1)),
        lifetime_value: lifetime_value(asked, own),
        largest_customer: largest(own, asked.window.1),
        days: by_day(asked, currency, own, moved),
    }
}

fn total(own: &[&Subscription], instant: DateTime<Utc>) -> i128 {
    own.iter().map(|own| own.worth_before(instant)).sum()
}

/// What each customer's subscriptions are worth together.
fn by_customer<'a>(own: &[&'a Subscription], instant: DateTime<Utc>) -> BTreeMap<&'a str, i128> {
    let mut worth = BTreeMap::new();
    for own in own {
        *worth.entry(own.customer.as_str()).or_insert(0) += own.worth_before(instant);
    }
    worth.retain(|_, worth| *worth > 0);
    worth
}

fn mrr(own: &[&Subscription], instant: DateTime<Utc>) -> Mrr {
    let mut mrr = Mrr::default();
    for state in own.iter().filter_map(|own| own.before(instant)) {
        mrr.net += Micros(state.net);
        mrr.list += Micros(state.list);
        mrr.discount += Micros(state.list - state.net);
        if !state.ending {
            mrr.committed += Micros(state.net);
        }
        if state.status == "past_due" {
            mrr.at_risk += Micros(state.net);
        }
        mrr.active_subscriptions += u64::from(state.counts());
        mrr.trialing_subscriptions += u64::from(state.status == "trialing");
    }
    mrr.arr = Micros(12 * mrr.net.0);
    let customers = by_customer(own, instant).len();
    mrr.paying_customers = customers as u64;
    mrr.arpu = (customers > 0).then(|| Micros(divided(mrr.net.0, customers as i128)));
    mrr
}

fn cohort(own: &[&Subscription], (start, end): Span) -> Cohort {
    let (before, after) = (by_customer(own, start), by_customer(own, end));
    let mut cohort = Cohort { customers: before.len() as u64, ..Cohort::default() };
    for (customer, opening) in before {
        let closing = after.get(customer).copied().unwrap_or(0);
        if closing == 0 {
            cohort.lost += 1;
            cohort.lost_mrr += Micros(opening);
        }
        cohort.opening += Micros(opening);
        cohort.closing += Micros(closing);
        cohort.retained += Micros(opening.min(closing));
    }
    cohort
}

fn retention(cohort: &Cohort, moved: &RollForward) -> Retention {
    let lost = moved.churn.0 + moved.contraction.0;
    Retention {
        cohort: *cohort,
        customer_churn: ratio(cohort.lost, cohort.customers),
        net_revenue_retention: ratio(cohort.closing.0, cohort.opening.0),
        gross_revenue_retention: ratio(cohort.retained.0, cohort.opening.0),
        gross_mrr_churn: ratio(lost, moved.opening.0),
        quick_ratio: ratio(moved.new.0 + moved.reactivation.0 + moved.expansion.0, lost),
    }
}

/// Of the trials that ended in a span, those of whom a payment came until the end of the report.
fn trials(own: &[&Subscription], (start, end): Span, until: DateTime<Utc>) -> Ratio {
    let (mut ended, mut converted) = (0, 0);
    for own in own {
        let known: Vec<_> = own.states.iter().filter(|(at, _)| *at < until).collect();
        let Some(trial) = known.iter().rposition(|(_, state)| state.status == "trialing") else { continue };
        let after = &known[trial + 1..];
        if after.first().is_some_and(|(at, _)| start <= *at && *at < end) {
            ended += 1;
            converted += i128::from(after.iter().any(|(_, state)| state.status == "active" && state.net > 0));
        }
    }
    ratio(converted, ended)
}

fn lifetime_value(asked: &Asked, own: &[&Subscription]) -> LifetimeValue {
    let end = asked.window.1;
    let months = [3, 2, 1].map(|back| {
        let month = |back| if back == 0 { end } else { months_before(end, back, asked.zone) };
        cohort(own, (month(back), month(back - 1)))
    });
    let (lost, paying) = months.iter().fold((0, 0), |(lost, paying), month| {
        (lost + i128::from(month.lost), paying + i128::from(month.customers))
    });
    let customers = months[2].customers;
    let now = by_customer(own, end);
    let (worth, payers) = (now.values().sum::<i128>(), now.len() as i128);
    let is_known = lost > 0 && payers > 0 && customers >= 20;
    LifetimeValue {
        value: is_known.then(|| Micros(divided(worth * paying, payers * lost))),
        monthly_churn: ratio(lost, paying),
        customers,
    }
}

fn largest(own: &[&Subscription], end: DateTime<Utc>) -> Option<LargestCustomer> {
    let worth = by_customer(own, end);
    let all = worth.values().sum::<i128>();
    let (customer, most) = worth.into_iter().rev().max_by_key(|(_, worth)| *worth)?;
    Some(LargestCustomer { customer: customer.to_owned(), share: ratio(most, all) })
}

fn by_day(asked: &Asked, currency: &str, own: &[&Subscription], moved: &[Moved]) -> Vec<RevenueDay> {
    let (start, end) = asked.window;
    let last = day(end - chrono::TimeDelta::microseconds(1), asked.zone);
    let of_day = |day: chrono::NaiveDate| {
        let span =
            (midnight(day, asked.zone).max(start), midnight(day + chrono::Days::new(1), asked.zone).min(end));
        let moved = within(moved, currency, span);
        let of = |kind: Kind| {
            Micros(moved.iter().filter(|moved| moved.kind == kind).map(|moved| moved.delta.abs()).sum())
        };
        let Money { count, amount } = cash::cash(asked, currency, span).payments;
        RevenueDay {
            day,
            mrr: Micros(total(own, span.1)),
            active_subscriptions: own
                .iter()
                .filter(|own| own.before(span.1).is_some_and(State::counts))
                .count() as u64,
            new: of(Kind::New),
            reactivation: of(Kind::Reactivation),
            expansion: of(Kind::Expansion),
            contraction: of(Kind::Contraction),
            churn: of(Kind::Churn),
            payments: Money { count, amount },
        }
    };
    days(day(start, asked.zone), last).into_iter().map(of_day).collect()
}
