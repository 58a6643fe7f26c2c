//! MRR: what subscriptions are worth at the ends of both windows, and the movements in between.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use growth_db::rows::SubscriptionMrrRow;
use growth_db::{Db, query};
use growth_domain::goal::Pace;
use growth_domain::money::Micros;
use growth_domain::movements::{Kind, Movement};
use growth_domain::rollforward::{Cohort, Ratio, RollForward, Unbalanced};
use growth_domain::stamp::Scope;
use growth_domain::window::{Window, months_before};

use crate::cash::unsigned;
use crate::error::Error;
use crate::headline::Conversion;
use crate::request::{Goal, Request};
use crate::snapshot::{
    CurrencyRevenue, Headline, LargestCustomer, LifetimeValue, MovementReason, Mrr, Periods, Retention,
    RevenueDay, Unpriced,
};
use crate::timeline::Timeline;
use crate::worth::{before, by_subscription, each_customer, movements, net};

/// Revenue by currency.
pub(crate) type ByCurrency = BTreeMap<String, CurrencyRevenue>;

growth_db::statements! {
    // Only the stored ledger knows where events are missing.
    RECONSTRUCTED = "SELECT COUNT(*) AS n FROM mrr_movements
    WHERE account = $1 AND livemode = $2 AND at >= $3 AND at < $4 AND reconstructed";
}

/// What the subscriptions tell.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// MRR, movements and rates; no cash yet.
    pub(crate) revenue: ByCurrency,
    /// All currencies in one, where that is another than the only one.
    pub(crate) headline: Option<Headline>,
    /// Net new MRR by currency, of each of the last weeks of seven local days since the first revenue, the newest first.
    pub(crate) weeks: BTreeMap<String, Vec<Micros>>,
    /// Those that count at the end of the window without a known price.
    pub(crate) unpriced: Vec<Unpriced>,
    /// How many movements of the window are known by evidence only.
    pub(crate) reconstructed_movements: u64,
    /// How many subscriptions that count at the end of the window are known by evidence only.
    pub(crate) reconstructed: u64,
}

/// The instants that sums are made at.
struct Instants {
    /// The start of the previous window, its end, the end of the window.
    windows: [DateTime<Utc>; 3],
    /// Three months before the end, two, one, and the end.
    months: [DateTime<Utc>; 4],
    /// The end of each local day of the window.
    days: Vec<(NaiveDate, DateTime<Utc>)>,
    /// The start of each of the last weeks, and the end.
    weeks: Vec<DateTime<Utc>>,
}

impl Instants {
    fn of(request: &Request) -> Self {
        let (window, zone) = (request.window, request.time_zone);
        let week =
            |back: u32| Window::last_days(window.end, 7 * back, zone).map_or(window.end, |weeks| weeks.start);
        Self {
            windows: [request.previous.start, window.start, window.end],
            months: month_starts(request),
            days: window.local_days(zone).map(|(day, part)| (day, part.end)).collect(),
            weeks: (1..=Pace::WEEKS).rev().map(week).chain([window.end]).collect(),
        }
    }
}

/// Three months before the end of the window, two, one, and the end, by the local calendar.
pub(crate) fn month_starts(request: &Request) -> [DateTime<Utc>; 4] {
    let (window, zone) = (request.window, request.time_zone);
    let month = |back| months_before(window.end, back, zone).unwrap_or(window.start);
    [month(3), month(2), month(1), window.end]
}

/// One currency's sums on the way.
struct Sums<'a> {
    /// At each instant of the windows.
    worth: [Mrr; 3],
    moved: Periods<Moved>,
    cohort: Periods<Cohort>,
    months: [Cohort; 3],
    trials: Periods<Ratio>,
    largest: Option<(String, Micros)>,
    days: Timeline<'a, Micros>,
    active_by_day: Timeline<'a, i64>,
    moved_by_day: Vec<[Micros; 5]>,
    weeks: Timeline<'a, Micros>,
    first_revenue: Option<DateTime<Utc>>,
}

/// The movements of a window.
#[derive(Default)]
struct Moved {
    all: Vec<(Kind, Micros)>,
    reasons: BTreeMap<(Kind, Option<String>), (u64, Micros)>,
}

impl Moved {
    fn add(&mut self, movement: &Movement) {
        self.all.push((movement.kind, movement.delta));
        let (count, amount) = self.reasons.entry((movement.kind, movement.reason.clone())).or_default();
        *count += 1;
        *amount += movement.delta;
    }

    /// By kind, the largest first.
    fn reasons(&self) -> Vec<MovementReason> {
        let reason = |((kind, reason), (count, delta)): (&(Kind, Option<String>), &(u64, Micros))| {
            let amount = if *delta < Micros::ZERO { -*delta } else { *delta };
            MovementReason { kind: *kind, reason: reason.clone(), count: *count, amount }
        };
        let mut reasons: Vec<MovementReason> = self.reasons.iter().map(reason).collect();
        reasons.sort_by(|a, b| (a.kind, b.amount, &a.reason).cmp(&(b.kind, a.amount, &b.reason)));
        reasons
    }
}

/// Builds the roll-forwards, rates and MRR of every currency.
pub(crate) async fn figures(db: &Db, scope: &Scope, request: &Request) -> Result<Subscriptions, Error> {
    let instants = Instants::of(request);
    let ends: Vec<DateTime<Utc>> = instants.days.iter().map(|(_, end)| *end).collect();
    let mut pass = Pass {
        request,
        instants: &instants,
        ends: &ends,
        all: Subscriptions::default(),
        sums: BTreeMap::new(),
        conversion: Conversion::new(request),
    };
    each_customer(db, scope, request.window.end, |rows| pass.add(rows)).await?;
    let Pass { mut all, sums, conversion, .. } = pass;
    let window = request.window;
    let reconstructed = query(db, RECONSTRUCTED).bind(&scope.account).bind(scope.livemode);
    let (reconstructed,): (i64,) = reconstructed.bind(window.start).bind(window.end).fetch_one().await?;
    all.reconstructed_movements = unsigned(reconstructed);
    for (currency, sums) in sums {
        all.weeks.insert(currency.clone(), sums.net_new_by_week());
        let revenue = sums
            .revenue(&currency, &instants)
            .map_err(|source| Error::Unbalanced { currency: currency.to_uppercase(), source })?;
        all.revenue.insert(currency, revenue);
    }
    all.headline = conversion.headline(&all.revenue)?;
    Ok(all)
}

/// One pass over all customers.
struct Pass<'a> {
    request: &'a Request,
    instants: &'a Instants,
    ends: &'a [DateTime<Utc>],
    all: Subscriptions,
    sums: BTreeMap<String, Sums<'a>>,
    conversion: Conversion<'a>,
}

impl<'a> Pass<'a> {
    fn sums(&mut self, currency: &str) -> &mut Sums<'a> {
        self.sums.entry(currency.to_owned()).or_insert_with(|| Sums::new(self.instants, self.ends))
    }

    fn add(&mut self, rows: &[SubscriptionMrrRow]) {
        let instants = self.instants;
        let mut balances: BTreeMap<&str, ([Micros; 3], [Micros; 4])> = BTreeMap::new();
        for rows in by_subscription(rows) {
            self.add_subscription(rows);
            let (windows, months) = balances.entry(&rows[0].currency).or_default();
            for (balance, instant) in windows.iter_mut().zip(instants.windows) {
                *balance += before(rows, instant).map_or(Micros::ZERO, net);
            }
            for (balance, instant) in months.iter_mut().zip(instants.months) {
                *balance += before(rows, instant).map_or(Micros::ZERO, net);
            }
        }
        for (currency, (windows, months)) in balances {
            let customer = &rows[0].customer;
            self.sums(currency).add_balances(customer, windows, months);
        }
        let (window, previous) = (self.request.window, self.request.previous);
        for movement in movements(rows, &instants.windows) {
            self.conversion.add(&movement);
            let sums = self.sums(&movement.currency);
            if window.contains(movement.at) {
                sums.moved.current.add(&movement);
                let day = instants.days.partition_point(|(_, end)| *end <= movement.at);
                if let Some(day) = sums.moved_by_day.get_mut(day) {
                    day[movement.kind as usize] += movement.delta;
                }
            } else if previous.contains(movement.at) {
                sums.moved.previous.add(&movement);
            }
        }
    }

    fn add_subscription(&mut self, rows: &[SubscriptionMrrRow]) {
        let (windows, request) = (self.instants.windows, self.request);
        let Some(last) = rows.last() else { return };
        self.all.reconstructed += u64::from(last.reconstructed && last.counted);
        self.all.unpriced.extend(last.unpriced.as_ref().map(|reason| Unpriced {
            subscription: last.subscription.clone(),
            customer: last.customer.clone(),
            currency: last.currency.clone(),
            reason: reason.clone(),
        }));
        let sums = self.sums(&last.currency);
        for (mrr, instant) in sums.worth.iter_mut().zip(windows) {
            if let Some(row) = before(rows, instant) {
                count(mrr, row);
            }
        }
        let (mut worth, mut active) = (Micros::ZERO, 0);
        for row in rows {
            let change = net(row) - worth;
            worth = net(row);
            sums.active_by_day.add(row.at, i64::from(row.counted) - active);
            active = i64::from(row.counted);
            sums.days.add(row.at, change);
            sums.weeks.add(row.at, change);
            if worth > Micros::ZERO && sums.first_revenue.is_none_or(|first| row.at < first) {
                sums.first_revenue = Some(row.at);
            }
        }
        if let Some((ended_at, converted)) = trial(rows) {
            let trials = if request.window.contains(ended_at) {
                &mut sums.trials.current
            } else if request.previous.contains(ended_at) {
                &mut sums.trials.previous
            } else {
                return;
            };
            trials.denominator += 1;
            trials.numerator += i128::from(converted);
        }
    }
}

/// When a subscription's trial ended, and whether it has been paid for since.
pub(crate) fn trial(rows: &[SubscriptionMrrRow]) -> Option<(DateTime<Utc>, bool)> {
    let trialing = rows.iter().rposition(|row| row.status == "trialing")?;
    let after = &rows[trialing + 1..];
    let converted = after.iter().any(|row| row.status == "active" && net(row) > Micros::ZERO);
    Some((after.first()?.at, converted))
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

impl<'a> Sums<'a> {
    fn new(instants: &'a Instants, ends: &'a [DateTime<Utc>]) -> Self {
        Self {
            worth: <[Mrr; 3]>::default(),
            moved: Periods::default(),
            cohort: Periods::default(),
            months: <[Cohort; 3]>::default(),
            trials: Periods::default(),
            largest: None,
            days: Timeline::new(ends),
            active_by_day: Timeline::new(ends),
            moved_by_day: vec![[Micros::ZERO; 5]; ends.len()],
            weeks: Timeline::new(&instants.weeks),
            first_revenue: None,
        }
    }

    fn add_balances(&mut self, customer: &str, windows: [Micros; 3], months: [Micros; 4]) {
        for (mrr, balance) in self.worth.iter_mut().zip(windows) {
            mrr.paying_customers += u64::from(balance > Micros::ZERO);
        }
        let [before, opening, closing] = windows;
        self.cohort.current.add(opening, closing);
        self.cohort.previous.add(before, opening);
        for (cohort, balances) in self.months.iter_mut().zip(months.windows(2)) {
            cohort.add(balances[0], balances[1]);
        }
        // Customers come in order, so of equal ones the first stays.
        if closing > self.largest.as_ref().map_or(Micros::ZERO, |(_, most)| *most) {
            self.largest = Some((customer.to_owned(), closing));
        }
    }

    /// Net new MRR of the complete weeks since the first revenue, the newest first.
    fn net_new_by_week(&self) -> Vec<Micros> {
        let sums = self.weeks.sums();
        let is_since = |start: DateTime<Utc>| self.first_revenue.is_some_and(|first| first <= start);
        let weeks = sums.windows(2).zip(self.weeks.instants()).rev();
        weeks.take_while(|(_, start)| is_since(**start)).map(|(sums, _)| sums[1] - sums[0]).collect()
    }

    /// Checks that the movements of both windows lead from what subscriptions were worth at their
    /// start to what they are worth at their end.
    fn revenue(self, currency: &str, instants: &Instants) -> Result<CurrencyRevenue, Unbalanced> {
        let [before, opening, closing] = self.worth;
        let reasons =
            Periods { current: self.moved.current.reasons(), previous: self.moved.previous.reasons() };
        let current = RollForward::build(opening.net, self.moved.current.all, Micros::ZERO, closing.net)?;
        let previous = RollForward::build(before.net, self.moved.previous.all, Micros::ZERO, opening.net)?;
        let mrr = Periods { current: closing.finished(), previous: opening.finished() };
        let (ends, active) = (self.days.sums(), self.active_by_day.sums());
        let day = |(index, (day, _)): (usize, &(NaiveDate, DateTime<Utc>))| {
            let moved = |kind: Kind| self.moved_by_day[index][kind as usize];
            RevenueDay {
                day: *day,
                mrr: ends[index],
                active_subscriptions: unsigned(active[index]),
                new: moved(Kind::New),
                reactivation: moved(Kind::Reactivation),
                expansion: moved(Kind::Expansion),
                contraction: -moved(Kind::Contraction),
                churn: -moved(Kind::Churn),
                payments: crate::snapshot::Money::default(),
            }
        };
        Ok(CurrencyRevenue {
            currency: currency.to_owned(),
            mrr,
            movements: Periods { current, previous },
            retention: Periods {
                current: Retention::of(self.cohort.current, &current),
                previous: Retention::of(self.cohort.previous, &previous),
            },
            reasons,
            trial_conversion: self.trials,
            lifetime_value: lifetime_value(&mrr.current, &self.months),
            largest_customer: self.largest.map(|(customer, most)| LargestCustomer {
                customer,
                share: Ratio { numerator: most.0, denominator: closing.net.0 },
            }),
            days: instants.days.iter().enumerate().map(day).collect(),
            ..CurrencyRevenue::default()
        })
    }
}

/// R8: ARPU over monthly customer churn, of the last three months together.
///
/// It is rounded once: MRR is divided, not the ARPU that is rounded already.
fn lifetime_value(mrr: &Mrr, months: &[Cohort; 3]) -> LifetimeValue {
    let of = |part: fn(&Cohort) -> u64| months.iter().map(part).sum::<u64>();
    let (lost, paying) = (of(|cohort| cohort.lost), of(|cohort| cohort.customers));
    let customers = months[2].customers;
    let is_enough = customers >= LifetimeValue::FEWEST;
    let value = Micros(mrr.net.0 * i128::from(paying)).divided_by(mrr.paying_customers * lost);
    LifetimeValue {
        value: value.filter(|_| is_enough),
        monthly_churn: Ratio { numerator: lost.into(), denominator: paying.into() },
        customers,
    }
}

impl Mrr {
    /// R1 and R2 follow from the rest.
    fn finished(self) -> Self {
        Self { arr: Micros(self.net.0 * 12), arpu: self.net.divided_by(self.paying_customers), ..self }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_r2_mrr_of_a_year_and_of_a_customer() {
        let minor = Micros::from_minor;
        let mrr = Mrr { net: minor(15_000), paying_customers: 3, ..Mrr::default() }.finished();
        assert_eq!((mrr.arr, mrr.arpu), (minor(180_000), Some(minor(5_000))));
        let whole = Mrr { net: minor(5_000_000), paying_customers: 100, ..Mrr::default() }.finished();
        assert_eq!((whole.arpu, Mrr::default().finished().arpu), (Some(minor(50_000)), None));
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

    #[test]
    fn r8_a_customer_is_worth_arpu_over_monthly_churn() {
        let mrr = Mrr { net: Micros::from_minor(1_000_000), paying_customers: 100, ..Mrr::default() };
        let month = |customers, lost| Cohort { customers, lost, ..Cohort::default() };
        let value = |months: [Cohort; 3]| lifetime_value(&mrr, &months).value;
        // 5 % a month: 3 + 6 + 6 of 100 + 100 + 100.
        let months = [month(100, 3), month(100, 6), month(100, 6)];
        assert_eq!(value(months), Some(Micros::from_minor(200_000)));
        assert_eq!(value([month(100, 0); 3]), None);
        assert_eq!(value([month(100, 5), month(100, 5), month(19, 1)]), None);
        assert_eq!(lifetime_value(&Mrr::default(), &months).value, None);
        // A third of a micro for each, over 2 of 60: not thirty times an ARPU that was rounded to nothing.
        let little = Mrr { net: Micros(1), paying_customers: 3, ..Mrr::default() };
        let months = [month(20, 0), month(20, 0), month(20, 2)];
        assert_eq!(lifetime_value(&little, &months).value, Some(Micros(10)));
    }
}
