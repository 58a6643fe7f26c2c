//! The shape of a snapshot. Its JSON is documented by `docs/report.schema.json`.
//!
//! Amounts of money are whole minor units of their currency. MRR is in
//! micro-minor units (1e-6 of a minor unit) a month, in fields that say so
//! or that hold a [`Micros`].

mod money;
mod product;

use chrono::{DateTime, NaiveDate, Utc};
use growth_domain::insights::Insight;
use growth_domain::pricing::Policy;
use growth_domain::rollforward::Ratio;
use growth_domain::window::Window;
use serde::Serialize;

pub use self::money::{
    Cash, Converted, CurrencyRevenue, GoalProgress, Headline, LargestCustomer, LifetimeValue, Money,
    MovementReason, Mrr, Recovery, Retention, RevenueDay,
};
pub use self::product::{
    ActivityDay, Bottleneck, Engagement, EventCount, ExportCount, Funnel, FunnelStage, Product, ProductDay,
    RetentionCohort, Stage, TopUser, UnfinishedDay, Usage,
};

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
    /// MRR of all currencies in one; `None` where there is but one currency, and it is the reporting currency.
    pub headline: Option<Headline>,
    /// Revenue by currency: the goal's first, then the largest MRR, then by name.
    pub revenue: Vec<CurrencyRevenue>,
    /// The users of the product.
    pub users: Users,
    /// How often they come back.
    pub engagement: Engagement,
    /// What they do with the product.
    pub product: Product,
    /// From sign-up over activation to payment.
    pub funnel: Funnel,
    /// What is worth attention, the most urgent first, at most seven.
    pub insights: Vec<Insight>,
    /// How many less urgent ones are not told.
    pub insights_left_out: u64,
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
    /// The local days that figures of activity and usage are of: the last ones that are over at the end, as many as `days`.
    pub activity: Days,
    /// As many local days before them.
    pub previous_activity: Days,
    /// The IANA zone in which days begin and end.
    pub time_zone: String,
    /// By which definitions MRR is counted.
    pub policy: Policy,
    /// Live or test mode.
    pub livemode: bool,
    /// The connected account, empty for the own one.
    pub account: String,
    /// The application that figures of the product are of; `None` for all.
    pub app: Option<String>,
}

/// Local days in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Days {
    /// The first one.
    pub first: NaiveDate,
    /// The last one, inside.
    pub last: NaiveDate,
}

impl Days {
    /// As many days right before these.
    pub(crate) fn before(self) -> Self {
        let length = self.last - self.first + chrono::TimeDelta::days(1);
        Self { first: self.first - length, last: self.last - length }
    }
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
    /// When an event of Stripe last arrived, by webhook or otherwise.
    pub last_stripe_event_received_at: Option<DateTime<Utc>>,
    /// When a webhook last arrived.
    pub last_webhook_received_at: Option<DateTime<Utc>>,
    /// When the oldest event that is not in the figures yet arrived.
    pub oldest_pending_received_at: Option<DateTime<Utc>>,
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
