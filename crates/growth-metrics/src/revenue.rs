//! MRR: the ledger over two windows, and what subscriptions are worth at their ends.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use growth_db::{Db, query};
use growth_domain::money::Micros;
use growth_domain::movements::Kind;
use growth_domain::rollforward::{Cohort, Ratio, RollForward};
use growth_domain::stamp::Scope;

use crate::error::Error;
use crate::request::{Goal, Request};
use crate::snapshot::{CurrencyRevenue, GoalProgress, Mrr, Periods, Retention, Unpriced};

/// Revenue by currency.
pub(crate) type ByCurrency = BTreeMap<String, CurrencyRevenue>;

growth_db::statements! {
    MOVEMENTS = "SELECT customer, currency, at, kind, delta_micros FROM mrr_movements
    WHERE account = $1 AND livemode = $2 AND at < $3 ORDER BY currency, customer, at";
    WORTH = "SELECT subscription, at, customer, currency, status, list_micros, discount_micros, net_micros,
    at_risk, ending, unpriced FROM subscription_mrr
    WHERE account = $1 AND livemode = $2 AND at < $3 ORDER BY subscription, at";
}

#[derive(sqlx::FromRow)]
struct MovementRow {
    customer: String,
    currency: String,
    at: DateTime<Utc>,
    kind: String,
    delta_micros: i64,
}

#[derive(Clone, sqlx::FromRow)]
struct WorthRow {
    subscription: String,
    at: DateTime<Utc>,
    customer: String,
    currency: String,
    status: String,
    list_micros: i64,
    discount_micros: i64,
    net_micros: i64,
    at_risk: bool,
    ending: bool,
    unpriced: Option<String>,
}

impl WorthRow {
    fn counts(&self) -> bool {
        matches!(self.status.as_str(), "active" | "past_due")
    }
}

/// One currency's ledger, as far as two adjoining windows need it.
#[derive(Default)]
struct Ledger {
    /// Each customer's MRR at the start of the previous window, at its end, and at the end of the window.
    balances: BTreeMap<String, [Micros; 3]>,
    current: Vec<(Kind, Micros)>,
    previous: Vec<(Kind, Micros)>,
}

/// Builds the roll-forwards, rates and MRR of every currency.
pub(crate) async fn by_currency(db: &Db, scope: &Scope, request: &Request) -> Result<ByCurrency, Error> {
    let mut currencies = ByCurrency::new();
    for (currency, ledger) in ledgers(db, scope, request).await? {
        let revenue = ledger
            .revenue(&currency)
            .map_err(|source| Error::Unbalanced { currency: currency.to_uppercase(), source })?;
        currencies.insert(currency, revenue);
    }
    add_worth(db, scope, request, &mut currencies).await?;
    for revenue in currencies.values_mut() {
        for mrr in [&mut revenue.mrr.current, &mut revenue.mrr.previous] {
            mrr.arr = Micros(mrr.net.0 * 12);
            mrr.arpu = share(mrr.net, mrr.paying_customers);
        }
    }
    Ok(currencies)
}

async fn ledgers(db: &Db, scope: &Scope, request: &Request) -> Result<BTreeMap<String, Ledger>, Error> {
    let mut ledgers: BTreeMap<String, Ledger> = BTreeMap::new();
    let query = query(db, MOVEMENTS).bind(&scope.account).bind(scope.livemode).bind(request.window.end);
    let mut rows = query.fetch::<MovementRow>()?;
    while let Some(row) = rows.try_next().await? {
        let delta = Micros(row.delta_micros.into());
        let ledger = ledgers.entry(row.currency).or_default();
        let balance = ledger.balances.entry(row.customer).or_default();
        balance[2] += delta;
        if row.at < request.window.start {
            balance[1] += delta;
        }
        if row.at < request.previous.start {
            balance[0] += delta;
        }
        let Some(kind) = Kind::parse(&row.kind) else { continue };
        if request.window.contains(row.at) {
            ledger.current.push((kind, delta));
        } else if request.previous.contains(row.at) {
            ledger.previous.push((kind, delta));
        }
    }
    Ok(ledgers)
}

impl Ledger {
    fn revenue(self, currency: &str) -> Result<CurrencyRevenue, growth_domain::rollforward::Unbalanced> {
        let at = |instant: usize| {
            let balances =
                self.balances.iter().map(|(customer, balance)| (customer.as_str(), balance[instant]));
            balances.collect::<BTreeMap<&str, Micros>>()
        };
        let (before, opening, closing) = (at(0), at(1), at(2));
        let sum = |balances: &BTreeMap<&str, Micros>| balances.values().copied().sum::<Micros>();
        let current = RollForward::build(sum(&opening), self.current, Micros::ZERO, sum(&closing))?;
        let previous = RollForward::build(sum(&before), self.previous, Micros::ZERO, sum(&opening))?;
        let mrr = |balances: &BTreeMap<&str, Micros>| Mrr {
            net: sum(balances),
            paying_customers: balances.values().filter(|mrr| **mrr > Micros::ZERO).count() as u64,
            ..Mrr::default()
        };
        Ok(CurrencyRevenue {
            currency: currency.to_owned(),
            mrr: Periods { current: mrr(&closing), previous: mrr(&opening) },
            movements: Periods { current, previous },
            retention: Periods {
                current: Retention::of(Cohort::build(&opening, &closing), &current),
                previous: Retention::of(Cohort::build(&before, &opening), &previous),
            },
            ..CurrencyRevenue::default()
        })
    }
}

/// Adds what the ledger does not tell: list prices, discounts, what is at risk or ending, and how many.
async fn add_worth(
    db: &Db,
    scope: &Scope,
    request: &Request,
    currencies: &mut ByCurrency,
) -> Result<(), Error> {
    let mut latest: Periods<Option<WorthRow>> = Periods::default();
    let mut add = |latest: Periods<Option<WorthRow>>| {
        for (row, current) in [(latest.current, true), (latest.previous, false)] {
            let Some(row) = row else { continue };
            let revenue = entry(currencies, &row.currency);
            count(if current { &mut revenue.mrr.current } else { &mut revenue.mrr.previous }, &row);
        }
    };
    let query = query(db, WORTH).bind(&scope.account).bind(scope.livemode).bind(request.window.end);
    let mut rows = query.fetch::<WorthRow>()?;
    while let Some(row) = rows.try_next().await? {
        if latest.current.as_ref().is_some_and(|known| known.subscription != row.subscription) {
            add(std::mem::take(&mut latest));
        }
        if row.at < request.window.start {
            latest.previous = Some(row.clone());
        }
        latest.current = Some(row);
    }
    add(latest);
    Ok(())
}

fn count(mrr: &mut Mrr, row: &WorthRow) {
    let net = Micros(row.net_micros.into());
    mrr.list += Micros(row.list_micros.into());
    mrr.discount += Micros(row.discount_micros.into());
    if !row.ending {
        mrr.committed += net;
    }
    if row.at_risk {
        mrr.at_risk += net;
    }
    mrr.active_subscriptions += u64::from(row.counts());
    mrr.trialing_subscriptions += u64::from(row.status == "trialing");
    mrr.unpriced_subscriptions += u64::from(row.unpriced.is_some());
}

/// The subscriptions without a known price at the end of the window.
pub(crate) async fn unpriced(db: &Db, scope: &Scope, request: &Request) -> Result<Vec<Unpriced>, Error> {
    let query = query(db, WORTH).bind(&scope.account).bind(scope.livemode).bind(request.window.end);
    let mut rows = query.fetch::<WorthRow>()?;
    let mut latest: BTreeMap<String, Unpriced> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        match row.unpriced {
            None => latest.remove(&row.subscription),
            Some(reason) => latest.insert(
                row.subscription.clone(),
                Unpriced {
                    subscription: row.subscription,
                    customer: row.customer,
                    currency: row.currency,
                    reason,
                },
            ),
        };
    }
    Ok(latest.into_values().collect())
}

/// The currency's figures, empty ones where it has none yet.
pub(crate) fn entry<'a>(currencies: &'a mut ByCurrency, currency: &str) -> &'a mut CurrencyRevenue {
    currencies
        .entry(currency.to_owned())
        .or_insert_with(|| CurrencyRevenue { currency: currency.to_owned(), ..CurrencyRevenue::default() })
}

/// The goal's currency first, then the largest MRR, then by name.
pub(crate) fn in_order(currencies: ByCurrency, goal: Option<&Goal>) -> Vec<CurrencyRevenue> {
    let mut ordered: Vec<CurrencyRevenue> = currencies.into_values().collect();
    let is_goal = |revenue: &CurrencyRevenue| goal.is_some_and(|goal| goal.currency == revenue.currency);
    ordered.sort_by(|a, b| {
        (is_goal(b), b.mrr.current.net, &a.currency).cmp(&(is_goal(a), a.mrr.current.net, &b.currency))
    });
    ordered
}

/// MRR in the goal's own currency over the goal; other currencies are not converted.
pub(crate) fn progress(goal: &Goal, currencies: &[CurrencyRevenue]) -> GoalProgress {
    let revenue = currencies.iter().find(|revenue| revenue.currency == goal.currency);
    let mrr = revenue.map_or(Micros::ZERO, |revenue| revenue.mrr.current.net);
    let wanted = Micros::from_minor(goal.amount);
    GoalProgress {
        currency: goal.currency.clone(),
        amount: goal.amount,
        progress: Ratio { numerator: mrr.0, denominator: wanted.0 },
        gap: Some(wanted - mrr).filter(|gap| *gap > Micros::ZERO),
    }
}

/// An even share, half to even.
fn share(total: Micros, of: u64) -> Option<Micros> {
    let of = i128::from(of);
    if of == 0 {
        return None;
    }
    let (whole, rest) = (total.0.div_euclid(of), total.0.rem_euclid(of));
    let up = match (rest * 2).cmp(&of) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    Some(Micros(whole + i128::from(up)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_r2_mrr_of_a_year_and_of_a_customer() {
        assert_eq!(share(Micros::from_minor(5_000_000), 100), Some(Micros::from_minor(50_000)));
        assert_eq!(share(Micros(5), 2), Some(Micros(2)));
        assert_eq!(share(Micros(7), 2), Some(Micros(4)));
        assert_eq!(share(Micros(7), 0), None);
    }

    #[test]
    fn r6_r7_losses_over_opening_and_gains_over_losses() {
        let minor = Micros::from_minor;
        let moves = [(Kind::New, minor(250)), (Kind::Churn, minor(-100)), (Kind::Contraction, minor(-40))];
        let period = RollForward::build(minor(300), moves, Micros::ZERO, minor(410)).unwrap();
        let rates = Retention::of(Cohort::default(), &period);
        assert_eq!(format!("{:.4}", rates.gross_mrr_churn.value().unwrap()), "0.4667");
        assert_eq!(format!("{:.2}", rates.quick_ratio.value().unwrap()), "1.79");
        let calm = Retention::of(Cohort::default(), &RollForward::default());
        assert_eq!(calm.quick_ratio.value(), None);
    }
}
