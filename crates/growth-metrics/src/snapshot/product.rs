//! The shape of the figures about what users do.
//!
//! All of them are counted by whole local days, of [`super::Header::activity`] and the days before them.

use chrono::NaiveDate;
use growth_domain::rollforward::Ratio;
use serde::Serialize;

use super::Periods;

/// How often users come back. A user is active on a local day with at least one event of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Engagement {
    /// The last local day that is over at the end of the report; DAU, WAU and MAU are of the days until it.
    pub day: NaiveDate,
    /// The day that it is compared with. It lies as many days earlier as the window has, but whole weeks from seven days
    /// on, so that a Sunday is compared with a Sunday.
    pub day_before: NaiveDate,
    /// Active on that day.
    pub dau: Periods<u64>,
    /// Active on that day or the six before it.
    pub wau: Periods<u64>,
    /// Active on that day or the 29 before it.
    pub mau: Periods<u64>,
    /// Mean DAU of the days: their sum over their number.
    pub average_dau: Periods<Ratio>,
    /// DAU over WAU.
    pub stickiness_week: Periods<Ratio>,
    /// DAU over MAU.
    pub stickiness_month: Periods<Ratio>,
    /// Cohorts of the latest local weeks (Monday to Sunday), the oldest first.
    pub weekly: Vec<RetentionCohort>,
    /// Cohorts of the latest local months, the oldest first.
    pub monthly: Vec<RetentionCohort>,
    /// Each of these local days, in order.
    pub days: Vec<ActivityDay>,
    /// The day of the end, where it is not over then. It is in no other figure.
    pub unfinished: Option<UnfinishedDay>,
}

/// What is known of a day that is not over at the end of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnfinishedDay {
    /// The day.
    pub day: NaiveDate,
    /// Who was active on it.
    pub active: u64,
    /// Events of all names.
    pub events: u64,
}

/// Users whose first event ever was in one local week or month, and how many of them were active in it and after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetentionCohort {
    /// The first day of the week or month.
    pub start: NaiveDate,
    /// How many they are.
    pub users: u64,
    /// Active in the cohort's own week or month, in the next one, and so on; `None` where that is not over.
    pub active: Vec<Option<u64>>,
}

/// Activity on a local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ActivityDay {
    /// The day.
    pub day: NaiveDate,
    /// Active on it.
    pub dau: u64,
    /// Active on it or the six days before it.
    pub wau: u64,
    /// Active on it or the 29 days before it.
    pub mau: u64,
    /// Who signed up on it.
    pub new_users: u64,
}

/// What users do with the product.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Product {
    /// `enrichment_started`
    pub enrichments_started: Periods<u64>,
    /// `enrichment_completed`
    pub enrichments_completed: Periods<u64>,
    /// `enrichment_failed`
    pub enrichments_failed: Periods<u64>,
    /// Completed over completed and failed.
    pub enrichment_success: Periods<Ratio>,
    /// Contacts that completed enrichments found.
    pub contacts: Periods<u64>,
    /// Contacts over completed enrichments.
    pub contacts_per_enrichment: Periods<Ratio>,
    /// Completed exports by format, in the order `csv`, `json`, `tracker`.
    pub exports: Vec<ExportCount>,
    /// Each of these local days, in order.
    pub days: Vec<ProductDay>,
    /// Every event by its name, the most frequent in the window first, at most [`Product::MOST`].
    pub events: Vec<EventCount>,
    /// Usage counters, summed up.
    pub usage: Periods<Usage>,
    /// The users with the most usage in the window, then with the most active days, at most [`Product::MOST`].
    pub top_users: Vec<TopUser>,
}

impl Product {
    /// How many names, and how many users, are listed at most.
    pub const MOST: usize = 10;
}

/// What users did on a local day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProductDay {
    /// The day.
    pub day: NaiveDate,
    /// `enrichment_completed`
    pub enrichments_completed: u64,
    /// `enrichment_failed`
    pub enrichments_failed: u64,
    /// Completed exports of all formats.
    pub exports: u64,
}

/// Exports in one format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportCount {
    /// `csv`, `json` or `tracker`.
    pub format: &'static str,
    /// `export_…_completed`
    pub completed: Periods<u64>,
}

/// Events of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventCount {
    /// The name.
    pub name: String,
    /// All of them.
    pub count: Periods<u64>,
    /// Those that failed.
    pub failures: Periods<u64>,
}

/// Usage counters, summed up over users and days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Usage {
    /// Things enriched.
    pub enrichments: i64,
    /// Searches.
    pub searches: i64,
    /// Exports.
    pub exports: i64,
    /// Pitches written.
    pub pitches_generated: i64,
    /// E-mails sent.
    pub emails_sent: i64,
    /// Campaigns begun.
    pub campaigns_created: i64,
    /// Contacts added.
    pub contacts_added: i64,
    /// Sessions.
    pub sessions: i64,
    /// Their length in milliseconds.
    pub session_duration_ms: i64,
}

/// A user who uses the product much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopUser {
    /// The application's id; `None` where the user is not in the directory.
    pub user: Option<String>,
    /// On how many local days of the window the user was active.
    pub active_days: u32,
    /// What the user's counters came to in the window.
    pub usage: Usage,
}

/// From sign-up over activation to payment, in this order and within so many days of the sign-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Funnel {
    /// How long the way may take.
    pub window_days: u32,
    /// Sign-up, activation, payment.
    pub stages: Vec<FunnelStage>,
    /// Users who signed up in each window, did not get to the end, and whose days are not over.
    pub pending: Periods<u64>,
    /// The stage that lost most users against its own rate before; `None` where none did, or too few users entered.
    pub bottleneck: Option<Bottleneck>,
}

/// A stage of the funnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The user was created.
    SignUp,
    /// The user did the activation event.
    Activation,
    /// A payment of the user succeeded.
    Payment,
}

/// How many users came to a stage, of those who signed up in each window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FunnelStage {
    /// Which stage.
    pub stage: Stage,
    /// How many came to it.
    pub reached: Periods<u64>,
    /// Of those who came to the stage before.
    pub from_previous: Periods<Ratio>,
    /// Of all who signed up.
    pub overall: Periods<Ratio>,
    /// Median seconds from the sign-up to it, of those who came to it; the lower one of two.
    pub median_seconds: Periods<Option<i64>>,
    /// For the bottleneck: of those whose days ended in the window, who came to this stage of those who came to the one
    /// before.
    pub recent: Ratio,
    /// The same of those whose days ended in the eight weeks before the window.
    pub trailing: Ratio,
}

/// The stage that lost most users against its own rate in the eight weeks before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bottleneck {
    /// The stage that they did not come to.
    pub stage: Stage,
    /// Who came to it, of those who came to the one before and whose days ended in the window.
    pub recent: Ratio,
    /// The same in the eight weeks before the window.
    pub trailing: Ratio,
    /// How many more would have come at the rate of before, rounded down.
    pub lost: u64,
}

impl Bottleneck {
    /// How many have to enter a stage for it to be judged.
    pub const FEWEST: i128 = 20;
}
