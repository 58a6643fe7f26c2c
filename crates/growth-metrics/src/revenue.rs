//! MRR: what subscriptions are worth at three instants, and the movements in between.
//!
//! One pass over `subscription_mrr`, customer by customer, so that memory does not grow with the
//! number of customers. Movements are folded here and not read from the stored ledger: a ledger
//! that nets changes over the end of a period would hold what happened after it.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use growth_db::rows::SubscriptionMrrRow;
use growth_db::{Db, query};
use growth_domain::goal::Eta;
use growth_domain::money::Micros;
use growth_domain::movements::{Kind, Worth, fold};
use growth_domain::rollforward::{Cohort, Ratio, RollForward};
use growth_domain::stamp::Scope;

use crate::cash::unsigned;
use crate::error::Error;
use crate::request::{Goal, Request};
use crate::snapshot::{CurrencyRevenue, GoalProgress, Mrr, Periods, Retention, Unpriced};

/// Revenue by currency.
pub(crate) type ByCurrency = BTreeMap<String, CurrencyRevenue>;

growth_db::statements! {
    WORTH = "SELECT * FROM subscription_mrr
    WHERE account = $1 AND livemode = $2 AND at < $3 ORDER BY customer, subscription, at";
    // Only the stored ledger knows where events are missing.
    RECONSTRUCTED = "SELECT COUNT(*) AS n FROM mrr_movements
    WHERE account = $1 AND livemode = $2 AND at >= $3 AND at < $4 AND reconstructed";
}

fn net(row: &SubscriptionMrrRow) -> Micros {
    Micros(row.net_micros.into())
}

/// What the subscriptions tell.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// MRR, movements and rates; no cash yet.
    pub(crate) revenue: ByCurrency,
    /// Those that count at the end of the window without a known price.
    pub(crate) unpriced: Vec<Unpriced>,
    /// How many movements of the window are known by evidence only.
    pub(crate) reconstructed_movements: u64,
    /// How many subscriptions that count at the end of the window are known by evidence only.
    pub(crate) reconstructed: u64,
}

/// One currency's sums on the way.
#[derive(Default)]
struct Sums {
    /// At the start of the previous window, at its end, and at the end of the window.
    worth: [Mrr; 3],
    current: Vec<(Kind, Micros)>,
    previous: Vec<(Kind, Micros)>,
    cohort: Periods<Cohort>,
}

/// Builds the roll-forwards, rates and MRR of every currency.
pub(crate) async fn figures(db: &Db, scope: &Scope, request: &Request) -> Result<Subscriptions, Error> {
    let mut all = Subscriptions::default();
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let worth = query(db, WORTH).bind(&scope.account).bind(scope.livemode).bind(request.window.end);
    let mut rows = worth.fetch::<SubscriptionMrrRow>()?;
    let mut of_customer: Vec<SubscriptionMrrRow> = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if of_customer.last().is_some_and(|last| last.customer != row.customer) {
            add_customer(&mut all, &mut sums, request, &of_customer);
            of_customer.clear();
        }
        of_customer.push(row);
    }
    add_customer(&mut all, &mut sums, request, &of_customer);
    let window = request.window;
    let reconstructed = query(db, RECONSTRUCTED).bind(&scope.account).bind(scope.livemode);
    let (reconstructed,): (i64,) = reconstructed.bind(window.start).bind(window.end).fetch_one().await?;
    all.reconstructed_movements = unsigned(reconstructed);
    for (currency, sums) in sums {
        let revenue = sums
            .revenue(&currency)
            .map_err(|source| Error::Unbalanced { currency: currency.to_uppercase(), source })?;
        all.revenue.insert(currency, revenue);
    }
    Ok(all)
}

fn add_customer(
    all: &mut Subscriptions,
    sums: &mut BTreeMap<String, Sums>,
    request: &Request,
    rows: &[SubscriptionMrrRow],
) {
    let instants = [request.previous.start, request.window.start, request.window.end];
    let mut balances: BTreeMap<&str, [Micros; 3]> = BTreeMap::new();
    for rows in rows.chunk_by(|a, b| a.subscription == b.subscription) {
        for (n, instant) in instants.iter().enumerate() {
            let Some(row) = rows.iter().rev().find(|row| row.at < *instant) else { continue };
            count(&mut sums.entry(row.currency.clone()).or_default().worth[n], row);
            balances.entry(&row.currency).or_default()[n] += net(row);
        }
        let Some(last) = rows.last() else { continue };
        all.reconstructed += u64::from(last.reconstructed && last.counted);
        all.unpriced.extend(last.unpriced.as_ref().map(|reason| Unpriced {
            subscription: last.subscription.clone(),
            customer: last.customer.clone(),
            currency: last.currency.clone(),
            reason: reason.clone(),
        }));
    }
    for (currency, [before, opening, closing]) in balances {
        let sums = sums.entry(currency.to_owned()).or_default();
        for (mrr, balance) in sums.worth.iter_mut().zip([before, opening, closing]) {
            mrr.paying_customers += u64::from(balance > Micros::ZERO);
        }
        sums.cohort.current.add(opening, closing);
        sums.cohort.previous.add(before, opening);
    }
    let worth = rows.iter().map(|row| Worth {
        subscription: &row.subscription,
        currency: &row.currency,
        at: row.at,
        net: net(row),
        reason: row.reason.as_deref(),
        reconstructed: row.reconstructed,
    });
    for movement in fold(worth, &instants, &[]) {
        let sums = sums.entry(movement.currency).or_default();
        if request.window.contains(movement.at) {
            sums.current.push((movement.kind, movement.delta));
        } else if request.previous.contains(movement.at) {
            sums.previous.push((movement.kind, movement.delta));
        }
    }
}

fn count(mrr: &mut Mrr, row: &SubscriptionMrrRow) {
    mrr.net += net(row);
    mrr.list += Micros(row.list_micros.into());
    mrr.discount += Micros(row.discount_micros.into());
    if !row.ending {
        mrr.committed += net(row);
    }
    if row.at_risk {
        mrr.at_risk += net(row);
    }
    mrr.active_subscriptions += u64::from(row.counted);
    mrr.trialing_subscriptions += u64::from(row.status == "trialing");
    mrr.unpriced_subscriptions += u64::from(row.unpriced.is_some());
}

impl Sums {
    /// Checks that the movements of both windows lead from what subscriptions were worth at their
    /// start to what they are worth at their end.
    fn revenue(self, currency: &str) -> Result<CurrencyRevenue, growth_domain::rollforward::Unbalanced> {
        let [before, opening, closing] = self.worth;
        let current = RollForward::build(opening.net, self.current, Micros::ZERO, closing.net)?;
        let previous = RollForward::build(before.net, self.previous, Micros::ZERO, opening.net)?;
        Ok(CurrencyRevenue {
            currency: currency.to_owned(),
            mrr: Periods { current: closing.finished(), previous: opening.finished() },
            movements: Periods { current, previous },
            retention: Periods {
                current: Retention::of(self.cohort.current, &current),
                previous: Retention::of(self.cohort.previous, &previous),
            },
            ..CurrencyRevenue::default()
        })
    }
}

impl Mrr {
    /// R1 and R2 follow from the rest.
    fn finished(self) -> Self {
        Self { arr: Micros(self.net.0 * 12), arpu: share(self.net, self.paying_customers), ..self }
    }
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
        eta: Eta::Reached,
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
        let minor = Micros::from_minor;
        let mrr = Mrr { net: minor(15_000), paying_customers: 3, ..Mrr::default() }.finished();
        assert_eq!((mrr.arr, mrr.arpu), (minor(180_000), Some(minor(5_000))));
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
