//! The collector of product events beside the server, what it tells Prometheus, and keeping its tables in order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use growth_collector::Stats;
use growth_db::Db;
use growth_db::rows::events::{MONTHS_AHEAD, make_partitions, months_from};
use growth_track::forget_old_receipts;
use growth_webhook::{Clock, Server};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use tokio::time::interval;

use crate::settings::Settings;

/// How often it looks whether there is something to keep in order.
const EVERY: Duration = Duration::from_hours(1);

/// Adds the collector's routes to `server`, and what it counts to the server's metrics.
pub(super) fn beside(server: Server, db: &Db, settings: &Settings, clock: &Clock) -> Server {
    let collector = growth_collector::Settings {
        counting: settings.counting.clone(),
        store_ip: settings.collector.store_ip,
        origins: settings.collector.origins.clone(),
        ..growth_collector::Settings::default()
    };
    let collector = growth_collector::Collector::new(db, collector, Arc::clone(clock));
    let shown = Shown(Arc::clone(collector.stats()));
    server.metrics().register(|registry| registry.register_collector(Box::new(shown)));
    server.beside(collector.routes())
}

/// Makes room for the events of the months to come, and forgets ids of messages that nobody sends again.
pub(super) async fn keep_house(db: Db, clock: Clock) {
    let mut hours = interval(EVERY);
    loop {
        hours.tick().await;
        let now = clock();
        if let Err(problem) = make_partitions(&db, &months_from(now, MONTHS_AHEAD)).await {
            tracing::warn!(%problem, "there is no room yet for the events of the months to come");
        }
        match forget_old_receipts(&db, now).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::debug!(forgotten, "ids of old messages"),
            Err(problem) => tracing::warn!(%problem, "ids of old messages were not forgotten"),
        }
    }
}

/// The collector's counters as metrics.
#[derive(Debug)]
struct Shown(Arc<Stats>);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Requests of the collector, by what became of them";
        let mut requests =
            encoder.encode_descriptor("collector_requests", help, None, MetricType::Counter)?;
        for (outcome, count) in self.0.requests() {
            ConstCounter::new(count).encode(requests.encode_family(&[("outcome", outcome)])?)?;
        }
        let help = "Calls that the collector took, by what became of them";
        let mut calls = encoder.encode_descriptor("collector_calls", help, None, MetricType::Counter)?;
        for (outcome, count) in self.0.calls() {
            ConstCounter::new(count).encode(calls.encode_family(&[("outcome", outcome)])?)?;
        }
        Ok(())
    }
}
