//! How fresh and how complete the data is: a quiet line where all is well, else what is worth a look.

use chrono::{DateTime, TimeDelta, Utc};
use growth_metrics::GrowthSnapshot;
use growth_report::parts::{Calendar, counted, doubts, facts, length};

use super::markup::Markup;

/// From when on events that wait are more than what just arrived.
const WAITS: TimeDelta = TimeDelta::minutes(5);
/// For how long no webhook may arrive, where they did before, until it is told.
const SILENT: TimeDelta = TimeDelta::days(3);

/// How fresh and how complete the data is.
pub(super) struct FreshnessBar {
    /// When what last arrived, in short.
    pub(super) line: Vec<String>,
    /// Whether figures are wrong or old until somebody does something.
    pub(super) is_serious: bool,
    /// What is worth a look, as a headline.
    pub(super) headline: String,
    /// No webhook arrives any more.
    pub(super) silence: Option<String>,
    pub(super) doubts: Vec<Markup>,
    pub(super) facts: Vec<Markup>,
}

pub(super) fn bar(snapshot: &GrowthSnapshot, calendar: &Calendar) -> FreshnessBar {
    let (fresh, now) = (&snapshot.freshness, snapshot.header.as_of);
    let doubts: Vec<Markup> = doubts(snapshot, calendar).into_iter().map(Markup::from).collect();
    let silence = fresh.last_webhook_received_at.filter(|at| now - *at > SILENT).map(|at| {
        format!(
            "The last one arrived {}. Does Stripe still send them to growthctl serve-webhook?",
            ago(at, now)
        )
    });
    let waits = fresh.oldest_pending_received_at.is_some_and(|at| now - at > WAITS);
    let is_serious = silence.is_some()
        || waits
        || fresh.failed_events > 0
        || fresh.backfill_unfinished_since.is_some()
        || fresh.last_stripe_event_at.is_some_and(|at| at < snapshot.header.window.start);
    let told = doubts.len() + usize::from(silence.is_some());
    let things = counted(told as u64, "thing is", "things are");
    FreshnessBar {
        line: line(snapshot),
        is_serious,
        headline: if told == 0 {
            "The data is fresh and complete".to_owned()
        } else {
            format!("{things} worth a look")
        },
        silence,
        doubts,
        facts: facts(snapshot, calendar).into_iter().map(Markup::from).collect(),
    }
}

fn line(snapshot: &GrowthSnapshot) -> Vec<String> {
    let (fresh, now) = (&snapshot.freshness, snapshot.header.as_of);
    let said = |what: &str, at: Option<DateTime<Utc>>| at.map(|at| format!("{what} {}", ago(at, now)));
    let stripe = said("Last webhook", fresh.last_webhook_received_at)
        .or_else(|| said("Last Stripe event", fresh.last_stripe_event_at))
        .unwrap_or_else(|| "No Stripe event yet".to_owned());
    let product = said("last product event", fresh.last_product_event_at)
        .unwrap_or_else(|| "no product event yet".to_owned());
    vec![stripe, product]
}

/// `3 minutes ago`
fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ago", length((now - at).num_seconds().max(0)))
}
