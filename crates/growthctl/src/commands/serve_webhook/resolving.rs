//! The resolver beside the server, and what it tells Prometheus.

use std::fmt;
use std::sync::Arc;

use growth_db::Db;
use growth_resolver::{Kind, Resolver, Stats};
use growth_stripe_client::Client;
use growth_webhook::{Clock, Server};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Makes a resolver that works whenever `server` has applied something, and is shown among its metrics.
pub(super) fn beside(server: &Server, db: Db, client: Client, clock: Clock) -> Resolver {
    let resolver = Resolver::new(db, client, move || clock(), Arc::clone(server.applied()));
    let shown = Shown(resolver.stats());
    server.metrics().register(|registry| registry.register_collector(Box::new(shown)));
    resolver
}

/// The resolver's counters as metrics.
#[derive(Debug)]
struct Shown(Arc<Stats>);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "What Stripe was asked for, by kind and outcome";
        let mut requests = encoder.encode_descriptor("resolver_requests", help, None, MetricType::Counter)?;
        for kind in Kind::ALL {
            let counts = self.0.of(kind);
            let outcomes = [
                ("answered", counts.answered),
                ("not_found", counts.not_found),
                ("forbidden", counts.forbidden),
                ("failed", counts.failed),
            ];
            for (outcome, count) in outcomes {
                let labels = [("kind", kind.as_str()), ("outcome", outcome)];
                ConstCounter::new(count).encode(requests.encode_family(&labels)?)?;
            }
        }
        let help = "What is missing in the database and Stripe may know, by kind";
        let mut backlog = encoder.encode_descriptor("resolver_backlog", help, None, MetricType::Gauge)?;
        for kind in Kind::ALL {
            let count = i64::try_from(self.0.of(kind).backlog).unwrap_or(i64::MAX);
            ConstGauge::new(count).encode(backlog.encode_family(&[("kind", kind.as_str())])?)?;
        }
        Ok(())
    }
}
