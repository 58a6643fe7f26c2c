//! The subscriptions, customers and movements behind numbers about recurring revenue.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use growth_db::rows::SubscriptionMrrRow;
use growth_domain::money::Micros;
use growth_domain::movements::Kind;

use super::metric::MrrMetric;
use super::{Cell, Listing, Measure, Part, Row, Source};
use crate::error::Error;
use crate::revenue::{month_starts, trial};
use crate::worth::{before, by_subscription, each_customer, movements, net};

const SUBSCRIPTIONS: &[&str] =
    &["subscription", "customer", "status", "since", "list_mrr", "discounts", "mrr", "why_unpriced"];
const CUSTOMERS: &[&str] = &["customer", "mrr_at_start", "mrr_at_end"];
const MOVEMENTS: &[&str] = &["at", "customer", "movement", "reason", "mrr_after"];
const CHURN: &[&str] = &["at", "customer", "movement", "reason", "subscription"];
const MONTHS: &[&str] = &["month_from", "customer", "mrr_at_start", "mrr_at_end"];
const TRIALS: &[&str] = &["subscription", "customer", "trial_ended", "status"];

/// The instants that a number is about.
struct Instants {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    cuts: [DateTime<Utc>; 3],
    months: [DateTime<Utc>; 4],
}

pub(super) async fn rows(source: &Source<'_>, metric: MrrMetric) -> Result<Listing, Error> {
    let request = source.request;
    let (window, previous) = (request.window, request.previous);
    let instants = Instants {
        start: window.start,
        end: window.end,
        cuts: [previous.start, window.start, window.end],
        months: month_starts(request),
    };
    let mut rows = Vec::new();
    each_customer(source.db, &source.scope, window.end, |of_customer| {
        rows.extend(of(metric, of_customer, &instants));
    })
    .await?;
    if metric == MrrMetric::LargestCustomer {
        keep_largest(&mut rows);
    }
    let (measure, columns) = shape(metric);
    if columns == MOVEMENTS || columns == CHURN || columns == MONTHS {
        rows.sort_by_key(Row::at);
    } else {
        rows.sort_by(|a, b| {
            (&a.currency, b.part.numerator, b.part.denominator).cmp(&(
                &b.currency,
                a.part.numerator,
                a.part.denominator,
            ))
        });
    }
    let below = if metric == MrrMetric::Arpu { Measure::Count } else { measure };
    Ok(Listing { below, ..Listing::of(measure, columns, rows) })
}

fn shape(metric: MrrMetric) -> (Measure, &'static [&'static str]) {
    use MrrMetric as M;
    match metric {
        M::Mrr | M::List | M::Discounts | M::Committed | M::Ending | M::AtRisk | M::Arr | M::Opening => {
            (Measure::Micros, SUBSCRIPTIONS)
        }
        M::ActiveSubscriptions | M::TrialingSubscriptions | M::Unpriced => (Measure::Count, SUBSCRIPTIONS),
        M::PayingCustomers | M::CustomerChurn => (Measure::Count, CUSTOMERS),
        M::Arpu | M::NetRetention | M::GrossRetention | M::LargestCustomer => (Measure::Micros, CUSTOMERS),
        M::New | M::Reactivation | M::Expansion | M::Contraction | M::Churn | M::NetNew | M::QuickRatio => {
            (Measure::Micros, MOVEMENTS)
        }
        M::GrossChurn => (Measure::Micros, CHURN),
        M::MonthlyChurn => (Measure::Count, MONTHS),
        M::TrialConversion => (Measure::Count, TRIALS),
    }
}

/// A customer's rows.
fn of(metric: MrrMetric, rows: &[SubscriptionMrrRow], instants: &Instants) -> Vec<Row> {
    use MrrMetric as M;
    match metric {
        M::Opening => standing(rows, instants.start, |row| Some(net(row).0)),
        M::Mrr => standing(rows, instants.end, |row| Some(net(row).0)),
        M::Arr => standing(rows, instants.end, |row| Some(net(row).0 * 12)),
        M::List => standing(rows, instants.end, |row| Some(row.list_micros.into())),
        M::Discounts => standing(rows, instants.end, |row| Some(row.discount_micros.into())),
        M::Committed => standing(rows, instants.end, |row| (!row.ending).then_some(net(row).0)),
        M::Ending => standing(rows, instants.end, |row| row.ending.then_some(net(row).0)),
        M::AtRisk => standing(rows, instants.end, |row| row.at_risk.then_some(net(row).0)),
        M::ActiveSubscriptions => standing(rows, instants.end, |row| row.counted.then_some(1)),
        M::TrialingSubscriptions => {
            standing(rows, instants.end, |row| (row.status == "trialing").then_some(1))
        }
        M::Unpriced => standing(rows, instants.end, |row| row.unpriced.is_some().then_some(1)),
        M::PayingCustomers
        | M::Arpu
        | M::CustomerChurn
        | M::NetRetention
        | M::GrossRetention
        | M::LargestCustomer => customers(metric, rows, instants),
        M::New => moved(rows, instants, |kind, delta| (kind == Kind::New).then(|| Part::of(delta))),
        M::Reactivation => {
            moved(rows, instants, |kind, delta| (kind == Kind::Reactivation).then(|| Part::of(delta)))
        }
        M::Expansion => {
            moved(rows, instants, |kind, delta| (kind == Kind::Expansion).then(|| Part::of(delta)))
        }
        M::Contraction => {
            moved(rows, instants, |kind, delta| (kind == Kind::Contraction).then(|| Part::of(-delta)))
        }
        M::Churn => moved(rows, instants, |kind, delta| (kind == Kind::Churn).then(|| Part::of(-delta))),
        M::NetNew => moved(rows, instants, |_, delta| Some(Part::of(delta))),
        M::QuickRatio => moved(rows, instants, |_, delta| Some(Part::over(delta.max(0), (-delta).max(0)))),
        M::GrossChurn => gross_churn(rows, instants),
        M::MonthlyChurn => monthly(rows, instants),
        M::TrialConversion => trials(rows, instants),
    }
}

/// Subscriptions as they stand before an instant, those that have a part other than nothing.
fn standing(
    rows: &[SubscriptionMrrRow],
    instant: DateTime<Utc>,
    part: impl Fn(&SubscriptionMrrRow) -> Option<i128>,
) -> Vec<Row> {
    let row = |rows| {
        let row: &SubscriptionMrrRow = before(rows, instant)?;
        let part = part(row).filter(|part| *part != 0)?;
        Some(Row {
            currency: Some(row.currency.clone()),
            part: Part::of(part),
            cells: vec![
                row.subscription.as_str().into(),
                row.customer.as_str().into(),
                row.status.as_str().into(),
                Cell::At(row.at),
                Cell::Micros(row.list_micros.into()),
                Cell::Micros(row.discount_micros.into()),
                Cell::Micros(row.net_micros.into()),
                row.unpriced.clone().into(),
            ],
        })
    };
    by_subscription(rows).filter_map(row).collect()
}

/// A customer's MRR in each currency before each of some instants.
fn balances<const N: usize>(
    rows: &[SubscriptionMrrRow],
    instants: [DateTime<Utc>; N],
) -> BTreeMap<&str, [Micros; N]> {
    let mut balances: BTreeMap<&str, [Micros; N]> = BTreeMap::new();
    for rows in by_subscription(rows) {
        let of_currency = balances.entry(&rows[0].currency).or_insert([Micros::ZERO; N]);
        for (balance, instant) in of_currency.iter_mut().zip(instants) {
            *balance += before(rows, instant).map_or(Micros::ZERO, net);
        }
    }
    balances
}

fn customers(metric: MrrMetric, rows: &[SubscriptionMrrRow], instants: &Instants) -> Vec<Row> {
    let row = |(currency, [opening, closing]): (&str, [Micros; 2])| {
        let paid = opening > Micros::ZERO;
        let part = match metric {
            MrrMetric::PayingCustomers => (closing > Micros::ZERO).then(|| Part::of(1)),
            MrrMetric::Arpu => (closing > Micros::ZERO).then(|| Part::over(closing.0, 1)),
            MrrMetric::LargestCustomer => (closing > Micros::ZERO).then(|| Part::over(closing.0, closing.0)),
            MrrMetric::CustomerChurn => paid.then(|| Part::over(i128::from(closing == Micros::ZERO), 1)),
            MrrMetric::NetRetention => paid.then(|| Part::over(closing.0, opening.0)),
            _ => paid.then(|| Part::over(closing.min(opening).0, opening.0)),
        };
        Some(Row {
            currency: Some(currency.to_owned()),
            part: part?,
            cells: vec![rows[0].customer.as_str().into(), Cell::Micros(opening.0), Cell::Micros(closing.0)],
        })
    };
    balances(rows, [instants.start, instants.end]).into_iter().filter_map(row).collect()
}

/// Leaves only the largest customer of each currency above the line.
fn keep_largest(rows: &mut [Row]) {
    let mut largest: BTreeMap<Option<String>, i128> = BTreeMap::new();
    for row in &mut *rows {
        let most = largest.entry(row.currency.clone()).or_default();
        *most = row.part.numerator.max(*most);
    }
    for row in rows {
        let most = largest.get_mut(&row.currency);
        match most.filter(|most| **most == row.part.numerator) {
            // Of several that are as large, one.
            Some(most) => *most = 0,
            None => row.part.numerator = 0,
        }
    }
}

fn moved(
    rows: &[SubscriptionMrrRow],
    instants: &Instants,
    part: impl Fn(Kind, i128) -> Option<Part>,
) -> Vec<Row> {
    let of_window =
        movements(rows, &instants.cuts).into_iter().filter(|movement| movement.at >= instants.start);
    let row = |movement: growth_domain::movements::Movement| {
        Some(Row {
            part: part(movement.kind, movement.delta.0)?,
            currency: Some(movement.currency),
            cells: vec![
                Cell::At(movement.at),
                rows[0].customer.as_str().into(),
                movement.kind.as_str().into(),
                movement.reason.into(),
                Cell::Micros(movement.mrr.0),
            ],
        })
    };
    of_window.filter_map(row).collect()
}

/// Losses above the line, what there was to lose below it.
fn gross_churn(rows: &[SubscriptionMrrRow], instants: &Instants) -> Vec<Row> {
    let losses = moved(rows, instants, |kind, delta| {
        matches!(kind, Kind::Churn | Kind::Contraction).then(|| Part::over(-delta, 0))
    });
    let losses = losses.into_iter().map(|mut row| {
        row.cells.truncate(4);
        row.cells.push(Cell::Unknown);
        row
    });
    let opening = standing(rows, instants.start, |row| Some(net(row).0)).into_iter().map(|row| Row {
        part: Part::over(0, row.part.numerator),
        cells: vec![
            Cell::At(instants.start),
            row.cells[1].clone(),
            "opening".into(),
            Cell::Unknown,
            row.cells[0].clone(),
        ],
        currency: row.currency,
    });
    losses.chain(opening).collect()
}

fn monthly(rows: &[SubscriptionMrrRow], instants: &Instants) -> Vec<Row> {
    let mut parts = Vec::new();
    for (currency, balances) in balances(rows, instants.months) {
        for (start, pair) in instants.months.iter().zip(balances.windows(2)) {
            if pair[0] > Micros::ZERO {
                parts.push(Row {
                    currency: Some(currency.to_owned()),
                    part: Part::over(i128::from(pair[1] == Micros::ZERO), 1),
                    cells: vec![
                        Cell::At(*start),
                        rows[0].customer.as_str().into(),
                        Cell::Micros(pair[0].0),
                        Cell::Micros(pair[1].0),
                    ],
                });
            }
        }
    }
    parts
}

fn trials(rows: &[SubscriptionMrrRow], instants: &Instants) -> Vec<Row> {
    let row = |rows: &[SubscriptionMrrRow]| {
        let (ended_at, converted) = trial(rows).filter(|(ended_at, _)| *ended_at >= instants.start)?;
        let last = rows.last()?;
        Some(Row {
            currency: Some(last.currency.clone()),
            part: Part::over(i128::from(converted), 1),
            cells: vec![
                last.subscription.as_str().into(),
                last.customer.as_str().into(),
                Cell::At(ended_at),
                last.status.as_str().into(),
            ],
        })
    };
    by_subscription(rows).filter_map(row).collect()
}
