//! The shape of a snapshot. Its JSON is documented by `docs/report.schema.json`.
//!
//! Amounts of money are whole minor units of their currency. MRR is in
//! micro-minor units (1e-6 of a minor unit) a month, in fields that say so
//! or that hold a [`Micros`].

use chrono::{DateTime, Utc};
use growth_domain::money::Micros;
use growth_domain::pricing::Policy;
use growth_domain::rollforward::{Cohort, Ratio, RollForward};
use growth_domain::window::Window;
use serde::Serialize;

/// The version of the JSON.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Everything that a report shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrowthSnapshot {
    /// A field that changes its meaning or goes away raises it.
    pub schema_version: u32,
    /// What the snapshot is of.
    pub header: Header,
    /// How far the goal is reached, where there is one.
    pub goal: Option<GoalProgress>,
    /// Revenue by currency: the goal's first, then the largest MRR, then by name.
    pub revenue: Vec<CurrencyRevenue>,
    /// The users of the product.
    pub users: Users,
    /// The latest payments until the end of the window, newest first, at most [`crate::PaymentLine::MOST`].
    pub payments: Vec<PaymentLine>,
    /// The latest refunds until the end of the window, newest first, at most as many.
    pub refunds: Vec<RefundLine>,
    /// Subscriptions that count but whose price is not known: they are not in MRR.
    pub unpriced: Vec<Unpriced>,
    /// How fresh and how complete the data is.
    pub freshness: Freshness,
}

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Header {
    /// The product's name.
    pub product: String,
    /// The end of the window.
    pub as_of: DateTime<Utc>,
    /// How many local days the window has.
    pub days: u32,
    /// The window.
    pub window: Period,
    /// The window before it.
    pub previous: Period,
    /// The IANA zone in which days begin and end.
    pub time_zone: String,
    /// By which definitions MRR is counted.
    pub policy: Policy,
    /// Live or test mode.
    pub livemode: bool,
    /// The connected account, empty for the own one.
    pub account: String,
}

/// A half-open span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// The first instant inside.
    pub start: DateTime<Utc>,
    /// The first instant after.
    pub end: DateTime<Utc>,
}

impl Period {
    pub(crate) fn of(window: Window) -> Self {
        Self { start: window.start, end: window.end }
    }
}

/// A figure of the window beside that of the window before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Periods<T> {
    /// In the window.
    pub current: T,
    /// In the window before.
    pub previous: T,
}

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

/// The users of the product, whatever they pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Users {
    /// At the end of each window.
    pub total: Periods<u64>,
    /// Who signed up in each window.
    pub new: Periods<u64>,
    /// Who did anything in each window.
    pub active: Periods<u64>,
    /// Of those who signed up in each window and whose days to be activated are over: who was, in time.
    pub activation: Periods<Ratio>,
    /// Of those who signed up in each window: whose days are not over, activated or not.
    pub activation_pending: Periods<u64>,
    /// Within how many days after its sign-up a user has to be activated.
    pub activation_days: u32,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct PaymentLine {
    /// Intent, else charge, else invoice, else checkout session.
    pub id: String,
    /// The earliest event that tells of it.
    pub event_id: String,
    /// When it succeeded, else when it was begun.
    pub at: DateTime<Utc>,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `succeeded`, `failed`, `pending` or `canceled`.
    pub status: String,
    /// What was bought, in words: the price's nickname, else its product, else the invoice line.
    pub plan_name: Option<String>,
    /// `month`, `year`, `3 months`, …
    pub billing_period: Option<String>,
    /// The application's id of the user; `None` for an unattributed payment.
    pub user: Option<String>,
    /// By which link of the chain the user is known.
    pub attributed_by: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// `pi_…`
    pub payment_intent: Option<String>,
    /// `ch_…`
    pub charge: Option<String>,
    /// `in_…`
    pub invoice: Option<String>,
    /// `sub_…`
    pub subscription: Option<String>,
    /// Minor units given back.
    pub refund_amount: i64,
    /// Minor units of `fee_currency`; `None` where it is not known.
    pub fee: Option<i64>,
    /// Lower-case currency code.
    pub fee_currency: Option<String>,
    /// Why it failed, as a code.
    pub failure_code: Option<String>,
}

impl PaymentLine {
    /// How many payments, and how many refunds, a snapshot lists at most.
    pub const MOST: i64 = 100;
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct RefundLine {
    /// `re_…`, or the charge's id (with `#2`, `#3` … for later ones) for a part that no refund told of.
    pub id: String,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// Whether the amount went back.
    pub counted: bool,
    /// The payment; `None` while it is not known.
    pub payment: Option<String>,
    /// `ch_…`
    pub charge: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A subscription that counts but whose price is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unpriced {
    /// `sub_…`
    pub subscription: String,
    /// `cus_…`
    pub customer: String,
    /// Lower-case currency code.
    pub currency: String,
    /// What is missing.
    pub reason: String,
}

/// How fresh and how complete the data is now, whatever the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// Stripe's time of the latest event.
    pub last_stripe_event_at: Option<DateTime<Utc>>,
    /// When an event of Stripe last arrived.
    pub last_stripe_event_received_at: Option<DateTime<Utc>>,
    /// When a user last did anything.
    pub last_product_event_at: Option<DateTime<Utc>>,
    /// Stripe's events that are in the figures.
    pub applied_events: u64,
    /// Stripe's events of types that no figure needs.
    pub ignored_events: u64,
    /// Stripe's events that are stored but not in the figures yet.
    pub pending_events: u64,
    /// Stripe's events that are stored but could not be read.
    pub failed_events: u64,
    /// Movements of the window that rest on evidence, since events are missing.
    pub reconstructed_movements: u64,
    /// Subscriptions that count at the end of the window and whose latest state is known by evidence only.
    pub reconstructed_subscriptions: u64,
    /// Payments of the window that are known by their invoice only, beside a payment without an invoice of the
    /// same customer, currency and amount within the hour: probably one payment, counted twice.
    pub possibly_counted_twice: u64,
    /// Connected accounts with data that this snapshot leaves out.
    pub other_accounts: u64,
    /// When a backfill began that has not read everything yet.
    pub backfill_unfinished_since: Option<DateTime<Utc>>,
}
