//! The numbers that the rules look at.

use crate::goal::Eta;
use crate::money::Micros;
use crate::rollforward::{Cohort, Ratio, RollForward};

/// A number of the period beside that of the period before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared<T> {
    /// In the period.
    pub current: T,
    /// In the period before.
    pub previous: T,
}

/// Everything that the rules look at. The default is a business that nothing is known of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// How many local days the period has.
    pub days: u32,
    /// The flags by which a command looks at the same data and the same end, such as `--as-of 2026-06-29`; empty for
    /// those that nothing has to be said of.
    pub flags: String,
    /// The goal, where there is one.
    pub goal: Option<Goal>,
    /// Revenue in the main currency: the goal's, else the one with the most MRR. `None` where there is none.
    pub revenue: Option<Revenue>,
    /// Revenue in all other currencies.
    pub others: Vec<OtherCurrency>,
    /// The users of the product.
    pub users: Users,
    /// What they do with it.
    pub product: Product,
    /// How fresh and complete the data is.
    pub data: Data,
}

/// An MRR to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Lower-case currency code.
    pub currency: String,
    /// The MRR to reach.
    pub amount: Micros,
    /// MRR in that currency at the end of each period.
    pub mrr: Compared<Micros>,
    /// When it is reached at the present pace.
    pub eta: Eta,
}

/// Revenue in one currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revenue {
    /// Lower-case currency code.
    pub currency: String,
    /// What moved MRR.
    pub movements: Compared<RollForward>,
    /// What became of the customers who paid at the start.
    pub cohort: Compared<Cohort>,
    /// Customers with MRR at the end.
    pub paying_customers: u64,
    /// Subscriptions that count at the end.
    pub active_subscriptions: u64,
    /// MRR of subscriptions whose end is already set.
    pub ending: Micros,
    /// MRR of subscriptions that are past due.
    pub at_risk: Micros,
    /// The movements of the period that were churn.
    pub churned: Churned,
    /// What became of invoices whose first attempt failed.
    pub recovery: Recovery,
    /// The customer with the most MRR.
    pub largest: Option<Largest>,
    /// Discounts that end within [`super::Thresholds::discount_days`] after the end; `None` where that is not known.
    pub ending_discounts: Option<EndingDiscounts>,
    /// Payments that succeeded.
    pub payments: Compared<u64>,
    /// Of the payments of the period: those whose user is not known.
    pub unattributed_payments: u64,
    /// Refunds that went back.
    pub refunds: Compared<Cash>,
    /// Disputes that took money.
    pub disputes: Compared<Cash>,
    /// Of the trials that ended: those that became a paid plan.
    pub trial_conversion: Compared<Ratio>,
}

/// Revenue in a currency that is not the main one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtherCurrency {
    /// Lower-case currency code.
    pub currency: String,
    /// What moved its MRR.
    pub movements: RollForward,
    /// Customers with MRR at the start or at the end, whichever are more.
    pub customers: u64,
}

/// A number of things and what they come to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cash {
    /// How many.
    pub count: u64,
    /// Minor units.
    pub amount: i64,
}

/// Customers who left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Churned {
    /// How many movements.
    pub count: u64,
    /// What they took, a positive number.
    pub mrr: Micros,
    /// Of these, those that were nobody's decision: a payment failed, was disputed, or was overdue for long.
    pub involuntary_count: u64,
    /// What those took, a positive number.
    pub involuntary: Micros,
}

/// Invoices whose first attempt failed in the period, as they stand at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// All of them.
    pub failed: Cash,
    /// Of these, those that were paid later.
    pub recovered: Cash,
    /// Of these, those that can still be paid.
    pub open: Cash,
}

/// The customer with the most MRR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Largest {
    /// `cus_…`
    pub customer: String,
    /// Its MRR.
    pub mrr: Micros,
    /// That of all.
    pub of: Micros,
}

/// Discounts about to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndingDiscounts {
    /// Of how many subscriptions.
    pub subscriptions: u64,
    /// What these will pay more a month, as long as they stay.
    pub more: Micros,
}

/// The users of the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// Who signed up.
    pub new: Compared<u64>,
    /// Of those who signed up and whose days to be activated are over: who was, in time.
    pub activation: Compared<Ratio>,
    /// Of those who signed up in the period: whose days are not over.
    pub activation_pending: u64,
    /// Within how many days a user has to be activated.
    pub activation_days: u32,
    /// Weekly over monthly active users: of those active in 30 days, who was in the last 7 of them.
    pub stickiness: Compared<Ratio>,
    /// Of the users of the latest weekly cohorts: who was active in the week after the first; beside cohorts before.
    pub next_week: Compared<Ratio>,
    /// How many weekly cohorts the latest ones are.
    pub next_week_cohorts: u32,
    /// The stage of the funnel that lost most users against its own rate before.
    pub bottleneck: Option<Bottleneck>,
}

/// A stage of the funnel that lost users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bottleneck {
    /// What users did not come to.
    pub stage: Stage,
    /// Who came to it, of those who came to the stage before.
    pub recent: Ratio,
    /// The same in the eight weeks before the period.
    pub trailing: Ratio,
    /// How many more would have come at the rate of before.
    pub lost: u64,
}

/// A stage of the funnel that can be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The activation event.
    Activation,
    /// A payment.
    Payment,
}

/// What users do with the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Enrichments that completed.
    pub enrichments: Compared<u64>,
    /// Completed over completed and failed.
    pub enrichment_success: Compared<Ratio>,
}

/// How fresh and complete the data is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Stripe's events that could not be read.
    pub failed_events: u64,
    /// Stripe's events that are not in the figures yet.
    pub pending_events: u64,
    /// For how many whole hours the oldest of these has waited.
    pub pending_hours: Option<u64>,
    /// How many whole hours ago the last webhook arrived; `None` where none ever did.
    pub webhook_hours: Option<u64>,
    /// How many whole hours ago a backfill began that has not read everything; `None` where there is none.
    pub backfill_hours: Option<u64>,
    /// Subscriptions that count and whose price is not known, in all currencies.
    pub unpriced_subscriptions: u64,
    /// Payments that probably are in the figures twice.
    pub counted_twice: u64,
    /// Movements of the period that rest on evidence.
    pub reconstructed_movements: u64,
    /// Subscriptions whose state at the end rests on evidence.
    pub reconstructed_subscriptions: u64,
}

impl Signals {
    /// The command that lists the rows behind a number of the period.
    pub(super) fn explain(&self, metric: &str) -> String {
        self.command(metric, "")
    }

    /// The command that lists the rows behind a number of the period in one currency.
    pub(super) fn explain_in(&self, currency: &str, metric: &str) -> String {
        if self.others.is_empty() {
            return self.explain(metric);
        }
        self.command(metric, &format!(" --currency {}", currency.to_uppercase()))
    }

    fn command(&self, metric: &str, narrowed: &str) -> String {
        let space = if self.flags.is_empty() { "" } else { " " };
        format!("`growthctl explain {metric} --days {}{narrowed}{space}{}`", self.days, self.flags)
    }
}
