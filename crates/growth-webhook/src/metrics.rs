//! What the server counts, in the text format of Prometheus.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use growth_db::rows::EventState;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::health;
use crate::refusal::Refusal;
use crate::server::Shared;

type Labels = [(&'static str, &'static str); 1];

/// What the server counts.
///
/// Others may add what they count to [`Metrics::register`]; it is shown with the rest.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    seconds: Histogram,
    batches: Histogram,
    projected: Family<Labels, Counter>,
    delay: Histogram,
    under_way: Gauge,
    pending: Gauge,
    lag: Gauge<f64, AtomicU64>,
    database: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Begins to count, with everything at 0.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("growthctl")),
            requests: Family::default(),
            refused: Family::default(),
            // From 0.25 ms to 8 s.
            seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            projected: Family::default(),
            // From 1 ms to a good half hour.
            delay: Histogram::new(exponential_buckets(0.001, 2.0, 22)),
            under_way: Gauge::default(),
            pending: Gauge::default(),
            lag: Gauge::default(),
            database: Gauge::default(),
        };
        metrics.database.set(1);
        metrics.begin_at_zero();
        metrics.register(|registry| {
            let to = registry;
            to.register("webhook_requests", "Webhooks by what became of them", metrics.requests.clone());
            to.register(
                "webhook_refused",
                "Webhooks that were not taken, by reason",
                metrics.refused.clone(),
            );
            to.register("webhook_seconds", "Time from request to answer", metrics.seconds.clone());
            to.register("webhook_batch_events", "Events stored in one commit", metrics.batches.clone());
            to.register(
                "webhook_under_way",
                "Events on their way into the database",
                metrics.under_way.clone(),
            );
            to.register(
                "events_projected",
                "Stored events by what became of them",
                metrics.projected.clone(),
            );
            to.register("projection_delay_seconds", "Time from arrival to figures", metrics.delay.clone());
            to.register("events_pending", "Stored events that wait to be applied", metrics.pending.clone());
            to.register(
                "projection_lag_seconds",
                "How long the oldest of them has waited",
                metrics.lag.clone(),
            );
            to.register("database_up", "Whether the database answered last time", metrics.database.clone());
        });
        metrics
    }

    /// Shows a count from the beginning, so that its first growth is seen as growth.
    fn begin_at_zero(&self) {
        for outcome in ["stored", "ignored", "duplicate", "refused", "unavailable"] {
            let _ = self.requests.get_or_create(&[("outcome", outcome)]);
        }
        for refusal in Refusal::ALL {
            let _ = self.refused.get_or_create(&[("reason", refusal.label())]);
        }
        for state in [EventState::Applied, EventState::Ignored, EventState::Failed] {
            let _ = self.projected.get_or_create(&[("state", state.as_str())]);
        }
    }

    /// Adds metrics to those that are shown. A panic of `add` loses nothing that was there before.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    pub(crate) fn answered(&self, outcome: &'static str, took: Duration) {
        self.requests.get_or_create(&[("outcome", outcome)]).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn refused(&self, outcome: &'static str, reason: &'static str, took: Duration) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
        self.answered(outcome, took);
    }

    #[expect(clippy::cast_precision_loss, reason = "a batch has some hundred events")]
    pub(crate) fn batch(&self, events: usize) {
        self.batches.observe(events as f64);
    }

    pub(crate) fn projected(&self, state: EventState, waited: Duration) {
        self.projected.get_or_create(&[("state", state.as_str())]).inc();
        self.delay.observe(waited.as_secs_f64());
    }

    pub(crate) fn database(&self, up: bool) {
        self.database.set(i64::from(up));
    }

    fn text(&self) -> Option<String> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        encode(&mut text, &registry).ok()?;
        Some(text)
    }
}

/// Answers with all metrics; what waits in the database is asked for now.
pub(crate) async fn show(State(shared): State<Shared>) -> Response {
    let metrics = &shared.metrics;
    metrics.under_way.set(i64::try_from(shared.writers.under_way().count()).unwrap_or(i64::MAX));
    match health::waiting(&shared.db, &shared.clock).await {
        Ok(waiting) => {
            metrics.database(true);
            metrics.pending.set(i64::try_from(waiting.pending).unwrap_or(i64::MAX));
            metrics.lag.set(waiting.lag_seconds);
        }
        Err(_) => metrics.database(false),
    }
    match metrics.text() {
        Some(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    const DOCUMENT: &str = include_str!("../../../docs/WEBHOOKS.md");

    #[test]
    fn every_metric_is_in_the_document() {
        let text = Metrics::new().text().expect("metrics are text");
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut names = 0;
        for line in types {
            let (name, kind) = line.split_once(' ').expect("a name and a kind");
            let suffix = if kind == "counter" { "_total" } else { "" };
            let shown = format!("`{name}{suffix}`");
            assert!(DOCUMENT.contains(&shown), "{shown} is not in docs/WEBHOOKS.md");
            names += 1;
        }
        assert!(names >= 10, "{text}");
    }
}
