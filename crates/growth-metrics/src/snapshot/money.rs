//! The shape of the figures about money.

use chrono::{DateTime, NaiveDate, Utc};
use growth_domain::goal::Eta;
use growth_domain::money::Micros;
use growth_domain::movements::Kind;
use growth_domain::rollforward::{Cohort, Ratio, RollForward};
use serde::Serialize;

use super::Periods;

/// How far the goal is reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoalProgress {
    /// Lower-case currency code.
    pub currency: String,
    /// Minor units a month.
    pub amount: i64,
    /// MRR over goal, in micros.
    pub progress: Ratio,
    /// What is missing; `None` once it is reached.
    pub gap: Option<Micros>,
    /// When it will be reached.
    pub eta: Eta,
}

/// MRR of several currencies in the reporting currency, by the exchange rates of the settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Headline {
    /// Lower-case code of the reporting currency.
    pub currency: String,
    /// What moved the sum; movements at the rate of their time, and what the rates themselves did as `fx`.
    pub movements: Periods<RollForward>,
    /// The currencies in it, with their rates.
    pub converted: Vec<Converted>,
    /// Currencies with MRR that are not in it, since a rate is missing.
    pub apart: Vec<String>,
}

/// A currency in the headline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Lower-case currency code.
    pub currency: String,
    /// What one unit of it was worth in the reporting currency at the end of each window, as the settings say it.
    pub rate: Periods<String>,
}

/// Revenue in one currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CurrencyRevenue {
    /// Lower-case currency code.
    pub currency: String,
    /// MRR at the end of each window.
    pub mrr: Periods<Mrr>,
    /// What moved MRR.
    pub movements: Periods<RollForward>,
    /// What became of those who paid at the start.
    pub retention: Periods<Retention>,
    /// Money that moved.
    pub cash: Periods<Cash>,
    /// Money that ever moved, until the end of the window.
    pub all_time: Cash,
    /// When the first known payment of all time succeeded.
    pub first_payment_at: Option<DateTime<Utc>>,
    /// What moved MRR, by kind and reason: in the order of [`Kind::ALL`], then the largest first.
    pub reasons: Periods<Vec<MovementReason>>,
    /// Of the invoices whose first attempt failed in each window: what became of them.
    pub recovery: Periods<Recovery>,
    /// Of the trials that ended in each window: those that became a paid plan.
    pub trial_conversion: Periods<Ratio>,
    /// R8
    pub lifetime_value: LifetimeValue,
    /// The customer with the most MRR; `None` where nobody has any.
    pub largest_customer: Option<LargestCustomer>,
    /// MRR, subscriptions, movements and payments of each local day of the window, in order.
    pub days: Vec<RevenueDay>,
}

/// What moved MRR for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovementReason {
    /// Which movement.
    pub kind: Kind,
    /// Why, where that is known: `voluntary`, `involuntary`, `delinquent`, `paused`, `discount_expired`, …
    pub reason: Option<String>,
    /// How many movements.
    pub count: u64,
    /// What they come to; losses are positive.
    pub amount: Micros,
}

/// Invoices whose first attempt failed, as they stand at the end of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// All of them, by their amount due.
    pub failed: Money,
    /// Of these, those that were paid later, by what was paid.
    pub recovered: Money,
    /// Of these, those that can still be paid.
    pub open: Money,
    /// Recovered over failed, by count.
    pub by_count: Ratio,
    /// Recovered over failed, by amount.
    pub by_volume: Ratio,
}

/// R8: ARPU over monthly customer churn, rolling three months.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LifetimeValue {
    /// The value of a customer; `None` where no customer left, or fewer than [`LifetimeValue::FEWEST`] paid at the
    /// start of the latest month.
    pub value: Option<Micros>,
    /// Customers lost in each of the last three months, over those who paid at the start of each.
    pub monthly_churn: Ratio,
    /// How many paid at the start of the latest month.
    pub customers: u64,
}

impl LifetimeValue {
    /// How few customers are too few.
    pub const FEWEST: u64 = 20;
}

/// The customer with the most MRR in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LargestCustomer {
    /// `cus_…`
    pub customer: String,
    /// Its MRR over that of all.
    pub share: Ratio,
}

/// A local day of the window in one currency; the first and the last may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RevenueDay {
    /// The day.
    pub day: NaiveDate,
    /// MRR at its end.
    pub mrr: Micros,
    /// Subscriptions that count at its end, as in [`Mrr::active_subscriptions`].
    pub active_subscriptions: u64,
    /// Moved on that day.
    pub new: Micros,
    /// Moved on that day.
    pub reactivation: Micros,
    /// Moved on that day.
    pub expansion: Micros,
    /// Lost on that day, a positive number.
    pub contraction: Micros,
    /// Lost on that day, a positive number.
    pub churn: Micros,
    /// Gross volume of the day.
    pub payments: Money,
}

/// MRR at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mrr {
    /// What counts: `list` less `discount`.
    pub net: Micros,
    /// Before discounts.
    pub list: Micros,
    /// What discounts take off.
    pub discount: Micros,
    /// Without subscriptions whose end is already set.
    pub committed: Micros,
    /// Of subscriptions with an overdue payment.
    pub at_risk: Micros,
    /// R1: twelve times `net`.
    pub arr: Micros,
    /// Subscriptions that count, free and unpriced ones too.
    pub active_subscriptions: u64,
    /// Subscriptions in a trial.
    pub trialing_subscriptions: u64,
    /// Subscriptions that count but are left out of `net`, since their price is not known.
    pub unpriced_subscriptions: u64,
    /// Customers with MRR.
    pub paying_customers: u64,
    /// R2: `net` for each of them, half to even; `None` where there are none.
    pub arpu: Option<Micros>,
}

/// Rates over one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// The customers with MRR at the start, and what became of them.
    pub cohort: Cohort,
    /// R3
    pub customer_churn: Ratio,
    /// R4
    pub net_revenue_retention: Ratio,
    /// R5
    pub gross_revenue_retention: Ratio,
    /// R6: churn and contraction over opening MRR.
    pub gross_mrr_churn: Ratio,
    /// R7: MRR gained over MRR lost.
    pub quick_ratio: Ratio,
}

impl Default for Retention {
    fn default() -> Self {
        Self::of(Cohort::default(), &RollForward::default())
    }
}

impl Retention {
    pub(crate) fn of(cohort: Cohort, moved: &RollForward) -> Self {
        Self {
            cohort,
            customer_churn: cohort.customer_churn(),
            net_revenue_retention: cohort.net_revenue_retention(),
            gross_revenue_retention: cohort.gross_revenue_retention(),
            gross_mrr_churn: Ratio { numerator: moved.lost().0, denominator: moved.opening.0 },
            quick_ratio: Ratio { numerator: moved.gained().0, denominator: moved.lost().0 },
        }
    }
}

/// A number of things and what they sum up to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Money {
    /// How many.
    pub count: u64,
    /// Minor units.
    pub amount: i64,
}

/// Money that moved in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cash {
    /// Gross volume: payments that succeeded, by the time of success.
    pub payments: Money,
    /// Of these, payments whose user is not known.
    pub unattributed: Money,
    /// Of these, payments known only by their invoice: Stripe did not say which intent or charge paid it.
    pub by_invoice_only: Money,
    /// Payments that failed and have not succeeded since, by the time they were begun.
    pub failed_payments: Money,
    /// Refunds that went back, by the time they were made.
    pub refunds: Money,
    /// Of these, refunds whose payment is not known yet.
    pub refunds_without_payment: Money,
    /// Taken by disputes, less what was given back.
    pub disputes: Money,
    /// Gross less refunds and disputes.
    pub net_before_fees: i64,
    /// Fees of the payments and disputes, as far as they are known in this currency.
    pub known_fees: i64,
    /// Payments whose fee is not known in this currency; those paid outside Stripe have none.
    pub fees_unknown: u64,
    /// Disputes that took money and whose fee is not known.
    pub dispute_fees_unknown: u64,
    /// Net volume: gross less refunds, disputes and fees; `None` while any fee is not known.
    pub net: Option<i64>,
}

impl RevenueDay {
    /// A day of a currency without any subscription.
    pub(crate) fn without_subscriptions(day: NaiveDate) -> Self {
        let none = Micros::ZERO;
        Self {
            day,
            mrr: none,
            active_subscriptions: 0,
            new: none,
            reactivation: none,
            expansion: none,
            contraction: none,
            churn: none,
            payments: Money::default(),
        }
    }
}
